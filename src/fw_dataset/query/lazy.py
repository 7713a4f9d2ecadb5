"""Views that open nothing until they are used.

DuckDB binds a view when it is created, which opens all that it reads. So the view calls a macro
that gives no rows of the right columns at first, and is replaced when the views are there: from
then on the macro runs the SQL that the view hands to it, and DuckDB sees through all of it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from fw_dataset.errors import DatasetFormatError
from fw_dataset.format.names import quote_identifier, quote_literal
from fw_dataset.query.columns import Columns, definition
from fw_dataset.query.side_by_side import each

__all__ = ["OWN_SCHEMA", "LazyView", "create_views"]

OWN_SCHEMA = "fw_dataset"
"""The schema of what this package keeps in a connection for itself."""

# More would wait for each other; and a few views are made before a thread is.
_MOST_WORKERS = 4
_FOR_A_WORKER = 100


@dataclass(frozen=True)
class LazyView:
    """A view to be created.

    Attributes:
        schema: where.
        name: how it is called.
        columns: what ``sql`` gives, exactly: DuckDB before 1.5 refuses a view that gives others.
        sql: a query.
    """

    schema: str
    name: str
    columns: Columns
    sql: str


def create_views(
    connection: duckdb.DuckDBPyConnection, views: Sequence[LazyView], *, with_rows: bool = True
) -> None:
    """Create views in schemas that are there; nothing that they read is opened.

    Args:
        connection: which has no views of this kind yet.
        views: what to create.
        with_rows: what the views' SQL gives; without it they are empty.

    Raises:
        DatasetFormatError: DuckDB cannot tell names apart, or does not know a type.
    """
    # Most views share their columns with many others.
    shapes = {id(view.columns): definition(view.columns) for view in views}
    numbers = {shape: number for number, shape in enumerate(dict.fromkeys(shapes.values()))}
    before = [f"CREATE SCHEMA IF NOT EXISTS {OWN_SCHEMA}"]
    after = []
    for shape, number in numbers.items():
        stub, macro = f"{OWN_SCHEMA}.columns_{number}", f"{OWN_SCHEMA}.rows_{number}"
        before.append(f"CREATE TABLE {stub} ({shape})")
        before.append(f"CREATE MACRO {macro}(sql) AS TABLE FROM {stub}")
        after.append(f"CREATE OR REPLACE MACRO {macro}(sql) AS TABLE FROM query(sql)")
        after.append(f"DROP TABLE {stub}")
    created = [_create(view, numbers[shapes[id(view.columns)]]) for view in views]
    try:
        _run(connection, before)
        _run_side_by_side(connection, created)
        _run(connection, after if with_rows else [])
    except duckdb.Error as error:
        reason = " ".join(str(error).split())
        raise DatasetFormatError(f"the tables cannot be shown side by side: {reason}") from None


def _create(view: LazyView, number: int) -> str:
    name = f"{quote_identifier(view.schema)}.{quote_identifier(view.name)}"
    return f"CREATE VIEW {name} AS FROM {OWN_SCHEMA}.rows_{number}({quote_literal(view.sql)})"


def _run_side_by_side(connection: duckdb.DuckDBPyConnection, statements: Sequence[str]) -> None:
    """Run statements whose order does not matter; DuckDB lets go of the interpreter for each."""
    workers = min(os.cpu_count() or 1, _MOST_WORKERS, 1 + len(statements) // _FOR_A_WORKER)
    parts = [statements[number::workers] for number in range(workers)]

    def carry_out(part: Sequence[str]) -> None:
        with connection.cursor() as cursor:
            _run(cursor, part)

    each(carry_out, parts)


def _run(connection: duckdb.DuckDBPyConnection, statements: Sequence[str]) -> None:
    # One call for all: each by itself would take half as long again. There is nothing to optimise
    # in views, and many of them would each be looked at for that.
    sql = ["PRAGMA disable_optimizer", *statements, "PRAGMA enable_optimizer"]
    connection.execute(";\n".join(sql))
