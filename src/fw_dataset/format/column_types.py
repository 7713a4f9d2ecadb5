"""The one table of column types: JSON Schema ↔ Arrow ↔ SQL."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

import pyarrow as pa

__all__ = ["ColumnType"]


class ColumnType(Enum):
    """The type of a column, the same in every file of a table, every version and project."""

    TEXT = "text"
    JSON = "json"
    INSTANT = "instant"
    DATE = "date"
    TEXT_LIST = "text list"
    INTEGER_LIST = "integer list"
    NUMBER_LIST = "number list"
    DATE_LIST = "date list"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type; instants are UTC microseconds without a zone."""
        return _ARROW[self]

    @property
    def sql(self) -> str:
        """The DuckDB type."""
        return _SQL[self]

    @property
    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema keywords of a column of this type that is never null."""
        return dict(_JSON_SCHEMA[self])

    @classmethod
    def from_property(cls, prop: Mapping[str, Any]) -> ColumnType:
        """Read the type of a property of a table's schema, old spellings included."""
        kind = prop.get("type", "string")
        kinds = kind if isinstance(kind, (list, tuple)) else [kind]
        names = {name for name in kinds if isinstance(name, str)}
        names.discard("null")
        if len(names) != 1:
            return cls.JSON
        name = names.pop()
        if name == "string":
            if prop.get("contentMediaType") == "application/json":
                return cls.JSON
            return _BY_FORMAT.get(str(prop.get("format")), cls.TEXT)
        if name == "array":
            items = prop.get("items")
            return cls._list_of(items) if isinstance(items, Mapping) else cls.JSON
        return _BY_JSON_NAME.get(name, cls.JSON)

    @classmethod
    def _list_of(cls, items: Mapping[str, Any]) -> ColumnType:
        # Lists of lists are JSON, however deep they are nested.
        if "array" in str(items.get("type")):
            return cls.JSON
        return _LISTS.get(cls.from_property(items), cls.JSON)

    @property
    def item(self) -> ColumnType | None:
        """Of a list, the type of its items."""
        return _ITEMS.get(self)


_ARROW = {
    ColumnType.TEXT: pa.string(),
    ColumnType.JSON: pa.string(),
    ColumnType.INSTANT: pa.timestamp("us"),
    ColumnType.DATE: pa.date32(),
    ColumnType.TEXT_LIST: pa.list_(pa.string()),
    ColumnType.INTEGER_LIST: pa.list_(pa.int64()),
    ColumnType.NUMBER_LIST: pa.list_(pa.float64()),
    ColumnType.DATE_LIST: pa.list_(pa.date32()),
    ColumnType.INTEGER: pa.int64(),
    ColumnType.NUMBER: pa.float64(),
    ColumnType.BOOLEAN: pa.bool_(),
}

_SQL = {
    ColumnType.TEXT: "VARCHAR",
    ColumnType.JSON: "VARCHAR",
    ColumnType.INSTANT: "TIMESTAMP",
    ColumnType.DATE: "DATE",
    ColumnType.TEXT_LIST: "VARCHAR[]",
    ColumnType.INTEGER_LIST: "BIGINT[]",
    ColumnType.NUMBER_LIST: "DOUBLE[]",
    ColumnType.DATE_LIST: "DATE[]",
    ColumnType.INTEGER: "BIGINT",
    ColumnType.NUMBER: "DOUBLE",
    ColumnType.BOOLEAN: "BOOLEAN",
}

_JSON_SCHEMA: dict[ColumnType, dict[str, Any]] = {
    ColumnType.TEXT: {"type": "string"},
    ColumnType.JSON: {"type": "string", "contentMediaType": "application/json"},
    ColumnType.INSTANT: {"type": "string", "format": "date-time"},
    ColumnType.DATE: {"type": "string", "format": "date"},
    ColumnType.TEXT_LIST: {"type": "array", "items": {"type": "string"}},
    ColumnType.INTEGER_LIST: {"type": "array", "items": {"type": "integer", "format": "bigint"}},
    ColumnType.NUMBER_LIST: {"type": "array", "items": {"type": "number"}},
    ColumnType.DATE_LIST: {"type": "array", "items": {"type": "string", "format": "date"}},
    ColumnType.INTEGER: {"type": "integer", "format": "bigint"},
    ColumnType.NUMBER: {"type": "number"},
    ColumnType.BOOLEAN: {"type": "boolean"},
}

_LISTS = {
    ColumnType.TEXT: ColumnType.TEXT_LIST,
    ColumnType.INTEGER: ColumnType.INTEGER_LIST,
    ColumnType.NUMBER: ColumnType.NUMBER_LIST,
    ColumnType.DATE: ColumnType.DATE_LIST,
}
_ITEMS = {of_many: of_one for of_one, of_many in _LISTS.items()}

_BY_FORMAT = {"date-time": ColumnType.INSTANT, "date": ColumnType.DATE}

_BY_JSON_NAME = {
    "integer": ColumnType.INTEGER,
    "number": ColumnType.NUMBER,
    "boolean": ColumnType.BOOLEAN,
}
