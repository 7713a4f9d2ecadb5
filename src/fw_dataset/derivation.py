"""Derived tables and profiles: made with a rendering, or for a version that stands already."""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from fw_dataset.dataset import Dataset
from fw_dataset.errors import (
    DatasetFormatError,
    FWDatasetError,
    InvalidArgumentError,
    StorageError,
    VersionConflictError,
)
from fw_dataset.format.manifest import FileEntry, Manifest
from fw_dataset.format.profile import TableProfile
from fw_dataset.format.schema import DataModel
from fw_dataset.format.tables import INFO, PRIMARY_CONTAINERS
from fw_dataset.render.derived import DerivedTables, PrimaryFiles
from fw_dataset.render.objects import ObjectTables, derive_objects
from fw_dataset.render.profiles import profile_tables, profiling_ahead
from fw_dataset.render.progress import Progress, ProgressCallback
from fw_dataset.render.tabular import FolderSource, TabularSource, derive_tabular
from fw_dataset.render.version import RenderedTables
from fw_dataset.storage import LocalStorage, ObjectInfo
from fw_dataset.versions.additions import Addition, add
from fw_dataset.versions.catalog import Catalog, CommittedVersion
from fw_dataset.versions.claim import discard_dead_claim
from fw_dataset.versions.documents import to_json
from fw_dataset.versions.incoming import IncomingFile, IncomingTable
from fw_dataset.versions.local_files import local_files
from fw_dataset.versions.reports import added_report
from fw_dataset.versions.workspace import work_folder

__all__ = ["NOTES", "Derivations", "add_derived", "add_missing", "by_default", "derive_rendered"]

NOTES = "derived"
"""The key of the manifest under which stands what was derived."""
_WITH_VALUES, _WITHOUT_VALUES = "with values", "without values"
_CUSTOM = "info_"
_DAMAGED = (pa.ArrowException, OSError)
_OF_TABULAR_FILES = ("name", "type", "size", "hash", "deleted", "replaced")


@dataclass(frozen=True)
class Derivations:
    """What is to be derived from the primary tables.

    Attributes:
        headers: the tables ``header_*``.
        qc: the tables ``qc`` and ``qc_*``.
        custom_info: keys of ``info`` that get tables, such as ``"subjects.demographics"``.
        tabular_files: where the bytes of tabular files come from; None for no tables of them.
        profiles: statistics of every column.
        profile_values: keep values in them, such as the most frequent ones.
    """

    headers: bool = False
    qc: bool = False
    custom_info: tuple[str, ...] = ()
    tabular_files: TabularSource | None = None
    profiles: bool = False
    profile_values: bool = True

    @classmethod
    def make(
        cls,
        *,
        headers: bool = False,
        qc: bool = False,
        custom_info: Sequence[str] | None = None,
        tabular_files: Any = None,
        profiles: bool = False,
        profile_values: bool = True,
    ) -> Derivations:
        """Check what is asked for.

        Raises:
            InvalidArgumentError: it cannot be.
        """
        given: object = custom_info or ()
        if isinstance(given, str | bytes) or not isinstance(given, Iterable):
            raise InvalidArgumentError(
                f'custom_info={given!r}: give a list of names such as ["subjects.demographics"]'
            )
        wish = ObjectTables(headers=headers, qc=qc, custom_info=tuple(given))
        return cls(
            headers=wish.headers,
            qc=wish.qc,
            custom_info=wish.custom_info,
            tabular_files=_source(tabular_files),
            profiles=profiles,
            profile_values=profile_values,
        )

    def __bool__(self) -> bool:
        return self.makes_tables or self.profiles

    @property
    def makes_tables(self) -> bool:
        """Whether tables are asked for, not just profiles."""
        return bool(self._objects or self.tabular_files is not None)

    @property
    def _objects(self) -> bool:
        return bool(self.headers or self.qc or self.custom_info)

    @property
    def containers(self) -> list[str]:
        """The primary tables that are read for the tables asked for."""
        named = {key.partition(".")[0] for key in self.custom_info}
        if self.headers or self.qc or self.tabular_files is not None:
            named.add("files")
        return [name for name in PRIMARY_CONTAINERS if name in named]

    def noted(self) -> dict[str, Any]:
        """What the manifest says of it."""
        notes: dict[str, Any] = {}
        if self.headers:
            notes["headers"] = True
        if self.qc:
            notes["qc"] = True
        if self.custom_info:
            notes["custom_info"] = sorted(self.custom_info)
        if self.tabular_files is not None:
            notes["tabular_files"] = True
        if self.profiles:
            notes["profiles"] = _WITH_VALUES if self.profile_values else _WITHOUT_VALUES
        return notes

    def beyond(self, noted: Mapping[str, Any]) -> Derivations:
        """What is asked for beyond what a manifest says is there."""
        there = noted.get("custom_info")
        keys = set(there) if isinstance(there, list) else set()
        profiles = _WITH_VALUES if self.profile_values else _WITHOUT_VALUES
        missing = replace(
            self,
            headers=self.headers and not noted.get("headers"),
            qc=self.qc and not noted.get("qc"),
            custom_info=tuple(key for key in self.custom_info if key not in keys),
            tabular_files=None if noted.get("tabular_files") else self.tabular_files,
        )
        is_profiled = noted.get("profiles") == profiles and not missing.makes_tables
        return replace(missing, profiles=self.profiles and not is_profiled)

    def check_columns(self, columns: Mapping[str, Collection[str]]) -> None:
        """Make sure that the primary tables have the columns that all this is made of.

        Args:
            columns: the names of the columns of each primary table.

        Raises:
            InvalidArgumentError: one has been left out.
        """
        needed = {name: [INFO] for name in self.containers}
        if not (self.headers or self.qc) and "files" in needed:
            needed["files"] = (
                [INFO] if any(k.startswith("files.") for k in self.custom_info) else []
            )
        if self.tabular_files is not None:
            needed["files"] += _OF_TABULAR_FILES
        for table, wanted in needed.items():
            if wanted and table not in columns:
                raise InvalidArgumentError(
                    f"nothing can be derived of {table}, which the version does not show: unhide"
                    " the table first, or ask for fewer derived tables"
                )
            lacking = [name for name in wanted if name not in columns.get(table, ())]
            if lacking:
                raise InvalidArgumentError(
                    f"nothing can be derived of {table} without their"
                    f" {'columns' if len(lacking) > 1 else 'column'} {', '.join(lacking)}: keep"
                    " them in control_columns, or ask for fewer derived tables"
                )


def by_default(variable: str, given: bool | None) -> bool:
    """A switch as it is given, else as a variable of the environment says.

    Raises:
        InvalidArgumentError: the variable says neither yes nor no.
    """
    if given is not None:
        return given
    text = os.environ.get(variable, "").strip()
    if text.casefold() in ("", "0", "false", "no", "off"):
        return False
    if text.casefold() in ("1", "true", "yes", "on"):
        return True
    raise InvalidArgumentError(f"{variable}={text!r}: say true or false")


def _source(tabular_files: Any) -> TabularSource | None:
    if tabular_files is None or tabular_files is False:
        return None
    if tabular_files is True:
        raise InvalidArgumentError(
            "tabular_files=True takes them from a Flywheel site, and there is none here: name a"
            " folder that has them as {file_id}/{name}"
        )
    if isinstance(tabular_files, str | os.PathLike):
        if not os.fspath(tabular_files):
            raise InvalidArgumentError("tabular_files is empty: name a folder")
        return FolderSource(tabular_files)
    if not hasattr(tabular_files, "fetch_each"):
        raise InvalidArgumentError(
            "tabular_files: name a folder that has them as {file_id}/{name},"
            f" not {type(tabular_files).__name__}"
        )
    source: TabularSource = tabular_files
    return source


def derive_rendered(
    rendered: RenderedTables,
    folder: Path,
    wish: Derivations,
    work: Path,
    progress: ProgressCallback | None,
) -> None:
    """Derive from what was just rendered, and put that behind it.

    Args:
        rendered: the primary tables; what is derived is added.
        folder: the version's folder.
        wish: what is asked for.
        work: a folder to work in.
        progress: told how far it is.

    Raises:
        FWDatasetError: a source of tabular files cannot be read at all.
    """
    files = _files_below(folder, rendered.entries)
    taken = {name.casefold() for name in rendered.models}
    found, profiles = _make(files, rendered.models, folder, wish, taken, work, progress)
    rendered.models |= found.models
    rendered.entries += found.entries
    rendered.report.derived |= found.report
    rendered.report.tabular_files += found.files
    rendered.profiles = profiles


def _files_below(folder: Path, entries: Sequence[FileEntry]) -> dict[str, list[Path]]:
    files: dict[str, list[Path]] = {}
    for entry in entries:
        if entry.table is not None:
            files.setdefault(entry.table, []).append(folder / entry.path)
    return files


def _make(
    files: PrimaryFiles,
    models: Mapping[str, DataModel],
    folder: Path,
    wish: Derivations,
    taken: Collection[str],
    work: Path,
    progress: ProgressCallback | None,
) -> tuple[DerivedTables, dict[str, bytes]]:
    """Tables that are derived from others, and the profiles of all of them."""
    if not wish.profiles:
        return _derive(files, folder, wish, taken, work, progress), {}
    import duckdb  # noqa: PLC0415 - it takes long to load, and only profiles need it

    try:
        return _make_with_profiles(files, models, folder, wish, taken, work, progress)
    except duckdb.OutOfMemoryException as error:
        raise StorageError(f"there is no room to make profiles: {_first_line(error)}") from None
    except duckdb.Error as error:
        raise DatasetFormatError(
            "tables cannot be read to make profiles; check the dataset with verify:"
            f" {_first_line(error)}"
        ) from None


def _make_with_profiles(
    files: PrimaryFiles,
    models: Mapping[str, DataModel],
    folder: Path,
    wish: Derivations,
    taken: Collection[str],
    work: Path,
    progress: ProgressCallback | None,
) -> tuple[DerivedTables, dict[str, bytes]]:
    values = wish.profile_values
    if not wish.makes_tables:
        made = profile_tables(files, models, values=values, progress=progress)
        return DerivedTables(), _written(made)
    with profiling_ahead(files, models, values=values) as profiles:
        found = _derive(files, folder, wish, taken, work, progress)
        made = profiles()
    files = _files_below(folder, found.entries)
    after = None if progress is None else _counting_from(len(made), progress)
    made |= profile_tables(files, found.models, values=values, progress=after)
    return found, _written(made)


def _counting_from(done: int, progress: ProgressCallback) -> ProgressCallback:
    """Tells how far profiles are when those of some tables are there already."""

    def tell(moment: Progress) -> None:
        total = done + (moment.total_rows or 0)
        progress(replace(moment, rows=done + moment.rows, total_rows=total))

    return tell


def _written(profiles: Mapping[str, TableProfile]) -> dict[str, bytes]:
    return {table: profile.to_json() for table, profile in profiles.items()}


def _derive(
    files: PrimaryFiles,
    folder: Path,
    wish: Derivations,
    taken: Collection[str],
    work: Path,
    progress: ProgressCallback | None,
) -> DerivedTables:
    found = DerivedTables()
    if wish.headers or wish.qc or wish.custom_info:
        objects = ObjectTables(headers=wish.headers, qc=wish.qc, custom_info=wish.custom_info)
        found.add(derive_objects(files, folder, objects, taken, progress))
    if wish.tabular_files is not None:
        names = {*taken, *(name.casefold() for name in found.models)}
        found.add(derive_tabular(files, folder, wish.tabular_files, names, work, progress))
    return found


# ------------------------------------------------------------------------ versions that stand


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
        found, profiles = _make(files, models, folder, missing, taken, work, progress)
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
            f" check the dataset with verify: {_first_line(error)}"
        ) from None


def _first_line(error: Exception) -> str:
    return " ".join(str(error).partition("\n")[0].split())


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
