"""The folder to work in: gone at the end, whatever the end was."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest

from fw_dataset.errors import StorageDeniedError, StorageError, StorageFullError
from fw_dataset.versions.workspace import workspace
from tests.support.privileges import as_ordinary_user
from tests.support.processes import failing_steps, run_killed


def hold_workspace(parent: Path) -> None:
    with workspace(parent) as folder:
        (folder / "content").write_bytes(b"x" * 100)
        (folder / "below").mkdir()
        (folder / "below/x").write_bytes(b"")


def test_workspace_and_the_folders_made_for_it_go(tmp_path: Path) -> None:
    with workspace(tmp_path / "a/b/c") as folder:
        assert folder.parent == tmp_path / "a/b/c"
        (folder / "x").write_bytes(b"")

    assert list(tmp_path.iterdir()) == []


def test_workspace_leaves_folders_that_are_used(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with workspace(tmp_path / "a/b"):
        (tmp_path / "a/b/dataset").write_bytes(b"")

    assert [path.name for path in tmp_path.rglob("*")] == ["a", "b", "dataset"]


def test_workspaces_of_the_dead_are_swept_and_those_of_the_living_are_not(tmp_path: Path) -> None:
    parent = tmp_path / "parent"
    step, left = 0, 0
    while True:
        step += 1
        if not run_killed(partial(hold_workspace, parent), step).killed:
            break
        left += bool(parent.exists() and list(parent.iterdir()))
        with workspace(parent) as living:
            with workspace(parent) as second:
                assert sorted(parent.iterdir()) == sorted([living, second]), step
            assert list(parent.iterdir()) == [living]
    assert left >= 3


def test_workspace_where_nothing_may_be_written(tmp_path: Path) -> None:
    parent = tmp_path / "parent"
    parent.mkdir(mode=0o555)
    for place in (parent, parent / "below/it"):
        with (
            as_ordinary_user(),
            pytest.raises(StorageDeniedError, match="parent") as caught,
            workspace(place),
        ):
            pass
        assert "\n" not in str(caught.value)


def test_workspace_below_what_may_not_be_searched(tmp_path: Path) -> None:
    parent = tmp_path / "parent"
    parent.mkdir(mode=0)
    with (
        as_ordinary_user(),
        pytest.raises(StorageDeniedError, match="parent"),
        workspace(parent / "below/it"),
    ):
        pass


def test_workspace_where_a_file_stands(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for place in (tmp_path / "file", tmp_path / "file/below", tmp_path / ("x" * 300)):
        with pytest.raises(StorageError) as caught, workspace(place):
            pass
        assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_workspace_on_a_full_disk(tmp_path: Path) -> None:
    full = OSError(28, os.strerror(28))
    met = 0
    for outcome in failing_steps(partial(hold_workspace, tmp_path / "a/b"), full):
        if outcome.error is not None:
            met += 1
            assert isinstance(outcome.error, StorageFullError)
        assert list(tmp_path.iterdir()) == []
    assert met > 5


def test_workspace_passes_the_users_own_errors_on(tmp_path: Path) -> None:
    for error in (KeyError("mine"), BrokenPipeError(32, "mine"), StorageDeniedError("/x: mine")):
        with pytest.raises(type(error), match="mine") as caught, workspace(tmp_path / "a"):
            raise error
        assert caught.value is error
    assert list(tmp_path.iterdir()) == []
