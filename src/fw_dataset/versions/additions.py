"""Add tables to a version that stands: each appears whole, or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import TimeoutError as NotInTimeError
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fw_dataset.errors import (
    DatasetFormatError,
    ObjectExistsError,
    StorageError,
    VersionConflictError,
)
from fw_dataset.format.description import DatasetDescription
from fw_dataset.format.manifest import FileEntry, Manifest
from fw_dataset.render.progress import Progress, ProgressCallback
from fw_dataset.storage import Storage
from fw_dataset.storage.beside import begin
from fw_dataset.versions import claim
from fw_dataset.versions.catalog import Catalog, CommittedVersion
from fw_dataset.versions.copying import Transfer, copy_files, plan_transfer
from fw_dataset.versions.incoming import IncomingTable
from fw_dataset.versions.rewriting import rewrite
from fw_dataset.versions.workspace import work_parent, workspace

__all__ = ["Addition", "add"]

# Seconds to wait for the claim to be given back, and after Ctrl-C.
_PATIENCE, _HASTE = 30, 0.7


@dataclass(frozen=True)
class Addition:
    """What is added to a version.

    Attributes:
        source: the storage in which the tables stand.
        tables: the tables.
        note: what is entered in the manifest, or in the description where there is none, given
            what stands there beyond the format's own keys.
        refused: the end of the message when a table of a name is there already, given the names
            of the tables that stand, without case.
        stage: what progress calls it.
        documents: further files that are stored, by their paths in the version; what stands there
            is replaced.
    """

    source: Storage
    tables: Sequence[IncomingTable]
    note: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    refused: Callable[[Iterable[str]], str]
    stage: str
    documents: Mapping[str, bytes] = field(default_factory=dict)


def add(
    catalog: Catalog,
    target: CommittedVersion,
    addition: Addition,
    *,
    progress: ProgressCallback | None = None,
    discard_claim: bool = False,
) -> None:
    """Add tables to a version that has none of their names.

    Data files land first, then the schemas, by which the tables are there for readers, then the
    documents, description and manifest. What an interrupted addition of the same tables has done
    is not done again.

    Raises:
        VersionNotFoundError: the version is there no more.
        VersionConflictError: it has a table of that name; or another writer is at it.
        DatasetFormatError: a data file at the source is damaged.
        StorageError: a storage refuses, is full, or cannot be reached.
    """
    # Of a writer that is at it still, nothing is taken over, though it may end before we begin.
    left = claim.holder(target.storage, target.layout)
    is_left = left is not None and (discard_claim or left[1])
    _Work(target, addition, is_resumed=is_left).check_names()
    with _claimed(target, discard=discard_claim) as mine:
        # It may have been changed before it was claimed.
        work = _Work(catalog.find_id(target.id), addition, is_resumed=is_left)
        work.check_names()
        target.storage.sweep(target.layout.root)
        digests = work.bring_data(progress)
        with target.storage.exclusive():
            claim.require(target.storage, target.layout, mine)
            work.show_schemas()
            work.store_documents()
            work.note(digests)


@contextmanager
def _claimed(target: CommittedVersion, *, discard: bool) -> Iterator[bytes]:
    """Be the only writer of a version; its claim is given."""
    storage, layout = target.storage, target.layout
    mine = claim.take(storage, layout, discard=discard, doing="changed")
    try:
        yield mine
    except BaseException as error:
        _give_back(target, mine, _PATIENCE if isinstance(error, Exception) else _HASTE)
        raise
    _give_back(target, mine, _PATIENCE)


def _give_back(target: CommittedVersion, mine: bytes, seconds: float) -> None:
    """Release a claim. One that stays harms no reader, and is taken over by the next writer."""
    storage, layout = target.storage, target.layout
    is_released = False
    try:
        if storage.native_path(layout.root) is not None:
            claim.release(storage, layout, mine)
        else:
            # Whoever pressed Ctrl-C does not wait for a store that does not answer.
            begin(lambda: claim.release(storage, layout, mine)).result(seconds)
        is_released = True
    except (StorageError, NotInTimeError):
        pass
    finally:
        if not is_released:
            claim.abandon(mine)


@dataclass(frozen=True)
class _Work:
    """Tables on their way into a version.

    Attributes:
        target: the version.
        addition: what is added.
        is_resumed: a writer that is gone has left its claim on the version.
    """

    target: CommittedVersion
    addition: Addition
    is_resumed: bool

    def check_names(self) -> None:
        """Make sure that the version has no table of these names.

        One that an interrupted addition has shown is passed over here: its content is compared.

        Raises:
            VersionConflictError: it has one.
        """
        standing = self._standing()
        folded = {name.casefold(): name for name in standing}
        for table in self.addition.tables:
            there = folded.get(table.name.casefold())
            if there is None:
                continue
            # All is noted last, unless it was killed just after that.
            is_unfinished = self.is_resumed or not self._is_noted(there)
            if there != table.name or standing[there] != "shown" or not is_unfinished:
                raise self._taken(table.name, there, standing[there])

    def _is_noted(self, table: str) -> bool:
        """Whether both manifest and description name a table that is shown.

        Hiding and showing a table enters it in the description, but not in the manifest.
        """
        layout, manifest = self.target.layout, self.target.manifest
        path = layout.schema(table)[len(layout.root) + 1 :]
        is_listed = manifest is None or any(entry.path == path for entry in manifest.files)
        return is_listed and table in self.target.description.tables

    def bring_data(self, progress: ProgressCallback | None) -> dict[str, str]:
        """Copy the data files that are not there; the SHA-256 of all is returned by path.

        Raises:
            VersionConflictError: a table that stands is another one.
            DatasetFormatError: a data file is damaged; none of the tables stays then.
        """
        target, standing = self.target, self._standing()
        transfers = [
            plan_transfer(self.addition.source, target.storage, target.layout, table)
            for table in self.addition.tables
        ]
        for transfer in transfers:
            if transfer.table.name in standing:
                self._check_same(transfer)
        self._clear([key for one in transfers for key in one.foreign])
        try:
            return self._copy(transfers, progress)
        except DatasetFormatError:
            absent = [one.table for one in transfers if one.table.name not in standing]
            keys = [f"{target.layout.root}/{file.path}" for one in absent for file in one.files]
            target.storage.delete_many(keys)
            raise

    def _clear(self, foreign: Sequence[str]) -> None:
        """Remove what stands in the way; only a manifest tells that it is of no table."""
        if foreign and self.target.manifest is None:
            raise VersionConflictError(
                f"{self.target.storage.url}/{foreign[0]}: it is in the way of a table to add, and"
                " without a manifest nobody can tell whose it is; remove it, if it is of no use"
            )
        if foreign:
            self.target.storage.delete_many(foreign)

    def _copy(
        self, transfers: Sequence[Transfer], progress: ProgressCallback | None
    ) -> dict[str, str]:
        total = sum(file.source.size for table in self.addition.tables for file in table.files)
        wanted = [file for transfer in transfers for file in transfer.wanted]
        done = total - sum(file.source.size for file in wanted)
        digests = {path: text for one in transfers for path, text in one.digests.items()}

        def stored(size: int) -> None:
            nonlocal done
            done += size
            if progress is not None:
                progress(Progress(self.addition.stage, bytes=done, total_bytes=total))

        ours, theirs = self.target.storage, self.addition.source
        # A work folder also where nothing is to be copied: it removes those of dead writers.
        with workspace(work_parent(ours)) as work:
            digests |= copy_files(theirs, ours, self.target.layout, wanted, work, stored)
        return digests

    def _check_same(self, transfer: Transfer) -> None:
        table = transfer.table
        key = self.target.layout.schema(table.name)
        is_same = self.target.storage.get(key) == table.schema
        if transfer.wanted or transfer.foreign or not is_same:
            raise self._taken(table.name, table.name, "shown")

    def show_schemas(self) -> None:
        """Store the schemas: from here on readers have the tables, each with all its rows.

        Raises:
            VersionConflictError: another table of that name came meanwhile.
        """
        storage, layout = self.target.storage, self.target.layout
        for table in self.addition.tables:
            key = layout.schema(table.name)
            try:
                storage.put_if_absent(key, table.schema)
            except ObjectExistsError:
                if storage.get(key) != table.schema:
                    raise self._taken(table.name, table.name, "shown") from None

    def store_documents(self) -> None:
        """Store what goes with the tables."""
        for path, data in self.addition.documents.items():
            self.target.storage.put(f"{self.target.layout.root}/{path}", data)

    def note(self, digests: Mapping[str, str]) -> None:
        """Enter the tables in description and manifest, which is the last to say that all is done.

        So what it says needs no other look.
        """
        storage, layout = self.target.storage, self.target.layout
        has_manifest = self.target.manifest is not None
        rewrite(
            storage,
            layout.description,
            lambda text: self._description(text, noted=not has_manifest),
        )
        if has_manifest:
            rewrite(storage, layout.manifest, lambda text: self._manifest(text, digests))

    def _manifest(self, text: bytes, digests: Mapping[str, str]) -> bytes:
        manifest = Manifest.from_json(text)
        new = {entry.path: entry for entry in self._entries(digests)}
        kept = [entry for entry in manifest.files if entry.path not in new]
        files = tuple(sorted([*kept, *new.values()], key=lambda entry: entry.path))
        notes = self.addition.note(manifest.model_extra or {})
        return manifest.model_copy(update={"files": files, **notes}).to_json()

    def _description(self, text: bytes, *, noted: bool) -> bytes:
        description = DatasetDescription.from_json(text)
        ours = DatasetDescription.describe_tables({t.name: t.model for t in self.addition.tables})
        update: dict[str, Any] = {"tables": {**description.tables, **ours}}
        if noted:  # there is no other place
            update |= self.addition.note(description.model_extra or {})
        return description.model_copy(update=update).to_json()

    def _entries(self, digests: Mapping[str, str]) -> Iterator[FileEntry]:
        start = len(self.target.layout.root) + 1
        for table in self.addition.tables:
            yield FileEntry(
                path=self.target.layout.schema(table.name)[start:],
                bytes=len(table.schema),
                sha256=hashlib.sha256(table.schema).hexdigest(),
            )
            for file in table.files:
                yield FileEntry(
                    path=file.path,
                    bytes=file.source.size,
                    sha256=digests[file.path],
                    table=table.name,
                    rows=file.rows,
                )
        for path, data in self.addition.documents.items():
            yield FileEntry(path=path, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())

    def _standing(self) -> dict[str, str]:
        """The tables of the version, each shown, hidden, or damaged: without a schema."""
        listed = {} if self.target.manifest is None else self.target.manifest.rows
        return {
            **dict.fromkeys([*listed, *self.target.description.tables], "damaged"),
            **dict.fromkeys(self.target.hidden_names, "hidden"),
            **dict.fromkeys(self.target.table_names, "shown"),
        }

    def _taken(self, wanted: str, there: str, state: str) -> VersionConflictError:
        standing = {name.casefold() for name in self._standing()}
        named = repr(wanted) if wanted == there else f"{wanted!r} (there {there!r})"
        return VersionConflictError(
            f"version {self.target.label!r} at {self.target.storage.url} has a table {named}"
            f" already ({state}), {self.addition.refused(standing)}"
        )
