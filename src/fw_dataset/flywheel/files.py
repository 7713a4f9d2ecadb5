"""Files of a site, several at once: fetched, checked, and kept if wanted."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Protocol

from fw_dataset.errors import (
    FlywheelDeniedError,
    FlywheelError,
    FlywheelNotFoundError,
    FlywheelUnreachableError,
    FWDatasetError,
    StorageError,
)
from fw_dataset.flywheel.connection import Connection, address
from fw_dataset.flywheel.download import download
from fw_dataset.flywheel.together import each_done
from fw_dataset.format.file_hash import has_hash

__all__ = ["SiteFiles", "WantedFile"]

_AT_ONCE = 8
_PIECE = 1 << 20
_PARTIAL = ".partial-"
# A partial file of this age, in seconds, is of a process that is gone.
_ABANDONED = 24 * 3600
# So many files one after the other that the site fails on, and it is down.
_MOST_FAILURES = 10


class WantedFile(Protocol):
    """What is used of a file's record."""

    @property
    def file_id(self) -> str | None:
        """What all versions of the file share."""

    @property
    def version(self) -> int | None:
        """The version's number."""

    @property
    def name(self) -> str:
        """The file's name."""

    @property
    def size(self) -> int | None:
        """Its bytes; 0 and None say nothing."""

    @property
    def hash(self) -> str | None:
        """The hash of its content, in any spelling."""

    @property
    def parent_id(self) -> str | None:
        """The container that it stands in."""


class SiteFiles:
    """Fetches files of a site.

    Args:
        connection: the site.
        cache: a folder in which files are kept for other times, each whole and never changed;
            made when there is something to keep, for the eyes of its owner only.
        at_once: how many to fetch at the same time.
    """

    def __init__(
        self, connection: Connection, cache: Path | None = None, *, at_once: int = _AT_ONCE
    ) -> None:
        self._connection, self._at_once = connection, at_once
        self._cache = None if cache is None else cache.expanduser().absolute()
        self._numbers = count()

    def __repr__(self) -> str:
        return f"SiteFiles({self._connection!r})"

    def fetch_each(
        self, files: Iterable[WantedFile], into: Path
    ) -> Iterator[Path | FWDatasetError]:
        """Per file, in order, a path where its bytes are, or why it cannot be had.

        The bytes are as many as the record says and have its hash, as far as it is of a known
        form.

        Args:
            files: what is wanted; some are taken ahead.
            into: a folder for those that are not kept.

        Raises:
            FlywheelError: no file can be had: the key is not known, or the site is not reachable.
            StorageError: nothing can be written.
        """
        self._remove_abandoned()
        failures = 0
        for got in each_done(lambda file: self._fetch(file, into), files, self._at_once):
            unreachable = isinstance(got, FlywheelUnreachableError)
            failures = failures + 1 if unreachable else 0
            if failures >= _MOST_FAILURES and isinstance(got, FWDatasetError):
                raise got
            yield got

    # ------------------------------------------------------------------------------- one file

    def _fetch(self, file: WantedFile, into: Path) -> Path | FWDatasetError:
        try:
            if self._cache is None:
                target = into / f"{next(self._numbers)}"
                self._take(file, target)
                return target
            return self._kept(file, self._cache)
        except FWDatasetError as error:
            if _concerns_all(error):
                raise
            return error

    def _kept(self, file: WantedFile, cache: Path) -> Path:
        """The file in the cache, fetched unless it is there."""
        key = repr((self._connection.host, file.file_id, file.version, file.size, file.hash))
        name = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        target = cache / name[:2] / name
        if target.is_file() and not _wrong(file, target):
            return target
        partial = target.with_name(f"{_PARTIAL}{os.getpid()}-{secrets.token_hex(6)}")
        try:
            cache.mkdir(mode=0o700, parents=True, exist_ok=True)
            target.parent.mkdir(mode=0o700, exist_ok=True)
            self._take(file, partial)
            partial.replace(target)
        except OSError as error:
            if isinstance(error, FWDatasetError):
                raise
            raise StorageError(f"{target.parent}: {error.strerror or error}") from None
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        return target

    def _take(self, file: WantedFile, target: Path) -> None:
        """Fetch a file, from where it was in the snapshot or from where it is now."""
        version = "" if file.version is None else f"?version={file.version}"
        places = _places(file)
        for place in places:
            try:
                download(
                    self._connection,
                    place + version,
                    target,
                    what=f"file {file.file_id!r}",
                    check=lambda path: _wrong(file, path),
                )
                return
            except FlywheelNotFoundError:
                if place == places[-1]:
                    raise

    def _remove_abandoned(self) -> None:
        if self._cache is None:
            return
        for partial in self._cache.glob(f"*/{_PARTIAL}*"):
            with suppress(OSError):
                if partial.stat().st_mtime < time.time() - _ABANDONED:
                    partial.unlink()


def _places(file: WantedFile) -> list[str]:
    """Where a file may be asked for; what the platform's own clients ask for comes first."""
    places = [address("api", "files", file.file_id or "", "download")]
    if file.parent_id and file.name not in ("", ".", ".."):
        places.insert(0, address("api", "containers", file.parent_id, "files", file.name))
    return places


def _concerns_all(error: FWDatasetError) -> bool:
    """Whether no other file could be had either."""
    if isinstance(error, FlywheelDeniedError):
        return error.status == 401
    if isinstance(error, FlywheelUnreachableError):
        return not error.sent
    # Without a status and of no closer kind: a closed connection, a certificate that is refused.
    return isinstance(error, StorageError) or (type(error) is FlywheelError and not error.status)


def _wrong(file: WantedFile, path: Path) -> str:
    """In what a file's bytes differ from its record, or an empty text."""
    size = path.stat().st_size
    if file.size and size != file.size:
        return f"{size:,} bytes instead of {file.size:,}"
    if has_hash(_pieces(path), size, file.hash) is False:
        return "its hash is not that of the record"
    return ""


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as opened:
        while piece := opened.read(_PIECE):
            yield piece
