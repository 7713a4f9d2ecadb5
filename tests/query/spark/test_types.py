"""What Spark reads is what DuckDB reads: every type, real studies, odd time zones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from fw_dataset import Dataset, render_snapshot
from fw_dataset.format.column_types import ColumnType
from fw_dataset.query.spark.wording import spark_type
from tests.support.datasets import write_old_version
from tests.support.shared_data import OLD_RELEASES, STUDIES, shared
from tests.support.spark import columns_of, same_rows, table_of

moment = datetime.fromisoformat

# What our own tables can have, and what other writers of the older releases' format may.
VALUES: dict[str, pa.Array] = {
    "text": pa.array(["é\n'\\$", "", None]),
    "json": pa.array(['{"a": 0.0007}', "null", None]),
    "instant": pa.array(
        [moment("0001-01-01"), moment("9999-12-31T23:59:59.999999"), None], pa.timestamp("us")
    ),
    "milliseconds": pa.array([moment("2024-03-10T02:30:00"), None, None], pa.timestamp("ms")),
    "zoned": pa.array([0, -62_135_596_800_000_000, None], pa.timestamp("us", "Asia/Tokyo")),
    "date": pa.array([date(1, 1, 1), date(9999, 12, 31), None]),
    "texts": pa.array([["a", None, ""], [], None]),
    "integers": pa.array([[2**63 - 1, None], [], None], pa.list_(pa.int64())),
    "numbers": pa.array([[0.1, -0.0], [float("inf")], None]),
    "dates": pa.array([[date(1, 1, 1)], [], None], pa.list_(pa.date32())),
    "lists": pa.array([[["a"], None], [], None]),
    "integer": pa.array([2**63 - 1, -(2**63), None]),
    "number": pa.array([0.0007, float("nan"), None]),
    "boolean": pa.array([True, False, None]),
    "int8": pa.array([-128, 127, None], pa.int8()),
    "int16": pa.array([-(2**15), 1, None], pa.int16()),
    "int32": pa.array([-(2**31), 1, None], pa.int32()),
    "uint8": pa.array([255, 0, None], pa.uint8()),
    "uint16": pa.array([2**16 - 1, 0, None], pa.uint16()),
    "uint32": pa.array([2**32 - 1, 0, None], pa.uint32()),
    "uint64": pa.array([2**64 - 1, 0, None], pa.uint64()),
    "float": pa.array([0.1, 1.5, None], pa.float32()),
    "decimal": pa.array([Decimal("1.50"), Decimal("-0.01"), None], pa.decimal128(20, 2)),
    "bytes": pa.array([b"\x00\xff", b"", None]),
}


def check(session: Any, dataset: Dataset, **options: Any) -> int:
    """Compare all tables; how many cells these have."""
    found = dataset.register_spark(session, check=True, **options)
    assert found.left_out == {}
    connection = dataset.connect()
    cells = 0
    for name in (*found.tables, *found.views):
        ours = table_of(connection, f'SELECT * FROM "{name}"')
        own = found.tables.get(name, name)
        theirs = table_of(session, f"SELECT * FROM {found.name}.{own}")
        assert columns_of(theirs) == columns_of(ours), name
        assert same_rows(theirs, ours), name
        cells += ours.num_rows * ours.num_columns
    return cells


@contextmanager
def zone(session: Any, name: str) -> Iterator[None]:
    before = session.conf.get("spark.sql.session.timeZone")
    session.conf.set("spark.sql.session.timeZone", name)
    yield
    session.conf.set("spark.sql.session.timeZone", before)


@pytest.mark.parametrize("zone_name", ["UTC", "America/New_York", "Pacific/Apia"])
def test_every_type_in_every_time_zone(session: Any, tmp_path: Path, zone_name: str) -> None:
    write_old_version(tmp_path, "v1", {"t": pa.table(VALUES)})
    with zone(session, zone_name):
        assert check(session, Dataset.open(tmp_path), database="types") == 3 * len(VALUES)
        (row,) = session.sql("SELECT CAST(min(instant) AS STRING) FROM types.t").collect()
        assert row[0] == "0001-01-01 00:00:00"


def test_all_that_our_tables_can_have_is_known() -> None:
    assert [kind for kind in ColumnType if spark_type(kind.sql) is None] == []


@pytest.mark.parametrize("study", STUDIES)
def test_real_studies_cell_by_cell(session: Any, tmp_path: Path, study: str) -> None:
    folder = shared("data", study)
    dataset = render_snapshot(
        folder / "snapshot.db.gz",
        tmp_path / "study",
        headers=True,
        qc=True,
        tabular_files=folder / "files",
    )

    assert check(session, dataset) > 2_000


@pytest.mark.parametrize("release", OLD_RELEASES)
def test_older_releases_cell_by_cell(session: Any, release: str) -> None:
    root = next(shared("data", "old_format", release, "datasets").glob("*/*/*"))

    assert check(session, Dataset.open(root)) > 5_000
