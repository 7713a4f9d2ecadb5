"""The texts that a file holds: itself, unpacked if it is packed, or the members of an archive."""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO

from isal import igzip, isal_zlib

from fw_dataset.errors import TabularFileError
from fw_dataset.render.tabular.texts import OpenBytes

__all__ = ["UNPACKED_LIMIT", "Member", "members", "stem"]

UNPACKED_LIMIT = 16 << 30
"""The bytes that may come of one packed file."""

_TEXTS = (".csv", ".tsv", ".tab", ".txt")
_OF_ARCHIVES = (".csv", ".tsv", ".tab")
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_MOST_MEMBERS = 100_000
_ENCRYPTED = 0x1
_BUFFER = 1 << 16
_DAMAGED: tuple[type[Exception], ...] = (  # type: ignore[assignment] # isal's stubs say object
    zipfile.BadZipFile,
    zlib.error,
    isal_zlib.error,
    gzip.BadGzipFile,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    struct.error,
    ValueError,  # as of names in another encoding than the archive says
)


@dataclass(frozen=True)
class Member:
    """A text of a file.

    Attributes:
        path: its path in the archive; None where the file is the text.
        open: gives its bytes, or None where they are not to be read.
        reason: why they are not to be read.
    """

    path: str | None
    open: OpenBytes | None
    reason: str | None = None


def members(path: Path, name: str, limit: int = UNPACKED_LIMIT) -> Iterator[Member]:
    """The texts that a file holds, in the archive's order. Nothing is ever written to the disk.

    Args:
        path: where the file is.
        name: its name.
        limit: how many bytes may come of it where it is packed, in all its members.

    Raises:
        TabularFileError: it is none that a table can be in, or is damaged.
    """
    suffix = PurePosixPath(name.lower().removesuffix(".gz")).suffix
    with _translated(), path.open("rb") as file:
        start = file.read(4)
    if start == _ZIP and suffix in (".zip", *_TEXTS):
        yield from _in_archive(path, limit)
    elif suffix not in _TEXTS:
        raise TabularFileError(
            "it is neither CSV nor TSV by its name, which should end in .csv, .tsv, .tab or .txt,"
            " with .gz behind it where it is packed, or in .zip"
        )
    elif start[:2] == _GZIP:
        yield Member(None, _opening(lambda: igzip.open(path, "rb"), _Limit(limit, limit)))
    else:
        yield Member(None, _opening(lambda: path.open("rb", buffering=0)))


def stem(name: str) -> str:
    """A file's name without what tells its form."""
    last = PurePosixPath(name.replace("\\", "/")).name
    plain = last[: -len(".gz")] if last.lower().endswith(".gz") else last
    suffix = PurePosixPath(plain).suffix
    return plain[: -len(suffix)] if suffix.lower() in (*_TEXTS, ".zip") else plain


def _in_archive(path: Path, limit: int) -> Iterator[Member]:
    with _translated():
        archive = zipfile.ZipFile(path)
    with archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        if not infos:
            raise TabularFileError("it is an archive without members")
        if len(infos) > _MOST_MEMBERS:
            raise TabularFileError(
                f"it has {len(infos):,} members; archives of up to {_MOST_MEMBERS:,} are read"
            )
        left = limit
        for info in infos:
            room = _Limit(left, limit)
            reason = _why_not(info)
            opening = None if reason else _opening(partial(archive.open, info), room)
            yield Member(info.filename, opening, reason)
            left -= room.most


def _why_not(info: zipfile.ZipInfo) -> str | None:
    path = PurePosixPath(info.filename)
    if path.suffix.lower() not in _OF_ARCHIVES:
        return "it is neither CSV nor TSV by its name"
    if "__MACOSX" in path.parts or path.name.startswith("._"):
        return "it only describes another member"
    if info.flag_bits & _ENCRYPTED:
        return "it is encrypted"
    return None


@dataclass
class _Limit:
    """How many bytes may come of something packed.

    Attributes:
        left: of this member.
        whole: of the whole file, for the message.
        most: how many came, of all times it was read.
    """

    left: int
    whole: int
    most: int = 0

    def count(self, size: int) -> None:
        """Note that so many came, counted from the beginning."""
        self.most = max(self.most, size)
        if size > self.left:
            raise TabularFileError(
                f"unpacked it has more than {self.whole:,} bytes, which are read at most"
            )


class _Bytes(io.RawIOBase):
    """Bytes whose reading fails with our errors."""

    def __init__(self, file: IO[bytes], limit: _Limit | None) -> None:
        self._file, self._limit, self._count = file, limit, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _translated():
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self._count += len(data)
        if self._limit is not None:
            self._limit.count(self._count)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def _opening(open_file: Callable[[], IO[bytes]], limit: _Limit | None = None) -> OpenBytes:
    def opened() -> BinaryIO:
        with _translated():
            file = open_file()
        return io.BufferedReader(_Bytes(file, limit), _BUFFER)

    return opened


@contextmanager
def _translated() -> Iterator[None]:
    """What goes wrong while bytes are read and unpacked, in our words."""
    try:
        yield
    except _DAMAGED as error:
        raise TabularFileError(f"it cannot be unpacked ({error})") from None
    except OSError as error:
        raise TabularFileError(f"it cannot be read ({error.strerror or error})") from None
