"""Datasets that the 0.3 and 0.4 releases wrote open and query, and stay as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fw_dataset import Dataset, FWDatasetClient, render_snapshot
from fw_dataset.errors import VersionConflictError
from fw_dataset.format.instants import parse_instant
from fw_dataset.storage import LocalStorage
from fw_dataset.versions.catalog import Catalog
from fw_dataset.versions.labels import relabel
from tests.support.datasets import copy_of, small_snapshot, tree, untouched, write_json
from tests.support.privileges import as_ordinary_user
from tests.support.shared_data import OLD_RELEASES, shared

PROJECT = "63b0cd00f4df741e50442fa4"
PREFIX = f"datasets/flywheel.test/neuro-lab/{PROJECT}"
VERSION = "66cf6701af1c6f3855f1ee61"
COUNTS = {"acquisitions": 530, "analyses": 29, "files": 2000, "sessions": 45, "subjects": 23}


@pytest.fixture(params=OLD_RELEASES)
def bucket(request: pytest.FixtureRequest) -> Path:
    return shared("data", "old_format", request.param)


@pytest.fixture
def dataset(bucket: Path) -> Iterator[Dataset]:
    before = untouched(bucket)
    contents = tree(bucket)
    with Dataset.open(bucket / PREFIX) as opened:
        yield opened
    assert untouched(bucket) == before
    assert tree(bucket) == contents


@pytest.fixture
def own(bucket: Path, tmp_path: Path) -> Path:
    """A copy that may be changed: the dataset's root."""
    return copy_of(bucket / PREFIX, tmp_path / "old")


def version_folder(root: Path) -> Path:
    return root / "versions" / VERSION


def change_description(root: Path, **changes: object) -> None:
    path = version_folder(root) / "provenance/dataset_description.json"
    write_json(path, {**json.loads(path.read_text()), **changes})


# -------------------------------------------------------------------------------------- as it came


def test_what_it_says_of_itself(dataset: Dataset) -> None:
    assert (dataset.id, dataset.name) == (PROJECT, "Longitudinal Imaging – Phase 2")
    assert dataset.version == dataset.version_label == dataset.latest_version_id == VERSION
    assert dataset.created == datetime(2025, 9, 24, 20, 24, 22, 4000, timezone.utc)
    assert dataset.version_exists(VERSION)
    (info,) = dataset.list_versions()
    assert (info["version"], info["label"], info["latest"]) == (VERSION, VERSION, True)
    assert info["created"] == "2025-09-24T20:24:22.004+00:00"
    assert info["rows"] == sum(COUNTS.values())
    assert info["bytes"] > 100_000


def test_the_old_client_call(bucket: Path) -> None:
    dataset = FWDatasetClient.get_dataset_from_filesystem("fs", str(bucket), PREFIX, {})
    assert dataset.execute("select count(*) from files").fetchall() == [(2000,)]


def test_tables_and_counts(dataset: Dataset) -> None:
    connection = dataset.connect()

    assert set(dataset.tables) == set(COUNTS)
    assert dataset.row_counts() == COUNTS
    for table, rows in COUNTS.items():
        assert connection.execute(f"select count(*) from {table}").fetchall() == [(rows,)]
        columns = [row[0] for row in connection.execute(f"describe {table}").fetchall()]
        assert set(columns) == set(dataset.tables[table].data_model.properties)


def test_every_value_of_every_table(dataset: Dataset, bucket: Path) -> None:
    for table in COUNTS:
        (path,) = (version_folder(bucket / PREFIX) / "tables" / table).iterdir()
        written = pq.read_table(path)
        read = dataset.execute(f"select * from {table}").fetchall()
        assert read == [tuple(row.values()) for row in written.to_pylist()]


def test_schemas(dataset: Dataset) -> None:
    schema = dataset.get_table_schema("files")

    assert schema["id"] == "files"
    assert "files" in dataset.get_description()["tables"]
    assert schema["properties"]["size"]["type"] == "integer"
    assert schema["properties"]["tags"]["items"]["type"] == "string"
    assert schema["required"]
    described = dict(
        row[:2]
        for row in dataset.connect(fully_populate=False).execute("describe files").fetchall()
    )
    assert described["size"] == "BIGINT"
    assert described["tags"] == "VARCHAR[]"


def test_a_join_along_the_tree(dataset: Dataset) -> None:
    sql = """
        select count(*), count(distinct subjects.id)
        from files
        join acquisitions on acquisitions.id = files."parents.acquisition"
        join sessions on sessions.id = acquisitions."parents.session"
        join subjects on subjects.id = sessions."parents.subject"
    """
    ((rows, subjects),) = dataset.execute(sql).fetchall()

    assert 1500 < rows <= 2000
    assert 20 <= subjects <= 23
    ((without,),) = dataset.execute(
        'select count(*) from files where "parents.acquisition" is null'
    ).fetchall()
    assert 0 <= without <= 2000 - rows


def test_a_list_column(dataset: Dataset) -> None:
    sql = """select tag, count(*) from (select unnest(tags) as tag from files) group by all"""
    by_tag = dict(dataset.execute(sql).fetchall())
    for tag, count in by_tag.items():
        of_tag = dataset.execute("select count(*) from files where list_contains(tags, ?)", [tag])
        assert 0 < of_tag.fetchall()[0][0] <= count
    assert by_tag


def test_a_json_column(dataset: Dataset) -> None:
    sql = "select json_type(info), count(*) from files where info is not null group by all"
    kinds = dict(dataset.execute(sql).fetchall())
    keys = dataset.execute(
        "select distinct unnest(json_keys(info)) as key from files order by key"
    ).fetchall()
    key = next(key for (key,) in keys if key.isidentifier())
    having = f"""select count(*) from files where (info->'$."{key}"') is not null"""

    assert kinds["OBJECT"] > 100
    assert 0 < dataset.execute(having).fetchall()[0][0] <= kinds["OBJECT"]


def test_booleans(dataset: Dataset) -> None:
    for column in ("deleted", "replaced", "reference"):
        rows = dataset.execute(f"select typeof({column}), {column} from files").fetchall()
        assert {row[0] for row in rows} == {"BOOLEAN"}
        assert {row[1] for row in rows} <= {True, False, None}


def test_instants_as_text(dataset: Dataset) -> None:
    sql = "select created, epoch_us(created::timestamptz) from files where created is not null"
    rows = dataset.execute(sql).fetchall()

    assert len(rows) > 1000
    for text, instant in rows:
        assert round(parse_instant(text).timestamp() * 1e6) == instant


def test_a_tree_that_may_not_be_written(own: Path) -> None:
    folders = [path for path in (own, *own.rglob("*")) if path.is_dir()]
    for path in folders:
        path.chmod(0o555)
    before = untouched(own)
    with as_ordinary_user():
        dataset = Dataset.open(own)
        assert dataset.execute("select count(*) from files").fetchall() == [(2000,)]
        assert dataset.row_counts() == COUNTS
        assert len(dataset.list_versions()) == 1

    assert untouched(own) == before
    for path in folders:
        path.chmod(0o755)


# -------------------------------------------------------------------------------------- odd parts


def test_several_files_in_a_tables_folder(own: Path) -> None:
    """A second render of an older release doubled the rows; whoever did it sees it so."""
    folder = version_folder(own) / "tables/files"
    (path,) = folder.iterdir()
    rows = pq.read_table(path)
    path.unlink()
    for number in range(3):
        pq.write_table(rows.slice(number * 700, 700), folder / f"{number}.parquet")
    dataset = Dataset.open(own)

    assert dataset.execute("select count(*) from files").fetchall() == [(2000,)]
    assert dataset.execute("select count(distinct id) from files").fetchall() == [(2000,)]
    assert dataset.row_counts() == COUNTS


def test_files_of_unlike_columns(own: Path) -> None:
    folder = version_folder(own) / "tables/subjects"
    rows = pa.table({"id": ["new"], "age": [3], "label": pa.array([None], pa.string())})
    pq.write_table(rows, folder / "more.parquet")
    dataset = Dataset.open(own)

    sql = "select id, age, label, sex from subjects where id = 'new'"
    assert dataset.execute(sql).fetchall() == [("new", 3, None, None)]
    assert dataset.execute("select count(*) from subjects").fetchall() == [(24,)]


@pytest.mark.parametrize("properties", [{}, None])
def test_a_schema_without_properties(own: Path, properties: object) -> None:
    path = version_folder(own) / "schemas/subjects.schema.json"
    write_json(path, {"id": "subjects", "properties": properties, "type": "object"})
    dataset = Dataset.open(own)

    assert dataset.tables["subjects"].data_model.properties == {}
    for fully_populate, rows in ((True, 23), (False, 0)):
        connection = dataset.connect(fully_populate=fully_populate)
        assert connection.execute("select count(label) from subjects").fetchall() == [(rows,)]


def test_the_other_spelling_of_schemas(own: Path) -> None:
    path = version_folder(own) / "schemas/subjects.schema.json"
    schema = json.loads(path.read_text())
    renamed = {f"${key}" if key in ("schema", "id") else key: schema[key] for key in schema}
    write_json(path, {**renamed, "mine": {"kept": True}})
    dataset = Dataset.open(own)

    assert dataset.get_table_schema("subjects") == {**schema, "mine": {"kept": True}}
    assert dataset.execute("select count(*) from subjects").fetchall() == [(23,)]


def test_hidden_schemas_are_not_shown(own: Path) -> None:
    schemas = version_folder(own) / "schemas"
    (schemas / "hidden").mkdir()
    (schemas / "files.schema.json").rename(schemas / "hidden/files.schema.json")
    dataset = Dataset.open(own)

    assert set(dataset.tables) == COUNTS.keys() - {"files"}
    assert dataset.row_counts() == {name: COUNTS[name] for name in COUNTS if name != "files"}


@pytest.mark.parametrize(
    "changes",
    [
        {"mine": [1, {"a": None}], "errors": ["odd"]},
        {"version_label": None, "description": None, "tables": None, "dataset_info": None},
        {"version": "another than the folder"},
        {"created": "2025-09-24T20:24:22Z"},
        {"created": "2025-09-24T20:24:22.004123+00:00"},
        {"dataset_info": {"type": "s3", "bucket": "b", "more": 1}},
    ],
)
def test_odd_descriptions(own: Path, changes: dict[str, object]) -> None:
    change_description(own, **changes)
    dataset = Dataset.open(own)

    assert dataset.version == VERSION
    assert dataset.version_label == VERSION
    assert dataset.created.replace(microsecond=0) == datetime(
        2025, 9, 24, 20, 24, 22, tzinfo=timezone.utc
    )
    assert dataset.execute("select count(*) from files").fetchall() == [(2000,)]
    kept = {key: value for key, value in changes.items() if key in ("mine", "errors", "version")}
    assert kept.items() <= dataset.get_description().items()


@pytest.mark.parametrize("broken", [None, "", "{", "[]", "{}"])
def test_a_version_folder_that_is_none(own: Path, broken: str | None) -> None:
    folder = own / "versions/newer"
    copy_of(version_folder(own), folder)
    marker = folder / "provenance/dataset_description.json"
    if broken is None:
        marker.unlink()
    else:
        marker.write_text(broken)
    dataset = Dataset.open(own)

    assert [info["version"] for info in dataset.list_versions()] == [VERSION]
    assert not dataset.version_exists("newer")
    assert dataset.execute("select count(*) from files").fetchall() == [(2000,)]


def test_one_label_for_two_versions(own: Path) -> None:
    copy_of(version_folder(own), own / "versions/copy")
    change_description(own, version_label="both")
    copied = own / "versions/copy/provenance/dataset_description.json"
    write_json(copied, {**json.loads(copied.read_text()), "version_label": "both"})
    dataset = Dataset.open(own)

    assert {info["label"] for info in dataset.list_versions()} == {"both"}
    with pytest.raises(VersionConflictError, match=VERSION):
        dataset.connect("both")
    assert dataset.connect("copy").execute("select count(*) from files").fetchall() == [(2000,)]
    relabel(Catalog(LocalStorage(own)), "copy", "mine")
    dataset.connect("both")
    assert dataset.version == VERSION


def test_folders_of_releases_before(own: Path) -> None:
    copy_of(version_folder(own), own / "latest")
    copy_of(version_folder(own), own / "versions/latest")
    write_json(own / "versions/latest_version.json", {"latest_version": VERSION})

    assert [info["version"] for info in Dataset.open(own).list_versions()] == [VERSION]


# ------------------------------------------------------------------------------------ old and new


def test_a_new_version_beside_an_old_one(own: Path, tmp_path: Path) -> None:
    before = untouched(version_folder(own))
    snapshot = small_snapshot(tmp_path / "in")
    dataset = render_snapshot(snapshot, own, version="v2", created="2026-01-01T00:00:00Z")

    assert untouched(version_folder(own)) == before
    assert [info["version"] for info in dataset.list_versions()] == ["v2", VERSION]
    assert dataset.execute("select count(*) from subjects").fetchall() == [(2,)]
    old = dataset.connect(VERSION)
    assert old.execute("select count(*) from subjects").fetchall() == [(23,)]
    with pytest.raises(VersionConflictError, match="another snapshot"):
        render_snapshot(snapshot, own, version=VERSION)
    assert untouched(version_folder(own)) == before


def test_a_new_label_for_an_old_version(own: Path) -> None:
    """The data stays, and what the older releases read of the description is still there."""
    before = tree(own)
    path = version_folder(own) / "provenance/dataset_description.json"
    old = json.loads(path.read_text())
    relabel(Catalog(LocalStorage(own)), VERSION, "baseline")

    after = tree(own)
    assert {name for name in after if after[name] != before.get(name)} == {
        path.relative_to(own).as_posix()
    }
    new = json.loads(path.read_text())
    assert new["version_label"] == "baseline"
    for key in ("id", "name", "version", "created", "description", "dataset_info", "tables"):
        assert new[key] == old[key]
    assert Dataset.open(own).get_version_info("baseline")["version"] == VERSION
