"""A folder on local disk as a storage. What it says is stored is on the disk (fsync)."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from fw_dataset.errors import (
    ObjectExistsError,
    ObjectNotFoundError,
    StorageError,
)
from fw_dataset.storage.base import CHUNK_SIZE, ObjectInfo
from fw_dataset.storage.folders import (
    MOST_ATTEMPTS,
    check_folder_writable,
    make_folder,
    removed_too_often,
)
from fw_dataset.storage.keys import check_key
from fw_dataset.storage.locks import hold, lock_folder, remove_if_free
from fw_dataset.storage.one_by_one import OneByOne
from fw_dataset.storage.system_errors import translated

__all__ = ["LocalStorage"]

_PARTIAL = ".fw-dataset-partial-"


class LocalStorage(OneByOne):
    """The files below one folder, which need not exist yet; reading never creates it."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        path = Path(root)
        with suppress(RuntimeError):  # a `~name` of nobody is a name like any other
            path = path.expanduser()
        self.root = path.absolute()

    def __repr__(self) -> str:
        return f"LocalStorage({str(self.root)!r})"

    @property
    def url(self) -> str:
        return str(self.root)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        folder = self._path(prefix) if prefix else self.root
        with translated(folder):
            yield from _walk(str(folder), f"{prefix}/" if prefix else "")

    def folders(self, prefix: str = "") -> Sequence[str]:
        folder = self._path(prefix) if prefix else self.root
        with translated(folder):
            try:
                return sorted(entry.name for entry in os.scandir(folder) if _is_folder(entry))
            except (FileNotFoundError, NotADirectoryError):
                return []

    def exists(self, key: str) -> bool:
        path = self._path(key)
        with translated(path):
            return path.is_file()

    def get(self, key: str) -> bytes:
        with self._reading(self._path(key)) as file:
            return file.read()

    def _part(self, key: str, start: int, end: int) -> bytes:
        path = self._path(key)
        with self._reading(path) as file:
            file.seek(start)
            part = file.read(end - start)
        if len(part) != end - start:
            raise StorageError(f"{path}: it is shorter than it was when it was listed")
        return part

    def stream(self, key: str, chunk_size: int = CHUNK_SIZE) -> Iterator[bytes]:
        with self._reading(self._path(key)) as file:
            while chunk := file.read(chunk_size):
                yield chunk

    @contextmanager
    def _reading(self, path: Path) -> Iterator[BinaryIO]:
        with translated(path):
            try:
                with open(path, "rb") as file:
                    yield file
            except (IsADirectoryError, NotADirectoryError):
                raise ObjectNotFoundError(f"{path}: there is no such file") from None

    def check_writable(self) -> None:
        with translated(self.root):
            check_folder_writable(self.root)

    def put(self, key: str, data: bytes) -> None:
        path = self._path(key)
        with translated(path), self._partial(path) as partial:
            _write_durably(partial, data)
            _move(partial, path, if_absent=False)
            _sync(path.parent)

    def put_if_absent(self, key: str, data: bytes) -> None:
        path = self._path(key)
        with translated(path), self._partial(path) as partial:
            _write_durably(partial, data)
            _move(partial, path, if_absent=True)
            _sync(path.parent)

    def replace(self, key: str, old: bytes, new: bytes) -> None:
        if self.get(key) != old:
            raise ObjectExistsError(f"{self._path(key)}: it is another one by now")
        # Whoever replaces objects is in an exclusive block; nobody else is, meanwhile.
        self.put(key, new)

    def put_file(self, key: str, path: Path, *, if_absent: bool = False) -> None:
        target = self._path(key)
        with translated(path):
            _sync(path)
        with translated(target), self._partial(target) as partial:
            try:
                _move(path, target, if_absent=if_absent)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                shutil.copyfile(path, partial)
                _sync(partial)
                _move(partial, target, if_absent=if_absent)
            _sync(target.parent)

    def put_files(
        self, files: Sequence[tuple[str, Path]], stored: Callable[[int], None] | None = None
    ) -> None:
        for key, path in files:
            with translated(path):
                size = path.stat().st_size
            self.put_file(key, path)
            if stored is not None:
                stored(size)

    def clear(self, prefix: str) -> None:
        folder = self._path(prefix)
        with translated(folder):
            while folder.is_dir():
                with suppress(FileNotFoundError):  # somebody else removes it, too
                    shutil.rmtree(folder)
            self._remove_empty(folder.parent)

    def delete(self, key: str) -> None:
        path = self._path(key)
        with translated(path):
            with suppress(FileNotFoundError, NotADirectoryError):
                path.unlink()
            self._remove_empty(path.parent)

    def sweep(self, prefix: str) -> None:
        folder = self._path(prefix)
        with translated(folder):
            for path in folder.rglob(f"{_PARTIAL}*"):
                remove_if_free(path)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        with translated(self.root), lock_folder(self.root):
            yield

    def native_path(self, key: str) -> str:
        return str(self._path(key))

    def _remove_empty(self, folder: Path) -> None:
        """Drop folders that hold nothing any more: other storages have none either."""
        while folder != self.root:
            try:
                folder.rmdir()
            except FileNotFoundError:
                pass
            except OSError:
                return
            folder = folder.parent

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)

    @contextmanager
    def _partial(self, path: Path) -> Iterator[Path]:
        """A file beside ``path`` to write to, gone afterwards whatever happens."""
        try:
            partial, lock = _begin(path.parent)
            try:
                yield partial
            finally:
                partial.unlink(missing_ok=True)
                os.close(lock)
        finally:
            self._remove_empty(path.parent)


def _walk(folder: str, prefix: str) -> Iterator[ObjectInfo]:
    """The files below a folder, the prefix being that of its keys."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        key = f"{prefix}{entry.name}"
        if _is_folder(entry):
            yield from _walk(entry.path, f"{key}/")
        elif not entry.name.startswith(_PARTIAL):
            try:
                there, size = entry.is_file(), entry.stat().st_size
            except OSError:
                continue  # a link to nowhere, or it was deleted just now
            if there:
                yield ObjectInfo(key, size)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link that leads nowhere


def _begin(folder: Path) -> tuple[Path, int]:
    """Make an empty file, held by this process, and its folder, which stays from then on."""
    for _ in range(MOST_ATTEMPTS):
        # A new name each time: somebody may be about to remove the file of the name before.
        partial = folder / f"{_PARTIAL}{secrets.token_hex(8)}"
        with suppress(FileNotFoundError):  # others remove folders that are empty
            make_folder(folder)
            for path in folder.glob(f"{_PARTIAL}*"):
                remove_if_free(path)  # its writer was killed
            lock = hold(partial)
            if partial.exists():
                return partial, lock
            os.close(lock)  # it was taken for a dead writer's before it was held
    raise removed_too_often(folder)


def _write_durably(path: Path, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _move(path: Path, target: Path, *, if_absent: bool) -> None:
    if if_absent:
        # link() fails where a file stands already; replace() would not.
        os.link(path, target)
        path.unlink()
    else:
        os.replace(path, target)


def _sync(path: Path) -> None:
    """Make a file's content, or a folder's entries, outlive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
