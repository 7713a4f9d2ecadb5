"""Several datasets in one cluster: a database each, and one with all of them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fw_dataset.errors import InvalidNameError
from fw_dataset.query.columns import KnownColumns
from fw_dataset.query.drift import ZONED, Joined, Member, Term, is_nested, is_whole, join
from fw_dataset.query.exported_tables import chosen_tables
from fw_dataset.query.federation import Source
from fw_dataset.query.spark.databases import (
    Database,
    database_name,
    given_database,
    open_database,
)
from fw_dataset.query.spark.joined import joined_views
from fw_dataset.query.spark.locations import Places
from fw_dataset.query.spark.registration import (
    Registered,
    SparkDatabase,
    check_rows,
    register_tables,
)
from fw_dataset.query.spark.rows import Rows, null, of_type, view
from fw_dataset.query.spark.session import Cluster, SparkSession
from fw_dataset.query.spark.wording import literal

__all__ = ["register_sources"]


def register_sources(
    session: SparkSession,
    sources: Sequence[Source],
    *,
    named: bool,
    everything: str,
    places: Places | None = None,
    check: bool = False,
) -> dict[str, SparkDatabase]:
    """Register versions of several datasets, and all of them together.

    Args:
        session: the session.
        sources: the versions, all with the same marks.
        named: the user named them: no database may be called otherwise.
        everything: the name of the database with all of them.
        places: beginnings of locations, each with the one that the cluster has.
        check: let the cluster count the rows of each dataset's tables.

    Returns:
        The databases by the names of the sources, and that of all by ``everything``.

    Raises:
        InvalidArgumentError, InvalidNameError, UnsupportedLocationError, DatasetFormatError,
            ClusterError, StorageError: as for one version.
    """
    if everything in [source.name for source in sources]:
        raise InvalidNameError(
            f"name {everything!r}: the database of all is to be called so; take another"
        )
    cluster = Cluster(session)
    of_all = open_database(
        cluster, given_database(everything), "several datasets together", exactly=True
    )
    databases = _databases(cluster, sources, of_all.name, named=named)
    known = KnownColumns()
    found: dict[str, Registered] = {}
    for source, database in zip(sources, databases, strict=True):
        tables = chosen_tables(source.version, None)
        found[source.name] = register_tables(database, source.version, tables, known, places)
        if check:
            check_rows(database, source.version, found[source.name].database)
    together = _register_all(of_all, sources, found)
    return {**{name: one.database for name, one in found.items()}, everything: together}


def _databases(
    cluster: Cluster, sources: Sequence[Source], of_all: str, *, named: bool
) -> list[Database]:
    """The databases of the sources, none of them made yet."""
    taken = {of_all}
    databases = []
    for source in sources:
        one = open_database(
            cluster,
            database_name(source.name),
            source.version.storage.url,
            exactly=named,
            taken=taken,
        )
        taken.add(one.name)
        databases.append(one)
    return databases


def _register_all(
    where: Database, sources: Sequence[Source], found: Mapping[str, Registered]
) -> SparkDatabase:
    """The tables of all sources together, as views."""
    members: dict[str, list[tuple[Member, Rows]]] = {}
    names: dict[str, str] = {}
    for source in sources:
        one = found[source.name]
        for table, own in one.database.tables.items():
            key = names.setdefault(own.casefold(), own)
            rows = one.rows[table]
            member = Member(source.name, source.marks, rows.columns, rows.name)
            members.setdefault(key, []).append((member, rows))
    joined = {name: join([member for member, _ in pairs]) for name, pairs in members.items()}
    rows_of_all = {name: Rows(where.qualified(name), one.columns) for name, one in joined.items()}
    summaries = joined_views(rows_of_all, tuple(sources[0].marks))
    said = where.comment("")
    tables = {
        name: view(rows_of_all[name].name, list(one.columns), said, _united(one, members[name]))
        for name, one in joined.items()
    }
    views = {
        name: view(where.qualified(name), list(one.columns), said, one.sql)
        for name, one in summaries.items()
    }
    where.prepare([*tables, *views])
    where.register(tables, views=True)
    where.register(views, views=True)
    where.forget_all_but([*tables, *views])
    drift = [one for joined_one in joined.values() for one in joined_one.drift]
    return SparkDatabase(where.name, None, {name: name for name in tables}, tuple(views), {}, drift)


def _united(joined: Joined, members: Sequence[tuple[Member, Rows]]) -> str:
    parts = []
    for (member, rows), terms in zip(members, joined.terms, strict=True):
        marks = [
            f"{literal(value)} AS c{number}" for number, value in enumerate(member.marks.values())
        ]
        if is_whole(member, terms):
            parts.append(f"SELECT {', '.join([*marks, 't.*'])} FROM {rows.name} AS t")
            continue
        columns = [
            f"{_term(term, rows)} AS c{number}" for number, term in enumerate(terms, len(marks))
        ]
        parts.append(f"SELECT {', '.join([*marks, *columns])} FROM {rows.under('t')}")
    return "\nUNION ALL\n".join(parts)


def _term(term: Term, rows: Rows) -> str:
    place = None if term.own is None else rows.place(term.own)
    if place is None:
        return null(term.wanted)
    place = f"t.{place}"
    if term.kind == term.wanted:
        return place
    if term.kind == ZONED and term.wanted == "TIMESTAMP":
        # By way of a number, as the session's time zone has hours that are there twice.
        seconds = f"CAST(CAST(unix_micros({place}) AS DECIMAL(26, 6)) / 1000000 AS DECIMAL(18, 6))"
        return f"TIMESTAMP_NTZ '1970-01-01 00:00:00' + make_dt_interval(0, 0, 0, {seconds})"
    if term.wanted == "VARCHAR" and is_nested(term.kind):
        return f"to_json({place})"
    return f"CAST({place} AS {of_type(term.wanted)})"
