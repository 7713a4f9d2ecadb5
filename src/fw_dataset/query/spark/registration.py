"""One version of a dataset as a database of a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fw_dataset.errors import ClusterError
from fw_dataset.format.names import free_name, table_name
from fw_dataset.query.columns import KnownColumns
from fw_dataset.query.drift import Drift
from fw_dataset.query.exported_tables import chosen_tables
from fw_dataset.query.spark.columns import columns_for_spark
from fw_dataset.query.spark.databases import (
    Database,
    database_name,
    given_database,
    open_database,
)
from fw_dataset.query.spark.joined import joined_views
from fw_dataset.query.spark.locations import Places, files_clause, place_of
from fw_dataset.query.spark.rows import Rows, null, of_type, view
from fw_dataset.query.spark.session import Cluster, SparkSession
from fw_dataset.query.spark.wording import comment, identifier
from fw_dataset.query.views import FULL_TABLE, SESSIONS_SUMMARY
from fw_dataset.versions.catalog import CommittedVersion

__all__ = ["Registered", "SparkDatabase", "check_rows", "register_tables", "register_version"]


@dataclass(frozen=True)
class SparkDatabase:
    """What was registered.

    Attributes:
        name: of the database.
        version: the id of the version; None for that of several datasets together.
        tables: by the dataset's name of each table the one that it has in the database.
        views: the joined views, ``full_table`` and ``sessions_summary``.
        left_out: by table, the columns that Spark cannot have, each with the reason.
        drift: of several datasets together, where they differ.
    """

    name: str
    version: str | None
    tables: Mapping[str, str]
    views: tuple[str, ...]
    left_out: Mapping[str, Mapping[str, str]]
    drift: Sequence[Drift] = field(default=(), repr=False)


@dataclass(frozen=True)
class Registered:
    """What was registered, and how views read it.

    Attributes:
        database: for the user.
        rows: by the dataset's name of each table.
    """

    database: SparkDatabase
    rows: Mapping[str, Rows]


def register_version(
    session: SparkSession,
    version: CommittedVersion,
    *,
    database: str | None = None,
    suffix: str | None = None,
    tables: Iterable[str] | None = None,
    places: Places | None = None,
    check: bool = False,
) -> SparkDatabase:
    """Register the tables of a version in a Spark session.

    Args:
        session: the session.
        version: the version.
        database: the database's name; else like the dataset's, and behind it the ``suffix``.
        suffix: which version it is, where it is to be told by the database's name.
        tables: the tables to register; else all.
        places: beginnings of locations, each with the one that the cluster has.
        check: let the cluster count the rows.

    Raises:
        InvalidArgumentError: it is no session, no table is named, or a place is no URL.
        InvalidNameError: the database cannot be called so, or is another dataset's.
        TableNotFoundError: there is no such table.
        UnsupportedLocationError: no cluster can reach the dataset where it is.
        DatasetFormatError: a schema is damaged, or a data file of an older release.
        ClusterError: Spark does not do it, or does not count the rows that there are.
        StorageError: the storage refuses access, or cannot be reached.
    """
    cluster = Cluster(session)
    chosen = chosen_tables(version, tables)
    name = database_name(version.description.name or version.description.id, suffix)
    where = open_database(
        cluster,
        name if database is None else given_database(database),
        version.storage.url,
        exactly=database is not None,
    )
    found = register_tables(where, version, chosen, KnownColumns(), places)
    if check:
        check_rows(where, version, found.database)
    return found.database


def register_tables(
    where: Database,
    version: CommittedVersion,
    tables: Sequence[str],
    known: KnownColumns,
    places: Places | None,
) -> Registered:
    """Register tables of a version in a database, and the views over them."""
    place = place_of(version.storage.url, places)
    columns = {name: columns_for_spark(version, name, known) for name in tables}
    names = _names([name for name in tables if columns[name].kept])
    rows = {name: Rows(where.qualified(own), columns[name].kept) for name, own in names.items()}
    joined = joined_views(rows)
    statements = {
        own: _create(where, version, name, rows[name], place) for name, own in names.items()
    }
    views = {
        name: view(where.qualified(name), list(one.columns), where.comment("", version.id), one.sql)
        for name, one in joined.items()
    }
    where.prepare([*statements, *views])
    where.register(statements)
    where.register(views, views=True)
    where.forget_all_but([*statements, *views])
    left_out = {name: found.left_out for name, found in columns.items() if found.left_out}
    database = SparkDatabase(where.name, version.id, names, tuple(views), left_out)
    return Registered(database, rows)


def check_rows(where: Database, version: CommittedVersion, found: SparkDatabase) -> None:
    """Let the cluster count the rows of all tables.

    Raises:
        ClusterError: a table has not as many as the version says.
    """
    for name, own in found.tables.items():
        table = where.qualified(own)
        counted = where.cluster.value(f"SELECT count(*) FROM {table}", f"table {table}")
        if counted != version.rows[name]:
            raise ClusterError(
                f"table {table} has {counted} rows in Spark, and {version.rows[name]} in"
                f" {version.storage.url}: the cluster sees another folder there, or none; say"
                " where it has the dataset, as with places={'s3://': 's3a://'}"
            )


def _names(tables: Sequence[str]) -> dict[str, str]:
    """By the dataset's name of each table the one that Spark takes."""
    own = {name: name for name in tables if name.isascii() and name.isidentifier()}
    taken = {*map(str.casefold, own), FULL_TABLE, SESSIONS_SUMMARY}
    for name in tables:
        if name not in own:
            own[name] = free_name(table_name(name), taken)
            taken.add(own[name])
    return {name: own[name] for name in tables}


def _create(where: Database, version: CommittedVersion, table: str, rows: Rows, place: str) -> str:
    """The statement that makes a table."""
    model = version.model(table)
    said = where.comment(model.description, version.id)
    files = version.data_files(table)
    if not files:
        nulls = ", ".join(
            f"{null(kind)} AS c{number}" for number, kind in enumerate(rows.columns.values())
        )
        return view(rows.name, list(rows.columns), said, f"SELECT {nulls} WHERE false")
    columns = ",\n  ".join(
        f"{identifier(name)} {of_type(kind)}"
        f"{comment(str(model.properties.get(name, {}).get('description') or ''))}"
        for name, kind in rows.columns.items()
    )
    clause = files_clause(where.cluster, version, table, files, place)
    return f"CREATE TABLE {rows.name} (\n  {columns}\n) {clause}{said}"
