"""How values travel: the JSON of each DuckDB type, its JSON Schema, and the SQL that makes it.

BIGINT, HUGEINT and DECIMAL are texts, for a JSON number would lose digits in most readers; dates
and times are ISO 8601, intervals ISO 8601 durations, bytes base64. What no JSON number can be is a
text: ``"NaN"``, ``"Infinity"``, ``"-Infinity"``. ``format`` is what Data Connect's clients convert
by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fw_dataset.format.names import quote_identifier, quote_literal
from fw_dataset.format.schema import DRAFT_7, DataModel

__all__ = ["Column", "data_model", "described_model", "json_object", "plain_text", "told_apart"]

# DuckDB's class of types has no name that all its releases share.
Type = Any
_TEXT = {"type": "string"}
_INTEGER = {"type": "integer"}
_NUMBER = {"type": "number"}
_LEAVES: Mapping[str, Mapping[str, Any]] = {
    "boolean": {"type": "boolean"},
    "tinyint": _INTEGER,
    "smallint": _INTEGER,
    "integer": _INTEGER,
    "utinyint": _INTEGER,
    "usmallint": _INTEGER,
    "uinteger": _INTEGER,
    "float": _NUMBER,
    "double": _NUMBER,
    "blob": {"type": "string", "contentEncoding": "base64"},
    **{
        name: {"type": "string", "format": form}
        for name, form in {
            **dict.fromkeys(("bigint", "ubigint", "hugeint", "uhugeint"), "bigint"),
            **dict.fromkeys(("bignum", "varint"), "bigint"),
            **dict.fromkeys(("time", "time_ns"), "time"),
            **dict.fromkeys(("timestamp", "timestamp_s"), "timestamp"),
            **dict.fromkeys(("timestamp_ms", "timestamp_ns"), "timestamp"),
            "date": "date",
            "decimal": "decimal",
            "interval": "interval day to second",
            "time with time zone": "time with time zone",
            "timestamp with time zone": "timestamp with time zone",
            "uuid": "uuid",
        }.items()
    },
}
# One client looks for `items` wherever an array may stand.
_ANY_JSON = {
    "type": ["object", "array", "string", "number", "boolean", "null"],
    "items": {},
}
_LISTS = ("list", "array")
# Fractions have six digits, which the oldest readers want; instants with a zone are UTC.
_STAMPS = {"timestamp_ns": "%Y-%m-%dT%H:%M:%S.%n"}
_MICROSECONDS = "%Y-%m-%dT%H:%M:%S.%f"


@dataclass(frozen=True)
class Column:
    """A column of a result.

    Attributes:
        name: its name.
        type: its DuckDB type.
    """

    name: str
    type: Type


def told_apart(names: Sequence[str]) -> list[str]:
    """The names, with ``a`` and ``a_1`` where two columns are called ``a``."""
    told: dict[str, None] = {}
    for name in names:
        number, free = 0, name
        while free in told or (number and free in names):
            number += 1
            free = f"{name}_{number}"
        told[free] = None
    return list(told)


# ------------------------------------------------------------------------------------- schemas


def data_model(columns: Sequence[Column]) -> dict[str, Any]:
    """The JSON Schema of a row of a result; any value may be null."""
    properties = {column.name: _nullable(_schema(column.type)) for column in columns}
    return {"$schema": DRAFT_7, "type": "object", "properties": properties}


def described_model(model: DataModel, columns: Sequence[Column]) -> dict[str, Any]:
    """The JSON Schema of a table's rows as they travel, with the meanings from its own schema."""
    properties: dict[str, Any] = {}
    for column in columns:
        known = model.properties.get(column.name, {})
        kept = {key: known[key] for key in _MEANING if key in known}
        wire = _schema(column.type)
        properties[column.name] = {
            **kept,
            **(wire if column.name in model.required else _nullable(wire)),
        }
    required = [name for name in model.required if name in properties]
    described: dict[str, Any] = {"$schema": DRAFT_7, "$id": model.id, "type": "object"}
    if model.description:
        described["description"] = model.description
    described["properties"] = properties
    return {**described, "required": required} if required else described


_MEANING = ("title", "description", "contentMediaType")


def _schema(kind: Type) -> dict[str, Any]:
    name = kind.id
    if str(kind) == "JSON":
        return dict(_ANY_JSON)
    if name in _LISTS:
        return {"type": "array", "items": _nullable(_schema(_child(kind, "child")))}
    if name == "struct":
        members = {key: _nullable(_schema(child)) for key, child in kind.children}
        return {"type": "object", "properties": members}
    if name == "map":
        return {
            "type": "object",
            "additionalProperties": _nullable(_schema(_child(kind, "value"))),
        }
    return dict(_LEAVES.get(name, _TEXT))


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    kind = schema["type"]
    return {**schema, "type": [kind, "null"]} if isinstance(kind, str) else schema


def _child(kind: Type, wanted: str) -> Type:
    found: Type = dict(kind.children)[wanted]
    return found


# ----------------------------------------------------------------------------------------- SQL


def json_object(columns: Sequence[Column], terms: Sequence[str]) -> str:
    """SQL for a row as the text of a JSON object.

    Args:
        columns: the columns.
        terms: what stands in SQL for each of them.
    """
    members = [
        f"{quote_literal(column.name)}, {_value(term, column.type)}"
        for column, term in zip(columns, terms, strict=True)
    ]
    return f"CAST(json_object({', '.join(members)}) AS VARCHAR)"


def plain_text(term: str, kind: Type) -> str:
    """SQL for a value as it stands in a cell of CSV; numbers and booleans stay what they are."""
    if str(kind) == "JSON":
        return f"CAST({term} AS VARCHAR)"
    if kind.id in ("struct", "map", *_LISTS):
        return (
            f"CASE WHEN {term} IS NOT NULL THEN CAST(to_json({_value(term, kind)}) AS VARCHAR) END"
        )
    if kind.id in ("boolean", "float", "double") or _LEAVES.get(kind.id) is _INTEGER:
        return term
    return _value(term, kind)


def _value(term: str, kind: Type, depth: int = 0) -> str:
    """SQL for a value in a type that becomes the right JSON."""
    name = kind.id
    if str(kind) == "JSON" or name in ("boolean", "varchar", "uuid", "enum"):
        return term
    if name in ("float", "double"):
        return _number(term)
    if name in ("timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns"):
        return f"strftime({term}, {quote_literal(_STAMPS.get(name, _MICROSECONDS))})"
    if name == "timestamp with time zone":
        return f"strftime(timezone('UTC', {term}), {quote_literal(_MICROSECONDS + 'Z')})"
    if name == "interval":
        return _duration(term)
    if name == "blob":
        return f"to_base64({term})"
    if name in ("struct", "map", *_LISTS):
        return _container(term, kind, depth)
    return term if _LEAVES.get(name) is _INTEGER else f"CAST({term} AS VARCHAR)"


def _container(term: str, kind: Type, depth: int) -> str:
    if kind.id in _LISTS:
        item = f"e{depth}"
        inner = _value(item, _child(kind, "child"), depth + 1)
        return f"list_transform({term}, lambda {item}: to_json({inner}))"
    if kind.id == "map":
        item = f"e{depth}"
        inner = _value(f"{item}.value", _child(kind, "value"), depth + 1)
        entry = f"struct_pack(k := CAST({item}.key AS VARCHAR), v := to_json({inner}))"
        entries = f"list_transform(map_entries({term}), lambda {item}: {entry})"
        return f"map_from_entries({entries})"
    members = ", ".join(
        f"{quote_literal(key)}, {_value(f'{term}.{quote_identifier(key)}', child, depth)}"
        for key, child in kind.children
    )
    return f"CASE WHEN {term} IS NOT NULL THEN json_object({members}) END"


def _number(term: str) -> str:
    texts = "CASE WHEN isnan({0}) THEN 'NaN' WHEN {0} > 0 THEN 'Infinity' ELSE '-Infinity' END"
    return (
        f"CASE WHEN {term} IS NULL THEN NULL WHEN isfinite({term}) THEN to_json({term})"
        f" ELSE to_json({texts.format(term)}) END"
    )


def _duration(term: str) -> str:
    """An ISO 8601 duration in years, months, days and so on; each part has its own sign."""
    long = "".join(
        f"CASE WHEN datepart('{part}', {term}) <> 0"
        f" THEN datepart('{part}', {term}) || '{part[0].upper()}' ELSE '' END || "
        for part in ("year", "month")
    )
    micros = f"datepart('microsecond', {term})"
    fraction = (
        f"CASE WHEN {micros} % 1000000 <> 0"
        f" THEN '.' || lpad(CAST(abs({micros} % 1000000) AS VARCHAR), 6, '0') ELSE '' END"
    )
    clock = (
        f"datepart('hour', {term}) || 'H' || datepart('minute', {term}) || 'M'"
        f" || ({micros} // 1000000) || {fraction} || 'S'"
    )
    return (
        f"CASE WHEN {term} IS NOT NULL THEN"
        f" 'P' || {long}datepart('day', {term}) || 'DT' || {clock} END"
    )
