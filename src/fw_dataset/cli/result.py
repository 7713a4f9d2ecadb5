"""A query's result as Arrow batches, while it is being computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from fw_dataset.cli.failures import CommandError
from fw_dataset.cli.signals import raise_if_asked_to_end
from fw_dataset.errors import FWDatasetError
from fw_dataset.format.dotted_names import hint
from fw_dataset.format.names import quote_identifier
from fw_dataset.query import read_failure

__all__ = ["Result", "run_queries", "run_query"]

_BATCH_ROWS = 2_048
# Named differently in DuckDB 1.5 and later, 1.4 and 1.3; the first that is there is the current.
_READERS = ("to_arrow_reader", "fetch_record_batch", "record_batch")
# What Arrow lacks or Parquet cannot hold is text, as DuckDB spells it.
_AS_TEXT = frozenset({"bignum", "bit", "interval", "time with time zone", "union", "varint"})
# Statements without rows answer with one of these columns in some releases, and not in others.
_NO_ROWS = (["Count"], ["Success"])

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Result:
    """The rows of a query.

    Attributes:
        schema: the columns.
        batches: the rows, to be read once.
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


class _Interruptible:
    """Runs calls in another thread, so that Ctrl-C reaches a busy DuckDB at once."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, sql: str) -> None:
        self._connection, self._sql = connection, sql
        self._thread = ThreadPoolExecutor(1)
        self._running: Future[Any] | None = None

    def call(self, work: Callable[[], _Value]) -> _Value:
        with _translated(self._connection, self._sql):
            return self._start(work).result()

    def each(self, read: Callable[[], _Value]) -> Iterator[_Value]:
        """What ``read`` gives until it stops, one ahead of what is asked for."""
        coming = self._start(read)
        while True:
            with _translated(self._connection, self._sql):
                try:
                    value = coming.result()
                except StopIteration:
                    return
            coming = self._start(read)
            yield value
            raise_if_asked_to_end()

    def end(self) -> None:
        """Stop what still runs, and close the connection."""
        if self._running is not None and not self._running.done():
            from fw_dataset.storage.background import cancel_all

            cancel_all()  # DuckDB waits for what it reads
        while self._running is not None and not self._running.done():
            # Again and again: one that comes before DuckDB has begun is forgotten.
            self._connection.interrupt()
            wait([self._running], timeout=0.05)
        self._thread.shutdown()
        self._connection.close()

    def _start(self, work: Callable[[], _Value]) -> Future[_Value]:
        self._running = started = self._thread.submit(work)
        return started


@contextmanager
def run_query(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[Result | None]:
    """Run SQL of which one statement at most gives rows, as :func:`run_queries` does.

    Returns:
        The result, or None where no statement gives rows.
    """
    with run_queries(connection, sql, most=1) as results:
        yield next(results)


@contextmanager
def run_queries(
    connection: duckdb.DuckDBPyConnection, sql: str, most: int | None = None
) -> Iterator[Iterator[Result | None]]:
    """Run the statements of SQL on a connection, which is closed then.

    Args:
        connection: DuckDB's.
        sql: the statements.
        most: how many of them may give rows; None for all. One that may not is not run.

    Returns:
        The results of those that give rows, each to be read before the next, in which the next
        statement is run. There is one at least: None where the last statement gives no rows.

    Raises:
        CommandError: the SQL is wrong, or fails while its rows are read.
    """
    work = _Interruptible(connection, sql)
    try:
        statements = work.call(lambda: connection.extract_statements(sql))
        if not statements:
            raise CommandError("the SQL is empty")
        giving = sum(map(_gives_only_rows, statements))
        if most is not None and giving > most:
            raise CommandError(
                f"{giving} statements give rows, and there is room for those of {most}:"
                " ask one at a time, or have them shown as tables"
            )
        yield _results(work, connection, statements)
    finally:
        work.end()


def _results(
    work: _Interruptible, connection: duckdb.DuckDBPyConnection, statements: Sequence[Any]
) -> Iterator[Result | None]:
    for statement in statements:
        if statement is not statements[-1] and not _gives_only_rows(statement):
            work.call(partial(_carry_out, connection, statement))
            continue
        reader = work.call(partial(_open, connection, statement))
        if reader is None:
            yield None
        else:
            yield Result(reader.schema, work.each(reader.read_next_batch))


def _carry_out(connection: duckdb.DuckDBPyConnection, statement: Any) -> None:
    connection.execute(statement).fetchall()


def _gives_only_rows(statement: Any) -> bool:
    """Whether a statement does nothing but give rows, as a ``SELECT`` does."""
    return list(statement.expected_result_type) == [duckdb.ExpectedResultType.QUERY_RESULT]


def _open(connection: duckdb.DuckDBPyConnection, statement: Any) -> Any:
    relation: Any = connection.sql(statement)
    if relation is None:
        return None
    if not _gives_only_rows(statement) and relation.columns in _NO_ROWS:
        relation.fetchall()
        return None
    columns = _projection(relation.columns, relation.types)
    if columns is not None:
        relation = relation.project(columns)
    method = next(name for name in _READERS if hasattr(type(relation), name))
    return getattr(relation, method)(_BATCH_ROWS)


def _projection(names: Sequence[str], types: Sequence[Any]) -> str | None:
    """SQL for the columns in types that Arrow and Parquet have, or None where they are."""
    terms = [f"#{place}" for place in range(1, len(names) + 1)]
    cast = [_cast(term, kind) for term, kind in zip(terms, types, strict=True)]
    if cast == terms:
        return None
    named = zip(cast, names, strict=True)
    return ", ".join(f"{term} as {quote_identifier(name)}" for term, name in named)


def _cast(term: str, kind: Any) -> str:
    if kind.id in _AS_TEXT:
        return f"cast({term} as varchar)"
    if kind.id == "decimal" and not hasattr(duckdb.DuckDBPyRelation, _READERS[0]):
        # Before 1.5 short ones come in 32 or 64 bits, which older pyarrow does not know.
        width, scale = (int(number) for _, number in kind.children)
        return f"cast({term} as decimal({max(width, 19)}, {scale}))"
    return term


@contextmanager
def _translated(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[None]:
    """Turn DuckDB's errors into ours, also those that come through Arrow's reader."""
    try:
        yield
    except BrokenPipeError:
        raise
    except FWDatasetError:
        raise
    except (duckdb.Error, OSError, pa.ArrowException) as error:
        failure = read_failure(connection)
        if failure is not None:
            raise failure from None
        message = str(error)
        # When one of its threads fails, DuckDB 1.5 stops the others and now and then passes
        # their complaint on. Nobody waits for a message here whom we interrupted.
        if message.startswith("INTERRUPT Error"):
            message = "the query failed, and DuckDB lost the reason; run it again to see it"
        said, drawn, place = message.partition("\n\nLINE ")
        raise CommandError(f"{said}{hint(message, sql)}{drawn}{place}") from None
