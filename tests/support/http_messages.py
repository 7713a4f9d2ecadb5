"""HTTP/1.1 messages as they pass through a proxy: heads are read, bodies are only measured."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

__all__ = ["Head", "body_of", "read_head"]

_PIECE = 64 << 10


@dataclass(frozen=True)
class Head:
    """The lines before a body.

    Attributes:
        raw: the bytes as they came.
        first: the first line.
        fields: the others, by name in small letters.
    """

    raw: bytes
    first: str
    fields: dict[str, str]

    def get(self, name: str) -> str:
        """A field in small letters, empty if it is not there."""
        return self.fields.get(name, "").lower()

    @property
    def status(self) -> int:
        """Of an answer."""
        return int(self.first.split(" ", 2)[1])

    @property
    def is_answer(self) -> bool:
        """Whether it is one, and no request."""
        return self.first.startswith("HTTP/")

    @property
    def keeps_open(self) -> bool:
        """Whether another message may follow this one."""
        if self.get("connection") == "close" or "HTTP/1.0" in self.first:
            return False
        return not self.is_answer or self._is_measured or self._has_no_body

    @property
    def _is_measured(self) -> bool:
        return "content-length" in self.fields or self.get("transfer-encoding") == "chunked"

    @property
    def _has_no_body(self) -> bool:
        return self.status in (204, 304)


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """The next head; None if no other message comes."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    first, *lines = raw.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return Head(raw, first, {name.lower(): value.strip() for name, _, value in pairs})


async def body_of(head: Head, reader: asyncio.StreamReader, to: str = "") -> AsyncIterator[bytes]:
    """The body that follows a head, as it came, in pieces.

    Args:
        head: the head.
        reader: what comes after it.
        to: of an answer, the method of the request.
    """
    if head.is_answer and (to == "HEAD" or head.status in (204, 304)):
        return
    if head.get("transfer-encoding") == "chunked":
        async for piece in _chunked(reader):
            yield piece
    elif "content-length" in head.fields:
        async for piece in _exactly(reader, int(head.fields["content-length"])):
            yield piece
    elif head.is_answer:
        while piece := await reader.read(_PIECE):
            yield piece


async def _exactly(reader: asyncio.StreamReader, size: int) -> AsyncIterator[bytes]:
    while size:
        piece = await reader.read(min(size, _PIECE))
        if not piece:
            raise EOFError
        size -= len(piece)
        yield piece


async def _chunked(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        line = await reader.readuntil(b"\r\n")
        yield line
        size = int(line.partition(b";")[0], 16)
        async for piece in _exactly(reader, size):
            yield piece
        if size == 0:
            break
        yield await reader.readexactly(2)
    while True:  # what may come after the last chunk
        line = await reader.readuntil(b"\r\n")
        yield line
        if line == b"\r\n":
            return
