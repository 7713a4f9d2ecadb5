"""Tables to show, for tests: of the demo's kind, and their rows in DuckDB."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from fw_dataset.serve.pages.asking import Question, Row
from fw_dataset.serve.pages.shown import ShownDataset, ShownTable, ShownVersion, shown_column

__all__ = ["ask", "dataset_of", "table_of"]


def table_of(name: str, columns: dict[str, str], rows: int | None = None) -> ShownTable:
    """A table with columns of these DuckDB types; text that holds JSON is called ``JSON``."""
    shown = tuple(
        shown_column(
            column,
            "VARCHAR" if sql == "JSON" else sql,
            {"type": "string", "contentMediaType": "application/json"} if sql == "JSON" else None,
        )
        for column, sql in columns.items()
    )
    return ShownTable("study", name, (name,), f"One row for each of {name}.", rows, shown)


def dataset_of(*tables: ShownTable) -> ShownDataset:
    """A dataset with these tables."""
    version = ShownVersion("study", "v1", None)
    return ShownDataset(
        "study", None, "Study", "", version, (version,), {table.name: table for table in tables}
    )


def ask(connection: duckdb.DuckDBPyConnection, question: Question) -> Sequence[Row]:
    """The rows of an answer."""
    rows: list[Row] = connection.execute(question.sql, list(question.parameters)).fetchall()
    return rows
