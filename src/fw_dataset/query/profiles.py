"""Profiles of the tables of a version: those that are stored with it, or made now."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import duckdb

from fw_dataset.errors import DatasetFormatError, ObjectNotFoundError, StorageError
from fw_dataset.format.names import quote_identifier
from fw_dataset.format.profile import TableProfile
from fw_dataset.query.connection import read_failure
from fw_dataset.render.profiles import profile_relation
from fw_dataset.versions.catalog import CommittedVersion

__all__ = ["version_profiles"]


def version_profiles(
    version: CommittedVersion,
    tables: Sequence[str],
    connection: Callable[[], duckdb.DuckDBPyConnection],
    *,
    values: bool,
) -> dict[str, TableProfile]:
    """The profiles of tables; nothing is stored.

    Args:
        version: the version.
        tables: the tables' names.
        connection: opens one of :func:`~fw_dataset.query.connection.connect_version`, where a
            table has no stored profile that can be read.
        values: tell what stands in rows, too. A profile that was stored without stays so.

    Raises:
        DatasetFormatError: a data file is missing or damaged.
        StorageError: the storage refuses access, or cannot be reached.
    """
    found: dict[str, TableProfile] = {}
    for name, stored in zip(tables, _stored(version, tables), strict=True):
        profile = stored or _made(version, name, connection())
        found[name] = profile if values else profile.without_values()
    return found


def _stored(version: CommittedVersion, tables: Sequence[str]) -> list[TableProfile | None]:
    keys = [version.layout.profile(name) for name in tables]
    known = version.listing
    there = [key for key in keys if known is None or key in known]
    contents = dict(zip(there, version.storage.get_many(there), strict=True))
    return [_read(name, contents.get(key)) for name, key in zip(tables, keys, strict=True)]


def _read(table: str, content: bytes | StorageError | None) -> TableProfile | None:
    if content is None or isinstance(content, ObjectNotFoundError):
        return None
    if isinstance(content, StorageError):
        raise content
    try:
        return TableProfile.from_json(content, table)
    except DatasetFormatError:
        return None  # of a later release, or damaged: the rows say it all again


def _made(
    version: CommittedVersion, table: str, connection: duckdb.DuckDBPyConnection
) -> TableProfile:
    source = f"main.{quote_identifier(table)}"
    read_failure(connection)  # of an earlier query
    try:
        # A cursor of its own: what a caller still reads from the connection goes on.
        with connection.cursor() as cursor:
            return profile_relation(cursor, source, table, version.model(table))
    except duckdb.CatalogException:
        return TableProfile(table=table, rows=0)  # one without files and columns
    except duckdb.Error as error:
        failure = read_failure(connection)
        if failure is not None:
            raise failure from None
        reason = " ".join(str(error).split())
        raise DatasetFormatError(
            f"table {table!r} of version {version.label!r} cannot be read: {reason}"
        ) from None
