"""Databases of a cluster: which one a dataset gets, and what in it may be replaced."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from fw_dataset.errors import InvalidNameError
from fw_dataset.format.names import table_name
from fw_dataset.query.side_by_side import each
from fw_dataset.query.spark.session import Cluster, TableThere
from fw_dataset.query.spark.wording import comment, identifier, one_line

__all__ = ["Database", "database_name", "given_database", "open_database"]

_MARK = "fw-dataset: "
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_RESERVED = frozenset(("default", "everything", "global_temp", "information_schema", "sys"))


def database_name(dataset: str, version: str | None = None) -> str:
    """The name of the database for a dataset, or for one of its versions."""
    name = table_name(dataset)
    name = f"{name}_2" if name in _RESERVED else name
    return name if version is None else f"{name}__{table_name(version)}"


def given_database(name: str) -> str:
    """A database's name that was given.

    Raises:
        InvalidNameError: no database can be called so.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidNameError(
            f"database {name!r}: use letters, digits and '_', not beginning with a digit, at most"
            " 128 of them (of another catalog, choose that with session.catalog.setCurrentCatalog)"
        )
    return name.lower()


class Database:
    """A database in which tables of one owner are registered.

    What it holds of others is never touched.

    Args:
        cluster: where it is.
        name: its name.
        owner: whose tables are registered: a dataset's location, or what stands for several.
        is_there: whether it has been made.
    """

    def __init__(self, cluster: Cluster, name: str, owner: str, *, is_there: bool) -> None:
        self.cluster, self.name, self.owner = cluster, name, owner
        self._is_there = is_there
        self._there: Mapping[str, TableThere] = {}

    def qualified(self, table: str) -> str:
        """How a table is called in SQL."""
        return f"{self.name}.{table}"

    def comment(self, description: str, version: str = "") -> str:
        """What is said of a table: what it is, and whose."""
        behind = f" version {version}" if version else ""
        return comment(f"{description} [{_MARK}{self.owner};{behind}]")

    def prepare(self, wanted: Collection[str]) -> None:
        """Make the database if it is missing, and look whether tables may be registered in it.

        Raises:
            InvalidNameError: it has a table of such a name that is of somebody else.
            ClusterError: Spark refuses.
        """
        if not self._is_there:  # who may not make databases may still use one
            self.cluster.run(
                f"CREATE DATABASE IF NOT EXISTS {self.name}{comment(_MARK + self.owner)}",
                f"database {self.name!r}",
            )
        self._there = self.cluster.tables_in(self.name)
        for name in wanted:
            there = self._there.get(name.lower())
            if there is not None and not self._is_ours(there):
                raise InvalidNameError(
                    f"database {self.name!r} has a table {name!r} that was not registered from"
                    f" {self.owner}: take another database, as with database='another_name', or"
                    " drop the table"
                )

    def register(self, statements: Mapping[str, str], *, views: bool = False) -> None:
        """Create tables, each in the place of the one that was registered before.

        Args:
            statements: by name, what creates each.
            views: whether they are views, which are replaced.

        Raises:
            ClusterError: Spark refuses.
        """

        def create(name: str) -> None:
            there = self._there.get(name.lower())
            if there is not None and not (views and there.is_view):
                self._drop(name, there)
            self.cluster.run(statements[name], f"table {self.qualified(name)}")

        each(create, statements)

    def forget_all_but(self, registered: Collection[str]) -> None:
        """Drop what an earlier registration left that this one has not.

        Raises:
            ClusterError: Spark refuses.
        """
        kept = {name.lower() for name in registered}
        for name, there in self._there.items():
            if name not in kept and self._is_ours(there):
                self._drop(name, there)

    def _is_ours(self, there: TableThere) -> bool:
        return one_line(f"[{_MARK}{self.owner};") in one_line(there.comment)

    def _drop(self, name: str, there: TableThere) -> None:
        kind = "VIEW" if there.is_view else "TABLE"
        # Tables with a location of their own: no data file goes with them.
        self.cluster.run(
            f"DROP {kind} IF EXISTS {self.name}.{identifier(name)}",
            f"table {self.qualified(name)}",
        )


def open_database(
    cluster: Cluster, wanted: str, owner: str, *, exactly: bool, taken: Collection[str] = ()
) -> Database:
    """The database of this name for an owner; it is not made yet.

    Args:
        cluster: where it is to be.
        wanted: its name.
        owner: whose tables it gets.
        exactly: take this name, or none; else with ``_2``, ``_3`` … behind it where the database
            is another's.
        taken: names that are not to be taken.

    Raises:
        InvalidNameError: the database is another dataset's.
        ClusterError: Spark does not tell.
    """
    name, number = wanted, 1
    while True:
        said = cluster.comment_of(name)
        is_free = said is None or one_line(said) == one_line(_MARK + owner)
        is_foreign = said is not None and not said.startswith(_MARK)
        if name not in taken and (is_free or (exactly and is_foreign)):
            return Database(cluster, name, owner, is_there=said is not None)
        if exactly:
            other = "another dataset here" if name in taken else str(said).removeprefix(_MARK)
            raise InvalidNameError(
                f"database {name!r} is that of {other}: take another name, or drop the database"
            )
        number += 1
        name = f"{wanted}_{number}"
