"""A folder on local disk as a storage. What it says is stored is on the disk (fsync)."""

from __future__ import annotations

import errno
import glob
import os
import platform
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from fw_dataset.errors import (
    FWDatasetError,
    ObjectExistsError,
    ObjectNotFoundError,
    StorageDeniedError,
    StorageError,
    StorageFullError,
)
from fw_dataset.storage.base import ObjectInfo
from fw_dataset.storage.keys import check_key
from fw_dataset.storage.locks import lock_folder

__all__ = ["LocalStorage"]

_PARTIAL = ".fw-dataset-partial-"


class LocalStorage:
    """The files below one folder, which need not exist yet; reading never creates it."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root).expanduser().absolute()

    def __repr__(self) -> str:
        return f"LocalStorage({str(self.root)!r})"

    @property
    def url(self) -> str:
        return str(self.root)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        with _translated(self._path(prefix) if prefix else self.root):
            yield from self._walk(self._path(prefix) if prefix else self.root)

    def _walk(self, folder: Path) -> Iterator[ObjectInfo]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return
        for entry in entries:
            if entry.is_dir():
                yield from self._walk(folder / entry.name)
            elif entry.is_file() and not entry.name.startswith(_PARTIAL):
                key = Path(entry.path).relative_to(self.root).as_posix()
                yield ObjectInfo(key, entry.stat().st_size)

    def folders(self, prefix: str = "") -> Sequence[str]:
        folder = self._path(prefix) if prefix else self.root
        with _translated(folder):
            try:
                return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
            except (FileNotFoundError, NotADirectoryError):
                return []

    def exists(self, key: str) -> bool:
        path = self._path(key)
        with _translated(path):
            return path.is_file()

    def get(self, key: str) -> bytes:
        path = self._path(key)
        with _translated(path):
            return path.read_bytes()

    def put(self, key: str, data: bytes) -> None:
        path = self._path(key)
        with _translated(path), self._partial(path) as partial:
            _write_durably(partial, data)
            _move(partial, path, if_absent=False)
            _sync(path.parent)

    def put_if_absent(self, key: str, data: bytes) -> None:
        path = self._path(key)
        with _translated(path), self._partial(path) as partial:
            _write_durably(partial, data)
            _move(partial, path, if_absent=True)
            _sync(path.parent)

    def put_file(self, key: str, path: Path, *, if_absent: bool = False) -> None:
        target = self._path(key)
        with _translated(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            _sync(path)
            try:
                _move(path, target, if_absent=if_absent)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                with self._partial(target) as partial:
                    shutil.copyfile(path, partial)
                    _sync(partial)
                    _move(partial, target, if_absent=if_absent)
            _sync(target.parent)

    def clear(self, prefix: str) -> None:
        folder = self._path(prefix)
        with _translated(folder):
            with suppress(FileNotFoundError):
                shutil.rmtree(folder)
            self._remove_empty(folder.parent)

    def delete(self, key: str) -> None:
        path = self._path(key)
        with _translated(path):
            with suppress(FileNotFoundError):
                path.unlink()
            self._remove_empty(path.parent)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        with _translated(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            with lock_folder(self.root):
                yield

    def native_path(self, key: str) -> str:
        return str(self._path(key))

    def _remove_empty(self, folder: Path) -> None:
        """Drop folders that hold nothing any more: other storages have none either."""
        while folder != self.root:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)

    @contextmanager
    def _partial(self, path: Path) -> Iterator[Path]:
        """A name beside ``path`` to write to, gone afterwards whatever happens."""
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep_partials(path.parent)
        own = f"{_PARTIAL}{platform.node()}-{os.getpid()}-{secrets.token_hex(4)}"
        partial = path.parent / own
        try:
            yield partial
        finally:
            partial.unlink(missing_ok=True)


def _sweep_partials(folder: Path) -> None:
    """Remove what writers on this machine left here when they were killed."""
    mine = f"{_PARTIAL}{platform.node()}-"
    for path in folder.glob(f"{glob.escape(mine)}*"):
        pid = path.name.removeprefix(mine).split("-", 1)[0]
        if pid.isdigit() and not _is_running(int(pid)):
            path.unlink(missing_ok=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


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


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn the operating system's errors into ours."""
    try:
        yield
    except FWDatasetError:
        raise
    except FileNotFoundError:
        raise ObjectNotFoundError(f"{path}: there is no such file") from None
    except FileExistsError:
        raise ObjectExistsError(f"{path}: exists already") from None
    except PermissionError as error:
        raise StorageDeniedError(f"{path}: {error.strerror or 'permission denied'}") from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFullError(f"{path}: no space left on the device") from None
        if error.errno == errno.EROFS:
            raise StorageDeniedError(f"{path}: the file system is read-only") from None
        raise StorageError(f"{path}: {error.strerror or error}") from None
