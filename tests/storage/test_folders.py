"""Folders that others make and remove at the same moment."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from fw_dataset.errors import StorageDeniedError, StorageError
from fw_dataset.storage import LocalStorage
from fw_dataset.storage.folders import check_folder_writable, make_folder
from fw_dataset.storage.locks import lock_folder
from fw_dataset.versions.workspace import folder_to_fill, workspace
from tests.support.privileges import as_ordinary_user

_ROUNDS = 400


@contextmanager
def disturbed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], int]]:
    """Another writer that makes or removes a folder and the one above it, before every call.

    All that can come in between two calls of the system comes in between, sooner or later; the
    number of calls so far can be asked for.
    """
    calls = 0
    free = threading.local()
    chance = random.Random(7)
    steps = (folder.rmdir, folder.parent.rmdir, partial(os.makedirs, folder))

    def before(function: Callable[..., object]) -> Callable[..., object]:
        def called(path: Path, *arguments: object, **options: object) -> object:
            nonlocal calls
            if not getattr(free, "busy", False) and str(path).startswith(str(folder.parent)):
                free.busy = True
                calls += 1
                # By chance, so that no way to ask meets the same answer again and again.
                with suppress(OSError):
                    chance.choice(steps)()
                free.busy = False
            return function(path, *arguments, **options)

        return called

    with monkeypatch.context() as patch:
        for name in ("stat", "mkdir", "is_dir", "exists"):
            patch.setattr(Path, name, before(getattr(Path, name)))
        yield lambda: calls


def test_a_folder_that_others_remove_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a/b"
    with disturbed(folder, monkeypatch) as calls:
        for _ in range(_ROUNDS):
            make_folder(folder)
            with folder_to_fill(folder):
                pass
        assert calls() > 2 * _ROUNDS


def test_a_workspace_in_a_folder_that_others_remove(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with disturbed(tmp_path / "a/b", monkeypatch):
        for _ in range(_ROUNDS):
            with workspace(tmp_path / "a/b") as work:
                (work / "file").write_bytes(b"")


def test_a_lock_on_a_folder_that_others_remove(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with disturbed(tmp_path / "a/b", monkeypatch):
        for _ in range(_ROUNDS):
            with lock_folder(tmp_path / "a/b"):
                pass
            with LocalStorage(tmp_path / "a/b").exclusive():
                pass


def test_whether_a_folder_can_be_written_while_others_remove_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with disturbed(tmp_path / "a/b", monkeypatch):
        for _ in range(_ROUNDS):
            check_folder_writable(tmp_path / "a/b")
            LocalStorage(tmp_path / "a/b").check_writable()


def test_those_that_were_made_are_named_highest_first(tmp_path: Path) -> None:
    made: list[Path] = []
    make_folder(tmp_path / "a/b", made)
    assert made == [tmp_path / "a", tmp_path / "a/b"]
    make_folder(tmp_path / "a/b/c", made)
    assert made == [tmp_path / "a", tmp_path / "a/b", tmp_path / "a/b/c"]
    make_folder(tmp_path / "a/b/c", made)
    assert len(made) == 3


@pytest.mark.parametrize("below", ["", "x", "x/y"])
def test_a_file_in_the_way(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    for work in (make_folder, check_folder_writable):
        with pytest.raises(StorageError, match="file: a file is in the way"):
            work(tmp_path / "file" / below)


def test_a_folder_that_may_not_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "shut").mkdir(mode=0o555)
    for below in ("", "x", "x/y"):
        with (
            as_ordinary_user(),
            pytest.raises(StorageDeniedError, match="shut: it cannot be written to"),
        ):
            check_folder_writable(tmp_path / "shut" / below)
