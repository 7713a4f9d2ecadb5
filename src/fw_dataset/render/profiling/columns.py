"""The columns of rows that DuckDB can read, and what is to be found out about them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.names import quote_identifier
from fw_dataset.format.profile import ColumnKind
from fw_dataset.format.schema import DataModel

if TYPE_CHECKING:
    import duckdb

__all__ = ["ColumnValues", "ProfiledColumn", "ProfiledRows", "packed"]

_WHOLE = re.compile(r"(U(TINY|SMALL)INT|UINTEGER|TINYINT|SMALLINT|INTEGER|BIGINT)\Z")
_BROKEN = re.compile(r"(FLOAT|DOUBLE|U?HUGEINT|UBIGINT|DECIMAL\(.*\))\Z")
_INSTANT = re.compile(r"TIMESTAMP(_S|_MS|_NS| WITH TIME ZONE)?\Z")
_TEXT = re.compile(r"(VARCHAR|UUID|ENUM\(.*\))\Z", re.DOTALL)
# Above this, reading the names of all columns for each column would take longest.
_WIDE = 100


@dataclass(frozen=True)
class ProfiledColumn:
    """A column.

    Attributes:
        place: which one it is, from 0.
        name: as people know it.
        type: its type in SQL.
        kind: what can be told of it.
        sql: what stands in SQL for its values; of texts, as VARCHAR.
    """

    place: int
    name: str
    type: str
    kind: ColumnKind
    sql: str

    @property
    def is_ordered(self) -> bool:
        """Whether its values stand on a line, so that there are distances between them."""
        return self.kind in ("number", "instant", "date")

    @property
    def is_whole(self) -> bool:
        """Whether :attr:`figure` is an integer, always within 64 bits."""
        return self.is_ordered and not _BROKEN.match(self.type)

    @property
    def has_numbers(self) -> bool:
        """Whether its values are lists of numbers."""
        return self.kind == "list" and _is_number(self.type.removesuffix("[]"))

    @property
    def zero(self) -> str:
        """SQL of the zero of the numbers in its lists."""
        return f"CAST(0 AS {self.type.removesuffix('[]')})"

    @property
    def figure(self) -> str:
        """SQL of an ordered column's values as numbers, null for what is not finite.

        Instants are microseconds and dates days since 1970.
        """
        if self.kind == "date":
            days = f"datediff('day', DATE '1970-01-01', {self.sql})"
            return f"CASE WHEN isfinite({self.sql}) THEN {days} END"
        if self.kind == "instant":
            # The odd ones are brought to microseconds first; `epoch_us` needs no time zones.
            odd = self.type not in ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
            moment = f"CAST({self.sql} AS TIMESTAMP)" if odd else self.sql
            return f"CASE WHEN isfinite({moment}) THEN epoch_us({moment}) END"
        if self.is_whole:
            return f"CAST({self.sql} AS BIGINT)"
        return f"CASE WHEN isfinite({self._double}) THEN {self._double} END"

    @property
    def not_a_number(self) -> str:
        """SQL of how many values are NaN."""
        if self.kind != "number" or self.is_whole:
            return "0"
        return f"count(*) FILTER (WHERE isnan({self._double}))"

    @property
    def _double(self) -> str:
        return f"CAST({self.sql} AS DOUBLE)"


@dataclass(frozen=True)
class ProfiledRows:
    """Rows of a table that a connection can read.

    Attributes:
        connection: DuckDB's.
        source: what stands in SQL for the rows.
        columns: their columns.
    """

    connection: duckdb.DuckDBPyConnection
    source: str
    columns: Sequence[ProfiledColumn]

    @classmethod
    def of(
        cls, connection: duckdb.DuckDBPyConnection, source: str, model: DataModel
    ) -> ProfiledRows:
        """Look what columns there are.

        Args:
            connection: DuckDB's.
            source: what stands in SQL for the rows.
            model: the table's schema, which knows which texts are JSON.
        """
        described = connection.execute(f"DESCRIBE FROM {source}").fetchall()
        names = [str(row[0]) for row in described]
        sql = [quote_identifier(name) for name in names]
        if any("\0" in name for name in names):
            # No SQL can name such a column in some releases of DuckDB.
            sql = [f"c{place}" for place in range(len(names))]
            source = f"(SELECT * FROM {source} AS t({', '.join(sql)}))"
        columns = [
            _column(place, _shown(place, name, model), str(row[1]), sql[place], model)
            for place, (name, row) in enumerate(zip(names, described, strict=True))
        ]
        return cls(connection, source, columns)

    def figures(self, wanted: Sequence[tuple[int, str, str]]) -> dict[tuple[int, str], object]:
        """Aggregates over all rows, in one pass.

        Args:
            wanted: of each, the place of its column, its name, and its SQL.

        Returns:
            The figures by place and name.
        """
        listed = ", ".join(sql for _, _, sql in wanted)
        (row,) = self.connection.execute(f"SELECT {listed} FROM {self.source}").fetchall()
        return {(place, name): value for (place, name, _), value in zip(wanted, row, strict=True)}

    def by_column(
        self, columns: Sequence[ProfiledColumn], query: Callable[[ColumnValues], str]
    ) -> list[tuple[Any, ...]]:
        """What a query gives for the values of each of some columns.

        Args:
            columns: the columns, all of one type.
            query: the SQL, given the values.
        """
        if len(self.columns) <= _WIDE:
            parts = [query(ColumnValues.of_one(column, self.source)) for column in columns]
            return self.connection.execute(" UNION ALL ".join(parts)).fetchall()
        # A query with a part for each column would take long to plan. Where there are that many
        # columns, they are stacked.
        return self.connection.execute(query(ColumnValues.of_many(columns, self.source))).fetchall()


@dataclass(frozen=True)
class ColumnValues:
    """SQL of the values of a column, or of several columns one below the other.

    Attributes:
        rows: SQL of rows with a value ``v`` each, and of several columns its ``place``.
        place: SQL of the column's place.
        keys: what tells different values apart, for ``GROUP BY``.
        end: what an aggregation over the values of each column ends with.
    """

    rows: str
    place: str
    keys: str
    end: str

    @classmethod
    def of_one(cls, column: ProfiledColumn, source: str) -> ColumnValues:
        """The values of one column."""
        return cls(f"SELECT {column.sql} AS v FROM {source}", str(column.place), "v", "")

    @classmethod
    def of_many(cls, columns: Sequence[ProfiledColumn], source: str) -> ColumnValues:
        """The values of several columns."""
        values = ", ".join(column.sql for column in columns)
        places = ", ".join(str(column.place) for column in columns)
        rows = f"SELECT unnest([{places}]) AS place, unnest([{values}]) AS v FROM {source}"
        return cls(rows, "place", "place, v", "GROUP BY place")

    def items(self, zero: str | None = None) -> ColumnValues:
        """The same of lists, whose items are the values then.

        Args:
            zero: of lists of numbers, what makes one zero of the two when it is added; without,
                items become texts.
        """
        before = self.keys.removesuffix("v")
        items = "unnest(CAST(v AS VARCHAR[]))" if zero is None else f"unnest(v) + {zero}"
        rows = f"SELECT {before}{items} AS v FROM ({self.rows})"
        return ColumnValues(rows, self.place, self.keys, self.end)


def packed(
    columns: Iterable[ProfiledColumn],
    weight: Callable[[ProfiledColumn], float],
    room: float = math.inf,
) -> Iterator[list[ProfiledColumn]]:
    """Columns in portions that need not much memory at once, and not too long a query.

    Args:
        columns: the columns.
        weight: what a column takes.
        room: what there is; a column that takes more is alone.
    """
    portion: list[ProfiledColumn] = []
    used = 0.0
    for column in columns:
        needed = weight(column)
        if portion and (used + needed > room or len(portion) >= _WIDE):
            yield portion
            portion, used = [], 0.0
        portion.append(column)
        used += needed
    if portion:
        yield portion


def _shown(place: int, name: str, model: DataModel) -> str:
    """The name that a column has in the schema.

    DuckDB puts a number behind names that differ from others only by case.
    """
    if name in model.properties or place >= len(model.properties):
        return name
    meant = list(model.properties)[place]
    return meant if name.casefold().startswith(meant.casefold()) else name


def _column(place: int, name: str, type_: str, sql: str, model: DataModel) -> ProfiledColumn:
    described = model.properties.get(name)
    is_json = described is not None and ColumnType.from_property(described) is ColumnType.JSON
    kind = _kind(type_, is_json=is_json)
    if kind == "text" and type_ != "VARCHAR":
        sql = f"CAST({sql} AS VARCHAR)"
    return ProfiledColumn(place, name, type_, kind, sql)


def _is_number(type_: str) -> bool:
    return bool(_WHOLE.match(type_) or _BROKEN.match(type_))


def _kind(type_: str, *, is_json: bool) -> ColumnKind:
    if type_ == "JSON" or (is_json and type_ == "VARCHAR"):
        return "json"
    if _is_number(type_):
        return "number"
    if _TEXT.match(type_):
        return "text"
    if _INSTANT.match(type_):
        return "instant"
    if type_.endswith("[]"):
        return "list"
    kinds: dict[str, ColumnKind] = {"BOOLEAN": "boolean", "DATE": "date"}
    return kinds.get(type_, "other")
