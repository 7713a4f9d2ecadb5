"""A server that runs as a command, and how tests speak to it."""

from __future__ import annotations

import http.client
import json
import os
import select
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_PATIENCE = 60


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The title and detail of its one error."""
        (error,) = self.json["errors"]
        assert error["detail"] == error["details"]
        assert "source" not in error  # it is not a table's fault
        return f"{error['title']}: {error['detail']}"


@dataclass
class Server:
    """A running server."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path
    token: str | None = None
    context: ssl.SSLContext | None = None
    source: tuple[str, int] | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def ask(
        self,
        method: str,
        path: str,
        content: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = _PATIENCE,
    ) -> Answer:
        """Send a request to a path, or to a URL of this server."""
        if path.startswith("http"):
            assert path.startswith(self.url), path
            path = path[len(self.url) :]
        sent = {**self.headers, **(headers or {})}
        if self.token is not None:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        body = None
        if content is not None:
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = self.connect(timeout)
        try:
            connection.request(method, path, body, {k: v for k, v in sent.items() if v != ""})
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def connect(self, timeout: float = _PATIENCE) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        if parts.scheme == "https":
            return http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=timeout, context=self.context
            )
        return http.client.HTTPConnection(
            parts.hostname, parts.port, timeout=timeout, source_address=self.source
        )

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def search(self, sql: str, parameters: Sequence[Any] | None = None, path: str = "") -> Answer:
        content = {"query": sql} | ({} if parameters is None else {"parameters": parameters})
        return self.ask("POST", f"/search{path}", content)

    def pages(self, first: Answer) -> Iterator[dict[str, Any]]:
        """The page, and all that follow."""
        while True:
            assert first.status == 200, first.body
            page = first.json
            yield page
            if "pagination" not in page:
                return
            first = self.get(page["pagination"]["next_page_url"])

    def rows(self, sql: str, parameters: Sequence[Any] | None = None) -> list[dict[str, Any]]:
        """All rows of a query."""
        return [r for page in self.pages(self.search(sql, parameters)) for r in page["data"]]

    def metric(self, name: str) -> float:
        lines = self.get("/metrics").body.decode().splitlines()
        (line,) = [line for line in lines if line.startswith(f"fw_dataset_{name} ")]
        return float(line.rpartition(" ")[2])

    def logged(self) -> list[dict[str, Any]]:
        """What it logged so far."""
        lines = self.log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def children(self) -> list[int]:
        """The processes that it started."""
        found = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(pid) for one in found for pid in one.read_text().split()]

    def memory(self) -> int:
        """The resident bytes of the server and all its processes."""
        return sum(map(resident, [self.process.pid, *self.children()]))

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(_PATIENCE)


def resident(pid: int) -> int:
    """The resident bytes of a process; none once it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def running(
    *arguments: str | Path, environment: Mapping[str, str] | None = None, **fields: Any
) -> Iterator[Server]:
    """Run ``fw-dataset serve`` on a free port."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        command = [sys.executable, "-m", "fw_dataset", "serve", *map(str, arguments)]
        with open(log, "wb") as errors:
            process = subprocess.Popen(
                [*command, "--port", "0"],
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **(environment or {})},
            )
        try:
            url = _address(process, log)
            yield Server(url, process, log, **fields)
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    assert process.stdout is not None
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        ready, _, _ = select.select([process.stdout], [], [], 0.5)
        if ready:
            line = process.stdout.readline().decode()
            if line.startswith("serving at "):
                return line.split()[-1]
            break
    raise AssertionError(f"the server did not start: {log.read_text()}")
