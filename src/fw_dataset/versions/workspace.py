"""A folder to work in that does not outlive its process by more than one run."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fw_dataset.errors import StorageDeniedError, StorageError
from fw_dataset.storage.locks import hold, is_held, lock_folder

__all__ = ["sweep", "workspace"]

_PREFIX = ".fw-dataset-work-"
_LOCK = "in-use.lock"


@contextmanager
def workspace(parent: Path) -> Iterator[Path]:
    """A new folder below ``parent``, removed at the end.

    A process that is killed cannot remove its folder: the next workspace below the same parent
    does. A lock, which the system releases with the process, tells the dead from the living.

    Raises:
        StorageError: the parent cannot be written.
    """
    made = _make_folders(parent)
    try:
        with lock_folder(parent):
            sweep(parent)
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
            lock = hold(folder / _LOCK)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
    except PermissionError as error:
        raise StorageDeniedError(f"{parent}: {error.strerror or 'permission denied'}") from None
    finally:
        for path in reversed(made):
            with suppress(OSError):  # it holds the dataset now
                path.rmdir()


def sweep(parent: Path) -> None:
    """Remove the folders of processes that are gone."""
    for folder in parent.glob(f"{_PREFIX}*"):
        if not is_held(folder / _LOCK):
            shutil.rmtree(folder, ignore_errors=True)


def _make_folders(parent: Path) -> list[Path]:
    """Make a folder and those above it; which ones were made, the outermost first."""
    missing = [path for path in (parent, *parent.parents) if not path.exists()][::-1]
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except PermissionError:
        raise StorageDeniedError(f"{parent}: permission denied; it cannot be written") from None
    except (FileExistsError, NotADirectoryError):
        raise StorageError(f"{parent}: it is not a folder") from None
    except OSError as error:
        raise StorageError(f"{parent}: {error.strerror or error}") from None
    return missing
