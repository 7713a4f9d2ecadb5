"""Several datasets in one cluster: a database each, and all of them together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from fw_dataset import Dataset, connect_all, render_snapshot
from fw_dataset.errors import InvalidArgumentError, InvalidNameError
from fw_dataset.format.tables import primary_table
from fw_dataset.query.spark import SparkDatabase
from tests.support.datasets import small_snapshot, write_old_version
from tests.support.shared_data import STUDIES, shared
from tests.support.spark import columns_of, same_rows, table_of


def rendered(folder: Path, subjects: int = 2, **choices: Any) -> Dataset:
    snapshot = small_snapshot(folder.parent, f"{folder.name}-in", subjects=subjects)
    return render_snapshot(snapshot, folder, **choices)


def old(folder: Path, columns: Mapping[str, Any], table: str = "scores") -> Dataset:
    write_old_version(folder, "v1", {table: pa.table(dict(columns))})
    return Dataset.open(folder)


def check(session: Any, datasets: Any, **options: Any) -> dict[str, SparkDatabase]:
    """Register datasets; all of them together are what they are in DuckDB."""
    found = connect_all(datasets, engine=session, check=True, **options)
    connection = connect_all(datasets)
    together = found[options.get("everything", "everything")]
    for name in (*together.tables, *together.views):
        ours = table_of(connection, f'SELECT * FROM everything."{name}"')
        theirs = table_of(session, f"SELECT * FROM {together.name}.{name}")
        assert columns_of(theirs) == columns_of(ours), name
        assert same_rows(theirs, ours), name
    drift = connection.sql("FROM fw_dataset.drift WHERE column_name IS NOT NULL").fetchall()
    told = [(one.column, one.type, one.joined, one.sources) for one in together.drift]
    assert sorted(map(repr, told)) == sorted(repr(tuple(row[1:])) for row in drift)
    return found


def test_each_is_a_database_and_everything_is_all(session: Any, tmp_path: Path) -> None:
    sites = {"siteA": rendered(tmp_path / "a", 2), "site B": rendered(tmp_path / "b", 3)}

    found = check(session, sites)

    assert {name: one.name for name, one in found.items()} == {
        "siteA": "sitea",
        "site B": "site_b",
        "everything": "everything",
    }
    assert found["everything"].version is None
    counted = table_of(
        session, "SELECT dataset, count(*) AS n FROM everything.files GROUP BY 1 ORDER BY 2"
    )
    assert counted.to_pylist() == [{"dataset": "siteA", "n": 2}, {"dataset": "site B", "n": 3}]


def test_registering_again_replaces(session: Any, tmp_path: Path) -> None:
    one, other = rendered(tmp_path / "a", 2), rendered(tmp_path / "b", 3)
    extra = old(tmp_path / "c", {"x": [1]})

    first = check(session, {"a": one, "c": extra})
    second = check(session, {"a": one, "b": other})

    assert "scores" in first["everything"].tables
    assert "scores" not in {t.name for t in session.catalog.listTables("everything")}
    assert set(second) == {"a", "b", "everything"}


def test_in_a_list_the_databases_are_called_like_the_projects(session: Any, tmp_path: Path) -> None:
    sites = [rendered(tmp_path / "a", 2), rendered(tmp_path / "b", 3)]
    session.sql("CREATE DATABASE study COMMENT 'of somebody'")

    found = check(session, sites, everything="all_studies")

    assert {name: one.name for name, one in found.items()} == {
        "study": "study_2",
        "study_2": "study_2_2",
        "all_studies": "all_studies",
    }
    assert "everything" not in {one.name for one in session.catalog.listDatabases()}


def test_columns_that_differ(session: Any, tmp_path: Path) -> None:
    columns = [name for name in primary_table("sessions").model.properties if name != "weight"]
    sites: dict[str, Any] = {
        "a": rendered(tmp_path / "a", 2),
        "b": rendered(tmp_path / "b", 3, control_columns={"sessions": columns}),
    }

    check(session, sites)


def test_types_that_differ(session: Any, tmp_path: Path) -> None:
    moment, day = datetime.fromisoformat("2024-11-03T05:30:00.123456"), date(1901, 2, 3)
    # In New York, 01:30 of that night is there twice.
    zoned = pa.array([moment, moment + timedelta(hours=1)], pa.timestamp("us", "UTC"))
    plain = pa.array([moment, None], pa.timestamp("us"))
    one = {
        "Same.One": ["x", None],
        "integers": pa.array([1, None], pa.int16()),
        "beyond": pa.array([2**64 - 1, None], pa.uint64()),
        "numbers": [2**53, None],
        "days": pa.array([day, None]),
        "zones": zoned,
        "zones and days": zoned,
        "texts": [12345, None],
        "truth": [True, None],
        "lists": [["a", None, 'b"'], []],
        "numbers in lists": pa.array([[1, None], []], pa.list_(pa.int64())),
        "days in lists": pa.array([[day], None]),
        "dataset": ["own", None],
        "only.here": [1, 2],
    }
    other = {
        "same.one": ["y", None],
        "integers": pa.array([2**40, None], pa.int64()),
        "beyond": [-5, None],
        "numbers": [0.5, None],
        "days": plain,
        "zones": plain,
        "zones and days": pa.array([day, None]),
        "texts": ["text", None],
        "truth": ["neither", None],
        "lists": ["a", None],
        "numbers in lists": ["a", None],
        "days in lists": ["a", None],
        "dataset": ["theirs", None],
    }
    before = session.conf.get("spark.sql.session.timeZone")
    session.conf.set("spark.sql.session.timeZone", "America/New_York")

    check(session, {"a": old(tmp_path / "a", one), "b": old(tmp_path / "b", other)})

    session.conf.set("spark.sql.session.timeZone", before)


def test_numbers_in_a_column_of_text_are_spelled_as_the_engine_does(
    session: Any, tmp_path: Path
) -> None:
    sites = {
        "a": old(tmp_path / "a", {"value": [0.0007]}),
        "b": old(tmp_path / "b", {"value": ["none"]}),
    }

    connect_all(sites, engine=session)

    found = table_of(session, "SELECT value FROM everything.scores WHERE dataset = 'a'")
    (text,) = found.column("value").to_pylist()
    assert float(text) == 0.0007


def test_older_and_newer_releases_together(session: Any, tmp_path: Path) -> None:
    older = next(shared("data", "old_format", "0.4.3", "datasets").glob("*/*/*"))

    check(session, {"new": rendered(tmp_path / "new", 3), "old": older})


@pytest.mark.slow
def test_the_real_studies_together(session: Any, tmp_path: Path) -> None:
    sites = {
        name: render_snapshot(shared("data", name, "snapshot.db.gz"), tmp_path / name, qc=True)
        for name in STUDIES
    }

    check(session, sites)


def test_databases_of_others_are_never_replaced(session: Any, tmp_path: Path) -> None:
    one, other = rendered(tmp_path / "a", 2), rendered(tmp_path / "b", 3)
    connect_all({"site": one}, engine=session)

    with pytest.raises(InvalidNameError, match="'site' is that of"):
        connect_all({"site": other}, engine=session)
    with pytest.raises(InvalidNameError, match="another dataset here"):
        connect_all({"Site 1": one, "site-1": other}, engine=session)
    with pytest.raises(InvalidNameError, match="'b'"):
        connect_all({"a": one, "b": other}, engine=session, everything="b")

    assert table_of(session, "SELECT * FROM site.subjects").num_rows == 2


def test_arguments_that_are_not_for_the_engine(session: Any, tmp_path: Path) -> None:
    sites: dict[str, Any] = {"a": rendered(tmp_path / "a")}
    of_duckdb: list[dict[str, Any]] = [{"cache": tmp_path}, {"sql": "SELECT 1"}]
    for given in of_duckdb:
        with pytest.raises(InvalidArgumentError, match="DuckDB"):
            connect_all(sites, engine=session, **given)
    of_spark: list[dict[str, Any]] = [{"places": {}}, {"check": True}, {"everything": "all"}]
    for given in of_spark:
        with pytest.raises(InvalidArgumentError, match="engine"):
            connect_all(sites, **given)
    with pytest.raises(InvalidArgumentError, match="SparkSession"):
        connect_all(sites, engine="spark")  # type: ignore[call-overload]
