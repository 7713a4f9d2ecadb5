"""Add derived tables and profiles to a version that stands."""

from __future__ import annotations

import errno
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from fw_dataset.dataset import Dataset
from fw_dataset.derivation.choice import NOTES, Derivations
from fw_dataset.derivation.making import first_line, make
from fw_dataset.errors import (
    DatasetFormatError,
    FWDatasetError,
    InvalidArgumentError,
    VersionConflictError,
)
from fw_dataset.format.manifest import FileEntry, Manifest
from fw_dataset.format.profile import TableProfile
from fw_dataset.format.schema import DataModel
from fw_dataset.format.tables import PRIMARY_CONTAINERS
from fw_dataset.render.derived import DerivedTables
from fw_dataset.render.progress import ProgressCallback
from fw_dataset.storage import LocalStorage, ObjectInfo
from fw_dataset.versions.additions import Addition, add
from fw_dataset.versions.catalog import Catalog, CommittedVersion
from fw_dataset.versions.claim import discard_dead_claim
from fw_dataset.versions.documents import to_json
from fw_dataset.versions.incoming import IncomingFile, IncomingTable
from fw_dataset.versions.local_files import local_files
from fw_dataset.versions.reports import added_report
from fw_dataset.versions.workspace import work_folder

__all__ = ["add_derived", "add_missing"]

_CUSTOM = "info_"
_DAMAGED = (pa.ArrowException, OSError)


def add_derived(
    dataset: Dataset,
    *,
    version: str | None = None,
    headers: bool = False,
    qc: bool = False,
    custom_info: Sequence[str] | None = None,
    tabular_files: Any = None,
    profiles: bool = False,
    profile_values: bool = True,
    progress: ProgressCallback | None = None,
    workdir: str | Path | None = None,
    discard_claim: bool = False,
) -> list[str]:
    """Add derived tables or profiles to a version that stands already.

    What the version has is not made again. New tables appear whole, or not at all.

    Args:
        dataset: the dataset.
        version: an id, a label or ``"latest"``; else the version at hand.
        headers: the tables ``header_*``, of the headers of files.
        qc: the tables ``qc`` and ``qc_*``, of the results of quality control.
        custom_info: keys of ``info`` that get tables, such as ``["subjects.demographics"]`` or
            ``["sessions.*"]``.
        tabular_files: a folder with the bytes of CSV and TSV files, as ``{file_id}/{name}``.
        profiles: statistics of every column of every table.
        profile_values: keep values in them; without, they tell nothing of single people.
        progress: called with a :class:`~fw_dataset.Progress` now and then.
        workdir: a folder with room for what is made; else the dataset's own, if it is one.
        discard_claim: take over from another writer of this version that is gone for good.

    Returns:
        The names of the tables that were added.

    Raises:
        InvalidArgumentError: nothing is asked for, or a column that is needed was left out.
        VersionNotFoundError: there is no such version.
        VersionConflictError: an older release rendered the version; it has a table of such a name;
            or another writer is at it.
        DatasetFormatError: a data file is missing or damaged.
        StorageError: the storage refuses, is full, or cannot be reached.
    """
    wish = Derivations.make(
        headers=headers,
        qc=qc,
        custom_info=custom_info,
        tabular_files=tabular_files,
        profiles=profiles,
        profile_values=profile_values,
    )
    if not wish:
        raise InvalidArgumentError(
            "nothing is asked for: name headers, qc, custom_info, tabular_files or profiles"
        )
    storage = dataset._storage  # noqa: SLF001 - what it stands for
    storage.check_writable()
    with work_folder(storage, workdir) as work:
        catalog = Catalog(storage)
        # By its id alone: somebody may have deleted the version at hand, and named another so.
        target = catalog.find(version) if version else catalog.find_id(dataset.version)
        added = add_missing(catalog, target.id, wish, work, progress, discard_claim=discard_claim)
    dataset._look_again()  # noqa: SLF001 - as above
    return added


def add_missing(
    catalog: Catalog,
    version: str,
    wish: Derivations,
    work: Path,
    progress: ProgressCallback | None = None,
    *,
    discard_claim: bool = False,
) -> list[str]:
    """Make what a version lacks of what is asked for; the names of the new tables are returned.

    ``version`` is an id.

    Raises:
        FWDatasetError: as for :func:`add_derived`.
    """
    target = catalog.find_id(version)
    if target.manifest is None:
        raise VersionConflictError(
            f"version {target.label!r} at {target.storage.url} was rendered by an older release,"
            " which loses values that derived tables need; render its snapshot anew"
        )
    missing = wish.beyond(_noted(target, target.manifest))
    if not missing:
        discard_dead_claim(target.storage, target.layout)
        return []
    models = {name: target.model(name) for name in target.table_names}
    missing.check_columns({name: model.properties for name, model in models.items()})
    folder = work / "derived"
    folder.mkdir()
    tables = target.table_names if missing.profiles else missing.containers
    files = local_files(target, [name for name in tables if name in models], work / "primary")
    taken = _taken(target)
    with _reading(catalog, target):
        found, profiles = make(files, models, folder, missing, taken, work, progress)
    _leave_out(found, _custom_places(target, target.manifest))
    profiles = {name: data for name, data in profiles.items() if name in {**models, **found.models}}
    documents: dict[str, bytes] = {}
    if found.report or found.files:
        # Under a path of its own: others may follow.
        path, data = added_report({"tables": found.report, "tabular_files": found.files})
        documents[path] = data
    if missing.profiles and not wish.profile_values:
        profiles |= _without_values(target, target.manifest)
    documents |= {_profile_path(table): data for table, data in profiles.items()}
    addition = Addition(
        LocalStorage(folder),
        [_incoming(name, model, found.entries) for name, model in found.models.items()],
        note=lambda there: {NOTES: _joined(there.get(NOTES), missing)},
        refused=lambda _: "so that nothing was added; hide or rename that one",
        stage="publish",
        documents=documents,
    )
    add(catalog, target, addition, progress=progress, discard_claim=discard_claim)
    return list(found.models)


def _noted(target: CommittedVersion, manifest: Manifest) -> dict[str, Any]:
    """What the manifest says is there; tables may have come after the profiles."""
    noted = (manifest.model_extra or {}).get(NOTES)
    found = dict(noted) if isinstance(noted, dict) else {}
    listed = {entry.path for entry in manifest.files}
    if not all(_profile_path(name) in listed for name in target.table_names):
        found.pop("profiles", None)
    return found


def _profile_path(table: str) -> str:
    return f"profiles/{table}.profile.json"


def _without_values(target: CommittedVersion, manifest: Manifest) -> dict[str, bytes]:
    """The profiles that hidden tables have, without values."""
    listed = {entry.path for entry in manifest.files}
    found = {}
    for name in target.hidden_names:
        path = _profile_path(name)
        if path in listed:
            stored = target.storage.get(f"{target.layout.root}/{path}")
            found[name] = TableProfile.from_json(stored, name).without_values().to_json()
    return found


@contextmanager
def _reading(catalog: Catalog, target: CommittedVersion) -> Iterator[None]:
    """Where data files of a version are read, which may be damaged, or go meanwhile.

    Raises:
        VersionNotFoundError: the version is there no more.
        DatasetFormatError: a file is damaged or missing.
    """
    try:
        yield
    except _DAMAGED as error:
        # What the disk refuses has another number.
        is_of_disk = isinstance(error, OSError) and error.errno not in (None, errno.ENOENT)
        if is_of_disk or isinstance(error, FWDatasetError):
            raise
        catalog.find_id(target.id)
        raise DatasetFormatError(
            f"version {target.label!r} at {target.storage.url} has a data file that cannot be read;"
            f" check the dataset with verify: {first_line(error)}"
        ) from None


def _taken(target: CommittedVersion) -> set[str]:
    """The names of the tables that were there before; what an interrupted try left is not."""
    # The manifest is the last to name a table that is added.
    noted = () if target.manifest is None else target.manifest.rows
    return {name.casefold() for name in (*noted, *target.hidden_names)}


def _custom_places(target: CommittedVersion, manifest: Manifest) -> set[tuple[str, str]]:
    """The containers and keys whose values tables hold that were there before."""
    shown = {name: model for name, model in target.models.items() if name in manifest.rows}
    hidden = {
        name: DataModel.from_json(
            target.storage.get(f"{target.layout.hidden_schemas}/{name}.schema.json"), name
        )
        for name in target.hidden_names
        if name.startswith(_CUSTOM)
    }
    return {place for name, model in (shown | hidden).items() if (place := _place(name, model))}


def _place(name: str, model: DataModel) -> tuple[str, str] | None:
    path = (model.model_extra or {}).get("path")
    begins = [of for of in PRIMARY_CONTAINERS if name.startswith(f"{_CUSTOM}{of}_")]
    return (begins[0], repr(path)) if begins and path else None


def _leave_out(found: DerivedTables, places: Collection[tuple[str, str]]) -> None:
    """Let go of tables that are there: ``subjects.*`` may ask for one that was asked for before."""
    for name in [name for name, model in found.models.items() if _place(name, model) in places]:
        del found.models[name], found.report[name]
        found.entries = [entry for entry in found.entries if entry.table != name]


def _incoming(name: str, model: DataModel, entries: Sequence[FileEntry]) -> IncomingTable:
    files = tuple(
        IncomingFile(ObjectInfo(entry.path, entry.bytes), entry.path, entry.rows or 0, entry.sha256)
        for entry in entries
        if entry.table == name
    )
    return IncomingTable(name, to_json(model.to_dict()), model, files)


def _joined(there: object, added: Derivations) -> dict[str, Any]:
    """The manifest's notes with what was added."""
    notes = dict(there) if isinstance(there, dict) else {}
    new = added.noted()
    keys = {*notes.get("custom_info", ()), *new.get("custom_info", ())}
    return {**notes, **new, **({"custom_info": sorted(keys)} if keys else {})}
