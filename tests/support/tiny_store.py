"""A store that speaks as much S3 as obstore needs, and misbehaves when it is told to."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, unescape

from obstore.store import S3Store

from fw_dataset.storage.objects import ObjectStorage

__all__ = ["ACCESS_KEY", "SECRET_KEY", "TinyStore", "running_store"]

ACCESS_KEY, SECRET_KEY = "AKIDTINY", "tiny+secret/key=="
Fault = Callable[["_Handler", str], bool]
"""Called with each request and its method; True if it was answered, or left unanswered."""


class TinyStore:
    """Objects of one bucket, by key.

    Attributes:
        requests: the method and target of each request.
        faults: asked in turn before a request is carried out.
        after: asked in turn once it is carried out and before it is answered.
        heeds_conditions: whether ``If-None-Match`` counts.
        uploads: the parts of the uploads that were begun and not ended.
    """

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, dict[str, str]]] = {}
        self.requests: list[tuple[str, str]] = []
        self.faults: list[Fault] = []
        self.after: list[Fault] = []
        self.heeds_conditions = True
        self.keeps_content = True
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.lock = threading.Lock()
        self.port = 0

    def storage(self, *, timeout: str = "5s", retry: float = 5) -> ObjectStorage:
        """Our storage over it."""
        store = S3Store(
            "tiny",
            endpoint=f"http://127.0.0.1:{self.port}",
            access_key_id=ACCESS_KEY,
            secret_access_key=SECRET_KEY,
            region="us-east-1",
            client_options={"allow_http": True, "timeout": timeout, "connect_timeout": "2s"},
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=retry)},
        )
        return ObjectStorage(store, "s3://tiny", "tiny", "the given keys")


@contextmanager
def running_store() -> Iterator[TinyStore]:
    """A store that answers on loopback."""
    tiny = TinyStore()
    handler = type("Handler", (_Handler,), {"tiny": tiny})
    server = _Server(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    tiny.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield tiny
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Keep quiet: clients come and go here."""


class _Handler(BaseHTTPRequestHandler):
    tiny: TinyStore
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""

    def _serve(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        self.body = self.rfile.read(length)
        tiny, method = self.tiny, self.command
        with tiny.lock:
            tiny.requests.append((method, self.path))
        if any(fault(self, method) for fault in list(tiny.faults)):
            return
        parts = urlsplit(self.path)
        self.key = unquote(parts.path).removeprefix("/tiny").lstrip("/")
        query = parse_qs(parts.query, keep_blank_values=True)
        with tiny.lock:
            answer = getattr(self, f"_{method.lower()}")(query)
        if not any(fault(self, method) for fault in list(tiny.after)):
            self.answer(*answer)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve  # noqa: N815 - as the library has it

    def answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        """Send an answer."""
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def drop(self) -> None:
        """Break the connection off without an answer."""
        self.close_connection = True
        self.connection.close()

    def _get(self, query: dict[str, list[str]]) -> tuple[int, bytes, dict[str, str]]:
        if "list-type" in query:
            return 200, self._listed(query.get("prefix", [""])[0]), {}
        if self.key not in self.tiny.objects:
            return 404, b"<Error><Code>NoSuchKey</Code></Error>", {}
        data, meta = self.tiny.objects[self.key]
        headers = {"etag": '"x"', "last-modified": formatdate(0, usegmt=True), **meta}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("range") or "")
        if wanted is None:
            return 200, data, headers
        first, last = int(wanted[1]), min(int(wanted[2]), len(data) - 1)
        headers["content-range"] = f"bytes {first}-{last}/{len(data)}"
        return 206, data[first : last + 1], headers

    def _head(self, query: dict[str, list[str]]) -> tuple[int, bytes, dict[str, str]]:
        status, data, headers = self._get(query)
        return status, b"", headers | {"content-length": str(len(data))}

    def _listed(self, prefix: str) -> bytes:
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(data)}</Size><ETag>x</ETag>"
            "<LastModified>2020-01-01T00:00:00.000Z</LastModified></Contents>"
            for key, (data, _) in sorted(self.tiny.objects.items())
            if key.startswith(prefix)
        )
        return (
            f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>".encode()
        )

    def _put(self, query: dict[str, list[str]]) -> tuple[int, bytes, dict[str, str]]:
        if "partNumber" in query:
            parts = self.tiny.uploads[query["uploadId"][0]]
            parts[int(query["partNumber"][0])] = self.body if self.tiny.keeps_content else b""
            return 200, b"", {"etag": '"p"'}
        is_new = self.headers.get("if-none-match") == "*" and self.tiny.heeds_conditions
        if is_new and self.key in self.tiny.objects:
            return 412, b"<Error><Code>PreconditionFailed</Code></Error>", {}
        self._store(self.body)
        return 200, b"", {"etag": '"x"'}

    def _store(self, data: bytes) -> None:
        meta = {k.lower(): v for k, v in self.headers.items() if k.lower().startswith("x-amz-meta")}
        self.tiny.objects[self.key] = data, meta

    def _post(self, query: dict[str, list[str]]) -> tuple[int, bytes, dict[str, str]]:
        if "delete" in query:
            keys = re.findall(r"<Key>(.*?)</Key>", self.body.decode())
            for key in keys:
                self.tiny.objects.pop(unescape(key), None)
            rows = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
            return 200, f"<DeleteResult>{rows}</DeleteResult>".encode(), {}
        if "uploads" in query:
            name = f"u{len(self.tiny.requests)}"
            self.tiny.uploads[name] = {}
            result = f"<InitiateMultipartUploadResult><UploadId>{name}</UploadId>"
            return 200, f"{result}</InitiateMultipartUploadResult>".encode(), {}
        parts = self.tiny.uploads.pop(query["uploadId"][0])
        self._store(b"".join(parts[number] for number in sorted(parts)))
        result = "<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>"
        return 200, result.encode(), {}

    def _delete(self, query: dict[str, list[str]]) -> tuple[int, bytes, dict[str, str]]:
        if "uploadId" in query:
            self.tiny.uploads.pop(query["uploadId"][0], None)
        else:
            self.tiny.objects.pop(self.key, None)
        return 204, b"", {}
