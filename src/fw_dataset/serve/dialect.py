"""SQL in words that the gate knows: the lists of tables, and what Trino spells otherwise."""

from __future__ import annotations

import re

__all__ = ["from_trino", "of_listing"]

_LISTING = re.compile(r"\s*(show(\s+all)?\s+tables|show|desc|describe)\s*;?\s*", re.IGNORECASE)
# As one writes them: the tables of one dataset need no schema in front.
_TABLES = (
    "SELECT if(table_schema = 'main', '', table_schema || '.') || table_name AS name"
    " FROM information_schema.tables ORDER BY ALL"
)
_LONGEST = 20_000


def of_listing(sql: str) -> str:
    """The statement; a ``SELECT`` in its place where it lists the tables of a database."""
    return _TABLES if _LISTING.fullmatch(sql) else sql


def from_trino(sql: str) -> str | None:
    """The same statement for DuckDB, or None where that cannot be told.

    What comes of it has to pass the gate like any other SQL.
    """
    if len(sql) > _LONGEST:
        return None
    try:
        import sqlglot  # noqa: PLC0415 - takes long to load, and most SQL needs none of it
        from sqlglot.errors import SqlglotError  # noqa: PLC0415
    except ImportError:
        return None
    try:
        translated: list[str] = sqlglot.transpile(
            sql, read="trino", write="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE
        )
    except (SqlglotError, RecursionError, ValueError):
        return None
    return translated[0] if len(translated) == 1 else None
