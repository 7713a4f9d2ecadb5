"""The commit: a version appears whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import wait
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from fw_dataset.errors import (
    ObjectExistsError,
    StorageDeniedError,
    StorageError,
    VersionConflictError,
)
from fw_dataset.format.layout import VersionLayout
from fw_dataset.storage import Storage
from fw_dataset.storage.beside import begin
from fw_dataset.versions import claim

__all__ = ["StagedVersion", "commit"]

# Seconds to wait for files to be removed, after a failure and after Ctrl-C.
_PATIENCE, _HASTE = 30, 0.7
_MOST_COMPARED = 1 << 20
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
    is_asked = False
    try:
        # Looked for after the claim: a writer may have committed just before we took it.
        if storage.exists(layout.description):
            return False
        claim.remove_strays(storage, layout)
        files = _files(staged)
        _store_files(storage, layout, files, mine, progress)
        with storage.exclusive(), publishing():
            # Somebody may have taken us for dead, and begun anew, or we somebody who is not.
            claim.require(storage, layout, mine)
            _require_whole(storage, layout, files)
            is_asked = True
            storage.put_file(layout.description, staged.marker, if_absent=True)
    except ObjectExistsError:
        return False
    except BaseException as error:
        if is_asked and _is_distant(storage, layout) and not isinstance(error, StorageDeniedError):
            # The description may still land, and needs its files then.
            claim.abandon(mine)
        else:
            _tidy_up(storage, layout, mine, error)
        raise
    finally:
        claim.give_back(storage, layout, mine)
    return True


def _is_distant(storage: Storage, layout: VersionLayout) -> bool:
    return storage.native_path(layout.root) is None


def _tidy_up(storage: Storage, layout: VersionLayout, mine: bytes, error: BaseException) -> None:
    """Remove what was stored. What stays, because the storage fails, is left to the next writer."""

    def work() -> None:
        with suppress(StorageError, VersionConflictError):
            claim.require(storage, layout, mine)
            if not storage.exists(layout.description):
                claim.remove_strays(storage, layout)
            claim.release(storage, layout, mine)

    if not _is_distant(storage, layout):
        work()
        return
    # Whoever pressed Ctrl-C does not wait for a store that does not answer.
    tidied = begin(work)
    wait([tidied], timeout=_PATIENCE if isinstance(error, Exception) else _HASTE)
    if not tidied.done():
        claim.abandon(mine)


def _files(staged: StagedVersion) -> list[tuple[str, Path]]:
    """The files of a version but the description, with their keys."""
    paths = sorted(path for path in staged.folder.rglob("*") if path.is_file())
    root = staged.layout.root
    return [
        (f"{root}/{path.relative_to(staged.folder).as_posix()}", path)
        for path in paths
        if path != staged.marker
    ]


def _store_files(
    storage: Storage,
    layout: VersionLayout,
    files: list[tuple[str, Path]],
    mine: bytes,
    progress: BytesDone | None,
) -> None:
    total = sum(path.stat().st_size for _, path in files)
    done = 0

    def stored(size: int) -> None:
        nonlocal done
        done += size
        if progress is not None:
            progress(done, total)

    # The names of data files are hashes of their content, so that they harm nobody. Files of the
    # same name in every version come after them, at once, and only from who has the claim still.
    data = [item for item in files if item[0].endswith(".parquet")]
    storage.put_files(data, stored)
    claim.require(storage, layout, mine)
    storage.put_files([item for item in files if item not in data], stored)


def _require_whole(storage: Storage, layout: VersionLayout, files: list[tuple[str, Path]]) -> None:
    """Make sure that no other writer, wrongly taken for gone, has put files among ours.

    Raises:
        VersionConflictError: what is there is not what was stored.
    """
    if not _is_distant(storage, layout):
        return
    there = {item.key: item.size for item in storage.list(layout.root)}
    there.pop(layout.claim, None)
    ours = {key: path.stat().st_size for key, path in files}
    # The names of data files are hashes of their content; of other files the content is compared.
    small = {
        key: path
        for key, path in files
        if not key.endswith(".parquet") and ours[key] <= _MOST_COMPARED
    }
    contents = storage.get_many(list(small)) if there == ours else []
    if there != ours or list(contents) != [path.read_bytes() for path in small.values()]:
        raise claim.LostClaimError(
            f"version {layout.version!r} at {storage.url} holds files of another writer who was"
            " taken for gone; end that one, and render again"
        )
