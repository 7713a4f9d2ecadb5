"""From the tabular files of a project to tables."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa

from fw_dataset.errors import FWDatasetError, TabularFileError
from fw_dataset.format.names import free_name, table_name
from fw_dataset.render.derived import DerivedTables, PrimaryFiles
from fw_dataset.render.progress import Progress, ProgressCallback
from fw_dataset.render.tabular.columns import SourceColumn, source_columns
from fw_dataset.render.tabular.dialect import DialectFinder
from fw_dataset.render.tabular.members import UNPACKED_LIMIT, Member, members, stem
from fw_dataset.render.tabular.records import Block, RowReader
from fw_dataset.render.tabular.sources import TabularFile, TabularSource, tabular_files
from fw_dataset.render.tabular.spool import Spool
from fw_dataset.render.tabular.tables import ROW_NUMBER, SURPLUS, TEXT, ColumnFacts, Table, Text
from fw_dataset.render.tabular.texts import EncodedText, examine

__all__ = ["derive_tabular"]

_MOST_COLUMNS = 50_000
_SAMPLE = 1 << 16


def derive_tabular(
    sources: PrimaryFiles,
    folder: Path,
    files: TabularSource,
    taken: Collection[str],
    work: Path,
    progress: ProgressCallback | None = None,
    *,
    unpacked_limit: int = UNPACKED_LIMIT,
) -> DerivedTables:
    """Make a table for each distinct set of columns of the files of type ``tabular data``.

    The first line of a file is its header. Every further line is a row of its table, every cell
    stands there again: as text, or as a number, truth value, date or instant where all cells of
    all files of the table say no more than that. An empty cell, in quotes or not, is null; so is
    ``n/a`` where the column is none of texts, and stands in ``extra``. Rows may be shorter than
    the header, which is counted, or longer: ``extra`` has the rest. A file that cannot be read so
    is told of with the reason, and has no row in any table.

    Args:
        sources: the data files of the primary tables; ``files`` tells what is tabular.
        folder: the folder of the version; tables are written below ``tables/`` there.
        files: where the files' bytes are.
        taken: names that no table may get, in any case.
        work: a folder for what is kept meanwhile, up to some times the size of all files.
        progress: called after each file.
        unpacked_limit: how many bytes may come of one packed file.

    Raises:
        InvalidArgumentError: ``files`` was rendered without the columns that tell what is tabular.
        FWDatasetError: no file is to be had any more.
    """
    wanted = tabular_files(sources)
    # What is still being fetched when something fails may be in the way of its removal.
    with tempfile.TemporaryDirectory(
        dir=work, prefix="tabular-", ignore_cleanup_errors=True
    ) as name:
        place = Path(name)
        fetched = place / "fetched"
        fetched.mkdir()
        with DialectFinder(place) as dialects:
            reading = _Reading(Spool(place), dialects, unpacked_limit)
            told = _Told(progress, wanted)
            for file, got in zip(wanted, files.fetch_each(wanted, fetched), strict=True):
                reading.take(file, got)
                if isinstance(got, Path) and fetched in got.parents:
                    got.unlink()
                told.done(file)
        return reading.write(folder, {name.casefold() for name in taken})


@dataclass
class _Entry:
    """What the report says of a file or a member of one."""

    file_id: str | None
    version: int | None
    name: str
    member: str | None = None
    table: str | None = None
    rows: int = 0
    status: str = "skipped"
    reason: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    rows_padded: int = 0
    rows_with_surplus_cells: int = 0


@dataclass
class _Reading:
    """Reads file after file, and knows the tables that come of them."""

    spool: Spool
    dialects: DialectFinder
    limit: int
    tables: dict[frozenset[SourceColumn], Table] = field(default_factory=dict)
    entries: list[_Entry] = field(default_factory=list)
    entry_tables: list[Table | None] = field(default_factory=list)
    begun: int = 0

    def take(self, file: TabularFile, got: Path | FWDatasetError) -> None:
        """Read a file, or note why it is not there."""
        try:
            if isinstance(got, FWDatasetError):
                raise TabularFileError(str(got))
            for member in members(got, file.name, self.limit):
                self._take_member(file, member)
        except TabularFileError as error:
            self._begin(file, None).reason = str(error)

    def _begin(self, file: TabularFile, member: str | None) -> _Entry:
        entry = _Entry(file.file_id, file.version, file.name, member)
        self.entries.append(entry)
        self.entry_tables.append(None)
        return entry

    def _take_member(self, file: TabularFile, member: Member) -> None:
        entry = self._begin(file, member.path)
        entry.reason = member.reason
        if member.open is None:
            return
        try:
            self.entry_tables[-1] = self._read(Text(file, member.path), examine(member.open), entry)
        except TabularFileError as error:
            entry.rows = entry.rows_padded = entry.rows_with_surplus_cells = 0
            entry.reason = str(error)

    def _read(self, text: Text, encoded: EncodedText, entry: _Entry) -> Table | None:
        entry.encoding = encoded.encoding
        pieces = encoded.pieces()
        first = next(pieces, "")
        dialect = self.dialects.find(first[:_SAMPLE], text.member or text.file.name)
        rows = RowReader(_again(first, pieces), dialect)
        if not rows.header:
            entry.status = "empty"
            entry.reason = "it has no line" if encoded.size else "it has no bytes"
            return None
        if len(rows.header) > _MOST_COLUMNS:
            raise TabularFileError(
                f"it has {len(rows.header):,} columns; {_MOST_COLUMNS:,} are read at most"
            )
        entry.delimiter = dialect.delimiter
        columns = source_columns(rows.header)
        key = frozenset(columns)
        table = self.tables.get(key) or self._new_table(text, columns)
        order = _order(table.columns, columns)
        try:
            facts = self._keep(table, order, rows, entry)
        except TabularFileError:
            if key not in self.tables:
                self.spool.forget(table.number)
            raise
        # Only now that all of it is read it counts.
        self.tables[key] = table
        table.add(len(self.entries), text, facts)
        table.rows += entry.rows
        table.padded += entry.rows_padded
        table.longer += entry.rows_with_surplus_cells
        entry.status = "read"
        return table

    def _new_table(self, text: Text, columns: list[SourceColumn]) -> Table:
        self.begun += 1
        return Table(self.begun, columns, stem(text.member or text.file.name))

    def _keep(
        self, table: Table, order: Sequence[int], rows: RowReader, entry: _Entry
    ) -> list[ColumnFacts]:
        facts = [ColumnFacts() for _ in order]
        for block in rows.blocks():
            columns = [block.columns[place] for place in order]
            for known, column in zip(facts, columns, strict=True):
                known.look(column)
            self.spool.add(table.number, _waiting(len(self.entries), entry.rows, columns, block))
            entry.rows += block.rows
            entry.rows_padded += block.padded
            entry.rows_with_surplus_cells += block.longer
        return facts

    def write(self, folder: Path, taken: set[str]) -> DerivedTables:
        """Write all tables."""
        derived = DerivedTables()
        names: dict[int, str] = {}
        for table in self.tables.values():
            name = free_name(table_name(table.stem), taken)
            taken.add(name.casefold())
            names[table.number] = name
            written = table.write(name, folder, self.spool.take(table.number))
            derived.models[name] = written.model
            derived.entries += written.entries
            derived.report[name] = written.report
        for entry, of in zip(self.entries, self.entry_tables, strict=True):
            entry.table = None if of is None else names[of.number]
            derived.files.append(asdict(entry))
        return derived


def _order(table: Sequence[SourceColumn], file: Sequence[SourceColumn]) -> list[int]:
    """Per column of the table, its place in the file."""
    places = {column: place for place, column in enumerate(file)}
    return [places[column] for column in table]


def _waiting(number: int, first: int, columns: Sequence[pa.Array], block: Block) -> pa.RecordBatch:
    rows = range(first, first + block.rows)
    surplus = pa.nulls(block.rows, pa.string()) if block.surplus is None else block.surplus
    return pa.RecordBatch.from_arrays(
        [
            pa.array([number] * block.rows, pa.int32()),
            pa.array(rows, pa.int64()),
            surplus,
            *columns,
        ],
        names=[TEXT, ROW_NUMBER, SURPLUS, *map(str, range(len(columns)))],
    )


def _again(first: str, pieces: Iterator[str]) -> Iterator[str]:
    if first:
        yield first
    yield from pieces


class _Told:
    """Tells how many of the files are done."""

    def __init__(self, progress: ProgressCallback | None, files: Sequence[TabularFile]) -> None:
        self._progress, self._files = progress, len(files)
        self._total = sum(file.size or 0 for file in files)
        self._number = self._bytes = 0

    def done(self, file: TabularFile) -> None:
        """Tell that one more is."""
        self._number += 1
        self._bytes += file.size or 0
        if self._progress is not None:
            self._progress(
                Progress(
                    "tabular",
                    rows=self._number,
                    total_rows=self._files,
                    bytes=self._bytes,
                    total_bytes=self._total,
                )
            )
