"""The dataset object: every public member, over versions, places and spellings."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from fw_dataset import DataModel, Dataset, Table, render_snapshot
from fw_dataset.errors import (
    DatasetFormatError,
    ObjectNotFoundError,
    TableNotFoundError,
    VersionNotFoundError,
)
from tests.support.datasets import (
    PRIMARY,
    PROJECT_ID,
    identifier,
    small_snapshot,
    untouched,
    write_old_version,
)
from tests.support.privileges import as_ordinary_user

MEMBERS = {
    "close",
    "conn",
    "connect",
    "created",
    "delete_latest",
    "delete_version",
    "description",
    "diff",
    "download",
    "execute",
    "export",
    "find",
    "get_description",
    "get_table_schema",
    "get_version_info",
    "hide_tables",
    "id",
    "latest_version_id",
    "list_hidden_tables",
    "list_versions",
    "location",
    "merge",
    "migrate",
    "name",
    "open",
    "profile",
    "prune",
    "register_spark",
    "relabel",
    "remove",
    "report",
    "row_counts",
    "table",
    "tables",
    "unhide_tables",
    "verify",
    "version",
    "version_exists",
    "version_label",
}
COUNTS = {"projects": 1, "subjects": 3, "sessions": 3, "acquisitions": 3, "analyses": 1, "files": 6}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of two versions: two subjects, and three with two files each."""
    folder = tmp_path_factory.mktemp("dataset")
    for name, created, study in (
        ("v1", "2024-01-01T00:00:00Z", {"subjects": 2}),
        ("v2", "2024-02-01T00:00:00Z", {"subjects": 3, "files": 2}),
    ):
        snapshot = small_snapshot(folder / "in", name, **study)
        label = "January" if name == "v1" else None
        render_snapshot(snapshot, folder / "out", version=name, label=label, created=created)
    return folder / "out"


@pytest.fixture
def dataset(root: Path) -> Dataset:
    return Dataset.open(root)


def count(dataset: Dataset, table: str = "subjects") -> int:
    ((found,),) = dataset.execute(f"select count(*) from {table}").fetchall()
    return int(found)


def test_public_members() -> None:
    assert {name for name in dir(Dataset) if not name.startswith("_")} == MEMBERS


def test_what_it_says_of_itself(dataset: Dataset, root: Path) -> None:
    assert dataset.location == str(root)
    assert (dataset.id, dataset.name, dataset.description) == (PROJECT_ID, "study", "")
    assert (dataset.version, dataset.version_label) == ("v2", "v2")
    assert dataset.created == datetime(2024, 2, 1, tzinfo=timezone.utc)
    assert repr(dataset) == f"Dataset({str(root)!r}, version='v2')"


# -------------------------------------------------------------------------------------- versions


def test_the_latest_is_at_hand_at_first(dataset: Dataset) -> None:
    assert dataset.version == dataset.latest_version_id == "v2"
    assert count(dataset) == 3


@pytest.mark.parametrize(
    ("name", "version"), [("v1", "v1"), ("January", "v1"), ("v2", "v2"), ("latest", "v2")]
)
def test_connect_chooses_the_version_at_hand(dataset: Dataset, name: str, version: str) -> None:
    connection = dataset.connect(name)

    assert isinstance(connection, duckdb.DuckDBPyConnection)
    assert dataset.version == version
    assert dataset.version_label == ("January" if version == "v1" else "v2")
    assert dataset.created.month == (1 if version == "v1" else 2)
    expected = [(2 if version == "v1" else 3,)]
    assert connection.execute("select count(*) from subjects").fetchall() == expected
    assert dataset.execute("select count(*) from subjects").fetchall() == expected
    assert dataset.latest_version_id == "v2"


def test_list_versions(dataset: Dataset, root: Path) -> None:
    newest, oldest = dataset.list_versions()

    assert set(newest) == {"version", "label", "created", "latest", "rows", "bytes"}
    assert (newest["version"], newest["label"], newest["latest"]) == ("v2", "v2", True)
    assert (oldest["version"], oldest["label"], oldest["latest"]) == ("v1", "January", False)
    assert newest["created"] == "2024-02-01T00:00:00.000+00:00"
    assert newest["rows"] == sum(COUNTS.values())
    data = (root / "versions/v2").rglob("*.parquet")
    assert newest["bytes"] == sum(path.stat().st_size for path in data)
    json.dumps(dataset.list_versions())


def test_version_info(dataset: Dataset) -> None:
    listed = dataset.list_versions()

    assert dataset.get_version_info() == listed[0]
    assert dataset.get_version_info("latest") == listed[0]
    assert dataset.get_version_info("January") == dataset.get_version_info("v1") == listed[1]
    dataset.connect("v1")
    assert dataset.get_version_info() == listed[1]


def test_version_exists(dataset: Dataset) -> None:
    assert [dataset.version_exists(name) for name in ("v1", "January", "v2", "latest")] == [
        True
    ] * 4
    assert [dataset.version_exists(name) for name in ("v3", "", "january", "..")] == [False] * 4


def test_an_unknown_version_names_the_ones_there_are(dataset: Dataset) -> None:
    connection = dataset.connect("v1")
    for call in (
        lambda: dataset.connect("v3"),
        lambda: dataset.get_version_info("v3"),
        lambda: dataset.get_description("v3"),
        lambda: dataset.get_table_schema("subjects", "v3"),
        lambda: dataset.row_counts("v3"),
        lambda: dataset.report("v3"),
    ):
        with pytest.raises(VersionNotFoundError, match=r"'v3'.*January.*v1.*v2") as caught:
            call()
        assert "\n" not in str(caught.value)
        assert not str(caught.value).startswith("'")
    assert dataset.version == "v1", "it is still the one at hand"
    assert dataset.conn is connection


def test_a_version_that_comes_later_is_seen(tmp_path: Path) -> None:
    first = small_snapshot(tmp_path, "one")
    root = tmp_path / "out"
    dataset = render_snapshot(first, root, version="v1", created="2024-01-01T00:00:00Z")
    second = small_snapshot(tmp_path, "two", subjects=5)
    render_snapshot(second, root, version="v2", created="2024-01-02T00:00:00Z")

    assert dataset.version == "v1"
    assert count(dataset) == 2
    assert dataset.latest_version_id == "v2"
    assert [info["version"] for info in dataset.list_versions()] == ["v2", "v1"]
    dataset.connect()
    assert count(dataset) == 5


# ---------------------------------------------------------------------------------------- tables


def test_tables(dataset: Dataset) -> None:
    assert set(dataset.tables) == set(PRIMARY)
    for name, table in dataset.tables.items():
        assert isinstance(table, Table)
        assert isinstance(table.data_model, DataModel)
        assert table.name == name
        assert table.description
        described = [row[0] for row in dataset.execute(f"describe {name}").fetchall()]
        assert list(table.data_model.properties) == described
        assert described[-2:] == ["info", "extra"]
        for prop in table.data_model.properties.values():
            assert prop["type"]
            assert prop["description"]


def test_tables_cannot_be_changed(dataset: Dataset) -> None:
    with pytest.raises(TypeError):
        dataset.tables["mine"] = dataset.tables["files"]  # type: ignore[index]


def test_table_schema(dataset: Dataset, root: Path) -> None:
    schema = dataset.get_table_schema("subjects")
    on_disk = json.loads((root / "versions/v2/schemas/subjects.schema.json").read_text())

    assert schema == on_disk
    assert list(schema)[:6] == ["schema", "id", "description", "properties", "required", "type"]
    assert schema == dataset.get_table_schema("subjects", "v2")
    assert set(dataset.get_table_schema("subjects", "v1")["properties"]) == set(
        schema["properties"]
    )


def test_an_unknown_table_names_the_ones_there_are(dataset: Dataset) -> None:
    with pytest.raises(
        TableNotFoundError, match=r"did you mean 'subjects'.*acquisitions"
    ) as caught:
        dataset.get_table_schema("subject")
    assert isinstance(caught.value, KeyError)
    assert "\n" not in str(caught.value)


def test_description(dataset: Dataset, root: Path) -> None:
    path = root / "versions/v1/provenance/dataset_description.json"

    assert dataset.get_description("January") == json.loads(path.read_text())
    assert dataset.get_description()["version"] == "v2"
    for name, table in dataset.get_description()["tables"].items():
        assert table["properties"] == table["data_model"]["properties"]
        assert table["properties"] == dataset.get_table_schema(name)["properties"]


def test_row_counts(dataset: Dataset) -> None:
    assert dataset.row_counts() == COUNTS
    assert dataset.row_counts("v1")["files"] == 2
    assert {name: count(dataset, name) for name in PRIMARY} == COUNTS


def test_report(dataset: Dataset) -> None:
    report = dataset.report()

    assert set(report["tables"]) == set(PRIMARY)
    assert report["tables"]["files"]["rows_written"] == 6
    assert dataset.report("v1")["tables"]["files"]["rows_written"] == 2


def test_no_report(tmp_path: Path) -> None:
    folder = write_old_version(tmp_path, "v1", {"subjects": pa.table({"id": ["a"]})})
    dataset = Dataset.open(tmp_path)
    with pytest.raises(ObjectNotFoundError, match="rendering_report"):
        dataset.report()
    (folder / "provenance/rendering_report.json").write_text("{ half")
    with pytest.raises(DatasetFormatError, match="report of version 'v1'") as caught:
        dataset.report()
    assert "\n" not in str(caught.value)


# --------------------------------------------------------------------------------------- queries


def test_execute_with_parameters(dataset: Dataset) -> None:
    one = identifier(2 << 32 | 1)
    by_place = dataset.execute("select label from subjects where id = ?", [one])
    assert by_place.fetchall() == [("subject-1",)]
    by_number = dataset.execute("select $1 || label from subjects where id = $2", ["x", one])
    assert by_number.fetchone() == ("xsubject-1",)
    by_name = dataset.execute("select label from subjects where id = $id", {"id": one})
    assert by_name.fetchmany(5) == [("subject-1",)]
    text = "'; drop table subjects; --"
    assert dataset.execute("select count(*) from subjects where id = ?", [text]).fetchall() == [
        (0,)
    ]


# DuckDB 2 warns of the copy that an Arrow result of execute() costs; it is right all the same.
@pytest.mark.filterwarnings("ignore:Arrow output on a DB-API result:UserWarning")
def test_results_as_arrow(dataset: Dataset) -> None:
    sql = 'select name, size, tags, "parents.subject" as subject from files order by size'
    # Of a connection itself, DuckDB 1.3 has no such method.
    rows = dataset.conn.sql(sql).to_arrow_table()
    assert isinstance(rows, pa.Table)
    assert rows.column_names == ["name", "size", "tags", "subject"]
    assert rows.schema.field("size").type == pa.int64()
    assert pa.types.is_list(rows.schema.field("tags").type)
    assert rows.column("size").to_pylist() == sorted(rows.column("size").to_pylist())
    assert rows.column("tags").to_pylist() == [["raw", "a b"]] * 6


def test_joins_lists_and_json(dataset: Dataset) -> None:
    sql = """
        select subjects.label, count(*), min(files.info->>'$.header.dicom.EchoTime')
        from files
        join acquisitions on acquisitions.id = files."parents.acquisition"
        join sessions on sessions.id = acquisitions."parents.session"
        join subjects on subjects.id = sessions."parents.subject"
        where list_contains(files.tags, 'raw')
        group by all order by all
    """
    rows = dataset.execute(sql).fetchall()

    assert rows == [(f"subject-{number}", 2, "0.5") for number in range(3)]


def test_errors_of_sql_are_duckdbs(dataset: Dataset) -> None:
    with pytest.raises(duckdb.CatalogException, match="nosuch"):
        dataset.execute("select * from nosuch")
    with pytest.raises(duckdb.ParserException):
        dataset.execute("selct 1")
    assert count(dataset) == 3, "it goes on"


def test_tables_of_a_dataset_cannot_be_written(dataset: Dataset) -> None:
    for sql in ("insert into subjects (id) values ('x')", "delete from subjects"):
        with pytest.raises(duckdb.Error):
            dataset.execute(sql)
    assert count(dataset) == 3


def test_without_rows(dataset: Dataset) -> None:
    connection = dataset.connect(fully_populate=False)

    assert dataset.conn is connection
    assert count(dataset) == 0
    assert set(dataset.tables) == set(PRIMARY)
    assert dataset.row_counts() == COUNTS
    dataset.connect()
    assert count(dataset) == 3


# --------------------------------------------------------------------------------------- closing


def test_the_connection_is_made_once(dataset: Dataset) -> None:
    assert dataset.conn is dataset.conn
    dataset.execute("create temp table mine as select 1 as a")
    assert dataset.execute("select a from mine").fetchall() == [(1,)]


def test_close(dataset: Dataset) -> None:
    dataset.close()
    connection = dataset.connect("v1")
    dataset.close()
    dataset.close()

    with pytest.raises(duckdb.ConnectionException):
        connection.execute("select 1")
    assert dataset.version == "v1"
    assert count(dataset) == 2, "it opens again when it is asked"


def test_with(root: Path) -> None:
    with Dataset.open(root) as dataset:
        connection = dataset.conn
        assert count(dataset) == 3
    with pytest.raises(duckdb.ConnectionException):
        connection.execute("select 1")


def test_an_earlier_connection_lives_on(dataset: Dataset) -> None:
    first = dataset.connect("v1")
    second = dataset.connect("v2")

    assert first.execute("select count(*) from subjects").fetchall() == [(2,)]
    assert second.execute("select count(*) from subjects").fetchall() == [(3,)]


# ---------------------------------------------------------------------------------------- places


@pytest.mark.parametrize(
    "spelling", ["path", "text", "slash", "url", "url/", "relative", "symlink"]
)
def test_spellings_of_the_place(
    root: Path, tmp_path: Path, spelling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root.parent)
    (tmp_path / "link").symlink_to(root)
    locations: dict[str, str | Path] = {
        "path": root,
        "text": str(root),
        "slash": f"{root}//",
        "url": root.as_uri(),
        "url/": f"{root.as_uri()}/",
        "relative": root.name,
        "symlink": tmp_path / "link",
    }
    dataset = Dataset.open(locations[spelling])
    monkeypatch.chdir("/")

    assert dataset.version == "v2"
    assert count(dataset) == 3
    assert list(tmp_path.iterdir()) == [tmp_path / "link"]


def test_a_read_only_dataset(tmp_path: Path) -> None:
    root = tmp_path / "out"
    render_snapshot(small_snapshot(tmp_path), root)
    folders = [path for path in (root, *root.rglob("*")) if path.is_dir()]
    for path in folders:
        path.chmod(0o555)
    before = untouched(root)
    with as_ordinary_user():
        dataset = Dataset.open(root)
        assert count(dataset) == 2
        assert dataset.row_counts()["files"] == 2
        assert dataset.report()
        dataset.connect(fully_populate=False)
        assert len(dataset.list_versions()) == 1

    assert untouched(root) == before
    for path in folders:
        path.chmod(0o755)


def test_a_moved_dataset(tmp_path: Path) -> None:
    render_snapshot(small_snapshot(tmp_path), tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "moved")

    assert count(Dataset.open(tmp_path / "moved")) == 2
