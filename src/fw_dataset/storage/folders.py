"""Folders on local disk that several processes make, and remove again while they are empty."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from fw_dataset.errors import StorageDeniedError, StorageError

__all__ = ["MOST_ATTEMPTS", "check_folder_writable", "make_folder", "removed_too_often"]

# How often a folder is made anew that others remove before anything is in it.
MOST_ATTEMPTS = 1000
# What a process may do is decided by its effective user, where the system can be asked for that.
_EFFECTIVE_IDS = os.access in os.supports_effective_ids


def make_folder(folder: Path, made: list[Path] | None = None) -> None:
    """Make a folder and those above it that are not there.

    ``made`` gets those that were made, highest first, also if the making fails or is interrupted.

    Raises:
        StorageError: a file is in the way.
        OSError: the system refuses.
    """
    made = [] if made is None else made
    for _ in range(MOST_ATTEMPTS):
        if _make(folder, made):
            return
    raise removed_too_often(folder)


def check_folder_writable(folder: Path) -> None:
    """Make sure that files can be made in a folder, or the folder itself where it is not there.

    Raises:
        StorageDeniedError: it may not be written to.
        StorageError: a file is in the way.
        OSError: the system refuses.
    """
    # The nearest folder that is there: the others would be made in it.
    for path in (folder, *folder.parents):
        if not _is_folder(path):
            continue
        # What may not be written to must be there still: others remove empty folders meanwhile.
        if os.access(path, os.W_OK | os.X_OK, effective_ids=_EFFECTIVE_IDS):
            return
        if _is_folder(path):
            raise StorageDeniedError(f"{path}: it cannot be written to")


def removed_too_often(folder: Path) -> StorageError:
    """The error of a folder that others remove again and again."""
    return StorageError(f"{folder}: other writers keep removing this folder")


def _make(folder: Path, made: list[Path]) -> bool:
    """Make a folder and those above it; False if others have removed one of them meanwhile."""
    if _is_folder(folder):
        return True
    if folder.parent != folder and not _make(folder.parent, made):
        return False
    try:
        folder.mkdir()
    except FileNotFoundError:
        return False
    except FileExistsError:
        return _is_folder(folder)
    if folder not in made:
        made.append(folder)
    return True


def _is_folder(path: Path) -> bool:
    """Whether a folder is there.

    Asked once: of two looks, others may come in between.

    Raises:
        StorageError: something else is there.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    if not stat.S_ISDIR(mode):
        raise StorageError(f"{path}: a file is in the way, it must be a folder")
    return True
