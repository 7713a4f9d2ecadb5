"""What columns tables have, told without opening their files where that can be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.names import quote_identifier
from fw_dataset.versions.catalog import CommittedVersion

__all__ = ["Columns", "KnownColumns", "ask", "definition", "empty", "has_manifest"]

Columns = Mapping[str, str]
"""The DuckDB type of each column by name, in order."""


class KnownColumns:
    """The columns of tables as their versions describe them.

    Many versions have the same tables, so that each set of columns is made once.
    """

    def __init__(self) -> None:
        self._seen: list[tuple[Mapping[str, Any], Columns]] = []
        # Most of them are not just equal, but the same; kept, as an id is another's afterwards.
        self._same: dict[int, tuple[Mapping[str, Any], Columns]] = {}

    def of_files(self, version: CommittedVersion, table: str) -> Columns | None:
        """The columns of a table's data files; None where these must be asked.

        So it is with the releases 0.3 and 0.4, whose schemas do not say reliably what is in the
        files; and with columns that SQL cannot tell apart.
        """
        if not has_manifest(version):
            return None
        columns = self.of_schema(version, table)
        can_be_told_apart = len({name.casefold() for name in columns}) == len(columns)
        return columns if columns and can_be_told_apart else None

    def of_schema(self, version: CommittedVersion, table: str) -> Columns:
        """The columns that the schema of a table names."""
        described = version.description.tables.get(table)
        properties = described.get("properties") if isinstance(described, dict) else None
        if not isinstance(properties, dict) or not properties:
            properties = version.model(table).properties
        if id(properties) not in self._same:
            self._same[id(properties)] = (properties, self._columns(properties))
        return self._same[id(properties)][1]

    def _columns(self, properties: Mapping[str, Any]) -> Columns:
        for seen, columns in self._seen:
            if seen == properties and list(seen) == list(properties):
                return columns
        columns = {name: ColumnType.from_property(prop).sql for name, prop in properties.items()}
        self._seen.append((properties, columns))
        return columns


def ask(connection: duckdb.DuckDBPyConnection, rows: str) -> Columns:
    """The columns of what stands in SQL for rows, which DuckDB opens.

    Raises:
        duckdb.Error: it cannot be opened.
    """
    described = connection.execute(f"DESCRIBE FROM {rows}").fetchall()
    return {str(column): str(kind) for column, kind, *_ in described}


def definition(columns: Columns) -> str:
    """Columns as ``CREATE TABLE`` wants them."""
    return ", ".join(f"{quote_identifier(name)} {kind}" for name, kind in columns.items())


def empty(columns: Columns) -> str:
    """What stands in SQL for no rows."""
    nulls = ", ".join(
        f"CAST(NULL AS {kind}) AS {quote_identifier(name)}" for name, kind in columns.items()
    )
    return f"(SELECT {nulls} WHERE false)"


def has_manifest(version: CommittedVersion) -> bool:
    """Whether a version says what files it has, and its schemas say what columns these have."""
    if version.listing is not None:
        return version.layout.manifest in version.listing
    return version.manifest is not None
