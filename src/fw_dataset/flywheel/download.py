"""Fetch bytes into a file: streamed, taken up where they broke off, and checked."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from isal import igzip, isal_zlib

from fw_dataset.errors import (
    DownloadError,
    FlywheelError,
    FlywheelUnreachableError,
    StorageError,
    StorageFullError,
)
from fw_dataset.flywheel.answers import failure
from fw_dataset.flywheel.connection import Connection, StreamedAnswer
from fw_dataset.flywheel.retries import asked_to_wait

__all__ = ["Received", "download"]

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_CHUNK = 1 << 20
_STARTS = 3
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True)
class Received:
    """What was fetched.

    Attributes:
        path: the file.
        bytes: its size.
        resumed: how often it was taken up where it had broken off.
        restarted: how often it was begun anew.
    """

    path: Path
    bytes: int
    resumed: int
    restarted: int


def download(
    connection: Connection,
    path: str,
    target: Path,
    *,
    what: str,
    gzipped: bool = False,
    size: int | None = None,
    check: Callable[[Path], str] | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> Received:
    """Fetch what is at a path of the site into a new file.

    Args:
        connection: the site.
        path: below the site's address.
        target: the file to make; it is overwritten.
        what: what is fetched, for messages.
        gzipped: check that it is a whole gzip stream.
        size: its bytes, where they are known from elsewhere.
        check: what is wrong with the file, or an empty text; if anything is, it is begun anew.
        progress: called with the bytes so far and the bytes in all, where they are known.

    Raises:
        DownloadError: what comes is not whole, however often it is begun anew.
        FlywheelNotFoundError: there is nothing at the path.
        StorageError: the file cannot be written.
        FlywheelError: the site refuses, or cannot be reached.
    """
    checks = ([_check_gzip] if gzipped else []) + ([check] if check is not None else [])
    with _translated(target), target.open("wb") as file:
        fetch = _Fetch(connection, path, file, what, size, progress)
        reason = ""
        for _ in range(_STARTS):
            reason = fetch.run() or next(filter(None, (wrong(target) for wrong in checks)), "")
            if not reason:
                return Received(target, fetch.done, fetch.resumed, fetch.restarted)
            fetch.restart()
    raise DownloadError(f"{what}: what {connection.host} sends is damaged ({reason})")


class _Fetch:
    """One file on its way: how much is there, and what it is a part of."""

    def __init__(
        self,
        connection: Connection,
        path: str,
        file: BinaryIO,
        what: str,
        size: int | None,
        progress: Callable[[int, int | None], None] | None,
    ) -> None:
        self._connection, self._path, self._file = connection, path, file
        self._what, self._size, self._progress = what, size, progress
        self._validator: str | None = None
        self.done = self.resumed = self.restarted = 0
        self._total: int | None = size

    def restart(self) -> None:
        """Forget what came so far."""
        self.restarted += 1
        self._empty()

    def run(self) -> str:
        """Fetch all of it; what is wrong with it is returned, or an empty text."""
        repetition = 0
        while True:
            before = self.done
            asked = None
            try:
                with self._stream() as answer:
                    asked = asked_to_wait(answer.headers)
                    if answer.status_code == 416:
                        return "it was asked for more than there is"
                    if answer.status_code >= 400:
                        raise self._refused(answer)
                    if answer.status_code == 206 and not self._continues(answer):
                        return "it is another part than it was asked for"
                    self._take(answer)
                self._file.flush()
                if self._total is None or self.done >= self._total:
                    return self._wrong_size()
                error: FlywheelError = FlywheelUnreachableError(
                    f"{self._what}: the connection broke after {self.done:,} of"
                    f" {self._total:,} bytes"
                )
            except FlywheelUnreachableError as broken:
                error = broken
            # Patience is for standing still: whoever gets on may break off often.
            repetition = 1 if self.done > before else repetition + 1
            self._connection.wait_to_repeat(error, repetition, asked)

    def _stream(self) -> AbstractContextManager[StreamedAnswer]:
        headers = self._headers()
        return self._connection.stream(self._path, what=self._what, headers=headers)

    def _headers(self) -> dict[str, str]:
        # Bytes as they are stored: a gzip stream is not to be packed or unpacked on its way.
        headers = {"accept-encoding": "identity"}
        if self.done:
            headers["range"] = f"bytes={self.done}-"
            if self._validator:
                headers["if-range"] = self._validator
        return headers

    def _refused(self, answer: StreamedAnswer) -> FlywheelError:
        secret = self._connection.secret
        return failure(answer.status_code, answer.read(), self._what, secret=secret)

    def _take(self, answer: StreamedAnswer) -> None:
        """Write what comes behind what is there, or in its place."""
        if answer.status_code == 206:
            self.resumed += 1
        elif self.done:
            self.restart()
        if answer.status_code == 200:
            length = answer.headers.get("content-length", "")
            stated = int(length) if length.isdigit() else None
            self._total = stated if self._size is None else self._size
            tag = answer.headers.get("etag", "")
            # A weak tag promises no equal bytes.
            self._validator = tag if tag and not tag.startswith("W/") else None
        for chunk in answer.iter_raw(None):
            self._file.write(chunk)
            self.done += len(chunk)
            if self._progress is not None:
                self._progress(self.done, self._total)

    def _continues(self, answer: StreamedAnswer) -> bool:
        found = _RANGE.fullmatch(answer.headers.get("content-range", ""))
        if found is None or int(found[1]) != self.done:
            return False
        if found[3] != "*" and self._total is None:
            self._total = int(found[3])
        return True

    def _empty(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self.done, self._validator, self._total = 0, None, self._size

    def _wrong_size(self) -> str:
        if self._total is not None and self.done != self._total:
            return f"{self.done:,} bytes instead of {self._total:,}"
        return ""


def _check_gzip(path: Path) -> str:
    """What is wrong with a gzip stream, its checksum included, or an empty text."""
    if not path.stat().st_size:
        return "it is empty"
    try:
        with igzip.open(path, "rb") as unpacked:
            while unpacked.read(_CHUNK):
                pass
    except (EOFError, OSError, isal_zlib.error) as error:  # type: ignore[misc] # stubs say object
        return f"it is no whole gzip stream: {error}"
    return ""


@contextmanager
def _translated(target: Path) -> Iterator[None]:
    """The disk's errors, in our words."""
    try:
        yield
    except (FlywheelError, StorageError):
        raise
    except OSError as error:
        kind = StorageFullError if error.errno in _FULL else StorageError
        raise kind(f"{target}: {error.strerror or error}") from None
