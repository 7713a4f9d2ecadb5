"""Versions as Iceberg tables: what readers see of them, and when."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pyiceberg.table import Table

from fw_dataset import Dataset, Progress, add_derived, publish_iceberg, render_snapshot
from fw_dataset.errors import (
    DatasetFormatError,
    InvalidArgumentError,
    MissingExtraError,
    PublishingError,
    StorageError,
    TableNotFoundError,
    UnsupportedLocationError,
    VersionNotFoundError,
)
from fw_dataset.storage import MemoryStorage
from tests.scale.iceberg.published import ours, render_versions, rows_of, table_at, tags, theirs
from tests.support.datasets import CREATED, PRIMARY, copy_of, small_snapshot, tree
from tests.support.derivable import TABLES, add_all, write_files, write_study
from tests.support.shared_data import OLD_RELEASES, STUDIES, shared

SUBJECTS = ["subjects"]
THREE = {"v1": 1, "v2": 2, "v3": 3}


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("three")
    list(render_versions(folder, THREE))
    return folder / "out"


@pytest.fixture
def dataset(three: Path, tmp_path: Path) -> Dataset:
    """A dataset of three versions, of 1, 2 and 3 subjects."""
    return Dataset.open(copy_of(three, tmp_path / "dataset"))


def published(dataset: Dataset, name: str = "subjects") -> Table:
    return table_at(f"{dataset.location}/iceberg", name)


def test_every_cell_of_every_table_is_there(tmp_path: Path) -> None:
    render_snapshot(write_study(tmp_path), tmp_path / "out", version="v1", created=CREATED)
    add_all(tmp_path / "out", write_files(tmp_path / "files"))
    dataset = Dataset.open(tmp_path / "out")
    moments: list[Progress] = []

    done = publish_iceberg(dataset, progress=moments.append)

    assert {one.name for one in done.tables} == {*PRIMARY, *TABLES}
    assert {one.state for one in done.tables} == {"published"}
    assert {one.name: one.rows for one in done.tables} == dataset.row_counts()
    assert [one.table for one in moments] == [one.name for one in done.tables]
    assert moments[-1].rows == moments[-1].total_rows == sum(dataset.row_counts().values())
    for one in done.tables:
        table = published(dataset, one.name)
        assert theirs(table) == theirs(table, "v1") == ours(dataset, one.name)
        assert f"file://{table.metadata_location}" == one.metadata_location
        assert table.metadata.current_snapshot_id == one.snapshot_id
        assert one.is_current


@pytest.mark.parametrize("name", STUDIES)
def test_a_real_study_is_the_same(name: str, tmp_path: Path) -> None:
    dataset = render_snapshot(shared("data", name, "snapshot.db.gz"), tmp_path, headers=True)

    for one in publish_iceberg(dataset).tables:
        assert theirs(published(dataset, one.name)) == ours(dataset, one.name)


@pytest.mark.parametrize("release", OLD_RELEASES)
def test_datasets_of_older_releases_are_published(release: str, tmp_path: Path) -> None:
    found = shared("data", "old_format", release)
    (root,) = {path.parents[3] for path in found.rglob("dataset_description.json")}
    dataset = Dataset.open(root)
    before = tree(root)

    done = publish_iceberg(dataset, location=tmp_path)

    for one in done.tables:
        number = one.rows
        assert rows_of(table_at(tmp_path, one.name)).num_rows == number
    assert {one.name: one.rows for one in done.tables} == dataset.row_counts()
    assert tree(root) == before


def test_columns_have_plain_names_and_their_meanings(dataset: Dataset) -> None:
    publish_iceberg(dataset)
    table = published(dataset, "files")

    models = dataset.tables["files"].data_model.properties
    assert [field.name for field in table.schema().fields] == [
        name.replace(".", "_") for name in models
    ]
    for field, prop in zip(table.schema().fields, models.values(), strict=True):
        assert (field.doc, field.required) == (prop["description"], False)
    assert table.properties["comment"] == dataset.tables["files"].description
    kinds = {field.name: str(field.field_type) for field in table.schema().fields}
    assert kinds["created"] == "timestamp"
    assert (kinds["size"], kinds["tags"], kinds["info"]) == ("long", "list<string>", "string")


def test_a_filter_skips_files(tmp_path: Path) -> None:
    """Of the planned files, only those are read whose subjects are asked for."""
    dataset = render_snapshot(
        small_snapshot(tmp_path / "in", subjects=4, files=2), tmp_path / "out", version="v1"
    )
    split(tmp_path / "out", "files", dataset, parts=4)
    dataset = Dataset.open(tmp_path / "out")
    publish_iceberg(dataset, tables=["files"])
    table = published(dataset, "files")
    column = rows_of(table).column("parents_subject").to_pylist()

    def planned(condition: str) -> set[str]:
        return {task.file.file_path for task in table.scan(condition).plan_files()}

    everything = planned("size > 0")
    assert len(everything) == 4
    found = [planned(f"parents_subject == '{subject}'") for subject in sorted(set(column))]
    assert [len(one) for one in found] == [1, 1, 1, 1]
    assert set().union(*found) == everything
    assert planned("parents_subject == 'nobody'") == set()
    assert planned("size < 0") == planned("created < '2000-01-01T00:00:00'") == set()
    assert planned("parents_analysis is not null") == set()
    assert len(planned("parents_subject is not null")) == 4


def split(root: Path, table: str, dataset: Dataset, parts: int) -> None:
    """Write a table's one file anew as several, each of some subjects."""
    import json

    import pyarrow.parquet as pq

    folder = root / "versions" / dataset.version / "tables" / table
    (path,) = folder.iterdir()
    rows = pq.read_table(path).sort_by("parents.subject")
    path.unlink()
    step = rows.num_rows // parts
    for number in range(parts):
        pq.write_table(rows.slice(number * step, step), folder / f"{number}.parquet")
    manifest = root / "versions" / dataset.version / "provenance" / "manifest.json"
    content = json.loads(manifest.read_text())
    content["files"] = [one for one in content["files"] if one["table"] != table]
    manifest.write_text(json.dumps(content))


def test_each_version_is_a_tag_and_the_newest_is_current(dataset: Dataset) -> None:
    for version in THREE:
        publish_iceberg(dataset, version=version, tables=SUBJECTS)

        table = published(dataset)
        assert theirs(table) == ours(dataset, "subjects", version)
    assert list(tags(table)) == list(THREE)
    for version in THREE:
        assert theirs(table, version) == ours(dataset, "subjects", version)
    # Each is one commit, and says what it replaces.
    assert len(table.metadata.snapshots) == len(table.metadata.snapshot_log) == 3
    last = table.metadata.snapshot_by_name("v3")
    assert last is not None
    assert last.summary is not None
    told = last.summary.additional_properties
    assert (told["added-records"], told["deleted-records"], told["total-records"]) == (
        *("3", "2"),
        "3",
    )


def test_an_older_version_is_a_tag_only(dataset: Dataset) -> None:
    publish_iceberg(dataset, version="v3", tables=SUBJECTS)
    done = publish_iceberg(dataset, version="v1", tables=SUBJECTS)

    table = published(dataset)
    assert {one.is_current for one in done.tables} == {False}
    assert theirs(table) == theirs(table, "v3") == ours(dataset, "subjects", "v3")
    assert theirs(table, "v1") == ours(dataset, "subjects", "v1")


def test_published_twice_nothing_changes(dataset: Dataset) -> None:
    first = publish_iceberg(dataset, version="v2")
    before = tree(Path(dataset.location))
    second = publish_iceberg(dataset, version="v2")

    assert tree(Path(dataset.location)) == before
    assert {one.state for one in second.tables} == {"unchanged"}
    assert [one.snapshot_id for one in first.tables] == [one.snapshot_id for one in second.tables]
    assert [one.metadata_location for one in first.tables] == [
        one.metadata_location for one in second.tables
    ]


def test_a_label_is_a_property_and_follows(dataset: Dataset) -> None:
    publish_iceberg(dataset, version="v2", tables=SUBJECTS)
    dataset.relabel("v2", "freeze 2")
    assert published(dataset).properties["fw-dataset.label.v2"] == "v2"

    done = publish_iceberg(dataset, version="freeze 2", tables=SUBJECTS)

    assert done.label == "freeze 2"
    assert published(dataset).properties["fw-dataset.label.v2"] == "freeze 2"
    assert len(published(dataset).metadata.snapshots) == 1


def test_a_table_that_a_version_lacks_is_empty_in_it(dataset: Dataset) -> None:
    publish_iceberg(dataset, version="v2")
    dataset.hide_tables(["subjects"], "v3")
    done = {one.name: one for one in publish_iceberg(dataset).tables}

    assert (done["subjects"].state, done["subjects"].rows) == ("emptied", 0)
    table = published(dataset)
    assert theirs(table) == theirs(table, "v3") == []
    assert theirs(table, "v2") == ours(dataset, "subjects", "v2")
    assert {one.state for one in publish_iceberg(dataset).tables} == {"unchanged"}
    dataset.unhide_tables(["subjects"], "v3")
    publish_iceberg(dataset)
    assert theirs(published(dataset)) == ours(dataset, "subjects")


def test_a_table_that_came_later_is_added(dataset: Dataset) -> None:
    publish_iceberg(dataset)
    add_derived(dataset, headers=True)
    done = {one.name: one.state for one in publish_iceberg(dataset).tables}

    assert {name for name, state in done.items() if state == "published"} == {"header_dicom"}
    assert theirs(published(dataset, "header_dicom")) == ours(dataset, "header_dicom")


def test_a_deleted_version_loses_its_tag(dataset: Dataset) -> None:
    for version in THREE:
        publish_iceberg(dataset, version=version, tables=SUBJECTS)
    dataset.delete_version("v1")
    dataset.delete_latest()

    publish_iceberg(dataset, version="v2", tables=SUBJECTS)

    table = published(dataset)
    assert list(tags(table)) == ["v2"]
    assert theirs(table) == ours(dataset, "subjects", "v2")


def test_a_version_that_was_made_anew_replaces_its_tag(dataset: Dataset, tmp_path: Path) -> None:
    publish_iceberg(dataset, tables=SUBJECTS)
    first = tags(published(dataset))["v3"]
    dataset.delete_latest()
    snapshot = small_snapshot(tmp_path / "other", subjects=5)
    again = render_snapshot(
        snapshot, dataset.location, version="v3", created="2024-01-03T00:00:00Z"
    )

    publish_iceberg(again, tables=SUBJECTS)

    assert tags(published(dataset))["v3"] != first
    assert theirs(published(dataset)) == ours(again, "subjects")


def test_some_tables_only(dataset: Dataset) -> None:
    done = publish_iceberg(dataset, tables=["files", "subjects", "files"])

    assert [one.name for one in done.tables] == ["files", "subjects"]
    assert sorted(path.name for path in Path(dataset.location, "iceberg").iterdir()) == [
        "files",
        "subjects",
    ]


def test_what_is_published_disturbs_no_dataset(dataset: Dataset) -> None:
    before = tree(Path(dataset.location))
    publish_iceberg(dataset)

    after = tree(Path(dataset.location))
    assert {key for key in after if not key.startswith("iceberg")} == set(before)
    assert {key: after[key] for key in before} == before
    assert all(dataset.verify(version, deep=True).ok for version in THREE)
    assert [one["version"] for one in dataset.list_versions()] == ["v3", "v2", "v1"]
    assert "GC" not in published(dataset).properties
    assert published(dataset).properties["gc.enabled"] == "false"
    Path(dataset.location, "iceberg", "mine.txt").write_text("mine")
    assert dataset.remove() == ["iceberg/mine.txt"]
    assert [path.name for path in Path(dataset.location).rglob("*")] == ["iceberg", "mine.txt"]


def test_another_place_and_a_moved_dataset(dataset: Dataset, tmp_path: Path) -> None:
    publish_iceberg(dataset, location=tmp_path / "elsewhere", tables=SUBJECTS)
    assert theirs(table_at(tmp_path / "elsewhere", "subjects")) == ours(dataset, "subjects")
    publish_iceberg(dataset, location=f"{dataset.location}/shown/here", tables=SUBJECTS)
    assert theirs(table_at(f"{dataset.location}/shown/here", "subjects"))
    publish_iceberg(dataset, tables=SUBJECTS)

    moved = Dataset.open(copy_of(Path(dataset.location), tmp_path / "moved"))
    with pytest.raises(PublishingError, match=r"published at another place; .*--restart"):
        publish_iceberg(moved, tables=SUBJECTS)
    publish_iceberg(moved, restart=True, tables=SUBJECTS)

    table = published(moved)
    assert theirs(table) == ours(moved, "subjects")
    assert {
        task.file.file_path.partition("/versions/")[0] for task in table.scan().plan_files()
    } == {f"file://{tmp_path / 'moved'}"}


def test_an_address_of_one_s_own(dataset: Dataset) -> None:
    (one,) = publish_iceberg(dataset, address="s3a://bucket/x/", tables=SUBJECTS).tables

    assert one.metadata_location == "s3a://bucket/x/iceberg/subjects/metadata/v1.metadata.json"
    text = Path(dataset.location, "iceberg/subjects/metadata/v1.metadata.json").read_text()
    assert '"location":"s3a://bucket/x/iceberg/subjects"' in text
    assert dataset.location not in text


def test_another_dataset_s_table_is_left_alone(dataset: Dataset, tmp_path: Path) -> None:
    publish_iceberg(dataset, location=tmp_path / "shared", tables=SUBJECTS)
    before = tree(tmp_path / "shared")
    copied = copy_of(Path(dataset.location), tmp_path / "other")
    path = copied / "versions/v3/provenance/dataset_description.json"
    path.write_text(path.read_text().replace(dataset.id, "f" * 24))
    other = Dataset.open(copied)

    with pytest.raises(PublishingError, match=f"of the dataset of project {dataset.id}"):
        publish_iceberg(other, location=tmp_path / "shared", tables=SUBJECTS)
    assert tree(tmp_path / "shared") == before


def test_what_cannot_be_published(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(TableNotFoundError, match="no table 'nothing'"):
        publish_iceberg(dataset, tables=["nothing"])
    with pytest.raises(VersionNotFoundError):
        publish_iceberg(dataset, version="v9")
    with pytest.raises(InvalidArgumentError, match="location and catalog"):
        publish_iceberg(dataset, location=tmp_path, catalog="x")
    with pytest.raises(InvalidArgumentError, match="namespace is given without a catalog"):
        publish_iceberg(dataset, namespace="x")
    with pytest.raises(InvalidArgumentError, match="folder of the dataset's versions"):
        publish_iceberg(dataset, location=f"{dataset.location}/versions/v3/iceberg")
    with pytest.raises(StorageError):
        publish_iceberg(dataset, location=Path(dataset.location, "README.md"))
    assert not Path(dataset.location, "iceberg").exists()


def test_what_must_be_installed_is_named(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyiceberg", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'fw-dataset\[iceberg\]'"):
        publish_iceberg(dataset)


def test_a_version_called_main_is_refused(tmp_path: Path) -> None:
    dataset = render_snapshot(small_snapshot(tmp_path / "in"), tmp_path / "out", version="main")

    with pytest.raises(PublishingError, match="whose id is 'main'"):
        publish_iceberg(dataset)


def test_nobody_can_read_what_is_in_memory(dataset: Dataset) -> None:
    storage = MemoryStorage()
    for path in Path(dataset.location).rglob("*"):
        if path.is_file():
            storage.put(path.relative_to(dataset.location).as_posix(), path.read_bytes())

    with pytest.raises(UnsupportedLocationError, match="no other system"):
        publish_iceberg(Dataset(storage))


def test_damage_is_found_before_anything_is_shown(dataset: Dataset) -> None:
    (path,) = Path(dataset.location, "versions/v3/tables/subjects").iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    with pytest.raises(StorageError, match="shorter than it was"):
        publish_iceberg(dataset, tables=SUBJECTS)
    path.write_bytes(whole[:-4] + b"oops")
    with pytest.raises(DatasetFormatError, match="cannot be read"):
        publish_iceberg(dataset, tables=SUBJECTS)

    # The footer is sound, and a column's bytes are not: only reading tells.
    path.write_bytes(whole[:4] + bytes(300) + whole[304:])
    with pytest.raises(PublishingError, match="'subjects' cannot be read back"):
        publish_iceberg(dataset, tables=SUBJECTS)
    assert not Path(dataset.location, "iceberg").exists()
    publish_iceberg(dataset, tables=SUBJECTS, read_back=False)
    assert list(tags(published(dataset))) == ["v3"]


def test_metadata_that_is_none(dataset: Dataset) -> None:
    publish_iceberg(dataset, tables=SUBJECTS)
    Path(dataset.location, "iceberg/subjects/metadata/v1.metadata.json").write_text("{}")

    with pytest.raises(PublishingError, match="is no Iceberg metadata"):
        publish_iceberg(dataset, tables=SUBJECTS)


def test_large_tables_are_read_back_by_columns(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fw_dataset.scale.iceberg import reading_back

    monkeypatch.setattr(reading_back, "_MOST_BYTES", 1000)
    publish_iceberg(dataset)

    assert theirs(published(dataset, "files")) == ours(dataset, "files")


def test_empty_tables_have_their_columns(tmp_path: Path) -> None:
    dataset = render_snapshot(small_snapshot(tmp_path / "in", subjects=0), tmp_path / "out")
    done = {one.name: one for one in publish_iceberg(dataset).tables}

    assert (done["files"].rows, done["files"].files, done["files"].bytes) == (0, 0, 0)
    found = rows_of(published(dataset, "files"))
    assert found.num_rows == 0
    assert len(found.schema) == len(dataset.tables["files"].data_model.properties)
    assert str(published(dataset, "files").schema().find_type("tags")) == "list<string>"
