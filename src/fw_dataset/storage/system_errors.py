"""The operating system's errors in our words."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fw_dataset.errors import (
    FWDatasetError,
    ObjectExistsError,
    ObjectNotFoundError,
    StorageDeniedError,
    StorageError,
    StorageFullError,
)

__all__ = ["storage_error", "translated"]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn the operating system's errors into ours, which name ``path``."""
    try:
        yield
    except FWDatasetError:
        raise
    except OSError as error:
        raise storage_error(path, error) from None


def storage_error(path: Path, error: OSError) -> StorageError:
    """What went wrong at ``path``."""
    reason = " ".join((error.strerror or str(error)).split())
    if isinstance(error, FileNotFoundError):
        return ObjectNotFoundError(f"{path}: there is no such file")
    if isinstance(error, FileExistsError):
        return ObjectExistsError(f"{path}: exists already")
    if isinstance(error, PermissionError):
        return StorageDeniedError(f"{path}: {reason or 'permission denied'}")
    if error.errno == errno.EROFS:
        return StorageDeniedError(f"{path}: the file system is read-only")
    if error.errno in _FULL:
        return StorageFullError(f"{path}: no space left ({reason})")
    return StorageError(f"{path}: {reason}")
