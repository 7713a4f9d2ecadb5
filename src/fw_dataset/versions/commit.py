"""The commit: a version appears whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from fw_dataset.errors import ObjectExistsError, StorageError
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
    *,
    discard_claim: bool = False,
) -> bool:
    """Store a version. Readers see nothing of it until all of it is there.

    Args:
        storage: where.
        staged: what; its files are moved away.
        progress: called with the bytes stored so far and in all.
        publishing: makes the block in which the version appears; no other writer of this machine
            makes one appear meanwhile. What it raises at its start calls the version off.
        discard_claim: take the claim of another writer over, though it may still be at it.

    Returns:
        False if another writer committed the same version id in the meantime.

    Raises:
        VersionConflictError: another writer is storing this version.
        StorageError: a file could not be stored; nothing of the version is left then.
    """
    layout = staged.layout
    mine = claim.take(storage, layout, discard=discard_claim)
    try:
        # Looked for after the claim: a writer may have committed just before we took it.
        if storage.exists(layout.description):
            return False
        _remove_strays(storage, layout)
        _store_files(storage, staged, progress)
        with storage.exclusive(), publishing():
            # Somebody may have taken us for dead, and begun anew.
            claim.require(storage, layout, mine)
            storage.put_file(layout.description, staged.marker, if_absent=True)
    except ObjectExistsError:
        return False
    except claim.LostClaimError:
        raise
    except BaseException:
        # A store that cannot be reached is tidied up by the next writer.
        with suppress(StorageError):
            # Until the claim goes, at the very end, no other writer puts anything here.
            if not storage.exists(layout.description):
                _remove_strays(storage, layout)
        raise
    finally:
        # A claim that stays beside a version does no harm.
        with suppress(StorageError):
            claim.release(storage, layout, mine)
    return True


def _remove_strays(storage: Storage, layout: VersionLayout) -> None:
    """Remove files without a version: old readers would count them as rows."""
    keys = [item.key for item in storage.list(layout.root)]
    storage.delete_many([key for key in keys if key != layout.claim])


def _store_files(storage: Storage, staged: StagedVersion, progress: BytesDone | None) -> None:
    paths = sorted(path for path in staged.folder.rglob("*") if path.is_file())
    root = staged.layout.root
    files = [
        (f"{root}/{path.relative_to(staged.folder).as_posix()}", path)
        for path in paths
        if path != staged.marker
    ]
    total = sum(path.stat().st_size for _, path in files)
    done = 0

    def stored(size: int) -> None:
        nonlocal done
        done += size
        if progress is not None:
            progress(done, total)

    storage.put_files(files, stored)
