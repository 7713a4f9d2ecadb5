"""Bring a dataset of the 0.1 and 0.2 releases to today's tree, and lose nothing on the way.

These releases kept the newest version in ``latest/``, a copy of its description in
``versions/latest_version.json``, and moved it to ``versions/{id}/`` when the next one came. A
store has no way to move many objects at once: what they were interrupted at left the same version
in both places, one of them in part. So nothing is taken away here that does not stand elsewhere.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from fw_dataset.errors import (
    DatasetFormatError,
    InvalidNameError,
    ObjectNotFoundError,
)
from fw_dataset.format.description import DatasetDescription
from fw_dataset.format.instants import format_instant, parse_instant
from fw_dataset.format.layout import LATEST_FOLDER, LATEST_MARKER, LATEST_NOTE, VersionLayout
from fw_dataset.render.progress import Progress, ProgressCallback
from fw_dataset.storage import LocalStorage, ObjectInfo, Storage
from fw_dataset.versions import claim
from fw_dataset.versions.catalog import Catalog
from fw_dataset.versions.content import digests_of, pieces_of
from fw_dataset.versions.deletion import let_go
from fw_dataset.versions.workspace import workspace

__all__ = ["migrate"]

_DESCRIPTION = LATEST_MARKER.removeprefix(f"{LATEST_FOLDER}/")
_SNAPSHOT = f"{LATEST_FOLDER}/provenance/snapshot_info.json"
_CLAIM = "_claim.json"
# Both places have their own texts of these: one tells as much as the other.
_WORDS = frozenset({_DESCRIPTION, "README.md", "provenance/README.md"})
_ROWS = "tables/"
# The first digits of an id that the platform made are the second in which it did.
_ID_DIGITS, _TIME_DIGITS = 24, 8
_MOST_AT_ONCE = 64 << 20

_Files = dict[str, ObjectInfo]


def migrate(
    storage: Storage, progress: ProgressCallback | None = None, *, discard_claim: bool = False
) -> str | None:
    """Make the ``latest/`` of a dataset of the 0.1 and 0.2 releases a version like the others.

    Its files are copied, the description last; then ``latest/`` is removed. What is interrupted
    is ended by the next call. Readers of today see the version when it is whole.

    Args:
        storage: the dataset's root.
        progress: called with the bytes copied.
        discard_claim: take the claim of another writer over, though it may still be at it.

    Returns:
        The id of the version; None if the tree is one of today, which is left as it is.

    Raises:
        DatasetFormatError: it cannot be told what ``latest/`` is, or the version of its id has
            other rows; nothing was changed.
        VersionConflictError: another writer is at the version.
        StorageError: a file could not be read or written.
    """
    note, marker = _get(storage, LATEST_NOTE), _get(storage, LATEST_MARKER)
    if note is None and marker is None:
        return None
    latest = _files(storage, LATEST_FOLDER)
    if marker is None:
        layout = _holder(storage, latest, note)
        if layout is None:
            return None
    else:
        layout, content = _described(storage, marker, note)
        mine = claim.take(storage, layout, discard=discard_claim)
        _move(storage, layout, mine, latest, content, progress)
        if note is None:
            # By it, the next call knows that this one was interrupted from here on.
            storage.put(LATEST_NOTE, marker)
    storage.delete(LATEST_MARKER)
    storage.clear(LATEST_FOLDER)
    storage.delete(LATEST_NOTE)
    return layout.version


def _get(storage: Storage, key: str) -> bytes | None:
    try:
        return storage.get(key)
    except ObjectNotFoundError:
        return None


def _files(storage: Storage, folder: str) -> _Files:
    """What is below a folder, by the path from there; a claim is no part of a version."""
    found = {item.key[len(folder) + 1 :]: item for item in storage.list(folder)}
    found.pop(_CLAIM, None)
    return found


def _is_version(storage: Storage, layout: VersionLayout) -> bool:
    return bool(Catalog(storage).described([layout]))


def _holder(storage: Storage, latest: _Files, note: bytes | None) -> VersionLayout | None:
    """The version that has all that is left in ``latest/`` after its description was removed.

    None where nothing is left, nor is there the version that it was.
    """
    if not latest:
        named = _id(_json(note).get("version"))
        return named if named is not None and _is_version(storage, named) else None
    for version in Catalog(storage).versions():
        there = _files(storage, version.layout.root)
        if latest.keys() - _WORDS <= there.keys() and not _differing(storage, latest, there):
            return version.layout
    raise DatasetFormatError(
        f"{storage.url}/{LATEST_FOLDER}/ has no provenance/dataset_description.json, and no version"
        " has its files: nothing was changed; look into it, and remove it if it is of no use"
    )


# ------------------------------------------------------------------------------ the description


def _described(storage: Storage, marker: bytes, note: bytes | None) -> tuple[VersionLayout, bytes]:
    """Where the version belongs, and a description of it that can be read.

    Early releases left out what today's readers need; it is known from elsewhere then.

    Raises:
        DatasetFormatError: it is not.
    """
    known = [_json(marker), _json(note), _json(_get(storage, _SNAPSHOT))]
    own, _, snapshot = known
    ids = [*(k.get("version") for k in known), snapshot.get("_id")]
    layout = next(filter(None, map(_id, ids)), None)
    if layout is None:
        raise DatasetFormatError(
            f"{storage.url}/{LATEST_MARKER}: it names no version id that could be a folder's name;"
            " nothing was changed"
        )
    with suppress(DatasetFormatError):
        if DatasetDescription.from_json(marker).version == layout.version:
            return layout, marker
    instants = (_instant(k.get("created")) for k in known)
    created = next(filter(None, [*instants, _instant_of(layout.version)]), None)
    own["version"] = layout.version
    if created is not None:
        own["created"] = created
    return layout, DatasetDescription.from_json(json.dumps(own)).to_json()


def _json(content: bytes | None) -> dict[str, Any]:
    try:
        found = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _id(version: object) -> VersionLayout | None:
    try:
        return VersionLayout(version) if isinstance(version, str) else None
    except InvalidNameError:
        return None


def _instant(value: object) -> str | None:
    try:
        return format_instant(parse_instant(value)) if isinstance(value, str) else None
    except ValueError:
        return None


def _instant_of(version: str) -> str | None:
    """When an id of the platform was made, which stands in its first digits."""
    try:
        seconds = int(version[:_TIME_DIGITS], 16) if len(version) == _ID_DIGITS else None
    except ValueError:
        seconds = None
    if seconds is None:
        return None
    return format_instant(datetime.fromtimestamp(seconds, timezone.utc))


# ------------------------------------------------------------------------------------ the files


def _move(
    storage: Storage,
    layout: VersionLayout,
    mine: bytes,
    latest: _Files,
    description: bytes,
    progress: ProgressCallback | None,
) -> None:
    """Let the version stand whole where versions stand today."""
    try:
        storage.sweep(layout.root)
        there = _files(storage, layout.root)
        is_committed = _is_version(storage, layout)
        if is_committed:
            _check_same(storage, layout, latest, there)
        else:
            # Of a rendering or a move that was interrupted: what is in latest/ is whole.
            storage.delete_many([file.key for file in there.values()])
            there = {}
        lacking = sorted(latest.keys() - there.keys() - {_DESCRIPTION})
        _copy(storage, [(latest[path], f"{layout.root}/{path}") for path in lacking], progress)
        with storage.exclusive():
            claim.require(storage, layout, mine)
            if not is_committed:
                storage.put_if_absent(layout.description, description)
        claim.release(storage, layout, mine)
    except BaseException as error:
        let_go(storage, layout, mine, error)
        raise


def _check_same(storage: Storage, layout: VersionLayout, latest: _Files, there: _Files) -> None:
    """Make sure that both places have the same version, one of them perhaps in part.

    Raises:
        DatasetFormatError: they have not.
    """
    only_latest = any(path.startswith(_ROWS) for path in latest.keys() - there.keys())
    only_there = any(path.startswith(_ROWS) for path in there.keys() - latest.keys())
    differing = _differing(storage, latest, there)
    if (only_latest and only_there) or differing:
        what = differing[0] if differing else "files in tables/"
        raise DatasetFormatError(
            f"{storage.url}: {LATEST_FOLDER}/ and {layout.root}/ have the same version id, but not"
            f" the same content ({what}); nothing was changed: remove the one that is of no use"
        )


def _differing(storage: Storage, some: _Files, others: _Files) -> list[str]:
    """The paths that stand in both places with different content, texts for people aside."""
    both = sorted((some.keys() & others.keys()) - _WORDS)
    differing = [path for path in both if some[path].size != others[path].size]
    same_size = [path for path in both if some[path].size == others[path].size]
    first = digests_of(storage, [some[path] for path in same_size])
    second = digests_of(storage, [others[path] for path in same_size])
    for path, (_, ours), (_, theirs) in zip(same_size, first, second, strict=True):
        if ours != theirs:
            differing.append(path)
    return differing


def _copy(
    storage: Storage,
    moves: Sequence[tuple[ObjectInfo, str]],
    progress: ProgressCallback | None,
) -> None:
    total, done = sum(file.size for file, _ in moves), 0

    def stored(size: int) -> None:
        nonlocal done
        done += size
        if progress is not None:
            progress(Progress("migrate", bytes=done, total_bytes=total))

    targets = {file.key: key for file, key in moves}
    parent = storage.root if isinstance(storage, LocalStorage) else Path(tempfile.gettempdir())
    with workspace(parent) as folder:
        for fetched in _fetched(storage, [file for file, _ in moves], folder):
            storage.put_files([(targets[key], path) for key, path in fetched], stored)


def _fetched(
    storage: Storage, files: Sequence[ObjectInfo], folder: Path
) -> Iterator[list[tuple[str, Path]]]:
    """The files as local ones by their keys, so many at once that they are worth the while."""
    ready: list[tuple[str, Path]] = []
    held = 0
    for piece in pieces_of(storage, files):
        path = folder / str(len(ready))
        with open(path, "ab") as file:
            file.write(piece.data)
        held += len(piece.data)
        if piece.is_last:
            ready.append((piece.file.key, path))
            if held >= _MOST_AT_ONCE:
                yield ready
                for _, local in ready:
                    local.unlink(missing_ok=True)
                ready, held = [], 0
    yield ready
