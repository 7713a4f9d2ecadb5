"""What the pages show, as values: datasets, tables, columns and figures of columns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.names import quote_identifier

__all__ = [
    "ColumnFigures",
    "ShownColumn",
    "ShownDataset",
    "ShownTable",
    "ShownVersion",
    "in_sql",
    "shown_column",
    "with_figures",
]

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
# Words that DuckDB does not take as the name of a table.
_RESERVED_WORDS = """
    all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by
    case cast check collate collation column columns concurrently constraint create cross default
    deferrable desc describe distinct do else end except false fetch for foreign freeze from full
    generated glob group having ilike in initially inner intersect into is isnull join lambda
    lateral leading left like limit map natural not notnull null offset on only or order outer
    overlaps pivot pivot_longer pivot_wider placing positional primary qualify references returning
    right select semi show similar some struct summarize symmetric table tablesample then to
    trailing true try_cast tuple union unique unpack unpivot using variadic verbose when where
    window with
"""
# Of the types that are the same in SQL the first one stands for all: text for JSON, too.
_BY_SQL = {type.sql: type for type in reversed(ColumnType)} | {"JSON": ColumnType.JSON}
_RESERVED = frozenset(_RESERVED_WORDS.split())


@dataclass(frozen=True)
class ColumnFigures:
    """What a profile tells of a column.

    Attributes:
        nulls: rows without a value.
        distinct: how many different values there are, if that was counted.
        is_approximate: whether ``distinct`` was estimated.
        low, high: the least and the greatest value, as text or number.
        edges, counts: of the histogram; edges are numbers, or instants in ISO 8601.
        top: frequent values, or of JSON the keys, with how often they are there.
        unlisted: further keys of JSON that were found.
    """

    nulls: int
    distinct: int | None = None
    is_approximate: bool = False
    low: float | str | None = None
    high: float | str | None = None
    edges: tuple[float | str, ...] = ()
    counts: tuple[int, ...] = ()
    top: tuple[tuple[str, int], ...] = ()
    unlisted: int = 0

    @classmethod
    def from_profile(cls, data: Mapping[str, Any]) -> ColumnFigures:
        """Read a column of a profile, as it stands on disk."""
        spread = data.get("histogram") or {}
        top = data.get("top") or data.get("keys") or ()
        return cls(
            nulls=data["nulls"],
            distinct=data.get("distinct"),
            is_approximate=data.get("distinct_is_approximate", False),
            low=data.get("min"),
            high=data.get("max"),
            edges=tuple(spread.get("edges", ())),
            counts=tuple(spread.get("counts", ())),
            top=tuple((item["value"], item["count"]) for item in top),
            unlisted=data.get("keys_left_out", 0),
        )


@dataclass(frozen=True)
class ShownColumn:
    """A column: its name, type and meaning, and what a profile tells of it, if there is one."""

    name: str
    type: ColumnType
    description: str
    figures: ColumnFigures | None = None

    @property
    def is_numeric(self) -> bool:
        """Whether its values stand to the right of their cells."""
        return self.type in (ColumnType.INTEGER, ColumnType.NUMBER)

    @property
    def is_for_programs(self) -> bool:
        """Whether it holds identifiers, which tell people nothing."""
        name = self.name
        return name == "id" or name.endswith(("_id", ".id")) or name.startswith("parents.")


@dataclass(frozen=True)
class ShownTable:
    """A table.

    Attributes:
        dataset: the dataset that it is in, as addresses have it.
        name: its name there.
        path: the parts of its name in SQL: its own, with a schema in front if it needs one.
        rows: how many it has, if that is known without reading it.
    """

    dataset: str
    name: str
    path: tuple[str, ...]
    description: str
    rows: int | None
    columns: tuple[ShownColumn, ...]

    @property
    def sql(self) -> str:
        """Its name as one writes it in SQL, quoted where that is needed."""
        return ".".join(in_sql(part) for part in self.path)

    def column(self, name: str | None) -> ShownColumn | None:
        """A column by its name, or None if there is none."""
        return next((column for column in self.columns if column.name == name), None)

    def has(self, *names: str) -> bool:
        """Whether all of these columns are there."""
        return {column.name for column in self.columns}.issuperset(names)


@dataclass(frozen=True)
class ShownVersion:
    """A version of a dataset that is served, and what that one is called in addresses."""

    dataset: str
    label: str
    created: datetime | None
    is_latest: bool = False


@dataclass(frozen=True)
class ShownDataset:
    """A version of a dataset, with its tables.

    Attributes:
        name: what it is called in addresses.
        schema: what stands in front of its tables' names in SQL, if anything does.
        title: the project's label.
        version: the version that is shown.
        versions: all versions of the same dataset that are served, this one included.
    """

    name: str
    schema: str | None
    title: str
    description: str
    version: ShownVersion
    versions: tuple[ShownVersion, ...] = ()
    tables: Mapping[str, ShownTable] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """The rows of all tables whose number is known."""
        return sum(table.rows or 0 for table in self.tables.values())

    def table(self, name: str, *columns: str) -> ShownTable | None:
        """A table that has all of these columns, or None."""
        table = self.tables.get(name)
        return table if table is not None and table.has(*columns) else None


def in_sql(name: str) -> str:
    """A name as one writes it in SQL: with quotes only if it would mean something else without."""
    plain = _PLAIN.fullmatch(name) and name not in _RESERVED
    return name if plain else quote_identifier(name)


def with_figures(table: ShownTable, profile: Mapping[str, Any] | None) -> ShownTable:
    """The table with what its profile tells, a document as on disk; nothing where there is none."""
    known = {
        column["name"]: ColumnFigures.from_profile(column)
        for column in (profile or {}).get("columns", ())
    }
    columns = (replace(column, figures=known.get(column.name)) for column in table.columns)
    return replace(table, columns=tuple(columns))


def shown_column(name: str, sql: str, prop: Mapping[str, Any] | None = None) -> ShownColumn:
    """A column out of its DuckDB type, and its property in the table's schema if it has one.

    The type is the one that its values have; a schema of older releases may say another.
    """
    described = prop or {}
    type = _BY_SQL.get(sql.upper(), ColumnType.JSON)
    if type is ColumnType.TEXT and ColumnType.from_property(described) is ColumnType.JSON:
        type = ColumnType.JSON
    return ShownColumn(name, type, str(described.get("description") or ""))
