"""Readers of Iceberg that others wrote, each of which must give every cell that DuckDB gives of us.

DuckDB reads Iceberg by an extension that is not there for every release, so it cannot be beside
our tests: ``FW_DATASET_READERS_PYTHON`` names the interpreter of an environment with it, and with
polars and pyiceberg. What is not there is not tested.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fw_dataset import Dataset, publish_iceberg, render_snapshot
from fw_dataset.demo import write_snapshot
from tests.scale.iceberg.published import ours, render_versions, table_at, tags
from tests.scale.iceberg.test_columns import Grown
from tests.support.datasets import CREATED
from tests.support.derivable import add_all, write_files, write_study
from tests.support.shared_data import STUDIES, shared

PYTHON = os.environ.get("FW_DATASET_READERS_PYTHON", "")
pytestmark = pytest.mark.skipif(not PYTHON, reason="FW_DATASET_READERS_PYTHON names no interpreter")
# Each reads tables into Parquet files: of each its folder, its hint, a snapshot or none, the file.
_TABLES = """
import json, sys
tables = json.load(sys.stdin)
"""
_DUCKDB = """
import duckdb, duckdb_ext
connection = duckdb_ext.init(duckdb.connect())
connection.execute("load avro; load iceberg")
for folder, _, snapshot, out in tables:
    which = f", snapshot_from_id={snapshot}::ubigint" if snapshot else ""
    connection.execute(f"copy (from iceberg_scan('{folder}'{which})) to '{out}' (format parquet)")
"""
_POLARS = """
import polars
for folder, hint, snapshot, out in tables:
    metadata = f"{folder}/metadata/v{hint}.metadata.json"
    found = polars.scan_iceberg(metadata, snapshot_id=snapshot, reader_override="READER")
    found.collect().write_parquet(out)
"""
_PYICEBERG = """
import pyarrow.parquet
from pyiceberg.table import StaticTable
for folder, hint, snapshot, out in tables:
    table = StaticTable.from_metadata(f"{folder}/metadata/v{hint}.metadata.json")
    pyarrow.parquet.write_table(table.scan(snapshot_id=snapshot).to_arrow(), out)
"""
PROGRAMS = {
    "duckdb": ("duckdb_ext", _DUCKDB),
    "polars": ("polars", _POLARS.replace("READER", "native")),
    "polars by pyiceberg": ("polars", _POLARS.replace("READER", "pyiceberg")),
    "pyiceberg": ("pyiceberg", _PYICEBERG),
}
Rows = list[tuple[Any, ...]]
Asked = tuple[str, str | None]


@dataclass(frozen=True)
class Reader:
    """A reader of Iceberg, in a process of its own.

    Attributes:
        program: what it runs.
        scratch: a folder for what it has read.
    """

    program: str
    scratch: Path

    def read(self, folder: Path, asked: Sequence[Asked]) -> list[Rows]:
        """The rows of published tables, each asked for by its name and a tag or none."""
        told = []
        for number, (name, tag) in enumerate(asked):
            snapshot = None if tag is None else tags(table_at(folder, name))[tag]
            hint = (folder / name / "metadata/version-hint.text").read_text()
            told.append((f"{folder}/{name}", hint, snapshot, f"{self.scratch}/{number}.parquet"))
        done = subprocess.run(
            [PYTHON, "-c", _TABLES + self.program],
            input=json.dumps(told),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**os.environ, "PYTHONPATH": ""},
        )
        assert done.returncode == 0, done.stderr
        return [cells(pq.read_table(out)) for *_, out in told]


@pytest.fixture(params=PROGRAMS)
def reader(request: pytest.FixtureRequest, tmp_path: Path) -> Reader:
    package, program = PROGRAMS[request.param]
    probe = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({package!r}) is None)"
    if subprocess.run([PYTHON, "-c", probe], check=False).returncode:
        pytest.skip(f"{package} is not installed (FW_DATASET_READERS_PYTHON)")
    return Reader(program, tmp_path)


@pytest.fixture(scope="module")
def all_kinds(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("kinds")
    render_snapshot(write_study(folder), folder / "out", version="v1", created=CREATED)
    add_all(folder / "out", write_files(folder / "files"))
    dataset = Dataset.open(folder / "out")
    publish_iceberg(dataset)
    return dataset


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("demo")
    write_snapshot(folder / "demo.db.gz")
    dataset = render_snapshot(folder / "demo.db.gz", folder / "demo", version="v1", headers=True)
    publish_iceberg(dataset)
    return dataset


@pytest.fixture(scope="module", params=STUDIES)
def study(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    snapshot = shared("data", request.param, "snapshot.db.gz")
    folder = tmp_path_factory.mktemp("study")
    dataset = render_snapshot(snapshot, folder / "dataset", headers=True, qc=True)
    publish_iceberg(dataset)
    return dataset


def cells(found: pa.Table) -> Rows:
    return list(zip(*(column.to_pylist() for column in found.columns), strict=True))


def ordered(rows: Rows) -> list[str]:
    """The rows in an order of their own: readers give them in any."""
    return sorted(json.dumps(row, default=str) for row in rows)


def check(reader: Reader, dataset: Dataset) -> None:
    """Compare all tables, cell by cell."""
    names = list(dataset.tables)
    found = reader.read(Path(dataset.location, "iceberg"), [(name, None) for name in names])
    for name, rows in zip(names, found, strict=True):
        assert ordered(rows) == ordered(ours(dataset, name)), name


def test_tables_of_all_kinds(reader: Reader, all_kinds: Dataset) -> None:
    assert len(all_kinds.tables) == 13
    check(reader, all_kinds)


def test_the_demo(reader: Reader, demo: Dataset) -> None:
    check(reader, demo)


def test_real_studies(reader: Reader, study: Dataset) -> None:
    check(reader, study)


def test_versions_by_their_tags(reader: Reader, tmp_path: Path) -> None:
    for dataset in render_versions(tmp_path, {"v1": 1, "v2": 2}):
        publish_iceberg(dataset, tables=["files"])
    asked = [("files", tag) for tag in (None, "v1", "v2")]
    found = reader.read(tmp_path / "out/iceberg", asked)
    for rows, (_, tag) in zip(found, asked, strict=True):
        assert ordered(rows) == ordered(ours(dataset, "files", tag))


def test_columns_that_come_and_go(reader: Reader, tmp_path: Path) -> None:
    grown = Grown(tmp_path)
    publish_iceberg(grown.add("v1", a__b=[1], a_b=[2], tags=[["x", None]]))
    publish_iceberg(grown.add("v2", new=["n"], a_b=[4], a__b=[3]))
    publish_iceberg(grown.add("v3", tags=[["y"]], a__b=[5]))
    asked = [("t", tag) for tag in (None, "v3", "v2", "v1")]
    assert reader.read(tmp_path / "iceberg", asked) == [
        [(["y"], 5)],
        [(["y"], 5)],
        [("n", 4, 3)],
        [(1, 2, ["x", None])],
    ]
