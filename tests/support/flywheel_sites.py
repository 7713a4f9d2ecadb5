"""Emulated sites as the package's tests want them: a key, connections, storages, odd answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, quote, urlencode

from fw_dataset.flywheel import ApiKey, Connection
from fw_dataset.flywheel.retries import Retries
from tests.flywheel_server import Fault, FlywheelServer, Site, StorageState
from tests.support.emulators import Emulator

__all__ = [
    "KEY",
    "Asked",
    "Probe",
    "Told",
    "answering",
    "connected",
    "credential_url",
    "folder_info",
    "new_site",
    "quick",
    "register",
    "run_python",
    "serving",
    "start_python",
    "told_json",
]

KEY = "hush0123456789abcdefhush"
CHECKOUT = Path(__file__).parents[2]
_QUICK = {"first": 0.01, "longest": 0.05}


def new_site() -> Site:
    """A site that lets the key in."""
    site = Site()
    site.add_key(KEY)
    return site


@contextmanager
def serving(site: Site, *, tls: bool = False) -> Iterator[FlywheelServer]:
    """A server whose own bugs fail the test."""
    with FlywheelServer(site, tls=tls) as server:
        yield server
    assert server.errors == []


def quick(**retries: Any) -> Retries:
    """Retries that wait for milliseconds only."""
    return Retries(**{**_QUICK, **retries})


@contextmanager
def connected(
    address: FlywheelServer | str, key: str = KEY, **retries: Any
) -> Iterator[Connection]:
    """A connection, in a hurry, to a server or with a whole key."""
    text = address if isinstance(address, str) else address.api_key(key)
    connection = Connection(ApiKey.parse(text), quick(**retries))
    try:
        yield connection
    finally:
        connection.close()


@dataclass
class Probe(Fault):
    """Calls a function when a request comes that is meant, and disturbs nothing."""

    call: Callable[[], None]

    def takes(self, method: str, path: str) -> bool:
        """Never."""
        if super().takes(method, path):
            self.call()
        return False


# ---------------------------------------------------------------------------------------- storages


def folder_info(root: Path | str, prefix: str = "", **keys: Any) -> dict[str, Any]:
    """What a project says of a dataset in a folder."""
    place = {"type": "fs", "bucket": str(root), "prefix": prefix, "storage_id": None}
    return {"dataset": {**place, "label": None, **keys}}


def credential_url(emulator: Emulator, bucket: str, prefix: str = "") -> str:
    """What the platform gives to open an emulated store, each value percent-encoded."""
    options = dict(emulator.credentials)
    options["endpoint_url"] = options.pop("endpoint", "")
    if emulator.kind == "azure":
        del options["account_name"]  # the URL has it
        options["access_key"] = options.pop("account_key")
    given = {name: value for name, value in options.items() if value}
    return f"{emulator.url(bucket, prefix)}?{urlencode(given, quote_via=quote)}"


def register(
    site: Site, emulator: Emulator, bucket: str, prefix: str = "", label: str = "", **keys: Any
) -> StorageState:
    """Have a site know a bucket of an emulated store."""
    kinds = {"s3": "s3", "gcs": "gs", "azure": "az"}
    name = "container" if emulator.kind == "azure" else "bucket"
    url = credential_url(emulator, bucket, prefix)
    config = {name: bucket, "prefix": prefix}
    label = label or f"storage {bucket}"
    return site.add_storage(label, type=kinds[emulator.kind], config=config, url=url, **keys)


# ------------------------------------------------------------------------------- answers of no site


@dataclass(frozen=True)
class Asked:
    """A request that came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]


Told: TypeAlias = "tuple[int, dict[str, str], bytes]"


def told_json(value: Any, status: int = 200, **headers: str) -> Told:
    """An answer with JSON."""
    return status, {"Content-Type": "application/json", **headers}, json.dumps(value).encode()


@contextmanager
def answering(answer: Callable[[Asked], Told]) -> Iterator[tuple[str, list[Asked]]]:
    """A server that answers as the function says: a key for it, and the requests that came."""
    requests: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path, _, query = self.path.partition("?")
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, path, dict(parse_qsl(query)), headers)
            requests.append(asked)
            status, told, body = answer(asked)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **told}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = _serve  # noqa: N815 - the base class asks for these names

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}:{KEY}", requests
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# --------------------------------------------------------------------------------------- processes


def start_python(
    code: str, *arguments: object, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Begin a process of its own that runs code; it may import from the tests, too."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
        env={**os.environ, **(environment or {})},
    )


def run_python(
    code: str, *arguments: object, environment: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """Run code in a process of its own: its status, and what it wrote."""
    with start_python(code, *arguments, environment=environment) as process:
        out, err = process.communicate(timeout=200)
    return process.returncode, out, err
