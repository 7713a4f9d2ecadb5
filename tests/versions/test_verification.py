"""Whatever is done to the files of a version is told, and nothing else is."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_dataset import Dataset, Progress, render_snapshot
from fw_dataset.format.layout import VersionLayout
from fw_dataset.storage import MemoryStorage, Storage
from fw_dataset.versions.catalog import Catalog
from fw_dataset.versions.verification import Verification, verify
from tests.support.datasets import (
    CREATED,
    small_snapshot,
    untouched,
)
from tests.support.emulators import KINDS
from tests.support.filled_storages import copied_to, new_storage
from tests.support.shared_data import OLD_RELEASES, STUDIES, shared

LAYOUT = VersionLayout("v1")
SUBJECTS = "schemas/subjects.schema.json"


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verification")
    render_snapshot(small_snapshot(folder / "in"), folder / "out", version="v1", created=CREATED)
    return folder / "out"


@pytest.fixture(params=["local", "memory", *KINDS])
def storage(request: pytest.FixtureRequest, rendered: Path, tmp_path: Path) -> Storage:
    return copied_to(new_storage(request.param, tmp_path, request), rendered)


@pytest.fixture
def memory(rendered: Path) -> MemoryStorage:
    storage = MemoryStorage()
    copied_to(storage, rendered)
    return storage


def verified(storage: Storage, *, deep: bool = False) -> Verification:
    return verify(Catalog(storage).find("v1"), deep=deep)


def told(found: Verification) -> list[tuple[str, str]]:
    """The problems as kinds and paths below the version."""
    start = f"{LAYOUT.root}/"
    assert all("\n" not in problem.message for problem in found.problems)
    assert found.ok == (not found.problems)
    return [(problem.kind, problem.path.removeprefix(start)) for problem in found.problems]


def key(path: str) -> str:
    return f"{LAYOUT.root}/{path}"


def data_file(storage: Storage, table: str) -> str:
    (item,) = storage.list(LAYOUT.table(table))
    return item.key


def edit(storage: Storage, path: str, change: Callable[[Any], Any]) -> None:
    content = json.loads(storage.get(key(path)))
    storage.put(key(path), json.dumps(change(content) or content).encode())


# ----------------------------------------------------------------------------------- all is well


def test_what_was_rendered_is_well(storage: Storage) -> None:
    manifest = Catalog(storage).find("v1").manifest
    assert manifest is not None
    for deep in (False, True):
        found = verified(storage, deep=deep)

        assert found.ok
        assert (found.version, found.deep, found.unchecked) == ("v1", deep, ())
        assert (found.files, found.bytes) == (len(manifest.files), manifest.total_bytes)


@pytest.mark.parametrize("study", STUDIES)
def test_real_studies_are_well(study: str, tmp_path: Path) -> None:
    snapshot = shared("data", study, "snapshot.db.gz")
    dataset = render_snapshot(snapshot, tmp_path / "out")
    steps: list[Progress] = []

    found = dataset.verify(deep=True, progress=steps.append)

    assert found.ok
    assert found.unchecked == ()
    assert [step.bytes for step in steps] == sorted(step.bytes for step in steps)
    assert (steps[-1].stage, steps[-1].bytes) == ("verify", found.bytes)
    assert steps[-1].total_bytes == found.bytes


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("release", OLD_RELEASES)
def test_old_datasets_are_well_as_far_as_can_be_told(release: str, deep: bool) -> None:
    root = next(shared("data", "old_format", release, "datasets").glob("*/*/*"))
    before = untouched(root)

    found = Dataset.open(root).verify(deep=deep)

    assert found.ok
    assert found.files > 5
    assert [what for what in found.unchecked if "there is no manifest" in what]
    assert untouched(root) == before


def test_as_json(memory: MemoryStorage) -> None:
    memory.delete(data_file(memory, "files"))

    found = verified(memory)

    document = json.loads(json.dumps(found.to_dict()))
    assert document["version"] == "v1"
    assert (document["ok"], document["deep"]) == (False, False)
    assert document["files"] == found.files
    (problem,) = document["problems"]
    assert problem.keys() == {"kind", "path", "message"}


# ---------------------------------------------------------------------------------------- damage


def test_a_file_that_is_gone(storage: Storage) -> None:
    gone = data_file(storage, "files")
    storage.delete(gone)

    assert told(verified(storage)) == [("missing", gone.removeprefix("versions/v1/"))]


def test_a_file_that_was_cut_short(storage: Storage) -> None:
    name = data_file(storage, "files")
    storage.put(name, storage.get(name)[:-1])
    path = name.removeprefix("versions/v1/")

    for deep in (False, True):
        assert told(verified(storage, deep=deep)) == [("size", path)]


def test_a_byte_that_changed_is_found_by_reading(storage: Storage) -> None:
    name = data_file(storage, "files")
    content = bytearray(storage.get(name))
    content[100] ^= 1
    storage.put(name, bytes(content))

    assert verified(storage).ok
    assert told(verified(storage, deep=True))[0][0] == "content"


def test_foreign_files(storage: Storage) -> None:
    for path in ("tables/files/x.parquet", "tables/more/x.parquet", "tables/note.txt"):
        storage.put(key(path), b"PAR1")
    storage.put(key("schemas/more.schema.json"), b'{"id": "more"}')
    storage.put(key("notes.txt"), b"somebody's")

    foreign = [(kind, path) for kind, path in told(verified(storage)) if kind == "foreign"]

    assert foreign == [
        ("foreign", "schemas/more.schema.json"),
        ("foreign", "tables/files/x.parquet"),
        ("foreign", "tables/more/x.parquet"),
        ("foreign", "tables/note.txt"),
    ]


@given(place=st.integers(0), bit=st.integers(0, 7), choice=st.integers(0))
def test_any_bit_of_any_listed_file(rendered: Path, place: int, bit: int, choice: int) -> None:
    storage = copied_to(MemoryStorage(), rendered)
    manifest = Catalog(storage).find("v1").manifest
    assert manifest is not None
    entry = manifest.files[choice % len(manifest.files)]
    content = bytearray(storage.get(key(entry.path)))
    content[place % len(content)] ^= 1 << bit
    storage.put(key(entry.path), bytes(content))

    found = verified(storage, deep=True)

    assert ("content", entry.path) in told(found)
    if not entry.path.startswith("schemas/"):  # of which data and description differ then, too
        assert {path for _, path in told(found)} == {entry.path}


def test_a_table_of_other_rows_and_columns(memory: MemoryStorage) -> None:
    """Even where somebody has brought the manifest up to date."""
    name = data_file(memory, "subjects")
    path = name.removeprefix("versions/v1/")
    rows = pq.read_table(io.BytesIO(memory.get(name)))
    changed = rows.slice(1).drop_columns(["sex"])
    at = changed.schema.get_field_index("age")
    changed = changed.set_column(at, "age", changed["age"].cast(pa.int32()))
    changed = changed.append_column("more", pa.array([1] * changed.num_rows))
    sink = io.BytesIO()
    pq.write_table(changed, sink)
    memory.put(name, sink.getvalue())

    def bring_up_to_date(manifest: Any) -> None:
        for entry in manifest["files"]:
            if entry["path"] == path:
                entry["bytes"] = len(sink.getvalue())
                entry["sha256"] = hashlib.sha256(sink.getvalue()).hexdigest().upper()

    edit(memory, "provenance/manifest.json", bring_up_to_date)

    assert verified(memory).ok
    found = verified(memory, deep=True)
    assert told(found) == [("columns", path), ("rows", path)]
    columns, counted = (problem.message for problem in found.problems)
    assert "'sex' is missing" in columns
    assert "'more' is not in the schema" in columns
    assert "'age' is int32, and not int64" in columns
    assert counted == "it has 1 rows, and the manifest says 2"


def test_schemas_and_data_without_one_another(memory: MemoryStorage) -> None:
    def unlist(manifest: Any) -> Any:
        wrong = ("tables/files/", "schemas/subjects")
        kept = [entry for entry in manifest["files"] if not entry["path"].startswith(wrong)]
        return {**manifest, "files": kept}

    edit(memory, "provenance/manifest.json", unlist)
    memory.delete(data_file(memory, "files"))
    memory.delete(key(SUBJECTS))

    assert told(verified(memory)) == [
        ("description", "provenance/dataset_description.json"),
        ("table", SUBJECTS),
        ("table", "tables/files"),
    ]


def test_a_description_of_other_tables(memory: MemoryStorage) -> None:
    def change(description: Any) -> None:
        tables = description["tables"]
        tables["more"] = tables.pop("files")
        del tables["subjects"]["properties"]["sex"]

    edit(memory, "provenance/dataset_description.json", change)

    messages = [problem.message for problem in verified(memory).problems]
    assert messages == [
        "it does not name files",
        "it has other columns of table 'subjects' than the schema",
        "it names tables that are not shown: more",
    ]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"properties": 3}', b"[" * 9999])
def test_a_damaged_schema(memory: MemoryStorage, content: bytes) -> None:
    memory.put(key(SUBJECTS), content)

    assert ("schema", SUBJECTS) in told(verified(memory))
    assert ("schema", SUBJECTS) in told(verified(memory, deep=True))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"files": [{}]}'])
def test_a_damaged_manifest(memory: MemoryStorage, content: bytes) -> None:
    memory.put(LAYOUT.manifest, content)

    found = verified(memory, deep=True)

    assert told(found) == [("manifest", "provenance/manifest.json")]
    assert "the manifest cannot be read" in found.unchecked[0]


def test_a_manifest_that_leads_elsewhere(memory: MemoryStorage) -> None:
    edit(memory, "provenance/manifest.json", lambda m: m["files"][0].update(path="../../x"))

    assert ("missing", "../../x") in told(verified(memory, deep=True))


def test_hidden_tables(memory: MemoryStorage) -> None:
    hidden = "schemas/hidden/subjects.schema.json"
    memory.put(key(hidden), memory.get(key(SUBJECTS)))
    assert ("table", hidden) in told(verified(memory))

    memory.delete(key(SUBJECTS))

    def hide(manifest: Any) -> None:
        for entry in manifest["files"]:
            entry["path"] = entry["path"].replace(SUBJECTS, hidden)

    edit(memory, "provenance/manifest.json", hide)
    edit(memory, "provenance/dataset_description.json", lambda d: d["tables"].pop("subjects") and d)
    assert verified(memory, deep=True).ok
    memory.delete(data_file(memory, "subjects"))
    assert [kind for kind, _ in told(verified(memory))] == ["missing"]
