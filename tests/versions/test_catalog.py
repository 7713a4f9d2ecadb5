"""What versions there are, which is meant, and what is no version at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from fw_dataset import Dataset
from fw_dataset.errors import (
    DatasetNotFoundError,
    FWDatasetError,
    VersionConflictError,
    VersionNotFoundError,
)
from fw_dataset.storage import LocalStorage, MemoryStorage
from fw_dataset.versions.catalog import Catalog
from tests.support.datasets import untouched, write_json, write_old_version
from tests.support.privileges import as_ordinary_user

TABLES = {"subjects": pa.table({"id": ["a", "b"]})}


def versions_at(root: Path) -> list[str]:
    return [version.id for version in Catalog(LocalStorage(root)).versions()]


def find(root: Path, version: str = "latest") -> str:
    return Catalog(LocalStorage(root)).find(version).id


# ------------------------------------------------------------------------------------- the order


@pytest.mark.parametrize(
    "created",
    [
        "2025-09-24T20:24:22.004+00:00",
        "2025-09-24T20:24:22+00:00",
        "2025-09-24T20:24:22Z",
        "2025-09-24T20:24:22.004123+00:00",
        "2025-09-24T20:24:22.004000Z",
        "2025-09-24T22:24:22.004+02:00",
        "2025-09-24 20:24:22",
        "2025-09-24T20:24:22.123456789Z",
    ],
)
def test_instants_of_any_spelling_are_ordered(tmp_path: Path, created: str) -> None:
    write_old_version(tmp_path, "z-before", TABLES, created="2025-09-24T20:24:21.999Z")
    write_old_version(tmp_path, "m-itself", TABLES, created=created)
    write_old_version(tmp_path, "a-after", TABLES, created="2025-09-24T20:24:23.000+00:00")

    assert versions_at(tmp_path) == ["a-after", "m-itself", "z-before"]
    listed = Dataset.open(tmp_path).list_versions()
    assert [info["latest"] for info in listed] == [True, False, False]
    assert listed[1]["created"].startswith("2025-09-24T20:24:22.")
    assert listed[1]["created"].endswith("+00:00")


def test_equal_instants_are_settled_by_the_id(tmp_path: Path) -> None:
    write_old_version(tmp_path, "b", TABLES, created="2025-01-01T00:00:00Z")
    write_old_version(tmp_path, "c", TABLES, created="2025-01-01T01:00:00.000+01:00")
    write_old_version(tmp_path, "a", TABLES, created="2025-01-01T00:00:00")

    assert versions_at(tmp_path) == ["c", "b", "a"]
    assert find(tmp_path) == "c"


# ------------------------------------------------------------------------------ which one is meant


def test_version_by_id_label_or_latest(tmp_path: Path) -> None:
    write_old_version(tmp_path, "v1", TABLES, label="first", created="2025-01-01T00:00:00Z")
    write_old_version(tmp_path, "v2", TABLES, created="2025-01-02T00:00:00Z")

    assert find(tmp_path, "v1") == find(tmp_path, "first") == "v1"
    assert find(tmp_path, "v2") == find(tmp_path, "latest") == find(tmp_path) == "v2"


def test_an_id_goes_before_a_label(tmp_path: Path) -> None:
    write_old_version(tmp_path, "v1", TABLES, label="v2")
    write_old_version(tmp_path, "v2", TABLES)

    assert find(tmp_path, "v2") == "v2"


def test_a_label_of_several_versions_names_them(tmp_path: Path) -> None:
    for version in ("v1", "v2", "v3"):
        write_old_version(tmp_path, version, TABLES, label="same" if version != "v3" else "other")

    with pytest.raises(VersionConflictError, match=r"2 versions.*v1") as caught:
        find(tmp_path, "same")
    assert "v2" in str(caught.value)
    assert "v3" not in str(caught.value)
    assert Dataset.open(tmp_path).version_exists("same")
    assert len(Dataset.open(tmp_path).list_versions()) == 3


@pytest.mark.parametrize("version", ["nosuch", "", "../v1", "v1/..", "V1", "latest/", "a\nb", "*"])
def test_an_unknown_version_names_the_ones_there_are(tmp_path: Path, version: str) -> None:
    write_old_version(tmp_path, "v1", TABLES, label="first")

    with pytest.raises(VersionNotFoundError, match=r"first.*v1|v1.*first") as caught:
        find(tmp_path, version)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, KeyError)
    assert isinstance(caught.value, ValueError)
    assert not Dataset.open(tmp_path).version_exists(version)


# ---------------------------------------------------------------------------- no version, no harm


def test_folders_without_a_description(tmp_path: Path) -> None:
    write_old_version(tmp_path, "good", TABLES)
    folder = write_old_version(tmp_path, "unfinished", TABLES)
    (folder / "provenance/dataset_description.json").unlink()
    (tmp_path / "versions/empty").mkdir()
    (tmp_path / "versions/notes.txt").write_text("")
    write_json(tmp_path / "versions/latest_version.json", {"version": "unfinished"})

    assert versions_at(tmp_path) == ["good"]
    assert not Dataset.open(tmp_path).version_exists("unfinished")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b'{"id": "a", "version": "bad"}',
        b'{"id": "a", "version": "bad", "created": "yesterday"}',
        b'{"id": "a", "version": "bad", "created": "2025-02-30T00:00:00Z"}',
        b'{"id": "a", "version": "bad", "created": null}',
        b'{"id": 3, "version": "bad", "created": "2025-01-01T00:00:00Z"}',
        b'{"id": "a", "version": "bad", "created": "2025-01-01T00:00:00Z", "tables": 3}',
        b'{"id": "\xff", "version": "bad", "created": "2025-01-01T00:00:00Z"}',
        b"\x00" * 100,
    ],
)
def test_a_broken_description_harms_no_other_version(tmp_path: Path, content: bytes) -> None:
    write_old_version(tmp_path, "good", TABLES)
    folder = write_old_version(tmp_path, "bad", TABLES, created="2030-01-01T00:00:00Z")
    (folder / "provenance/dataset_description.json").write_bytes(content)

    assert versions_at(tmp_path) == ["good"]
    dataset = Dataset.open(tmp_path)
    assert dataset.latest_version_id == "good"
    assert dataset.execute("select count(*) from subjects").fetchall() == [(2,)]
    assert not dataset.version_exists("bad")


def test_a_description_that_is_no_file(tmp_path: Path) -> None:
    write_old_version(tmp_path, "good", TABLES)
    (tmp_path / "versions/folder/provenance/dataset_description.json").mkdir(parents=True)
    (tmp_path / "versions/file").mkdir()
    (tmp_path / "versions/file/provenance").write_text("a file where a folder should be")
    (tmp_path / "versions/loop").symlink_to("loop")

    assert versions_at(tmp_path) == ["good"]


@pytest.mark.parametrize("name", [".hidden", "with space", "latest", "ünï", "a+b"])
def test_folders_whose_names_are_no_ids(tmp_path: Path, name: str) -> None:
    write_old_version(tmp_path, "good", TABLES)
    write_old_version(tmp_path, name, TABLES, created="2030-01-01T00:00:00Z")

    assert versions_at(tmp_path) == ["good"]


def test_the_folder_is_the_id_whatever_the_description_says(tmp_path: Path) -> None:
    write_old_version(tmp_path, "renamed", TABLES, label="label")
    write_json(
        tmp_path / "versions/renamed/provenance/dataset_description.json",
        {"id": "p", "version": "original", "created": "2025-01-01T00:00:00Z"},
    )
    dataset = Dataset.open(tmp_path)

    assert dataset.version == dataset.latest_version_id == "renamed"
    assert dataset.version_exists("renamed")
    assert not dataset.version_exists("original")
    assert dataset.execute("select count(*) from subjects").fetchall() == [(2,)]


@pytest.mark.parametrize("damage", ["schema", "manifest", "data file"])
def test_a_damaged_version_leaves_the_list_whole(tmp_path: Path, damage: str) -> None:
    write_old_version(tmp_path, "good", TABLES, created="2025-01-02T00:00:00Z")
    folder = write_old_version(tmp_path, "hurt", TABLES, created="2025-01-01T00:00:00Z")
    (data,) = (folder / "tables/subjects").iterdir()
    if damage == "schema":
        (folder / "schemas/subjects.schema.json").write_text("{")
    elif damage == "manifest":
        (folder / "provenance/manifest.json").write_text("{")
    else:
        data.write_bytes(b"not parquet")
    dataset = Dataset.open(tmp_path)

    listed = {info["version"]: info for info in dataset.list_versions()}
    assert listed["good"]["rows"] == 2
    assert listed["hurt"]["rows"] == (2 if damage == "schema" else None)
    assert listed["hurt"]["bytes"] == data.stat().st_size
    assert dataset.get_version_info("hurt")["label"] == "hurt"
    assert dataset.execute("select count(*) from subjects").fetchall() == [(2,)]
    with pytest.raises(FWDatasetError) as caught:
        dataset.connect("hurt")
    assert "\n" not in str(caught.value)


def test_files_of_other_systems_beside_the_schemas(tmp_path: Path) -> None:
    folder = write_old_version(tmp_path, "v1", TABLES)
    (folder / "schemas/._subjects.schema.json").write_bytes(b"\x00\x05\x16\x07")
    (folder / "schemas/.DS_Store").write_bytes(b"\x00")
    (folder / "schemas/README.md").write_text("")

    assert list(Dataset.open(tmp_path).tables) == ["subjects"]


def test_hidden_tables_are_not_shown(tmp_path: Path) -> None:
    folder = write_old_version(tmp_path, "v1", {**TABLES, "secret": pa.table({"id": ["x"]})})
    (folder / "schemas/hidden").mkdir()
    (folder / "schemas/secret.schema.json").rename(folder / "schemas/hidden/secret.schema.json")
    dataset = Dataset.open(tmp_path)

    assert list(dataset.tables) == ["subjects"]
    assert dataset.row_counts() == {"subjects": 2}
    assert dataset.get_version_info()["rows"] == 2
    with pytest.raises(Exception, match="secret"):
        dataset.execute("select * from secret")


# ------------------------------------------------------------------------------------- no dataset


def test_no_dataset(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "nosuch", tmp_path / "nosuch/below"):
        with pytest.raises(DatasetNotFoundError, match=str(root)) as caught:
            Dataset.open(root)
        assert isinstance(caught.value, FileNotFoundError)
        assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DatasetNotFoundError):
        Catalog(MemoryStorage()).require()
    assert Catalog(MemoryStorage()).versions() == []


def test_a_file_is_no_dataset(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetNotFoundError, match="file"):
        Dataset.open(tmp_path / "file")


def test_the_folder_of_one_version_is_no_dataset(tmp_path: Path) -> None:
    folder = write_old_version(tmp_path, "v1", TABLES)
    with pytest.raises(DatasetNotFoundError, match="two folders up"):
        Dataset.open(folder)


def test_a_dataset_that_may_not_be_read(tmp_path: Path) -> None:
    write_old_version(tmp_path / "data", "v1", TABLES)
    (tmp_path / "data/versions").chmod(0)
    with as_ordinary_user(), pytest.raises(PermissionError, match="data/versions") as caught:
        Dataset.open(tmp_path / "data")
    (tmp_path / "data/versions").chmod(0o755)
    assert isinstance(caught.value, FWDatasetError)


def test_a_version_that_may_not_be_read_harms_no_other(tmp_path: Path) -> None:
    write_old_version(tmp_path, "v1", TABLES)
    locked = write_old_version(tmp_path, "v2", TABLES, created="2030-01-01T00:00:00Z")
    locked.chmod(0)
    with as_ordinary_user():
        assert versions_at(tmp_path) == ["v1"]
        (tmp_path / "versions/v1").chmod(0)
        with pytest.raises(PermissionError, match="versions/v1"):
            Dataset.open(tmp_path)
    for name in ("v1", "v2"):
        (tmp_path / "versions" / name).chmod(0o755)


def test_reading_writes_nothing(tmp_path: Path) -> None:
    root = tmp_path / "data"
    write_old_version(root, "v1", TABLES)
    before = untouched(root)
    dataset = Dataset.open(root)
    calls: list[Any] = [
        dataset.list_versions(),
        dataset.tables,
        dataset.row_counts(),
        dataset.get_description(),
        dataset.get_table_schema("subjects"),
        dataset.version_exists("nosuch"),
        dataset.execute("select * from subjects").fetchall(),
        dataset.connect(fully_populate=False),
        repr(dataset),
    ]
    dataset.close()

    assert len(calls) == 9
    assert untouched(root) == before
