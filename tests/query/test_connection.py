"""One view a table, scanned natively, whatever the files and their folders are called."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fw_dataset import Dataset, render_snapshot
from fw_dataset.errors import DatasetFormatError, FWDatasetError
from fw_dataset.query import connect_version
from fw_dataset.storage import LocalStorage
from fw_dataset.versions.catalog import Catalog, CommittedVersion
from tests.support.datasets import PRIMARY, small_snapshot, write_json, write_old_version

OF_ONE_SUBJECT = """select sum(size) from files where "parents.subject" = 'subject-7'"""
ODD_ROOTS = [
    "with space",
    "ünïcödé 日本",
    "bra[ck]ets",
    "[!a]",
    "star*",
    "what?",
    "site=3/subject=4",
    "100%20",
    "quote's",
    'double"quote',
    "semi;colon",
    "back\\slash",
    "{a,b}",
    "#hash",
    "~tilde",
    "$HOME",
    "-dash",
    "new\nline",
]


def version_at(root: Path) -> CommittedVersion:
    return Catalog(LocalStorage(root)).find()


def explained(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    return "\n".join(row[1] for row in connection.execute(f"explain {sql}").fetchall())


def spoil(path: Path, *, groups: Collection[int] = (), columns: Collection[str] = ()) -> None:
    """Overwrite the pages of some row groups and of some columns."""
    metadata = pq.ParquetFile(path).metadata
    with open(path, "r+b") as file:
        for group, column in product(range(metadata.num_row_groups), range(metadata.num_columns)):
            chunk = metadata.row_group(group).column(column)
            if group in groups or chunk.path_in_schema.split(".list")[0] in columns:
                file.seek(chunk.dictionary_page_offset or chunk.data_page_offset)
                file.write(b"\xff" * chunk.total_compressed_size)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A dataset whose table has ten row groups, ordered by subject."""
    rows = pa.table(
        {
            "id": [f"{n:024x}" for n in range(10_000)],
            "parents.subject": [f"subject-{n // 1000}" for n in range(10_000)],
            "size": list(range(10_000)),
            "info": [f"{{}}{n}" for n in range(10_000)],
        }
    )
    folder = write_old_version(tmp_path / "large", "v1", {"files": rows})
    (path,) = (folder / "tables/files").iterdir()
    pq.write_table(rows, path, row_group_size=1000)
    return tmp_path / "large"


@pytest.mark.parametrize("name", ODD_ROOTS)
def test_roots_of_any_name(tmp_path: Path, name: str) -> None:
    snapshot = small_snapshot(tmp_path / "in")
    dataset = render_snapshot(snapshot, tmp_path / name / "dataset")
    # Names that a pattern would match in the first one's place.
    for decoy in ("brac", "brak", "starfish", "whats", "a", "b", "x"):
        write_old_version(tmp_path / decoy / "dataset", "v1", {"files": pa.table({"id": ["x"]})})

    rows = dataset.connect().execute('select "parents.subject", size from files').fetchall()

    assert sorted(size for _, size in rows) == [1000, 1000 + (1 << 20)]
    assert dataset.execute("describe files").fetchall()[-1][0] == "extra"


def test_views_of_all_tables(tmp_path: Path) -> None:
    connection = render_snapshot(small_snapshot(tmp_path), tmp_path / "out").connect()
    made = connection.execute("select view_name from duckdb_views() where not internal").fetchall()

    assert {name for (name,) in made} == {*PRIMARY, "full_table", "sessions_summary"}


@pytest.mark.parametrize("table", PRIMARY)
def test_empty_tables_have_the_types_of_full_ones(tmp_path: Path, table: str) -> None:
    dataset = render_snapshot(small_snapshot(tmp_path), tmp_path / "out")
    empty = dataset.connect(fully_populate=False)
    full = dataset.connect()

    def described(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
        return [row[:2] for row in connection.execute(f"describe {table}").fetchall()]

    assert described(empty) == described(full)
    assert empty.execute(f"select count(*) from {table}").fetchall() == [(0,)]
    assert full.execute(f"select count(*) from {table}").fetchall() != [(0,)]


def test_empty_tables_open_no_data_file(tmp_path: Path) -> None:
    dataset = render_snapshot(small_snapshot(tmp_path), tmp_path / "out")
    for path in (tmp_path / "out").rglob("*.parquet"):
        path.write_bytes(b"not parquet at all")

    connection = dataset.connect(fully_populate=False)

    assert connection.execute("select * from files").fetchall() == []
    with pytest.raises(DatasetFormatError, match="table 'acquisitions'") as caught:
        dataset.connect()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fully_populate", [True, False])
def test_columns_come_from_the_file_where_the_schema_has_none(
    tmp_path: Path, fully_populate: bool
) -> None:
    rows = pa.table({"id": ["a"], "number": [1], "tags": [["x"]]})
    write_old_version(tmp_path, "v1", {"files": rows})
    connection = connect_version(version_at(tmp_path), fully_populate=fully_populate)

    described = [row[:2] for row in connection.execute("describe files").fetchall()]
    assert described == [("id", "VARCHAR"), ("number", "BIGINT"), ("tags", "VARCHAR[]")]
    count = connection.execute("select count(*) from files").fetchall()
    assert count == [(1 if fully_populate else 0,)]


@pytest.mark.parametrize(
    "name", ["select", "Group By", "odd-name", 'qu"ote', "it's", "ünï", "1st", "a.b", "x" * 190]
)
def test_table_names_that_need_quotes(tmp_path: Path, name: str) -> None:
    write_old_version(tmp_path, "v1", {name: pa.table({"from": [1], "a.b": [2], 'c"d': [3]})})
    quoted = '"' + name.replace('"', '""') + '"'
    dataset = Dataset.open(tmp_path)

    sql = f'select "from", "a.b", "c""d" from {quoted}'
    assert dataset.execute(sql).fetchall() == [(1, 2, 3)]
    assert list(dataset.tables) == [name]
    assert dataset.row_counts() == {name: 1}


@pytest.mark.parametrize("fully_populate", [True, False])
def test_tables_that_sql_cannot_tell_apart(tmp_path: Path, fully_populate: bool) -> None:
    rows = {"Files": pa.table({"a": [1]}), "files": pa.table({"a": [2]})}
    write_old_version(tmp_path, "v1", rows)

    with pytest.raises(DatasetFormatError, match="table 'files'") as caught:
        connect_version(version_at(tmp_path), fully_populate=fully_populate)
    assert "\n" not in str(caught.value)


def test_columns_that_sql_cannot_tell_apart(tmp_path: Path) -> None:
    columns = {"a": {"type": "integer"}, "A": {"type": "integer"}}
    schemas = {"files": {"id": "files", "properties": columns}}
    write_old_version(tmp_path, "v1", {"files": pa.table({"a": [1], "A": [2]})}, schemas=schemas)

    assert connect_version(version_at(tmp_path)).execute("from files").fetchall() == [(1, 2)]
    with pytest.raises(DatasetFormatError, match="table 'files'"):
        connect_version(version_at(tmp_path), fully_populate=False)


def test_several_files_are_one_table(tmp_path: Path) -> None:
    folder = write_old_version(tmp_path, "v1", {"files": pa.table({"id": ["a"], "size": [1]})})
    more = pa.table({"size": pa.array([2.5]), "id": ["b"], "new": ["x"]})
    pq.write_table(more, folder / "tables/files/other.parquet")
    (folder / "tables/files/notes.txt").write_text("not a data file")
    dataset = Dataset.open(tmp_path)

    rows = dataset.execute('select id, size, "new" from files order by id').fetchall()
    assert rows == [("a", 1.0, None), ("b", 2.5, "x")]
    assert dataset.row_counts() == {"files": 2}


def test_a_table_without_files_is_empty(tmp_path: Path) -> None:
    folder = write_old_version(tmp_path, "v1", {"files": pa.table({"id": ["a"]})})
    columns = {"id": {"type": "string"}, "n": {"type": ["integer", "null"]}}
    write_json(folder / "schemas/none.schema.json", {"id": "none", "properties": columns})
    write_json(folder / "schemas/bare.schema.json", {"id": "bare", "properties": {}})
    dataset = Dataset.open(tmp_path)

    assert dataset.execute("select id, n from none").fetchall() == []
    assert set(dataset.tables) == {"files", "none", "bare"}
    with pytest.raises(duckdb.CatalogException):
        dataset.execute("select * from bare")


def test_a_missing_data_file_is_an_error(tmp_path: Path) -> None:
    dataset = render_snapshot(small_snapshot(tmp_path), tmp_path / "out")
    for path in (tmp_path / "out").rglob("tables/files/*.parquet"):
        path.unlink()

    with pytest.raises(DatasetFormatError, match="table 'files'") as caught:
        dataset.connect()
    assert isinstance(caught.value, FWDatasetError)
    assert "\n" not in str(caught.value)


def test_files_that_no_manifest_names_are_no_rows(tmp_path: Path) -> None:
    dataset = render_snapshot(small_snapshot(tmp_path), tmp_path / "out")
    for path in list((tmp_path / "out").rglob("*.parquet")):
        path.with_name("stray.parquet").write_bytes(path.read_bytes())

    assert dataset.connect().execute("select count(*) from subjects").fetchall() == [(2,)]


# -------------------------------------------------------------------------------------- pushdown


def test_queries_are_native_scans(large: Path) -> None:
    connection = connect_version(version_at(large))
    plan = explained(connection, OF_ONE_SUBJECT)

    scan = re.split("PARQUET_SCAN|READ_PARQUET", plan, maxsplit=1)[1]
    assert "subject-7" in scan, "the filter is in the scan"
    assert " FILTER " not in plan
    assert connection.execute(OF_ONE_SUBJECT).fetchall() == [(sum(range(7000, 8000)),)]


def test_columns_that_are_not_asked_for_are_not_read(large: Path) -> None:
    (path,) = large.rglob("*.parquet")
    spoil(path, columns=["id", "info"])
    connection = connect_version(version_at(large))

    assert connection.execute(OF_ONE_SUBJECT).fetchall() == [(sum(range(7000, 8000)),)]
    with pytest.raises(duckdb.Error):
        connection.execute("select max(id) from files where size = 1").fetchall()


def test_row_groups_of_other_subjects_are_not_read(large: Path) -> None:
    (path,) = large.rglob("*.parquet")
    spoil(path, groups=set(range(10)) - {7})
    connection = connect_version(version_at(large))

    assert connection.execute(OF_ONE_SUBJECT).fetchall() == [(sum(range(7000, 8000)),)]
    with pytest.raises(duckdb.Error):
        connection.execute(OF_ONE_SUBJECT.replace("-7", "-6")).fetchall()


def test_rendered_row_groups_of_other_subjects_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fw_dataset.render.parquet.ROWS_PER_GROUP", 2048)
    snapshot = small_snapshot(tmp_path, subjects=8, files=1000)
    dataset = render_snapshot(snapshot, tmp_path / "out")
    (path,) = (tmp_path / "out").rglob("tables/files/*.parquet")
    assert pq.ParquetFile(path).metadata.num_row_groups == 4
    last = dataset.execute("select max(id) from subjects").fetchall()[0][0]
    sql = f"""select count(size) from files where "parents.subject" = '{last}'"""
    assert dataset.execute(sql).fetchall() == [(1000,)]

    spoil(path, groups={0, 1, 2})

    assert dataset.connect().execute(sql).fetchall() == [(1000,)]


def test_connections_are_independent(large: Path) -> None:
    version = version_at(large)
    first, second = connect_version(version), connect_version(version)
    first.execute("create table mine (a integer)")
    first.close()

    assert second.execute("select count(*) from files").fetchall() == [(10_000,)]
    with pytest.raises(duckdb.CatalogException):
        second.execute("select * from mine")
