"""SQL as Trino spells it, which other Data Connect services speak, in DuckDB's words."""

from __future__ import annotations

__all__ = ["from_trino"]

_LONGEST = 20_000


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
