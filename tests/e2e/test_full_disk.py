"""A disk that is really full, and a file that really may not grow: said clearly, and no trace."""

from __future__ import annotations

import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from fw_dataset import Dataset, render_snapshot
from fw_dataset.errors import SnapshotError, StorageError, StorageFullError
from tests.support.datasets import small_snapshot, tree
from tests.support.jobs import render
from tests.support.processes import run


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_snapshot(tmp_path_factory.mktemp("snapshot"), subjects=40, files=20)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounting.returncode != 0:
        pytest.skip(f"nothing can be mounted here: {mounting.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def leave_free(disk: Path, size: int) -> None:
    (disk / "ballast").unlink(missing_ok=True)
    free = shutil.disk_usage(disk).free
    (disk / "ballast").write_bytes(b"x" * (free - size))


def render_with_limit(snapshot: Path, root: Path, workdir: Path | None, limit: int) -> str:
    """Render while no file may grow beyond ``limit`` bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    return render(snapshot, root, workdir=workdir)


def test_a_full_disk(small_disk: Path, snapshot: Path) -> None:
    root = small_disk / "new/dataset"
    failed = 0
    for size in range(40_000, 1_600_000, 60_000):
        leave_free(small_disk, size)
        before = tree(small_disk)
        if rendered_or_full(snapshot, root):
            break
        failed += 1
        assert tree(small_disk) == before
    assert failed >= 3
    assert Dataset.open(root).row_counts()["files"] == 800, "at last it fits"


def rendered_or_full(snapshot: Path, root: Path) -> bool:
    outcome = run(partial(render, snapshot, root))
    if outcome.error is None:
        return True
    assert isinstance(outcome.error, StorageFullError), outcome.error
    assert "\n" not in str(outcome.error)
    assert "no space left" in str(outcome.error)
    assert str(root.parents[1]) in str(outcome.error)
    return False


def test_a_full_disk_leaves_the_versions_that_are_there(
    small_disk: Path, snapshot: Path, tmp_path: Path
) -> None:
    root = small_disk / "dataset"
    render_snapshot(small_snapshot(tmp_path), root, version="v1")
    leave_free(small_disk, 200_000)
    before = tree(small_disk)
    with pytest.raises(StorageFullError):
        render_snapshot(snapshot, root, version="v2")

    assert tree(small_disk) == before
    assert Dataset.open(root).execute("select count(*) from subjects").fetchall() == [(2,)]
    (small_disk / "ballast").unlink()
    assert render_snapshot(snapshot, root, version="v2").row_counts()["files"] == 800


def test_the_work_elsewhere_on_a_disk_that_is_full(
    small_disk: Path, snapshot: Path, tmp_path: Path
) -> None:
    leave_free(small_disk, 60_000)
    disk, own = tree(small_disk), tree(tmp_path / "out")
    with pytest.raises(StorageFullError, match="disk"):
        render_snapshot(snapshot, tmp_path / "out/dataset", workdir=small_disk / "work")

    assert tree(small_disk) == disk
    assert tree(tmp_path / "out") == own
    assert not (tmp_path / "out").exists()


def test_the_destination_on_a_disk_that_is_full(
    small_disk: Path, snapshot: Path, tmp_path: Path
) -> None:
    for size in (8_000, 40_000, 70_000):
        leave_free(small_disk, size)
        disk = tree(small_disk)
        with pytest.raises(StorageFullError, match="disk"):
            render_snapshot(snapshot, small_disk / "new/dataset", workdir=tmp_path / "work")

        assert tree(small_disk) == disk
        assert list(tmp_path.iterdir()) == [small_disk]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_files_that_may_not_grow(tmp_path: Path, snapshot: Path, elsewhere: bool) -> None:
    root = tmp_path / "new/dataset"
    workdir = tmp_path / "work" if elsewhere else None
    failed = 0
    for limit in (100, 2_000, 10_000, 30_000, 60_000, 300_000, 10_000_000):
        outcome = run(partial(render_with_limit, snapshot, root, workdir, limit))
        if outcome.error is None:
            break
        failed += 1
        # SQLite says in its own words that its temporary file may not grow.
        assert isinstance(outcome.error, (StorageError, SnapshotError)), (limit, outcome.error)
        assert "\n" not in str(outcome.error)
        assert list(tmp_path.iterdir()) == []
    assert failed >= 3
    assert Dataset.open(root).row_counts()["files"] == 800
