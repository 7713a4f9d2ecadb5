"""From a query to its rows or to what is wrong with it, inside a confined process."""

from __future__ import annotations

from typing import Any, BinaryIO, Protocol

import duckdb
import pyarrow as pa

from fw_dataset.format.dotted_names import hint
from fw_dataset.serve.dialect import from_trino, of_listing
from fw_dataset.serve.engine import LINES_BEFORE, Engine, Statement
from fw_dataset.serve.faults import place_of, without_drawing
from fw_dataset.serve.gate import Checked, RefusedError
from fw_dataset.serve.results import Bounds, TooLargeError, write
from fw_dataset.serve.wire import data_model

__all__ = ["answer"]

_LONGEST = 1_000
_SPENT = ("Out of Memory", "out of memory", "bad_alloc", "ailed to allocate", "ould not allocate")
_OF_FILES = ("IO Error", "Permission Error", "INTERNAL Error", "HTTP Error")
_NO_MEMORY = "the query needs more memory than one may use here: ask for less at once"


class Teller(Protocol):
    """Who asked."""

    def tell(self, message: dict[str, Any]) -> None:
        """Send a message."""

    def next_message(self) -> dict[str, Any]:
        """Wait for a message."""


def answer(engine: Engine, job: dict[str, Any], file: BinaryIO, asking: Teller) -> dict[str, Any]:
    """Run a query and write its rows; what comes back is the last message about it.

    Args:
        engine: what runs it.
        job: ``sql``, ``parameters``, ``form`` and ``bounds``.
        file: where the rows go.
        asking: is told which tables are wanted, and answers which of them are not here.
    """
    try:
        statement = _prepared(engine, job, asking)
        asking.tell({"model": data_model(statement.columns)})
        write(engine, statement, job["form"], file, Bounds(**job["bounds"]), asking.tell)
    except RefusedError as error:
        return _failed("the query is not possible", str(error))
    except TooLargeError as error:
        return _failed("the result is too large", str(error))
    except (MemoryError, duckdb.OutOfMemoryException, pa.ArrowMemoryError):
        return {**_failed("out of memory", _NO_MEMORY), "spent": True}
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            return {**_failed("the result cannot be kept", "the server's disk fails"), "ours": True}
        # What fails while rows are read comes through Arrow, as an error of the system's kind.
        return _explained(str(error), str(job["sql"]))
    return {"done": True}


def _prepared(engine: Engine, job: dict[str, Any], asking: Teller) -> Statement:
    sql, parameters = of_listing(str(job["sql"])), job["parameters"]
    try:
        checked = engine.check(sql, len(parameters))
        return _bound(engine, sql, parameters, checked, asking)
    except (RefusedError, duckdb.BinderException, duckdb.CatalogException) as error:
        translated = from_trino(sql)
        if translated is None or translated == sql:
            raise
        try:
            checked = engine.check(translated, len(parameters))
            return _bound(engine, translated, parameters, checked, asking)
        except (RefusedError, duckdb.Error):
            raise error from None  # in the words of what was sent


def _bound(
    engine: Engine, sql: str, parameters: list[Any], checked: Checked, asking: Teller
) -> Statement:
    asking.tell({"tables": sorted(checked.tables), "lists": checked.lists})
    told = asking.next_message()
    engine.make(told["make"], told["absent"])
    return engine.bind(sql, parameters)


def _explained(message: str, sql: str) -> dict[str, Any]:
    """What DuckDB says, unless it says where files are."""
    if any(part in message for part in _SPENT):
        return {**_failed("out of memory", _NO_MEMORY), "spent": True}
    # Blanks in front are taken away, and the SQL is put into another one, before it is run.
    before = LINES_BEFORE - sql[: len(sql) - len(sql.lstrip())].count("\n")
    place = place_of(message, sql, before)
    message = without_drawing(message)
    if message.startswith(_OF_FILES) or ".parquet" in message:
        return {**_failed("a table cannot be read", "its files are damaged or gone"), "ours": True}
    if message.startswith("INTERRUPT Error"):
        # When one of its threads fails, DuckDB 1.5 stops the others and now and then passes their
        # complaint on; nothing is interrupted here.
        message = "it failed, and DuckDB lost the reason; run it again to see it"
    return _failed("the query is wrong", message + hint(message, sql) + place)


def _failed(title: str, detail: str) -> dict[str, Any]:
    return {"failed": {"title": title, "detail": detail[:_LONGEST]}}
