"""Profiles of tables: what is in their columns."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from fw_dataset.format.names import quote_identifier, quote_literal
from fw_dataset.format.profile import TableProfile
from fw_dataset.format.schema import DataModel
from fw_dataset.render.profiling.columns import ProfiledRows
from fw_dataset.render.profiling.tables import profile_rows
from fw_dataset.render.progress import Progress, ProgressCallback

if TYPE_CHECKING:
    import duckdb

__all__ = ["profile_relation", "profile_tables", "profiling_ahead"]

_THREADS = 2
_MEMORY = "512MB"
_STAGE = "profile"
_GLOB = re.compile(r"([*?\[])")


def profile_tables(
    files: Mapping[str, Sequence[Path]],
    models: Mapping[str, DataModel],
    *,
    values: bool = True,
    progress: ProgressCallback | None = None,
) -> dict[str, TableProfile]:
    """Profile tables whose data files are on this machine.

    Every row is read; what is kept in memory does not grow with their number, and what does not
    fit goes to the system's folder for temporary files.

    Args:
        files: the data files of each table.
        models: the schema of each table to profile; one without files has no rows.
        values: tell what stands in rows, too; without it, only how full the columns are.
        progress: called with a :class:`~fw_dataset.Progress`, stage ``"profile"``, before each
            table and after the last: its table, the tables that are done, and all.

    Returns:
        The profiles by table, in the order of ``models``.

    Raises:
        duckdb.Error: a file is missing or damaged.
    """
    # DuckDB takes long to load, and most renderings make no profiles.
    import duckdb  # noqa: PLC0415

    found: dict[str, TableProfile] = {}
    with tempfile.TemporaryDirectory(prefix="fw-dataset-") as folder:
        settings: dict[str, str | bool | int | float | list[str]] = {
            "threads": _THREADS,
            "memory_limit": _MEMORY,
            "temp_directory": folder,
            "preserve_insertion_order": False,
        }
        with duckdb.connect(config=settings) as connection:
            with suppress(duckdb.CatalogException):  # a DuckDB that has no such setting
                # Each file is read several times, and its footer may name 10,000 columns.
                connection.execute("SET parquet_metadata_cache = true")
            for name, model in models.items():
                _tell(progress, name, len(found), len(models))
                source = _source(files.get(name, ()), model)
                found[name] = profile_relation(connection, source, name, model, values=values)
    _tell(progress, None, len(found), len(models))
    return found


@contextmanager
def profiling_ahead(
    files: Mapping[str, Sequence[Path]], models: Mapping[str, DataModel], *, values: bool
) -> Iterator[Callable[[], dict[str, TableProfile]]]:
    """Profile tables in a thread of its own: DuckDB leaves Python to others meanwhile.

    Gives what waits for the profiles and returns them. Where the block ends by an error, they
    are given up after the table at hand.

    Args:
        files: as for :func:`profile_tables`, and so are the others.
        models: these must not change.
        values: whether to tell what stands in rows.
    """
    given_up = Event()

    def go_on(_: Progress) -> None:
        if given_up.is_set():
            raise _GivenUpError

    with ThreadPoolExecutor(1) as executor:
        made = executor.submit(profile_tables, files, models, values=values, progress=go_on)
        try:
            yield made.result
        except BaseException:
            given_up.set()
            raise


class _GivenUpError(Exception):
    """Nobody waits for the profiles any more."""


def profile_relation(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    table: str,
    model: DataModel,
    *,
    values: bool = True,
) -> TableProfile:
    """Profile rows that a connection can read.

    Args:
        connection: DuckDB's; its pending result is lost.
        source: what stands in SQL for the rows: a quoted name, a function, a query in brackets.
        table: the table's name.
        model: the table's schema.
        values: as for :func:`profile_tables`.

    Raises:
        duckdb.Error: the rows cannot be read.
    """
    profile = profile_rows(ProfiledRows.of(connection, source, model), table)
    return profile if values else profile.without_values()


def _source(files: Sequence[Path], model: DataModel) -> str:
    if not files:
        nulls = ", ".join(
            f"CAST(NULL AS {model.column_type(name).sql}) AS {quote_identifier(name)}"
            for name in model.properties
        )
        return f"(SELECT {nulls or 'NULL'} WHERE false)"
    # DuckDB takes stars and brackets in a path for patterns, and `site=3` for a column.
    listed = ", ".join(quote_literal(_GLOB.sub(r"[\1]", str(file))) for file in files)
    return f"read_parquet([{listed}], hive_partitioning = false)"


def _tell(progress: ProgressCallback | None, table: str | None, done: int, total: int) -> None:
    if progress is not None:
        progress(Progress(_STAGE, table, done, total))
