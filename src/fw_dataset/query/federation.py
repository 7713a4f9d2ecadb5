"""Several versions in one connection: each a schema, and a schema with all of them together."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import duckdb

from fw_dataset.errors import InvalidArgumentError, InvalidNameError
from fw_dataset.format.instants import format_instant
from fw_dataset.format.names import quote_identifier, quote_literal
from fw_dataset.query.drift import Member, Union, unite
from fw_dataset.query.lazy import OWN_SCHEMA, LazyView, create_views
from fw_dataset.query.named import NamedTables
from fw_dataset.query.source_tables import SourceTables, tables_of_all
from fw_dataset.query.views import FULL_TABLE, JOINED_TABLES, SESSIONS_SUMMARY, joined_views
from fw_dataset.versions.catalog import CommittedVersion

__all__ = ["EVERYTHING", "Source", "check_schema_names", "connect_sources", "distinct_names"]

EVERYTHING = "everything"
"""The schema in which the tables of all sources are put together."""

# DuckDB's own catalogs and schemas, and ours.
_RESERVED = frozenset(
    (
        EVERYTHING,
        OWN_SCHEMA,
        "information_schema",
        "main",
        "memory",
        "pg_catalog",
        "system",
        "temp",
    )
)
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Source:
    """A version in a connection of several.

    Attributes:
        name: of its schema.
        version: the version.
        marks: the columns in ``everything`` that say where a row comes from, with their values.
    """

    name: str
    version: CommittedVersion
    marks: Mapping[str, str]


def connect_sources(
    sources: Sequence[Source],
    *,
    fully_populate: bool = True,
    cache: str | os.PathLike[str] | None = None,
    only: NamedTables | None = None,
) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB database over several versions.

    Nothing is opened of their tables before a query names them; but datasets of the releases 0.3
    and 0.4 do not say reliably what columns they have, so that these files' footers are read.

    Args:
        sources: the versions, all with the same marks.
        fully_populate: give the tables their rows; without it they are empty.
        cache: a folder of this machine that keeps data files of object stores.
        only: the views to make, and ``fw_dataset.sources`` and ``drift`` are left out; else all.

    Raises:
        InvalidArgumentError: there are none.
        InvalidNameError: a name cannot be a schema's, or two are the same.
        DatasetFormatError: a manifest is damaged, or a data file of an older release.
        StorageError: a storage refuses access, or cannot be reached.
    """
    check_schema_names([source.name for source in sources])
    connection = duckdb.connect()
    try:
        with suppress(duckdb.CatalogException):  # a DuckDB that has no such setting
            connection.execute("set parquet_metadata_cache = true")
        names = [*(source.name for source in sources), EVERYTHING, OWN_SCHEMA]
        connection.execute("".join(f"CREATE SCHEMA {quote_identifier(name)};" for name in names))
        tables = tables_of_all(connection, [source.version for source in sources], cache)
        united = _united(sources, tables)
        asked = None if only is None else {schema for schema, _ in only}
        views = [
            view
            for source, found in zip(sources, tables, strict=True)
            if asked is None or source.name.casefold() in asked
            for view in _own(source, found)
        ]
        views += _of_all(united, tuple(sources[0].marks))
        create_views(connection, _chosen(views, only), with_rows=fully_populate)
        if only is None:
            _describe(connection, sources, tables, united)
    except BaseException:
        connection.close()
        raise
    return connection


def distinct_names(wanted: Iterable[str]) -> list[str]:
    """Names of schemas that are like those wanted, each another one: ``study``, ``study_2`` …"""
    taken = set(_RESERVED)
    names = []
    for name in wanted:
        plain = "".join(char for char in name if char.isprintable()).strip()[:_LONGEST_NAME]
        plain = plain or "dataset"
        number, free = 1, plain
        while free.casefold() in taken:
            number += 1
            free = f"{plain}_{number}"
        taken.add(free.casefold())
        names.append(free)
    return names


def check_schema_names(names: Sequence[str]) -> None:
    """Whether all of these can be schemas, side by side.

    Raises:
        InvalidArgumentError: there are none.
        InvalidNameError: a name cannot be a schema's, or two are the same.
    """
    if not names:
        raise InvalidArgumentError("there is nothing to connect: name one dataset or version")
    seen: dict[str, str] = {}
    for name in names:
        plain = isinstance(name, str) and name.strip() and name.isprintable()
        if not plain or len(name) > _LONGEST_NAME + 10:
            raise InvalidNameError(
                f"name {name!r}: a schema is to be called so; use 1 to {_LONGEST_NAME} printable"
                " characters"
            )
        if name.casefold() in _RESERVED:
            raise InvalidNameError(
                f"name {name!r}: DuckDB or fw-dataset has a schema of that name; take another, as"
                " with connect_all({'another name': dataset}), or a version's id for its label"
            )
        if name.casefold() in seen:
            raise InvalidNameError(
                f"names {seen[name.casefold()]!r} and {name!r} are the same to SQL; change one"
            )
        seen[name.casefold()] = name


def _own(source: Source, tables: SourceTables) -> list[LazyView]:
    """The views of one source."""
    views = [
        LazyView(source.name, name, table.columns, f"SELECT * FROM {table.rows}")
        for name, table in tables.items()
    ]
    return views + joined_views(
        source.name,
        {name: table.columns for name, table in tables.items()},
    )


def _of_all(united: Mapping[str, Union], marks: Sequence[str]) -> list[LazyView]:
    """The views of all sources together."""
    views = [LazyView(EVERYTHING, name, one.columns, one.sql) for name, one in united.items()]
    together = {name: one.columns for name, one in united.items()}
    return views + joined_views(EVERYTHING, together, marks)


def _chosen(views: Sequence[LazyView], only: NamedTables | None) -> Sequence[LazyView]:
    """The views to be made, with those that they join."""
    if only is None:
        return views
    joining = {schema for schema, name in only if name in (FULL_TABLE, SESSIONS_SUMMARY)}
    wanted = only | {(schema, name) for schema in joining for name in JOINED_TABLES}
    return [one for one in views if (one.schema.casefold(), one.name.casefold()) in wanted]


def _united(sources: Sequence[Source], tables: Sequence[SourceTables]) -> dict[str, Union]:
    """The tables of all sources together, by name."""
    members: dict[str, list[Member]] = {}
    names: dict[str, str] = {}
    for source, found in zip(sources, tables, strict=True):
        for name, table in found.items():
            key = names.setdefault(name.casefold(), name)
            one = Member(source.name, source.marks, table.columns, table.rows_of_all)
            members.setdefault(key, []).append(one)
    return {name: unite(found) for name, found in members.items()}


# ----------------------------------------------------------------------------- what is there


def _describe(
    connection: duckdb.DuckDBPyConnection,
    sources: Sequence[Source],
    tables: Sequence[SourceTables],
    united: Mapping[str, Union],
) -> None:
    """Tables of what was put together, and of what is not the same in all."""
    there = [_described(source) for source in sources]
    _fill(connection, "sources", _SOURCES, there)
    having = [{name.casefold() for name in found} for found in tables]
    differing: list[Sequence[str | list[str] | None]] = []
    for name, union in united.items():
        lacking = [
            source.name
            for source, found in zip(sources, having, strict=True)
            if name.casefold() not in found
        ]
        if lacking:
            differing.append([name, None, None, None, lacking])
        differing += [
            [name, drift.column, drift.type, drift.joined, drift.sources] for drift in union.drift
        ]
    _fill(connection, "drift", _DRIFT, differing)


_SOURCES = (
    "source VARCHAR, location VARCHAR, project_id VARCHAR, project VARCHAR, version VARCHAR,"
    " version_label VARCHAR, created TIMESTAMP"
)
_DRIFT = (
    "table_name VARCHAR, column_name VARCHAR, column_type VARCHAR, type_in_everything VARCHAR,"
    " sources VARCHAR[]"
)


def _described(source: Source) -> Sequence[str]:
    described = source.version.description
    return (
        source.name,
        source.version.storage.url,
        described.id,
        described.name,
        source.version.id,
        source.version.label,
        format_instant(described.created),
    )


def _fill(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    columns: str,
    rows: Sequence[Sequence[str | list[str] | None]],
) -> None:
    table = f"{OWN_SCHEMA}.{name}"
    connection.execute(f"CREATE TABLE {table} ({columns})")
    if rows:
        values = ",\n".join(f"({', '.join(map(_literal, row))})" for row in rows)
        connection.execute(f"INSERT INTO {table} VALUES {values}")


def _literal(value: str | list[str] | None) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return quote_literal(value)
    return f"[{', '.join(map(quote_literal, value))}]"
