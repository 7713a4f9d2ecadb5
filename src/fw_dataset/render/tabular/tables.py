"""A table of tabular files: what its files hold, and how it is written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.manifest import FileEntry
from fw_dataset.format.schema import DataModel
from fw_dataset.format.tables import EXTRA
from fw_dataset.render.derived import FILE_COLUMNS, PARENT_COLUMNS
from fw_dataset.render.parquet import TableWriter
from fw_dataset.render.tabular.columns import (
    MEMBER,
    NAME,
    ROW,
    SourceColumn,
    column_names,
    surplus_key,
)
from fw_dataset.render.tabular.kinds import (
    ALL_KINDS,
    NOT_AVAILABLE,
    Narrowed,
    as_column,
    column_type,
    narrow,
)
from fw_dataset.render.tabular.sources import TabularFile

__all__ = ["ColumnFacts", "Table", "Text", "WrittenTable"]

# How the columns of a batch that waits are called: by place, the names come last.
TEXT, ROW_NUMBER, SURPLUS = "text", "row", "surplus"
# Not pa.scalar(None, …), which loads pandas where it is installed.
_NULL = pa.nulls(1, pa.string())[0]


@dataclass
class ColumnFacts:
    """What is known of the texts of a column.

    Attributes:
        kinds: what all of them are.
        seen: whether there are any but null and ``n/a``.
        not_available: how many are ``n/a``.
    """

    kinds: Narrowed = ALL_KINDS
    seen: bool = False
    not_available: int = 0

    def look(self, column: pa.Array) -> None:
        """Take more texts into account."""
        values = column.drop_null() if column.null_count else column
        missing = pc.sum(pc.equal(values, NOT_AVAILABLE)).as_py() or 0
        if missing:
            self.not_available += missing
            values = values.filter(pc.not_equal(values, NOT_AVAILABLE))
        self.seen = self.seen or len(values) > 0
        self.kinds = narrow(self.kinds, values)

    def add(self, other: ColumnFacts) -> None:
        """Take what is known of another file into account."""
        self.kinds &= other.kinds
        self.seen = self.seen or other.seen
        self.not_available += other.not_available

    @property
    def type(self) -> ColumnType:
        """The column's type."""
        return column_type(self.kinds) if self.seen else ColumnType.TEXT


@dataclass(frozen=True)
class Text:
    """A file, or a member of one, whose rows are in a table."""

    file: TabularFile
    member: str | None


@dataclass
class WrittenTable:
    """What became of a table."""

    model: DataModel
    entries: list[FileEntry]
    report: dict[str, Any]


@dataclass
class Table:
    """All files with the same columns.

    Attributes:
        number: which one of the tables it is.
        columns: what the header of the first file has, in order.
        stem: of the first file's name.
        texts: the files, by their numbers.
        padded: rows with fewer cells than columns.
        longer: rows with more.
    """

    number: int
    columns: list[SourceColumn]
    stem: str
    texts: dict[int, Text] = field(default_factory=dict)
    padded: int = 0
    longer: int = 0
    rows: int = 0
    facts: list[ColumnFacts] = field(init=False)

    def __post_init__(self) -> None:
        self.facts = [ColumnFacts() for _ in self.columns]

    def add(self, number: int, text: Text, facts: Sequence[ColumnFacts]) -> None:
        """Let the rows of a file in that was read to its end."""
        self.texts[number] = text
        for known, more in zip(self.facts, facts, strict=True):
            known.add(more)

    def write(self, name: str, folder: Path, batches: Iterator[pa.RecordBatch]) -> WrittenTable:
        """Write the table.

        Args:
            name: the table's name.
            folder: the folder of the version.
            batches: the rows that wait, also those of files that turned out to be damaged.
        """
        model = _model(name, self)
        writer = TableWriter(folder, model)
        rows = _Rows(self, model)
        try:
            for batch in batches:
                writer.write(rows.finished(batch))
            writer.close()
        except BaseException:
            writer.abort()
            raise
        never_null = [column for column in model.properties if column not in writer.null_columns]
        return WrittenTable(model.requiring(never_null), writer.entries, self._report(rows))

    def _report(self, rows: _Rows) -> dict[str, Any]:
        return {
            "rows_written": self.rows,
            "files": len(self.texts),
            "rows_padded": self.padded,
            "rows_with_surplus_cells": self.longer,
            "not_available": {
                name: facts.not_available
                for name, facts in zip(rows.names, self.facts, strict=True)
                if facts.not_available and facts.type is not ColumnType.TEXT
            },
        }


class _Rows:
    """Makes rows that wait those of the table."""

    def __init__(self, table: Table, model: DataModel) -> None:
        self.names = list(column_names(table.columns).values())
        self._types = [facts.type for facts in table.facts]
        self._members = [
            f',{json.dumps(name, ensure_ascii=False)}:"{NOT_AVAILABLE}"' for name in self.names
        ]
        self._surplus = f",{json.dumps(surplus_key(self.names))}:"
        self._schema = model.to_arrow()
        self._numbers = pa.array(list(table.texts), pa.int32())
        self._context = list(_context(table.texts, self._schema))

    def finished(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows of files that are in the table, with all its columns."""
        places = pc.index_in(batch.column(TEXT), self._numbers)
        if places.null_count:
            batch, places = batch.filter(pc.is_valid(places)), places.drop_null()
        rest: list[pa.Array] = []
        columns = [values.take(places) for values in self._context]
        columns.append(batch.column(ROW_NUMBER))
        for place, kind in enumerate(self._types):
            columns.append(self._column(batch.column(str(place)), place, kind, rest))
        surplus = batch.column(SURPLUS)
        if surplus.null_count < len(surplus):
            rest.append(pc.fill_null(pc.binary_join_element_wise(self._surplus, surplus, ""), ""))
        columns.append(_as_object(rest, batch.num_rows))
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)

    def _column(
        self, values: pa.Array, place: int, kind: ColumnType, rest: list[pa.Array]
    ) -> pa.Array:
        if kind is ColumnType.TEXT:
            return values
        missing = pc.equal(values, NOT_AVAILABLE)
        if pc.any(missing).as_py():
            missing = pc.fill_null(missing, False)
            rest.append(pc.if_else(missing, self._members[place], ""))
            values = pc.if_else(missing, _NULL, values)
        return as_column(values, kind)


def _as_object(members: list[pa.Array], rows: int) -> pa.Array:
    """JSON objects of members that come with a comma before them; null where there are none."""
    if not members:
        return pa.nulls(rows, pa.string())
    joined = pc.binary_join_element_wise(*members, "")
    inner = pc.utf8_slice_codeunits(joined, 1)
    return pc.if_else(pc.equal(joined, ""), _NULL, pc.binary_join_element_wise("{", inner, "}", ""))


def _context(texts: Mapping[int, Text], schema: pa.Schema) -> Iterator[pa.Array]:
    """Per column of where a row comes from, its values by file."""
    rows = [
        (
            *text.file.parents,
            text.file.file_id,
            text.file.id,
            text.file.version,
            text.file.name,
            text.member,
        )
        for text in texts.values()
    ]
    for place in range(len(PARENT_COLUMNS) + len(FILE_COLUMNS) + 2):
        yield pa.array([row[place] for row in rows], schema.field(place).type)


def _model(name: str, table: Table) -> DataModel:
    properties: dict[str, dict[str, Any]] = {
        column: dict(prop) for column, prop in (*PARENT_COLUMNS.items(), *FILE_COLUMNS.items())
    }
    properties[NAME] = _property(ColumnType.TEXT, "File name", "Name of the file.")
    properties[MEMBER] = _property(
        ColumnType.TEXT, "Member", "Path of the text in the archive that the file is; else null."
    )
    properties[ROW] = _property(
        ColumnType.INTEGER, "Row", "Number of the row in its file, from 0, without the header."
    )
    cells = column_names(table.columns)
    for (spelling, _), facts in zip(table.columns, table.facts, strict=True):
        column = cells[spelling, _]
        said = f"Column {spelling!r} of the files." if spelling else "A column without a name."
        properties[column] = {**_property(facts.type, spelling or column, said), "path": [spelling]}
    properties[EXTRA] = _property(
        ColumnType.JSON,
        "Extra",
        f"What the columns cannot hold: {NOT_AVAILABLE!r} of columns that are no texts, by column,"
        f" and cells beyond the header under {surplus_key(cells.values())!r}.",
    )
    never = (NAME, ROW, *cells.values())
    return DataModel(
        id=name,
        description=f"Rows of tabular files, the first of them {table.stem!r}.",
        properties=properties,
        required=never,
    ).requiring(never)


def _property(kind: ColumnType, title: str, description: str) -> dict[str, Any]:
    return {**kind.json_schema, "title": title, "description": description}
