"""The commit: a version appears whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from fw_dataset.errors import ObjectExistsError
from fw_dataset.format.layout import VersionLayout
from fw_dataset.storage import Storage
from fw_dataset.versions import claim

__all__ = ["StagedVersion", "commit"]

BytesDone = Callable[[int, int], None]


@dataclass(frozen=True)
class StagedVersion:
    """A version that is ready in a work folder.

    Attributes:
        layout: where it goes.
        folder: the folder that holds its files as they will stand below the version's root.
        marker: the description's file: the last to be stored.
    """

    layout: VersionLayout
    folder: Path
    marker: Path


def commit(
    storage: Storage,
    staged: StagedVersion,
    progress: BytesDone | None = None,
    publishing: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> bool:
    """Store a version. Readers see nothing of it until all of it is there.

    Args:
        storage: where.
        staged: what; its files are moved away.
        progress: called with the bytes stored so far and in all.
        publishing: makes the block in which the version appears; no other writer of this machine
            makes one appear meanwhile. What it raises at its start calls the version off.

    Returns:
        False if another writer committed the same version id in the meantime.

    Raises:
        VersionConflictError: another writer is storing this version.
        StorageError: a file could not be stored; nothing of the version is left then.
    """
    layout = staged.layout
    claim.take(storage, layout)
    try:
        # Looked for after the claim: a writer may have committed just before we took it.
        if storage.exists(layout.description):
            return False
        _remove_strays(storage, layout)
        _store_files(storage, staged, progress)
        with storage.exclusive(), publishing():
            storage.put_file(layout.description, staged.marker, if_absent=True)
    except ObjectExistsError:
        return False
    except BaseException:
        # Until the claim goes, at the very end, no other writer puts anything here.
        if not storage.exists(layout.description):
            _remove_strays(storage, layout)
        raise
    finally:
        claim.release(storage, layout)
    return True


def _remove_strays(storage: Storage, layout: VersionLayout) -> None:
    """Remove files without a version: old readers would count them as rows."""
    for item in list(storage.list(layout.root)):
        if item.key != layout.claim:
            storage.delete(item.key)


def _store_files(storage: Storage, staged: StagedVersion, progress: BytesDone | None) -> None:
    paths = sorted(path for path in staged.folder.rglob("*") if path.is_file())
    paths = [path for path in paths if path != staged.marker]
    total = sum(path.stat().st_size for path in paths)
    done = 0
    for path in paths:
        size = path.stat().st_size
        key = f"{staged.layout.root}/{path.relative_to(staged.folder).as_posix()}"
        storage.put_file(key, path)
        done += size
        if progress is not None:
            progress(done, total)
