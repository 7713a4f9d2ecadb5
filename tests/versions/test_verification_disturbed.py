"""Versions of older releases, files that cannot be read, other writers: told, and survived."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_dataset import Dataset, render_snapshot
from fw_dataset.errors import StorageError, StorageUnreachableError, VersionNotFoundError
from fw_dataset.format.layout import VersionLayout
from fw_dataset.storage import LocalStorage, MemoryStorage, Storage
from fw_dataset.versions import claim
from fw_dataset.versions.catalog import Catalog
from fw_dataset.versions.verification import Verification, verify
from tests.support.datasets import (
    CREATED,
    copy_of,
    small_snapshot,
    write_old_version,
)
from tests.support.emulators import S3Emulator
from tests.support.filled_storages import copied_to
from tests.support.processes import run
from tests.support.proxy import proxy_before
from tests.support.store_places import StorePlace

LAYOUT = VersionLayout("v1")
SUBJECTS = "schemas/subjects.schema.json"


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verification")
    render_snapshot(small_snapshot(folder / "in"), folder / "out", version="v1", created=CREATED)
    return folder / "out"


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


# ---------------------------------------------------------------------------------- old versions


def test_damage_of_old_versions(tmp_path: Path) -> None:
    rows = pa.table({"id": ["a"], "n": [1], "when": ["2024-01-01"], "flag": pa.nulls(1)})
    properties = {
        "id": {"type": "string"},
        "n": {"type": "integer"},
        "when": {"type": "string", "format": "date"},
        "flag": {"type": "boolean"},
    }
    schema = {"id": "subjects", "properties": properties}
    schemas: dict[str, dict[str, Any]] = {
        "subjects": schema,
        "sessions": {"properties": {"id": {"type": "integer"}}},
    }
    folder = write_old_version(
        tmp_path, "v1", {"subjects": rows, "sessions": rows.select(["id"])}, schemas=schemas
    )
    storage = LocalStorage(tmp_path)
    sessions = "tables/sessions/sessions0a1b-0.parquet"

    assert told(verified(storage)) == [("columns", sessions)]

    (folder / "tables/subjects/subjects0a1b-0.parquet").write_bytes(b"PAR1 no file PAR1")
    (folder / "tables/sessions/note.txt").write_text("x")
    (folder / "tables/more").mkdir()
    pq.write_table(rows, folder / "tables/more/x.parquet")
    (folder / "schemas/bare.schema.json").write_text("{}")

    assert told(verified(storage)) == [
        ("table", "schemas/more.schema.json"),
        ("table", "tables/bare"),
        ("foreign", "tables/sessions/note.txt"),
        ("columns", sessions),
        ("unreadable", "tables/subjects/subjects0a1b-0.parquet"),
    ]


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 12, 100, 5000])
def test_data_files_cut_at_any_length(tmp_path: Path, length: int) -> None:
    write_old_version(tmp_path, "v1", {"subjects": pa.table({"n": list(range(1000))})})
    path = tmp_path / "versions/v1/tables/subjects/subjects0a1b-0.parquet"
    path.write_bytes(path.read_bytes()[:length])

    assert [kind for kind, _ in told(verified(LocalStorage(tmp_path)))] == ["unreadable"]


@given(st.binary(max_size=200))
def test_data_files_of_anything(content: bytes) -> None:
    storage = MemoryStorage()
    storage.put(
        LAYOUT.description, b'{"id": "p", "version": "v1", "created": "2024-01-01T00:00:00Z"}'
    )
    storage.put(key("schemas/a.schema.json"), b"{}")
    storage.put(key("tables/a/x.parquet"), content + b"PAR1")

    assert told(verified(storage)) == [("unreadable", "tables/a/x.parquet")]


# -------------------------------------------------------------------------------- other writers


def take_and_end(root: Path) -> None:
    claim.take(LocalStorage(root), LAYOUT)


def test_the_claim_of_a_dead_writer_is_a_leftover(rendered: Path, tmp_path: Path) -> None:
    root = copy_of(rendered, tmp_path / "dataset")
    assert run(partial(take_and_end, root)).exitcode == 0

    assert told(verified(LocalStorage(root))) == [("leftover", "_claim.json")]


def test_a_living_writers_files_are_not_judged(memory: MemoryStorage) -> None:
    mine = claim.take(memory, LAYOUT)
    memory.put(key("tables/more/x.parquet"), b"PAR1")

    found = verified(memory)

    assert found.ok
    assert f"process {os.getpid()}" in found.unchecked[0]
    claim.release(memory, LAYOUT, mine)
    assert told(verified(memory)) == [("foreign", "tables/more/x.parquet")]


def test_what_changes_meanwhile_is_looked_at_again(memory: MemoryStorage) -> None:
    found = Catalog(memory).find("v1")
    listing = {item.key: item.size for item in memory.list(LAYOUT.root)}
    gone = data_file(memory, "files")
    del listing[gone]  # it had not come yet when it was listed
    object.__setattr__(found, "listing", listing)

    assert verify(found).ok


def test_a_version_that_is_deleted_meanwhile(memory: MemoryStorage) -> None:
    found = Catalog(memory).find("v1")
    object.__setattr__(found, "listing", {i.key: i.size for i in memory.list(LAYOUT.root)})
    memory.clear(LAYOUT.root)

    with pytest.raises(VersionNotFoundError, match="v1"):
        verify(found)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_files_that_may_not_be_read(rendered: Path, tmp_path: Path) -> None:
    root = copy_of(rendered, tmp_path / "dataset")
    storage = LocalStorage(root)
    path = root / data_file(storage, "files")
    path.chmod(0)

    assert told(verified(storage, deep=True)) == [("unreadable", path.name)]


class Unreadable(MemoryStorage):
    """One object of it cannot be read, or the whole storage cannot be reached."""

    def __init__(self, bad: str, error: Exception) -> None:
        super().__init__()
        self.bad, self.error = bad, error

    def get_parts(self, parts: Any) -> Any:
        if any(self.bad in part[0] for part in parts):
            raise self.error
        return super().get_parts(parts)


def test_one_file_that_cannot_be_read_hides_no_other(rendered: Path) -> None:
    storage = Unreadable("tables/files/", StorageError("the disk is worn out"))
    copied_to(storage, rendered)
    damaged = data_file(storage, "subjects")
    storage.put(damaged, storage.get(damaged)[::-1])

    found = verified(storage, deep=True)

    kinds = [(kind, path.split("/")[1]) for kind, path in told(found)]
    assert kinds == [("unreadable", "files"), ("content", "subjects"), ("unreadable", "subjects")]
    assert "worn out" in found.problems[0].message


def test_a_store_that_cannot_be_reached_is_an_error(rendered: Path) -> None:
    storage = Unreadable("tables/", StorageUnreachableError("nobody answers"))
    copied_to(storage, rendered)

    assert verified(storage).ok
    with pytest.raises(StorageUnreachableError):
        verified(storage, deep=True)


# -------------------------------------------------------------------------------------- requests


def test_requests(emulators: Any, rendered: Path) -> None:
    """No request for each file: the listing tells."""
    emulator: S3Emulator = emulators.get("s3")
    emulator.make_bucket("verify-requests")
    place = StorePlace(emulator, "verify-requests", "p")
    copied_to(place.storage, rendered)
    with proxy_before(emulator.port) as proxy:
        dataset = Dataset.open(
            place.by_way_of(proxy.port).url, place.by_way_of(proxy.port).credentials
        )
        proxy.forget()
        assert dataset.verify().ok

        # Folders, the listing, the description; then once more the description, the manifest,
        # and the six schemas.
        assert len(proxy.requests) <= 12
        assert proxy.count("HEAD") == 0
        assert proxy.count("GET", ".parquet") == 0
        assert proxy.depth() <= 4
