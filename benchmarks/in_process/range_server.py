"""An object store that is slow like a network: ``FOLDER LATENCY RATE``, until stdin ends.

It speaks as much of S3 as reading needs: GET (whole and ranges), HEAD and lists. Every request
takes ``LATENCY`` seconds more, every connection gives ``RATE`` bytes a second. The first line on
stdout is the port; the count of requests is at ``/-/requests``, and asking for it sets it to 0.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from email.utils import formatdate
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

# Keys in one answer, as S3 has it.
_PAGE = 1000
_BLOCK = 256 << 10
_RANGE = re.compile(r"bytes=(\d*)-(\d*)$")
_XML = {"content-type": "application/xml"}


class _Server:
    def __init__(self, root: Path, latency: float, rate: float) -> None:
        self.root, self.latency, self.rate = root, latency, rate
        self.requests = 0
        # What is listed once, which is slow here and would be quick elsewhere, is kept.
        self.keys: dict[str, dict[str, str]] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := (await reader.readuntil(b"\r\n\r\n")).decode("latin-1"):
                method, target, _ = request.split("\r\n", 1)[0].split(" ")
                found = re.search(r"^range: *(\S+)", request, re.IGNORECASE | re.MULTILINE)
                if target != "/-/requests":
                    self.requests += 1
                    await asyncio.sleep(self.latency)
                await self._answer(writer, method, target, found and found.group(1))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(
        self, writer: asyncio.StreamWriter, method: str, target: str, wanted: str | None
    ) -> None:
        url = urlsplit(target)
        bucket, _, key = unquote(url.path).lstrip("/").partition("/")
        if target == "/-/requests":
            body, self.requests = str(self.requests).encode(), 0
            await self._send(writer, "200 OK", {}, body)
        elif not key:
            body = self._list(bucket, parse_qs(url.query, keep_blank_values=True))
            await self._send(writer, "200 OK", _XML, body)
        elif not (path := self.root / bucket / key).is_file():
            body = b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>"
            await self._send(writer, "404 Not Found", _XML, body, head=method == "HEAD")
        else:
            await self._send_file(writer, path, wanted, head=method == "HEAD")

    async def _send_file(
        self, writer: asyncio.StreamWriter, path: Path, wanted: str | None, *, head: bool
    ) -> None:
        status = path.stat()
        size, first, last = status.st_size, 0, status.st_size - 1
        if wanted and (match := _RANGE.match(wanted)):
            begin, end = match.groups()
            first = int(begin) if begin else size - int(end)
            last = min(int(end), last) if begin and end else last
        headers = {
            "accept-ranges": "bytes",
            "content-type": "application/octet-stream",
            "etag": f'"{status.st_mtime_ns:x}-{size:x}"',
            "last-modified": formatdate(status.st_mtime, usegmt=True),
        }
        if wanted:
            headers["content-range"] = f"bytes {first}-{last}/{size}"
        with path.open("rb") as file:
            file.seek(first)
            body = b"" if head else file.read(last - first + 1)
        state = "206 Partial Content" if wanted else "200 OK"
        await self._send(writer, state, headers, body, length=last - first + 1)

    async def _send(
        self,
        writer: asyncio.StreamWriter,
        state: str,
        headers: dict[str, str],
        body: bytes,
        *,
        length: int | None = None,
        head: bool = False,
    ) -> None:
        size = len(body) if length is None else length
        lines = [f"HTTP/1.1 {state}", f"content-length: {size}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        start = time.perf_counter()
        for at in range(0, 0 if head else len(body), _BLOCK):
            await asyncio.sleep(start + at / self.rate - time.perf_counter())
            writer.write(memoryview(body)[at : at + _BLOCK])
            await writer.drain()

    def _list(self, bucket: str, query: dict[str, list[str]]) -> bytes:
        prefix, delimiter = (query.get(name, [""])[0] for name in ("prefix", "delimiter"))
        if bucket not in self.keys:
            root = self.root / bucket
            paths = sorted(path for path in root.rglob("*") if path.is_file())
            self.keys[bucket] = {p.relative_to(root).as_posix(): _entry(root, p) for p in paths}
        found: dict[str, None] = {}
        for key, entry in self.keys[bucket].items():
            if not key.startswith(prefix):
                continue
            inner, separator, _ = key[len(prefix) :].partition(delimiter or "\0")
            if separator:
                folder = escape(f"{prefix}{inner}{delimiter}")
                found[f"<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>"] = None
            else:
                found[entry] = None
        first = int(query.get("continuation-token", ["0"])[0])
        page = list(found)[first : first + _PAGE]
        more = ""
        if first + _PAGE < len(found):
            more = f"<NextContinuationToken>{first + _PAGE}</NextContinuationToken>"
        truncated = f"<IsTruncated>{str(bool(more)).lower()}</IsTruncated>"
        return f"<ListBucketResult>{truncated}{more}{''.join(page)}</ListBucketResult>".encode()


def _entry(root: Path, path: Path) -> str:
    status, key = path.stat(), path.relative_to(root).as_posix()
    modified = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(status.st_mtime))
    return (
        f"<Contents><Key>{escape(key)}</Key><Size>{status.st_size}</Size>"
        f"<LastModified>{modified}</LastModified><ETag>&quot;{status.st_mtime_ns:x}&quot;</ETag>"
        "</Contents>"
    )


async def _main(folder: str, latency: str, rate: str) -> None:
    slow = _Server(Path(folder), float(latency), float(rate))
    server = await asyncio.start_server(slow.serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
