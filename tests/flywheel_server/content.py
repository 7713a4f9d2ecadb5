"""Bytes to send, in memory or in a file, in whole or in part."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Content"]

_PIECE = 1 << 16


@dataclass(frozen=True)
class Content:
    """What a body holds.

    Attributes:
        source: the bytes, or the file that holds them.
        media_type: as ``application/json``.
    """

    source: bytes | Path
    media_type: str = "application/octet-stream"

    @property
    def length(self) -> int:
        """The bytes in all."""
        return self.source.stat().st_size if isinstance(self.source, Path) else len(self.source)

    @property
    def etag(self) -> str:
        """A text that is another one for other bytes."""
        if isinstance(self.source, Path):
            stat = self.source.stat()
            return f'"{stat.st_size:x}-{stat.st_mtime_ns:x}"'
        return f'"{len(self.source):x}-{zlib.crc32(self.source):x}"'

    def pieces(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes from one offset to another, never many at once."""
        stop = self.length if stop is None else stop
        if isinstance(self.source, bytes):
            for at in range(start, stop, _PIECE):
                yield self.source[at : min(at + _PIECE, stop)]
            return
        with self.source.open("rb") as file:
            file.seek(start)
            while start < stop and (piece := file.read(min(_PIECE, stop - start))):
                start += len(piece)
                yield piece
