"""What local disk does beyond the contract: modes, folders, crashes, refusals."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from fw_dataset.errors import (
    InvalidNameError,
    ObjectNotFoundError,
    StorageDeniedError,
    StorageError,
    StorageFullError,
)
from fw_dataset.storage import LocalStorage
from fw_dataset.storage.locks import hold
from tests.support.datasets import untouched
from tests.support.privileges import as_ordinary_user
from tests.support.processes import failing_steps, run_killed

WRITES: dict[str, Callable[[LocalStorage, Path], None]] = {
    "put": lambda storage, _: storage.put("folder/x", b"new"),
    "put_if_absent": lambda storage, _: storage.put_if_absent("folder/y", b"new"),
    "put_file": lambda storage, source: storage.put_file("folder/x", source),
    "put_file_if_absent": lambda s, source: s.put_file("folder/y", source, if_absent=True),
    "delete": lambda storage, _: storage.delete("folder/x"),
    "clear": lambda storage, _: storage.clear("folder"),
}
READS: dict[str, Callable[[LocalStorage], object]] = {
    "list": lambda storage: list(storage.list("folder")),
    "folders": lambda storage: storage.folders("folder"),
    "get": lambda storage: storage.get("folder/x"),
}


def write(storage: LocalStorage, name: str, source: Path) -> None:
    if name.startswith("put_file"):
        source.write_bytes(b"new")
    WRITES[name](storage, source)


def names_in(storage: LocalStorage) -> list[str]:
    return sorted(path.name for path in (storage.root / "folder").iterdir())


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "root")


@pytest.fixture
def other_file_system() -> Iterator[Path]:
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK) or memory.stat().st_dev == Path("/tmp").stat().st_dev:
        pytest.skip("there is no second file system at /dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory))
    yield folder
    shutil.rmtree(folder)


# ----------------------------------------------------------------------------------------- roots


def test_reading_makes_no_folder(storage: LocalStorage) -> None:
    list(storage.list())
    list(storage.list("a"))
    storage.folders()
    storage.exists("a/b")
    with pytest.raises(ObjectNotFoundError):
        storage.get("a/b")
    storage.delete("a/b")
    storage.clear("a")
    storage.native_path("a/b")

    assert not storage.root.exists()


def test_reading_changes_nothing(storage: LocalStorage) -> None:
    storage.put("folder/x", b"old")
    before = untouched(storage.root)
    for read in READS.values():
        read(storage)

    assert untouched(storage.root) == before


def test_root_stays_when_it_is_emptied(storage: LocalStorage) -> None:
    storage.put("a/x", b"")
    storage.delete("a/x")

    assert list(storage.root.iterdir()) == []


def test_root_is_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    storage = LocalStorage("here")
    monkeypatch.chdir("/")
    storage.put("x", b"")

    assert (tmp_path / "here/x").exists()


def test_root_in_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert LocalStorage("~/data").root == tmp_path / "data"
    assert LocalStorage("~nobody-is-called-so/x").root.name == "x"


def test_native_path_is_the_file(storage: LocalStorage) -> None:
    storage.put("a/x", b"content")

    assert Path(storage.native_path("a/x")).read_bytes() == b"content"
    with pytest.raises(InvalidNameError):
        storage.native_path("../x")


def test_symbolic_links_are_followed(storage: LocalStorage, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/x").write_bytes(b"content")
    storage.root.mkdir()
    (storage.root / "link").symlink_to(tmp_path / "elsewhere")
    (storage.root / "dangling").symlink_to(tmp_path / "nowhere")

    assert storage.get("link/x") == b"content"
    assert [item.key for item in storage.list()] == ["link/x"]
    assert storage.folders() == ["link"]
    assert not storage.exists("dangling")


# ----------------------------------------------------------------------------------------- modes


@pytest.mark.parametrize(
    ("umask", "file", "folder"), [(0o022, 0o644, 0o755), (0o007, 0o660, 0o770)]
)
def test_modes_follow_the_umask(
    storage: LocalStorage, tmp_path: Path, umask: int, file: int, folder: int
) -> None:
    before = os.umask(umask)
    try:
        (tmp_path / "source").write_bytes(b"")
        storage.put("a/put", b"")
        storage.put_if_absent("a/absent", b"")
        storage.put_file("a/file", tmp_path / "source")
    finally:
        os.umask(before)

    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in storage.root.rglob("*")}
    assert modes == {"a": folder, "put": file, "absent": file, "file": file}


@pytest.mark.parametrize("if_absent", [False, True])
def test_put_file_across_file_systems(
    storage: LocalStorage, other_file_system: Path, if_absent: bool
) -> None:
    source = other_file_system / "source"
    source.write_bytes(b"x" * 3_000_000)
    storage.put_file("a/b", source, if_absent=if_absent)

    assert storage.get("a/b") == b"x" * 3_000_000
    assert [path.name for path in storage.root.rglob("*")] == ["a", "b"]


# -------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("name", WRITES)
def test_read_only_folder(storage: LocalStorage, tmp_path: Path, name: str) -> None:
    storage.put("folder/x", b"old")
    (storage.root / "folder").chmod(0o555)
    before = untouched(storage.root)
    with as_ordinary_user(), pytest.raises(StorageDeniedError, match="folder") as caught:
        write(storage, name, tmp_path / "source")

    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, PermissionError)
    assert untouched(storage.root) == before
    (storage.root / "folder").chmod(0o755)


@pytest.mark.parametrize("name", READS)
def test_folder_that_may_not_be_read(storage: LocalStorage, name: str) -> None:
    storage.put("folder/x", b"old")
    (storage.root / "folder").chmod(0)
    with as_ordinary_user(), pytest.raises(StorageDeniedError) as caught:
        READS[name](storage)

    assert "\n" not in str(caught.value)
    (storage.root / "folder").chmod(0o755)


@pytest.mark.parametrize("name", ["put", "put_if_absent", "put_file", "put_file_if_absent"])
def test_a_file_in_the_way_of_a_folder(storage: LocalStorage, tmp_path: Path, name: str) -> None:
    storage.put("folder", b"a file")
    with pytest.raises(StorageError, match=r"root/folder: a file is in the way") as caught:
        write(storage, name, tmp_path / "source")

    # Whoever creates takes "exists already" for another writer's work.
    assert not isinstance(caught.value, FileExistsError)
    assert storage.get("folder") == b"a file"


@pytest.mark.parametrize("name", ["put", "put_file"])
def test_a_folder_in_the_way_of_a_file(storage: LocalStorage, tmp_path: Path, name: str) -> None:
    storage.put("folder/x/y", b"")
    with pytest.raises(StorageError, match="folder/x") as caught:
        write(storage, name, tmp_path / "source")

    assert "\n" not in str(caught.value)
    assert [path.name for path in storage.root.rglob("*")] == ["folder", "x", "y"]


def test_a_name_that_is_too_long(storage: LocalStorage) -> None:
    with pytest.raises(StorageError, match="too long") as caught:
        storage.put("a/" + "x" * 300, b"")

    assert "\n" not in str(caught.value)
    assert list(storage.root.rglob("*")) == []


@pytest.mark.parametrize("name", ["put", "put_if_absent"])
@pytest.mark.parametrize("number", [28, 27, 122])
def test_a_full_disk_leaves_nothing(storage: LocalStorage, name: str, number: int) -> None:
    full = OSError(number, os.strerror(number))
    met = 0
    for outcome in failing_steps(partial(write, storage, name, Path()), full):
        if outcome.error is not None:
            met += 1
            assert isinstance(outcome.error, StorageFullError)
            assert "\n" not in str(outcome.error)
            assert [p for p in storage.root.rglob("*") if p.name.startswith(".")] == []
        shutil.rmtree(storage.root, ignore_errors=True)
    assert met > 3


# --------------------------------------------------------------------------------------- crashes


@pytest.mark.parametrize("name", [name for name in WRITES if name.startswith("put")])
def test_what_a_killed_writer_left(storage: LocalStorage, tmp_path: Path, name: str) -> None:
    step, left = 0, 0
    while True:
        step += 1
        shutil.rmtree(storage.root, ignore_errors=True)
        storage.put("folder/x", b"old")
        storage.put("folder/other", b"kept")
        if not run_killed(partial(write, storage, name, tmp_path / "source"), step).killed:
            break
        seen = {item.key: storage.get(item.key) for item in storage.list()}
        assert seen.pop("folder/other") == b"kept"
        assert seen in (
            {"folder/x": b"old"},
            {"folder/x": b"new"},
            {"folder/x": b"old", "folder/y": b"new"},
        ), step
        left += len(names_in(storage)) > len(seen) + 1
        storage.put("folder/other", b"swept")
        assert len(names_in(storage)) == len(seen) + 1, step
    assert left >= 3
    assert step > 5


def test_the_living_are_not_swept(storage: LocalStorage, other_file_system: Path) -> None:
    """A writer that is at work keeps its unfinished file while others write beside it."""
    source = other_file_system / "source"
    source.write_bytes(b"x" * 1000)
    copied: list[str] = []

    def copy_slowly(path: Path, target: Path) -> None:
        storage.put("folder/other", b"")
        copied.append(target.name)
        target.write_bytes(path.read_bytes())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "copyfile", copy_slowly)
        storage.put_file("folder/x", source)

    assert len(copied) == 1
    assert storage.get("folder/x") == source.read_bytes()
    assert names_in(storage) == ["other", "x"]


def test_a_writer_of_another_machine_is_not_swept(storage: LocalStorage) -> None:
    """What cannot be opened for its lock is left alone."""
    storage.put("folder/x", b"")
    foreign = storage.root / "folder" / ".fw-dataset-partial-0123456789abcdef"
    foreign.write_bytes(b"")
    foreign.chmod(0)
    with as_ordinary_user():
        storage.put("folder/y", b"")

    assert foreign.exists()
    assert [item.key for item in storage.list()] == ["folder/x", "folder/y"]


def test_a_file_that_was_taken_for_a_dead_writers_is_not_made_again(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[Path] = []

    def hold_and_lose(path: Path) -> int:
        handle = hold(path)
        names.append(path)
        if len(names) == 1:
            path.unlink()
        return handle

    monkeypatch.setattr("fw_dataset.storage.local.hold", hold_and_lose)
    storage.put("folder/x", b"there")

    assert storage.get("folder/x") == b"there"
    # A sweeper that is late removes by name, so the name must be another.
    assert len(set(names)) == len(names) == 2
