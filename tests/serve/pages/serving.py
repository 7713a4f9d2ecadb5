"""The command that serves, in a process of its own, and what is asked of it without a browser."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
from email.message import Message
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import duckdb

from fw_dataset import Dataset

__all__ = ["TOKEN", "Answer", "Server", "add_profiles"]

TOKEN = "a-token-of-some-length-for-tests"


class Answer:
    """An answer, read to its end."""

    def __init__(self, status: int, headers: Message, body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8")

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Server:
    """``fw-dataset serve`` at a port of its own.

    Attributes:
        url: where it is on this machine, without a slash at the end.
    """

    def __init__(self, *places: Path, tokens: str = "", options: tuple[str, ...] = ()) -> None:
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "fw_dataset", "serve", *map(str, places)]
        command += ["--port", str(port)]
        self._process = subprocess.Popen(
            [*command, *options],
            env={**os.environ, "FW_DATASET_TOKENS": tokens},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("serving at "), (line, self._process.poll())

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(15)
        finally:
            self._process.kill()
            self._process.communicate()

    def ask(
        self, path: str, method: str = "GET", body: str | None = None, **headers: str
    ) -> Answer:
        """Ask it; by default as a browser does. ``content_type`` stands for ``Content-Type``."""
        asked = urlsplit(self.url)
        connection = http.client.HTTPConnection(asked.hostname or "", asked.port, timeout=30)
        spelled = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, {"accept": "text/html", **spelled})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def add_profiles(dataset: Dataset, root: Path) -> None:
    """Write profiles of some columns of the sessions into the version at hand."""
    with duckdb.connect() as connection:
        folder = root / "versions" / dataset.version
        rows = f"read_parquet('{folder}/tables/sessions/*.parquet')"
        top = connection.execute(
            f"SELECT label, count(*) FROM {rows} GROUP BY label ORDER BY 2 DESC, 1"
        ).fetchall()
        [(low, high, nulls)] = connection.execute(
            f"SELECT min(weight), max(weight), count(*) - count(weight) FROM {rows}"
        ).fetchall()
    total = sum(count for _, count in top)
    columns: list[dict[str, Any]] = [
        {
            "name": "label",
            "nulls": 0,
            "distinct": len(top),
            "distinct_is_approximate": False,
            "top": [{"value": value, "count": count} for value, count in top],
        },
        {
            "name": "weight",
            "nulls": nulls,
            "distinct": 30,
            "distinct_is_approximate": True,
            "min": low,
            "max": high,
            "histogram": {
                "edges": [low, (low + high) / 2, high],
                "counts": [total - nulls - 3, 3],
                "below": 0,
                "above": 0,
            },
        },
    ]
    profile = {"format": 1, "table": "sessions", "rows": total, "values": True}
    (folder / "profiles").mkdir()
    target = folder / "profiles" / "sessions.profile.json"
    target.write_text(json.dumps({**profile, "columns": columns}), "utf-8")
