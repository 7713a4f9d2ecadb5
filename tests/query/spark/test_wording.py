"""Names, texts, types and places, without a server."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fw_dataset.errors import InvalidArgumentError, UnsupportedLocationError
from fw_dataset.query.spark.databases import database_name
from fw_dataset.query.spark.locations import place_of
from fw_dataset.query.spark.wording import comment, identifier, literal, spark_type


@pytest.mark.parametrize(
    ("location", "places", "expected"),
    [
        ("/data/a b", None, "file:///data/a b"),
        ("/data/a%41", None, "file:///data/a%41"),
        ("/data/a%41", {"/data": "dbfs:/mnt"}, "dbfs:/mnt/a%41"),
        ("/data/a", {"/": "file:///", "/data": "file:///lake"}, "file:///lake/a"),
        ("s3://bucket/a%20b", None, "s3a://bucket/a b"),
        ("s3://bucket/a", {"s3://": "s3://"}, "s3://bucket/a"),
        ("s3://bucket/a", {"s3://bucket": "s3a://copy"}, "s3a://copy/a"),
        ("gs://bucket/a", None, "gs://bucket/a"),
        (
            "az://lab.blob.core.windows.net/data/a/b",
            None,
            "abfss://data@lab.dfs.core.windows.net/a/b",
        ),
        ("az://data@lab/a", None, "abfss://data@lab.dfs.core.windows.net/a"),
        ("az://data@lab", None, "abfss://data@lab.dfs.core.windows.net"),
    ],
)
def test_places(location: str, places: Mapping[str, str] | None, expected: str) -> None:
    assert place_of(location, places) == expected


def test_places_that_are_none() -> None:
    with pytest.raises(UnsupportedLocationError, match="places="):
        place_of("memory://", {})
    with pytest.raises(InvalidArgumentError, match="no URL"):
        place_of("/data", {"/data": "/mnt"})


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("VARCHAR[][]", "ARRAY<ARRAY<STRING>>"),
        ("DECIMAL(5,2)[]", "ARRAY<DECIMAL(5,2)>"),
        ("TIMESTAMP_NS", None),
        ("STRUCT(a VARCHAR)", None),
        ("STRUCT(a VARCHAR)[]", None),
        ("TIME", None),
    ],
)
def test_types(kind: str, expected: str | None) -> None:
    assert spark_type(kind) == expected


def test_quoting() -> None:
    assert identifier("a`b.c") == "`a``b.c`"
    assert literal("it's \\ ${env:HOME}\n") == r"'it\'s \\ \u0024{env:HOME}\n'"
    assert comment(" \n ") == ""
    assert comment("a\n\x00 b") == " COMMENT 'a b'"


@pytest.mark.parametrize(
    ("dataset", "version", "expected"),
    [
        ("Ageing Brains – two-year follow-up", None, "ageing_brains_two_year_follow_up"),
        ("study", "Freeze 1.0", "study__freeze_1_0"),
        ("default", None, "default_2"),
        ("日本", None, "table"),
        ("2024", "v1", "t_2024__v1"),
    ],
)
def test_names_of_databases(dataset: str, version: str | None, expected: str) -> None:
    assert database_name(dataset, version) == expected
