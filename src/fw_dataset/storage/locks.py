"""Locks between processes of one machine, released by the system when a process ends."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fw_dataset.storage.folders import MOST_ATTEMPTS, make_folder, removed_too_often

__all__ = ["hold", "is_held", "lock_folder", "lock_name", "remove_if_free"]


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Be the only process in this block for this folder, which is made where it is not there.

    No file is needed for it.

    Raises:
        StorageError: a file is in the way.
        OSError: the system refuses.
    """
    for _ in range(MOST_ATTEMPTS):
        make_folder(folder)
        try:
            handle = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            continue  # others have removed it
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if _is_at(folder, handle):
                yield
                return
        finally:
            os.close(handle)
    raise removed_too_often(folder)


@contextmanager
def lock_name(name: str) -> Iterator[None]:
    """Be the only one in this block for this name, among all processes of this user."""
    digest = hashlib.sha256(name.encode()).hexdigest()[:32]
    path = Path(tempfile.gettempdir()) / f".fw-dataset-{os.getuid()}-{digest}.lock"
    while True:
        handle = hold(path)
        try:
            if _is_at(path, handle):
                try:
                    yield
                finally:
                    path.unlink(missing_ok=True)
                return
            # Whoever held it before has removed the file that was waited for.
        finally:
            os.close(handle)


def hold(path: Path) -> int:
    """Make a file and lock it until the returned descriptor is closed or the process ends."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock on a file."""
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return True  # somebody else's: not ours to judge
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _is_at(path: Path, handle: int) -> bool:
    """Whether what is open is what stands at a path still."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def remove_if_free(path: Path) -> None:
    """Remove a file, unless a living process holds the lock on it or it is not ours to judge."""
    with suppress(OSError):
        handle = os.open(path, os.O_RDWR)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)
        finally:
            os.close(handle)
