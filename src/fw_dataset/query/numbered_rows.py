"""The rows of a table, each with its place, so that a stretch of them can be read alone."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import duckdb

from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.names import quote_identifier, quote_literal
from fw_dataset.format.schema import DataModel
from fw_dataset.versions.catalog import CommittedVersion

__all__ = ["NumberedRows", "file_of", "numbered_rows"]

_PLACES_PER_FILE = 1 << 40
_FILE = "fw_dataset.file"
_ROW = "file_row_number"
_IN_ONE_FILE = f'"{_ROW}"'
_CELL = 16


@dataclass(frozen=True)
class NumberedRows:
    """A table of one version as SQL.

    A row's place says where it stands in the data files; the places of a file follow one another.

    Attributes:
        columns: the DuckDB type of each column by name.
        scan: SQL of all rows, with the columns that say where they stand.
        place: SQL of a row's place, over the columns of ``scan``.
        files: the names that DuckDB has for the data files, if there are several.
        json: the columns that are JSON text, by the table's schema.
        bytes: what the columns take when they are not compressed.
        count: the rows.
    """

    columns: Mapping[str, str]
    scan: str
    place: str
    json: frozenset[str]
    files: Sequence[str] = ()
    bytes: int = 0
    count: int = 0

    @cached_property
    def names(self) -> list[str]:
        """The names of the columns."""
        return list(self.columns)

    @property
    def row_bytes(self) -> int:
        """About what one row takes in memory."""
        return self.bytes // max(1, self.count) + _CELL * len(self.columns)

    def cell(self, column: str) -> str:
        """How a column is called in :meth:`sql`; no name of a column can clash there."""
        return f"x{self.names.index(column)}"

    def plain(self) -> str:
        """SQL of all rows, with the columns under their own names."""
        names = ", ".join(map(quote_identifier, self.names)) or "0"
        return f"(SELECT {names} FROM {self.scan})"

    def sql(self, columns: Sequence[str] | None = None) -> str:
        """SQL of all rows: their ``place``, and columns by their :meth:`cell`."""
        return f"(SELECT {self._chosen(columns)} FROM {self.scan})"

    def stretch(self, first: int, last: int, columns: Sequence[str]) -> str:
        """SQL of the rows between two places of one file; other row groups are not read."""
        if self.place == _IN_ONE_FILE:
            where = f'"{_ROW}" BETWEEN {first} AND {last}'
        elif self.files:
            (file, start), (_, end) = (divmod(n, _PLACES_PER_FILE) for n in (first, last))
            named = quote_literal(self.files[file])
            where = f'"{_FILE}" = {named} AND "{_ROW}" BETWEEN {start} AND {end}'
        else:
            return f"(SELECT * FROM {self.sql(columns)} WHERE place BETWEEN {first} AND {last})"
        return f"(SELECT {self._chosen(columns)} FROM {self.scan} WHERE {where})"

    def _chosen(self, columns: Sequence[str] | None) -> str:
        wanted = self.names if columns is None else columns
        cells = (f"{quote_identifier(name)} AS {self.cell(name)}" for name in wanted)
        return ", ".join([f"{self.place} AS place", *cells])


def file_of(place: str) -> str:
    """SQL of the number of the file that a place is in."""
    return f"({place} // {_PLACES_PER_FILE})"


def numbered_rows(
    connection: duckdb.DuckDBPyConnection,
    version: CommittedVersion,
    table: str,
    patterns: Sequence[str],
) -> NumberedRows:
    """Look at a table's columns and number its rows.

    Args:
        connection: which can read the files.
        version: the version.
        table: one of its tables.
        patterns: what stands in SQL for each of its data files.

    Raises:
        duckdb.Error: a data file cannot be read.
    """
    model = version.model(table)
    json = frozenset(c for c in model.properties if model.column_type(c) is ColumnType.JSON)
    if not patterns:
        return _no_rows(model, json)
    several = {"union_by_name": "true"} if len(patterns) > 1 else {}
    plain, listed = _scan(patterns, several), ", ".join(map(quote_literal, patterns))
    described = connection.execute(f"DESCRIBE SELECT * FROM {plain}").fetchall()
    columns = {name: kind for name, kind, *_ in described}
    taken = {name.lower() for name in columns}
    ((size, count),) = connection.execute(
        "SELECT CAST(coalesce(sum(total_uncompressed_size), 0) AS BIGINT),"
        f" (SELECT count(*) FROM {plain}) FROM parquet_metadata([{listed}])"
    ).fetchall()
    if taken & {_ROW, _FILE}:
        # They have a column of a name that DuckDB gives to its own.
        place = quote_identifier(_free(_FILE, taken))
        scan = f"(SELECT row_number() OVER () - 1 AS {place}, * FROM {plain})"
        return NumberedRows(columns, scan, place, json, (), size, count)
    if not several:
        scan = _scan(patterns, {_ROW: "true"})
        return NumberedRows(columns, scan, _IN_ONE_FILE, json, (), size, count)
    scan = _scan(patterns, {**several, _ROW: "true", "filename": quote_literal(_FILE)})
    found = connection.execute(f'SELECT DISTINCT "{_FILE}" FROM {scan} ORDER BY 1').fetchall()
    files = [name for (name,) in found]
    number = f'list_position([{", ".join(map(quote_literal, files))}], "{_FILE}") - 1'
    place = f'({number}) * {_PLACES_PER_FILE} + "{_ROW}"'
    return NumberedRows(columns, scan, place, json, files, size, count)


def _no_rows(model: DataModel, json: frozenset[str]) -> NumberedRows:
    columns = {name: model.column_type(name).sql for name in model.properties}
    nulls = (f", CAST(NULL AS {kind}) AS {quote_identifier(c)}" for c, kind in columns.items())
    return NumberedRows(columns, f"(SELECT 0{''.join(nulls)} LIMIT 0)", "0", json)


def _scan(patterns: Sequence[str], options: Mapping[str, str]) -> str:
    listed = ", ".join(map(quote_literal, patterns))
    # A folder named like `site=3` above the dataset must not become a column.
    chosen = {"hive_partitioning": "false", **options}
    return f"read_parquet([{listed}], {', '.join(f'{k} = {v}' for k, v in chosen.items())})"


def _free(name: str, taken: Container[str]) -> str:
    while name in taken:
        name += "_"
    return name
