"""A Spark session as this room speaks to it: the one place where Spark's errors become ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

from fw_dataset.errors import ClusterError, InvalidArgumentError

__all__ = ["Cluster", "SparkSession", "TableThere"]

_LONGEST_REASON = 500


@runtime_checkable
class SparkSession(Protocol):
    """What is asked of a ``pyspark.sql.SparkSession``, of Spark Connect or classic."""

    @property
    def catalog(self) -> Any:
        """What databases and tables there are."""

    def sql(self, sqlQuery: str, /) -> Any:  # noqa: N803 - as Spark calls it
        """Run one statement."""


@dataclass(frozen=True)
class TableThere:
    """A table or view that a database has.

    Attributes:
        is_view: whether it is a view.
        comment: what is said of it.
    """

    is_view: bool
    comment: str


class Cluster:
    """What a session reaches.

    Args:
        session: the user's own; it is never closed or configured here.

    Raises:
        InvalidArgumentError: it is no Spark session.
    """

    def __init__(self, session: SparkSession) -> None:
        if not isinstance(session, SparkSession):
            raise InvalidArgumentError(
                f"session is of type {type(session).__name__!r}: give a SparkSession, as from"
                " pyspark's SparkSession.builder.remote('sc://host').getOrCreate()"
                " (pip install 'fw-dataset[spark]')"
            )
        self._session = session

    def run(self, sql: str, what: str) -> None:
        """Run a statement whose answer does not matter.

        Args:
            sql: the statement.
            what: what it is about, for people.

        Raises:
            ClusterError: Spark does not do it.
        """
        with _told(what):
            self._session.sql(sql)

    def value(self, sql: str, what: str) -> Any:
        """The first value of the first row of a query.

        Raises:
            ClusterError: Spark does not give it.
        """
        with _told(what):
            return self._session.sql(sql).collect()[0][0]

    def comment_of(self, database: str) -> str | None:
        """What is said of a database; None where there is none of that name.

        Raises:
            ClusterError: Spark does not tell.
        """
        with _told(f"database {database!r}"):
            catalog = self._session.catalog
            if not catalog.databaseExists(database):
                return None
            return str(catalog.getDatabase(database).description or "")

    def tables_in(self, database: str) -> dict[str, TableThere]:
        """The tables and views of a database, by their names in lower case.

        Raises:
            ClusterError: Spark does not tell.
        """
        with _told(f"database {database!r}"):
            found = self._session.catalog.listTables(database)
        return {
            one.name.lower(): TableThere(one.tableType == "VIEW", one.description or "")
            for one in found
            if not one.isTemporary
        }

    @cached_property
    def is_sail(self) -> bool:
        """Whether it is Sail, which is Spark to its users, but takes locations for URLs.

        Spark's ``version()`` tells the revision behind the number, too.

        Raises:
            ClusterError: Spark does not tell.
        """
        return len(str(self.value("SELECT version()", "the session")).split()) == 1


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Let errors of whichever Spark it is be ours."""
    try:
        yield
    except Exception as error:
        # Behind the first line come the statement, and traces of the server.
        reason = str(error).strip().partition("\n")[0][:_LONGEST_REASON]
        raise ClusterError(
            f"{what}: Spark refuses: {reason or type(error).__name__}; what was registered before"
            " stays, and registering again does all of it anew"
        ) from error
