"""One table of a version: what is to change in Iceberg, in one commit."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.refs import MAIN_BRANCH, SnapshotRefType
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.table.update import (
    AddSchemaUpdate,
    AddSnapshotUpdate,
    AssertCurrentSchemaId,
    AssertLastAssignedFieldId,
    AssertRefSnapshotId,
    AssertTableUUID,
    RemoveSnapshotRefUpdate,
    RemoveSnapshotsUpdate,
    SetCurrentSchemaUpdate,
    SetLocationUpdate,
    SetPropertiesUpdate,
    SetSnapshotRefUpdate,
    TableRequirement,
    TableUpdate,
    update_table_metadata,
)

from fw_dataset.errors import PublishingError
from fw_dataset.format.instants import format_instant
from fw_dataset.format.schema import DataModel
from fw_dataset.scale.iceberg.columns import Columns, known_columns, plan_columns
from fw_dataset.scale.iceberg.data_files import TableFiles, data_file, files_of
from fw_dataset.scale.iceberg.homes import CommitLostError, Found, Home
from fw_dataset.scale.iceberg.publications import PublishedTable
from fw_dataset.scale.iceberg.reading_back import check_snapshot
from fw_dataset.scale.iceberg.snapshots import SnapshotWriter
from fw_dataset.scale.iceberg.states import (
    CONTENT,
    CREATED,
    DATASET,
    LABEL,
    VERSION,
    TableState,
    told,
)
from fw_dataset.scale.iceberg.storage_io import Place, StorageIO
from fw_dataset.versions.catalog import CommittedVersion

__all__ = ["Edition", "TablePublishing"]

_ATTEMPTS = 8
_MAPPING = "schema.name-mapping.default"


@dataclass(frozen=True)
class Edition:
    """A version that is to be published.

    Attributes:
        version: the version.
        known: the ids of all versions of the dataset, newest first.
        home: where the tables are.
        place: where the data files are.
        read_back: read each table before it is published.
        restart: drop a table's snapshots where they are in the way.
    """

    version: CommittedVersion
    known: Sequence[str]
    home: Home
    place: Place
    read_back: bool
    restart: bool


class TablePublishing:
    """One table of an edition, until it is published or refused.

    Args:
        edition: what is published.
        name: the table; it is emptied if the version has none of that name.
    """

    def __init__(self, edition: Edition, name: str) -> None:
        self._edition, self._name, self._version = edition, name, edition.version
        self._is_there = name in self._version.table_names
        self._files: TableFiles | None = None
        self._content = self._digest()

    def publish(self) -> PublishedTable:
        """Publish it, or find that it is.

        Raises:
            PublishingError: it is another dataset's, or its columns are in the way; or others
                change it all the time.
        """
        for _ in range(_ATTEMPTS):
            try:
                return self._try()
            except CommitLostError:
                continue  # another publisher was quicker: look at what there is now
        raise PublishingError(
            f"table {self._name!r} was changed by others {_ATTEMPTS} times while it was published;"
            " publish again when they are done"
        )

    def _try(self) -> PublishedTable:
        found = self._edition.home.load(self._name)
        if found is None:
            return self._publish_new()
        self._check_is_ours(found)
        state = TableState(found.metadata)
        is_newest = state.newest(self._version.id, self._edition.known) == self._version.id
        tagged = state.tagged(self._version.id)
        if self._is_moved(found):
            return self._restarted(found, is_newest, "it was published at another place")
        if tagged is not None and told(tagged, CONTENT) == self._content:
            return self._publish_again(found, tagged)
        if not self._is_there:
            return self._publish_rows(found, None)
        columns = self._planned(found, is_newest=is_newest)
        if columns.retyped:
            names = ", ".join(str(one) for one in columns.retyped)
            return self._restarted(found, is_newest, f"other types than before have {names}")
        return self._publish_rows(found, columns)

    # ---------------------------------------------------------------------------- the cases

    def _publish_new(self) -> PublishedTable:
        """Make the table, and show the version in it, at once."""
        columns = self._planned(None, is_newest=True)
        found = self._edition.home.begin(self._name, columns.schema(0))
        columns = columns.numbered_as(found.metadata.schema())
        return self._publish_rows(found, columns)

    def _publish_again(self, found: Found, tagged: Snapshot) -> PublishedTable:
        """Show what is there: the newest version as the current one, and today's label."""
        updates = [*self._tidied(found.metadata), *self._properties(found.metadata, None)]
        updates += self._current(found.metadata, tagged)
        if not updates:
            self._edition.home.settle(self._name, found)
            return self._done(tagged, found.location, found.metadata, "unchanged")
        return self._commit(found, tagged, updates)

    def _restarted(self, found: Found, is_newest: bool, why: str) -> PublishedTable:
        """Begin the table's history anew, if that is allowed."""
        if not self._edition.restart:
            raise PublishingError(
                f"table {self._name!r} is published already, and {why}; to drop its earlier"
                " snapshots, publish with restart (--restart), or publish to another place"
            )
        if not is_newest:
            raise PublishingError(
                f"table {self._name!r} shows a newer version already, and {why}: an older version"
                " cannot be published beside it"
            )
        columns = self._planned(found, is_newest=True) if self._is_there else None
        return self._publish_rows(found, columns, restart=True)

    def _publish_rows(
        self, found: Found, columns: Columns | None, *, restart: bool = False
    ) -> PublishedTable:
        """Write the version's snapshot, read it back, and show it."""
        base, updates = found.metadata, list[TableUpdate]()
        if restart:
            updates += _forgetting(base, self._edition.home.expected(self._name))
            base = update_table_metadata(base, tuple(updates))
        schema, added = _schema(base, columns, is_new=found.is_new)
        updates += added
        writer = SnapshotWriter(found.io, base)
        try:
            snapshot = self._write(writer, base, schema, columns)
            updates += [AddSnapshotUpdate(snapshot=snapshot)]
            updates += [_ref(self._version.id, SnapshotRefType.TAG, snapshot)]
            updates += [*self._tidied(base), *self._properties(base, columns)]
            staged = update_table_metadata(found.metadata, tuple(updates))
            updates += self._current(staged, snapshot)
            if self._edition.read_back:
                self._check(found, staged, snapshot, columns)
        except BaseException:
            writer.discard()
            raise
        try:
            return self._commit(found, snapshot, updates)
        except CommitLostError:
            # Of any other failure it is not known whether readers see it.
            writer.discard()
            raise

    # ---------------------------------------------------------------------------- the parts

    def _write(
        self, writer: SnapshotWriter, base: TableMetadata, schema: Schema, columns: Columns | None
    ) -> Snapshot:
        state = TableState(base)
        is_newest = state.newest(self._version.id, self._edition.known) == self._version.id
        place, known = self._edition.place, {} if columns is None else columns.fields
        files = [data_file(one, place.location(one.key), known) for one in self._look().files]
        summary = {
            VERSION: self._version.id,
            CREATED: format_instant(self._version.description.created),
            CONTENT: self._content,
        }
        return writer.write(files, schema, state.current if is_newest else None, summary)

    def _current(self, metadata: TableMetadata, snapshot: Snapshot) -> list[TableUpdate]:
        """What makes the newest version the current one."""
        state = TableState(metadata)
        newest = state.newest(self._version.id, self._edition.known)
        wanted = snapshot if newest == self._version.id else state.tagged(newest)
        current = state.current
        if wanted is None or (current and current.snapshot_id == wanted.snapshot_id):
            return []
        updates: list[TableUpdate] = [_ref(MAIN_BRANCH, SnapshotRefType.BRANCH, wanted)]
        if wanted.schema_id is not None and wanted.schema_id != metadata.current_schema_id:
            updates.append(SetCurrentSchemaUpdate(schema_id=wanted.schema_id))
        return updates

    def _tidied(self, metadata: TableMetadata) -> list[TableUpdate]:
        """Without the tags of versions that were deleted: their files are no more."""
        gone = TableState(metadata).gone(self._edition.known)
        return [RemoveSnapshotRefUpdate(ref_name=tag) for tag in gone]

    def _properties(self, metadata: TableMetadata, columns: Columns | None) -> list[TableUpdate]:
        description = self._version.description
        wanted = {
            DATASET: description.id,
            f"{LABEL}{self._version.id}": self._version.label,
            # The files are the dataset's: nobody who tidies a table up deletes them.
            "gc.enabled": "false",
        }
        if columns is not None:
            wanted[_MAPPING] = columns.mapping.model_dump_json()
            wanted["comment"] = self._model().description
        changed = {k: v for k, v in wanted.items() if metadata.properties.get(k) != v}
        return [SetPropertiesUpdate(updates=changed)] if changed else []

    def _commit(
        self, found: Found, snapshot: Snapshot, updates: Sequence[TableUpdate]
    ) -> PublishedTable:
        base = found.metadata
        requirements: list[TableRequirement] = [
            AssertTableUUID(uuid=base.table_uuid),
            AssertLastAssignedFieldId(last_assigned_field_id=base.last_column_id),
            AssertCurrentSchemaId(current_schema_id=base.current_schema_id),
        ]
        for name in (MAIN_BRANCH, self._version.id):
            there = base.snapshot_by_name(name)
            number = None if there is None else there.snapshot_id
            requirements.append(AssertRefSnapshotId(ref=name, snapshot_id=number))
        location = self._edition.home.commit(self._name, found, requirements, updates)
        after = update_table_metadata(base, tuple(updates))
        return self._done(snapshot, location, after, "published" if self._is_there else "emptied")

    def _check(
        self, found: Found, staged: TableMetadata, snapshot: Snapshot, columns: Columns | None
    ) -> None:
        files, place = self._look(), self._edition.place
        named = {} if columns is None else {k: one.name for k, one in columns.fields.items()}
        sizes = {place.location(one.key): one.size for one in files.files}
        check_snapshot(
            self._name,
            staged,
            snapshot,
            StorageIO(place, sizes=sizes, other=found.io),
            files.rows,
            {named[name]: count for name, count in files.values.items()},
            {named[name]: weight for name, weight in files.weights.items()},
        )

    def _done(
        self, snapshot: Snapshot, location: str, metadata: TableMetadata, state: str
    ) -> PublishedTable:
        summary = {} if snapshot.summary is None else snapshot.summary.additional_properties
        current = TableState(metadata).current
        return PublishedTable(
            name=self._name,
            state=state,
            rows=int(summary["total-records"]),
            files=int(summary["total-data-files"]),
            bytes=int(summary["total-files-size"]),
            snapshot_id=snapshot.snapshot_id,
            is_current=current is not None and current.snapshot_id == snapshot.snapshot_id,
            metadata_location=location,
        )

    # ------------------------------------------------------------------------- what there is

    def _look(self) -> TableFiles:
        """The data files; their footers are read once, and only if something is to be done."""
        if self._files is None:
            there = self._is_there
            self._files = files_of(self._version, self._name) if there else TableFiles()
        return self._files

    def _model(self) -> DataModel:
        return self._version.model(self._name)

    def _planned(self, found: Found | None, *, is_newest: bool) -> Columns:
        metadata = None if found is None else found.metadata
        properties = self._model().properties
        return plan_columns(
            self._look().types,
            {name: str(one.get("description") or "") for name, one in properties.items()},
            known_columns(metadata),
            0 if metadata is None else metadata.last_column_id,
            is_newest=is_newest,
        )

    def _digest(self) -> str:
        """A digest of the data files, the same as long as they are the same at the same place."""
        digest = hashlib.sha256()
        if self._is_there:
            manifest = self._version.manifest
            entries = () if manifest is None else manifest.data_files(self._name)
            hashes = {f"{self._version.layout.root}/{one.path}": one.sha256 for one in entries}
            for one in self._version.data_files(self._name):
                where = self._edition.place.location(one.key)
                digest.update(f"{where}\t{one.size}\t{hashes.get(one.key, '')}\n".encode())
        return digest.hexdigest()

    def _check_is_ours(self, found: Found) -> None:
        theirs, ours = found.metadata.properties.get(DATASET), self._version.description.id
        if theirs != ours:
            whose = "no dataset" if theirs is None else f"the dataset of project {theirs}"
            raise PublishingError(
                f"there is a table {self._name!r} already, of {whose}, not of project {ours}:"
                " publish to another place, or with another namespace"
            )

    def _is_moved(self, found: Found) -> bool:
        expected = self._edition.home.expected(self._name)
        return expected is not None and expected != found.metadata.location


def _schema(
    metadata: TableMetadata, columns: Columns | None, *, is_new: bool
) -> tuple[Schema, list[TableUpdate]]:
    """The schema of a version's columns, and what adds it where the table has none like it."""
    if columns is None or is_new:
        return metadata.schema(), []
    for there in metadata.schemas:
        if there == columns.schema(there.schema_id):
            return there, []
    added = columns.schema(1 + max(there.schema_id for there in metadata.schemas))
    return added, [AddSchemaUpdate(schema_=added)]


def _forgetting(metadata: TableMetadata, location: str | None) -> list[TableUpdate]:
    """What drops all snapshots, their tags with them, and moves a table that was moved."""
    updates: list[TableUpdate] = []
    if metadata.snapshots:
        numbers = [one.snapshot_id for one in metadata.snapshots]
        updates.append(RemoveSnapshotsUpdate(snapshot_ids=numbers))
    if location is not None and location != metadata.location:
        updates.append(SetLocationUpdate(location=location))
    return updates


def _ref(name: str, kind: SnapshotRefType, snapshot: Snapshot) -> SetSnapshotRefUpdate:
    return SetSnapshotRefUpdate(
        ref_name=name,
        type=kind,
        snapshot_id=snapshot.snapshot_id,
        max_ref_age_ms=None,
        max_snapshot_age_ms=None,
        min_snapshots_to_keep=None,
    )
