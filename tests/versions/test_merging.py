"""Tables of one dataset are added to another one, or refused; nothing else is touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from fw_dataset import Dataset, Progress, render_snapshot
from fw_dataset.errors import (
    DatasetFormatError,
    DatasetNotFoundError,
    InvalidArgumentError,
    InvalidNameError,
    TableNotFoundError,
    VersionConflictError,
    VersionNotFoundError,
)
from fw_dataset.format.manifest import Manifest
from fw_dataset.storage import LocalStorage, MemoryStorage, Storage
from tests.support.datasets import copy_of, small_snapshot, write_old_version
from tests.support.emulators import KINDS
from tests.support.filled_storages import copied_to, new_storage
from tests.support.mergeable import (
    LAYOUT,
    ROWS,
    content_of,
    parquet,
    rows_seen,
    write_source,
    write_target,
)
from tests.support.shared_data import OLD_RELEASES, STUDIES, shared


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_target(tmp_path_factory.mktemp("merging"))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_source(tmp_path_factory.mktemp("merging") / "source")


@pytest.fixture(params=["local", "memory", *KINDS])
def storage(request: pytest.FixtureRequest, rendered: Path, tmp_path: Path) -> Storage:
    return copied_to(new_storage(request.param, tmp_path, request), rendered)


@pytest.fixture
def memory(rendered: Path) -> Storage:
    return copied_to(MemoryStorage(), rendered)


# ------------------------------------------------------------------------------------ it is added


def test_tables_are_added_whole(storage: Storage, source: Path) -> None:
    before = content_of(storage)
    dataset = Dataset(storage)
    steps: list[Progress] = []

    added = dataset.merge(source, progress=steps.append)

    assert added == ["scores", "visits"]
    assert dataset.row_counts() == Dataset(storage).row_counts()
    assert {name: dataset.row_counts()[name] for name in added} == ROWS
    assert rows_seen(storage) == dataset.row_counts()
    total = "select count(*), sum(score) from scores"
    assert dataset.execute(total).fetchall() == [(3, 2.0)]
    assert dataset.tables["scores"].description == "Scores."
    assert dataset.verify(deep=True).problems == ()
    after = content_of(storage)
    rewritten = {LAYOUT.manifest, LAYOUT.description}
    assert {key for key in before if after[key] != before[key]} == rewritten
    theirs = content_of(LocalStorage(source))
    for key in after.keys() - before.keys():
        assert after[key] == theirs[key.replace("/v1/", "/s1/")]
    assert len(after) - len(before) == 5
    size = sum(len(theirs[key]) for key in theirs if key.endswith(".parquet"))
    assert (steps[-1].stage, steps[-1].bytes, steps[-1].total_bytes) == ("merge", size, size)


def test_manifest_and_description_tell_of_it(memory: Storage, source: Path) -> None:
    before = json.loads(memory.get(LAYOUT.description))
    Dataset(memory).merge(source, ["visits"])

    manifest = json.loads(memory.get(LAYOUT.manifest))
    paths = [entry["path"] for entry in manifest["files"]]
    assert paths == sorted(paths)
    assert Manifest.from_json(memory.get(LAYOUT.manifest)).rows["visits"] == 7
    note = {"table": "visits", "version": "s1", "location": str(source)}
    assert manifest["merged"] == [{**note, "from_dataset": f"{1:024x}"}]
    description = json.loads(memory.get(LAYOUT.description))
    visits = description["tables"].pop("visits")
    assert description == before
    assert visits["properties"] == visits["data_model"]["properties"] != {}

    Dataset(memory).merge(source, ["scores"])

    notes = json.loads(memory.get(LAYOUT.manifest))["merged"]
    assert [note["table"] for note in notes] == ["visits", "scores"]


@pytest.mark.parametrize("kind", KINDS)
def test_from_one_store_to_another(
    kind: str, request: pytest.FixtureRequest, source: Path, memory: Storage, tmp_path: Path
) -> None:
    there = copied_to(new_storage(kind, tmp_path, request), source)

    assert Dataset(memory).merge(Dataset(there)) == ["scores", "visits"]

    assert rows_seen(memory).items() >= ROWS.items()
    assert Dataset(memory).verify(deep=True).ok


@pytest.mark.parametrize("release", OLD_RELEASES)
def test_from_and_to_datasets_of_older_releases(
    release: str, memory: Storage, source: Path, tmp_path: Path
) -> None:
    found = next(shared("data", "old_format", release, "datasets").glob("*/*/*"))
    with_old_names = copy_of(found, tmp_path / "old")
    schemas = next(with_old_names.glob("versions/*/schemas"))
    for name in ("sessions", "files", "analyses", "acquisitions"):
        (schemas / f"{name}.schema.json").unlink()
    (schemas / "subjects.schema.json").rename(schemas / "people.schema.json")
    (schemas.parent / "tables/subjects").rename(schemas.parent / "tables/people")
    old = Dataset.open(with_old_names)

    assert Dataset(memory).merge(old) == ["people"]
    assert Dataset(memory).verify(deep=True).problems == ()
    assert rows_seen(memory)["people"] == 23

    target = copy_of(found, tmp_path / "target")
    assert Dataset.open(target).merge(source) == ["scores", "visits"]
    dataset = Dataset.open(target)
    assert dataset.verify(deep=True).problems == ()
    assert dataset.row_counts().items() >= ROWS.items()
    assert not list(target.glob("versions/*/provenance/manifest.json"))
    assert [note["table"] for note in dataset.get_description()["merged"]] == ["scores", "visits"]


def test_between_real_studies(tmp_path: Path) -> None:
    """A study's files beside another one's, of which they are named otherwise."""
    one, two = (
        render_snapshot(shared("data", study, "snapshot.db.gz"), tmp_path / study, version="v1")
        for study in STUDIES
    )
    with pytest.raises(VersionConflictError, match="has a table 'acquisitions' already"):
        one.merge(two)
    folder = tmp_path / STUDIES[1] / "versions/v1"
    for kind in ("tables/{}", "schemas/{}.schema.json"):
        (folder / kind.format("files")).rename(folder / kind.format("other_files"))
    manifest = folder / "provenance/manifest.json"
    text = manifest.read_text().replace("tables/files/", "tables/other_files/")
    manifest.write_text(text.replace('"table": "files"', '"table": "other_files"'))
    other = Dataset.open(tmp_path / STUDIES[1])

    one.merge(other, ["other_files"])

    assert one.verify(deep=True).problems == ()
    counts = one.execute("select count(*), count(distinct id) from other_files").fetchall()
    assert counts[0][0] == other.row_counts()["other_files"] > 0


def test_to_a_version_that_is_named(tmp_path: Path, source: Path) -> None:
    for version in ("one", "two"):
        snapshot = small_snapshot(tmp_path / "in", version)
        render_snapshot(snapshot, tmp_path / "out", version=version, label=f"the {version}")
    dataset = Dataset.open(tmp_path / "out")

    dataset.merge(source, ["scores"], "the one")

    assert "scores" not in dataset.row_counts()
    assert dataset.row_counts("one")["scores"] == 3
    assert dataset.merge(dataset, ["scores"], "two", source_version="one") == ["scores"]
    assert dataset.row_counts("two")["scores"] == 3
    assert dataset.verify("one", deep=True).ok
    assert dataset.verify("two", deep=True).ok


# ----------------------------------------------------------------------------------- it is refused


def test_a_name_that_is_taken(memory: Storage, source: Path, rendered: Path) -> None:
    before = content_of(memory)
    copy = copied_to(MemoryStorage(), source)
    copy.put("versions/s1/tables/files/x.parquet", parquet(pa.table({"id": [1]})))
    copy.put("versions/s1/schemas/files.schema.json", b"{}")
    copy.put("versions/s1/provenance/manifest.json", b"{}")

    with pytest.raises(VersionConflictError) as caught:
        Dataset(memory).merge(Dataset(copy))

    message = str(caught.value)
    assert "version 'v1'" in message
    assert "version 's1'" in message
    assert "'files'" in message
    assert "tables=['scores', 'visits']" in message
    assert content_of(memory) == before
    with pytest.raises(VersionConflictError, match="it has all tables of the source"):
        Dataset(memory).merge(rendered, ["files"])
    assert content_of(memory) == before


def test_a_name_that_differs_in_case_only(memory: Storage, tmp_path: Path) -> None:
    """SQL would not tell them apart."""
    write_old_version(tmp_path, "s1", {"Files": pa.table({"id": [1]})})

    with pytest.raises(VersionConflictError, match=r"'Files' \(there 'files'\)"):
        Dataset(memory).merge(tmp_path)


def test_a_name_that_is_hidden(memory: Storage, source: Path) -> None:
    memory.put(f"{LAYOUT.root}/schemas/hidden/scores.schema.json", b"{}")

    with pytest.raises(VersionConflictError, match=r"'scores' already \(hidden\)"):
        Dataset(memory).merge(source)


def test_what_is_merged_is_merged_once(memory: Storage, source: Path) -> None:
    Dataset(memory).merge(source, ["scores"])
    before = content_of(memory)

    for tables in (["scores"], ["visits", "scores"], None):
        with pytest.raises(VersionConflictError, match=r"'scores' already \(shown\)"):
            Dataset(memory).merge(source, tables)

    assert content_of(memory) == before


def test_the_data_of_a_table_that_lost_its_schema_is_not_taken_away(
    memory: Storage, tmp_path: Path
) -> None:
    write_old_version(tmp_path, "s1", {"files": pa.table({"id": [1]})})
    memory.delete(LAYOUT.schema("files"))
    before = content_of(memory)

    with pytest.raises(VersionConflictError, match=r"'files' already \(damaged\)"):
        Dataset(memory).merge(tmp_path)

    assert content_of(memory) == before


@pytest.mark.parametrize(
    ("tables", "error", "words"),
    [
        ([], InvalidArgumentError, "tables is empty"),
        ("scores", InvalidArgumentError, r"give a list, such as \['scores'\]"),
        (["score"], TableNotFoundError, "did you mean 'scores'"),
        (["../x"], InvalidNameError, "would not stay"),
        (["scores", ""], InvalidNameError, "would not stay"),
    ],
)
def test_wrong_arguments(
    memory: Storage, source: Path, tables: Any, error: type[Exception], words: str
) -> None:
    before = content_of(memory)

    with pytest.raises(error, match=words) as caught:
        Dataset(memory).merge(source, tables)

    assert "\n" not in str(caught.value)
    assert content_of(memory) == before


def test_wrong_places(rendered: Path, source: Path, tmp_path: Path, memory: Storage) -> None:
    dataset = Dataset.open(rendered)
    with pytest.raises(InvalidArgumentError, match="into itself"):
        dataset.merge(dataset)
    with pytest.raises(InvalidArgumentError, match="into itself"):
        dataset.merge(f"{rendered}/", ["files"])
    with pytest.raises(VersionConflictError):  # not itself, though the URL is the same
        Dataset(memory).merge(Dataset(copied_to(MemoryStorage(), rendered)))
    with pytest.raises(DatasetNotFoundError):
        dataset.merge(tmp_path)
    with pytest.raises(VersionNotFoundError, match="'v9'"):
        dataset.merge(source, version="v9")
    with pytest.raises(VersionNotFoundError, match="'s9'"):
        dataset.merge(source, source_version="s9")


def cut(content: bytes) -> bytes:
    return content[:-9]


def turned(content: bytes) -> bytes:
    return content[::-1]


def flipped(content: bytes) -> bytes:
    return content[:50] + bytes([content[50] ^ 1]) + content[51:]


DAMAGES = [
    ("schemas/visits.schema.json", lambda _: b"[]", "schema of table 'visits' cannot be read"),
    ("schemas/visits.schema.json", lambda _: b"{", "schema of table 'visits' cannot be read"),
    ("tables/visits/visits0a1b-1.parquet", cut, "bytes, not"),
    ("tables/visits/visits0a1b-1.parquet", turned, "cannot be read"),
    ("tables/visits/visits0a1b-1.parquet", flipped, "SHA-256"),
    ("tables/visits/visits0a1b-1.parquet", None, "it is missing"),
    ("provenance/manifest.json", lambda c: c.replace(b'"rows": 2', b'"rows": 3'), "has 2 rows"),
    ("provenance/manifest.json", lambda c: c.replace(b"s/visits0a1b-1", b"s/../x"), "no data file"),
    ("provenance/manifest.json", lambda _: b"{", "the manifest cannot be read"),
]


@pytest.mark.parametrize(("path", "damage", "words"), DAMAGES)
def test_a_damaged_source_is_refused_before_anything_is_there(
    memory: Storage, source: Path, path: str, damage: Callable[[bytes], bytes] | None, words: str
) -> None:
    bad = copied_to(MemoryStorage(), source)
    key = f"versions/s1/{path}"
    if damage is None:
        bad.delete(key)
    else:
        bad.put(key, damage(bad.get(key)))
    before = content_of(memory)

    with pytest.raises(DatasetFormatError, match=words) as caught:
        Dataset(memory).merge(Dataset(bad))

    assert "\n" not in str(caught.value)
    assert content_of(memory) == before
    if not path.startswith("provenance"):
        assert Dataset(memory).merge(Dataset(bad), ["scores"]) == ["scores"]
