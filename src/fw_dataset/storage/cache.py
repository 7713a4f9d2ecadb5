"""A folder on local disk with what was fetched before, for data files that never change."""

from __future__ import annotations

import os
import secrets
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

__all__ = ["FileCache"]

_PARTIAL = ".partial-"
_CHECKSUM = 4
# A partial file of this age, in seconds, is of a writer that is gone.
_ABANDONED = 3600
# Of the limit: how much a process writes before it looks at the folder again, and how much is
# left when it has made room.
_LOOK_AGAIN = 0.05
_LEFT = 0.9


class FileCache:
    """Stretches of files by the hash of the file's content, shared by threads and processes.

    What cannot be stored is not stored, and what is damaged is not there: no method fails
    because of the disk. The least recently used go first when ``max_bytes`` is reached; each
    process may pass it by a twentieth for a moment.

    Args:
        folder: made when there is something to store, for the eyes of its owner only.
        max_bytes: the room that all files in it may take.
    """

    def __init__(self, folder: str | os.PathLike[str], max_bytes: int = 10 << 30) -> None:
        if max_bytes < 0:
            raise ValueError(f"max_bytes is {max_bytes}: a cache has room for 0 bytes or more")
        self.folder = Path(folder).expanduser().absolute()
        self.max_bytes = max_bytes
        self._lock = threading.Lock()
        self._total: int | None = None
        self._written = 0

    def __repr__(self) -> str:
        return f"FileCache({str(self.folder)!r}, {self.max_bytes})"

    def get(self, content: str, start: int, stop: int) -> bytes | None:
        """What was stored of a file, or None.

        Args:
            content: the hash of the whole file's content, in hex digits.
            start: the first byte of the stretch.
            stop: the byte after its last.
        """
        path = self._path(content, start, stop)
        try:
            with open(path, "rb") as file:
                data, checksum = file.read(stop - start), file.read(_CHECKSUM + 1)
            if len(data) == stop - start and checksum == _checksum(path.name, data):
                os.utime(path)  # used just now
                return data
            path.unlink()
        except OSError:
            pass
        return None

    def put(self, content: str, start: int, stop: int, data: bytes) -> None:
        """Store a stretch of a file; see :meth:`get`."""
        room = len(data) + _CHECKSUM
        if room > self.max_bytes or len(data) != stop - start:
            return
        path = self._path(content, start, stop)
        partial = path.parent / f"{_PARTIAL}{os.getpid()}-{secrets.token_hex(6)}"
        try:
            self._make_room(room)
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            with open(partial, "xb") as file:
                file.write(data)
                file.write(_checksum(path.name, data))
            os.replace(partial, path)
        except OSError:
            with suppress(OSError):
                partial.unlink(missing_ok=True)

    def _path(self, content: str, start: int, stop: int) -> Path:
        if not content.isalnum():
            raise ValueError(f"{content!r} is not a hash in hex digits")
        return self.folder / content[:2] / f"{content}-{start}-{stop}"

    def _make_room(self, room: int) -> None:
        with self._lock:
            self._written += room
            if self._total is None or self._written > self.max_bytes * _LOOK_AGAIN:
                self._total = sum(size for _, size, _ in self._files())
                self._written = room
            if self._total + room > self.max_bytes:
                self._total = self._evict(min(self.max_bytes * _LEFT, self.max_bytes - room))
            self._total += room

    def _evict(self, left: float) -> int:
        """Remove the least recently used until no more than ``left`` bytes are there."""
        files = sorted(self._files())
        total = sum(size for _, size, _ in files)
        for _, size, path in files:
            if total <= left:
                break
            with suppress(FileNotFoundError):
                os.unlink(path)
            total -= size
        return total

    def _files(self) -> Iterator[tuple[float, int, str]]:
        """When it was last used, size and path of each file; abandoned ones are removed."""
        for folder in _entries(self.folder):
            for entry in _entries(folder.path):
                try:
                    status = entry.stat(follow_symlinks=False)
                    abandoned = status.st_mtime < time.time() - _ABANDONED
                    if entry.name.startswith(_PARTIAL) and abandoned:
                        os.unlink(entry.path)
                        continue
                except OSError:
                    continue
                yield status.st_mtime, status.st_size, entry.path


def _entries(folder: str | Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []


def _checksum(name: str, data: bytes) -> bytes:
    """Of the content and where it belongs; a file of zeros after a power cut has another."""
    return zlib.crc32(data, zlib.crc32(name.encode())).to_bytes(_CHECKSUM, "little")
