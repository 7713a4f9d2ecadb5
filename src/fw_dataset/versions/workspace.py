"""A folder to work in that does not outlive its process by more than one run."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from fw_dataset.storage import LocalStorage, Storage
from fw_dataset.storage.folders import MOST_ATTEMPTS, make_folder, removed_too_often
from fw_dataset.storage.locks import hold, is_held, lock_folder
from fw_dataset.storage.system_errors import storage_error, translated

__all__ = ["folder_to_fill", "sweep", "work_folder", "work_parent", "workspace"]

_PREFIX = ".fw-dataset-work-"
_LOCK = "in-use.lock"
_OF_THE_DISK = {
    errno.EACCES,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.ENOSPC,
    errno.EPERM,
    errno.EROFS,
}


@contextmanager
def folder_to_fill(folder: Path) -> Iterator[None]:
    """Make a folder and those above it; what is still empty at the end is removed again.

    Raises:
        StorageError: it cannot be made.
    """
    made: list[Path] = []
    try:
        with translated(folder):
            make_folder(folder, made)
        yield
    finally:
        for path in reversed(made):
            with suppress(OSError):  # it holds the dataset now
                path.rmdir()


@contextmanager
def workspace(parent: Path) -> Iterator[Path]:
    """A new folder below ``parent``, removed at the end.

    A process that is killed cannot remove its folder: the next workspace below the same parent
    does. A lock, which the system releases with the process, tells the dead from the living.

    Raises:
        StorageError: the parent cannot be written, or the disk fails or is full meanwhile.
    """
    with folder_to_fill(parent):
        try:
            folder, lock = _begin(parent)
            try:
                yield folder
            finally:
                try:
                    shutil.rmtree(folder, ignore_errors=True)
                finally:
                    # Once more, for who was interrupted at this very moment.
                    shutil.rmtree(folder, ignore_errors=True)
                    os.close(lock)
        except OSError as error:
            # What is the disk's fault is said in our words; the rest is the caller's own.
            if error.errno in _OF_THE_DISK:
                raise storage_error(Path(error.filename or parent), error) from None
            raise


@contextmanager
def work_folder(storage: Storage, workdir: str | os.PathLike[str] | None = None) -> Iterator[Path]:
    """A folder to work in, on the disk of the dataset where it is a folder itself.

    Raises:
        StorageError: it cannot be made or written, or the disk is full.
    """
    with ExitStack() as stack:
        if isinstance(storage, LocalStorage):
            stack.enter_context(folder_to_fill(storage.root))
        parent = work_parent(storage) if workdir is None else Path(workdir)
        yield stack.enter_context(workspace(parent))


def work_parent(storage: Storage) -> Path:
    """On the disk of the dataset where it is a folder itself, so that files are only moved."""
    return storage.root if isinstance(storage, LocalStorage) else Path(tempfile.gettempdir())


def sweep(parent: Path) -> None:
    """Remove the folders of processes that are gone."""
    for folder in parent.glob(f"{_PREFIX}*"):
        if not is_held(folder / _LOCK):
            shutil.rmtree(folder, ignore_errors=True)


def _begin(parent: Path) -> tuple[Path, int]:
    """A new folder, and the lock that is held on it."""
    for _ in range(MOST_ATTEMPTS):
        # Another process may have made the parent, too, and remove it while it is empty.
        with suppress(FileNotFoundError), lock_folder(parent):
            sweep(parent)
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
            try:
                return folder, hold(folder / _LOCK)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
    raise removed_too_often(parent)
