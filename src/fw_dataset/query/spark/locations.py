"""Where a cluster finds data files, and how to name just these."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, unquote

from fw_dataset.errors import InvalidArgumentError, UnsupportedLocationError
from fw_dataset.query.spark.session import Cluster
from fw_dataset.query.spark.wording import literal
from fw_dataset.storage import ObjectInfo
from fw_dataset.versions.catalog import CommittedVersion

__all__ = ["Places", "files_clause", "place_of"]

Places = Mapping[str, str]
"""Beginnings of locations as we have them, each with the one that the cluster has."""

# Hadoop's own client of S3 is called so; Databricks, EMR and Sail know the name, too.
_SCHEMES = {"s3://": "s3a://", "gs://": "gs://"}
_AZURE = re.compile(r"az://([^/.@]+)\.blob\.([^/]+)/([^/]+)(.*)", re.DOTALL)
_AZURE_SHORT = re.compile(r"az://([^/@]+)@([^/]+)(.*)", re.DOTALL)
# What means more than itself in a URL, and in Hadoop's patterns.
_SPECIAL = re.compile(r"[%#?\[\]{}*\\]")
_PATTERN = re.compile(r"[?\[\]{}*\\]")
_ODD = re.compile(r"[^A-Za-z0-9._-]")
# Some catalogs keep no longer values of options.
_LONGEST_LIST = 3_500


def place_of(location: str, places: Places | None) -> str:
    """The location of a dataset as the cluster has it, nothing in it escaped.

    Args:
        location: as :attr:`Dataset.location` has it.
        places: what the user says of it; the longest beginning counts.

    Raises:
        InvalidArgumentError: a place is no URL.
        UnsupportedLocationError: it is of a kind that only this process knows.
    """
    is_url = "://" in location
    for beginning in sorted(places or {}, key=len, reverse=True):
        if places and location.startswith(beginning):
            there, rest = places[beginning], location[len(beginning) :]
            if ":/" not in there:
                raise InvalidArgumentError(
                    f"places: {there!r} is no URL; as the cluster has it, it begins with a scheme,"
                    " as in s3a://bucket, abfss://…, dbfs:/… or file:///…"
                )
            return there + (unquote(rest) if is_url else rest)
    if not is_url:
        return f"file://{location}"
    for ours, theirs in _SCHEMES.items():
        if location.startswith(ours):
            return theirs + unquote(location[len(ours) :])
    azure, short = _AZURE.fullmatch(location), _AZURE_SHORT.fullmatch(location)
    if azure:
        return f"abfss://{azure[3]}@{azure[1]}.dfs.{azure[2]}{unquote(azure[4])}"
    if short:
        return f"abfss://{short[1]}@{short[2]}.dfs.core.windows.net{unquote(short[3])}"
    raise UnsupportedLocationError(
        f"{location}: a cluster cannot reach it; copy the dataset to a store that it reaches, or"
        f" say by which URL it does: places={{{location!r}: 's3a://bucket/prefix'}}"
    )


def files_clause(
    cluster: Cluster,
    version: CommittedVersion,
    table: str,
    files: Sequence[ObjectInfo],
    place: str,
) -> str:
    """What says in ``CREATE TABLE`` where the rows are: in these files, and in no other.

    Args:
        cluster: which is to read them.
        version: the version that has them.
        table: its table.
        files: its data files.
        place: where the cluster has the dataset.

    Raises:
        ClusterError: Spark does not tell what it is.
        StorageError: the storage refuses access, or cannot be reached.
    """
    options = {
        "pathGlobFilter": _only(version, table, files),
        # Else a folder `site=3` that somebody left there would become a column.
        "recursiveFileLookup": "true",
        # Else Spark 3 refuses days before the year 1583, as files of Spark 2 have these wrong.
        "datetimeRebaseMode": "CORRECTED",
    }
    # Spark lists a folder; a file by itself would be no table to Databricks.
    location = f"{place}/{version.layout.table(table)}"
    if _SPECIAL.search(location):
        if cluster.is_sail:
            scheme, mark, path = location.partition("://")
            location = f"{scheme}{mark}{quote(path, safe='/@:')}"
        elif _PATTERN.search(location):
            options["__globPaths__"] = "false"
    listed = ", ".join(f"{literal(name)} {literal(value)}" for name, value in options.items())
    return f"USING parquet OPTIONS ({listed}) LOCATION {literal(location)}"


def _only(version: CommittedVersion, table: str, files: Sequence[ObjectInfo]) -> str:
    """A pattern that these files have and no others: a writer may have left more in the folder."""
    names = [_ODD.sub("?", file.key.rsplit("/", 1)[-1]) for file in files]
    listed = "{" + ",".join(names) + "}"
    if len(listed) > _LONGEST_LIST:
        there = {file.key for file in version.listed_files(table)}
        if there == {file.key for file in files}:
            return "*.parquet"
    return listed
