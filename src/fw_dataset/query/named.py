"""Which tables a query names, so that only these need be there when it is asked."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import duckdb

__all__ = ["NamedTables", "named_tables"]

NamedTables = frozenset[tuple[str, str]]
"""Schemas and tables, by their names without case."""

# These read nothing of the catalog. Of others it is not known what they name.
_PLAIN_FUNCTIONS = (
    "generate_series",
    "json_each",
    "json_tree",
    "range",
    "read_csv",
    "read_json",
    "read_parquet",
    "unnest",
)
# DuckDB's own views of its catalog, which can be named without a schema.
_OF_THE_CATALOG = ("duckdb_", "pg_", "pragma_", "sqlite_")


def named_tables(sql: str, schemas: Collection[str]) -> NamedTables | None:
    """The tables that SQL names, all in some of these schemas.

    Args:
        sql: whatever is to be asked.
        schemas: all that there may be.

    Returns:
        None where it cannot be told for sure: what is more than a ``SELECT``, looks into the
        catalog or at other schemas, or makes up names while it runs.
    """
    known = {name.casefold() for name in schemas}
    named = set()
    for node in _nodes(_parsed(sql)):
        if node.get("error") is True:
            return None
        kind = node.get("type")
        if kind == "SHOW_REF" or (kind == "TABLE_FUNCTION" and not _is_plain(node)):
            return None
        if kind != "BASE_TABLE":
            continue
        schema, table = node["schema_name"].casefold(), node["table_name"].casefold()
        if schema in known and not node["catalog_name"]:
            named.add((schema, table))
        elif schema or table.startswith(_OF_THE_CATALOG):
            return None
    return frozenset(named)


def _parsed(sql: str) -> object:
    try:
        with duckdb.connect() as connection:
            row = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
        return json.loads(row[0]) if row else {"error": True}
    except (duckdb.Error, ValueError, RecursionError):
        return {"error": True}


def _nodes(tree: object) -> Iterator[Mapping[str, Any]]:
    """All objects in a JSON value."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node


def _is_plain(node: Mapping[str, Any]) -> bool:
    function = node.get("function")
    name = function.get("function_name") if isinstance(function, dict) else None
    return isinstance(name, str) and name.casefold() in _PLAIN_FUNCTIONS
