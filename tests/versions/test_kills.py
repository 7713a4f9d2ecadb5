"""Killed at any step and run again, a rendering gives what an undisturbed one does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from fw_dataset import Dataset
from tests.support.datasets import CREATED, copy_of, small_snapshot, tree
from tests.support.jobs import change_label, render, whole_versions
from tests.support.processes import failing_steps, run_killed, steps_of

WORK = Path(f"/dev/shm/fw-dataset-test-{os.getpid()}")
LATER = "2025-01-01T00:00:00.000+00:00"


@dataclass(frozen=True)
class Scene:
    """Something that is done to a dataset.

    Attributes:
        root: the dataset's root.
        before: a copy of it as it is before, or a path where nothing is.
        call: what is done.
    """

    root: Path
    before: Path
    call: Callable[[], object]

    def set_up(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        if self.before.exists():
            copy_of(self.before, self.root)


def first_version(folder: Path) -> Scene:
    snapshot = small_snapshot(folder / "in")
    root = folder / "out/dataset"
    choices = {"created": CREATED, "label": "first"}
    return Scene(root, folder / "none", partial(render, snapshot, root, **choices))


def second_version(folder: Path) -> Scene:
    root = folder / "out/dataset"
    render(small_snapshot(folder / "in", "one"), root, created=CREATED)
    copy_of(root, folder / "before")
    another = small_snapshot(folder / "in", "two", subjects=3)
    return Scene(root, folder / "before", partial(render, another, root, created=LATER))


def new_label(folder: Path) -> Scene:
    root = folder / "out/dataset"
    snapshot = small_snapshot(folder / "in")
    render(snapshot, root, created=CREATED, label="old")
    copy_of(root, folder / "before")
    return Scene(root, folder / "before", partial(render, snapshot, root, label="new"))


def relabelling(folder: Path) -> Scene:
    root = folder / "out/dataset"
    render(small_snapshot(folder / "in"), root, created=CREATED, label="old")
    copy_of(root, folder / "before")
    return Scene(root, folder / "before", partial(change_label, root, "latest", "new"))


def elsewhere(folder: Path) -> Scene:
    """The work folder is on another file system, if there is one."""
    snapshot = small_snapshot(folder / "in")
    root = folder / "out/dataset"
    work = WORK if os.access(WORK.parent, os.W_OK) else folder / "work"
    return Scene(
        root, folder / "none", partial(render, snapshot, root, created=CREATED, workdir=work)
    )


@pytest.fixture(autouse=True)
def _nothing_stays_in_the_work_folder() -> Iterator[None]:
    yield
    if WORK.exists():
        left = list(WORK.iterdir())
        shutil.rmtree(WORK)
        assert left == []


SCENES = [first_version, second_version, new_label, relabelling, elsewhere]


def kill_at_steps(scene: Scene, stride: int) -> int:
    """Kill the call at every ``stride``-th step, and look; how many were killed is returned."""
    scene.set_up()
    old_versions = whole_versions(scene.root)
    steps = steps_of(scene.call)
    new = tree(scene.root)
    new_versions = whole_versions(scene.root)
    killed = 0
    # Some more, as threads make the number of steps vary.
    for step in range(1, steps + 10, stride):
        scene.set_up()
        if not run_killed(scene.call, step).killed:
            continue
        killed += 1
        assert whole_versions(scene.root) in (old_versions, new_versions), step
        scene.call()
        assert tree(scene.root) == new, step
        if scene.root.parent.exists():
            assert list(scene.root.parent.iterdir()) == [scene.root]
    return killed


@pytest.mark.parametrize("make", SCENES)
def test_killed_at_some_steps(tmp_path: Path, make: Callable[[Path], Scene]) -> None:
    scene = make(tmp_path)
    scene.set_up()
    assert kill_at_steps(scene, max(1, steps_of(scene.call) // 8)) >= 6


@pytest.mark.slow
@pytest.mark.parametrize("make", SCENES)
def test_killed_at_every_step(tmp_path: Path, make: Callable[[Path], Scene]) -> None:
    assert kill_at_steps(make(tmp_path), 1) >= 15


def test_killed_again_and_again(tmp_path: Path) -> None:
    """Each run gets a little further than the one before, and each is killed."""
    scene = first_version(tmp_path)
    steps = steps_of(scene.call)
    whole = tree(scene.root)
    scene.set_up()
    for step in range(steps // 8, steps, steps // 8):
        run_killed(scene.call, step)
    scene.call()

    assert tree(scene.root) == whole


# --------------------------------------------------------------------------------------- failures


def fail_at_steps(scene: Scene, error: BaseException, stride: int) -> int:
    """Let every ``stride``-th growth fail; how often the call failed is returned."""
    scene.set_up()
    old = tree(scene.root.parent)
    scene.call()
    new = tree(scene.root.parent)
    scene.set_up()
    failed = 0
    for outcome in failing_steps(scene.call, error, stride=stride):
        after = tree(scene.root.parent)
        if outcome.error is None:
            assert after == new
        else:
            failed += 1
            assert "\n" not in str(outcome.error)
            expected = "StorageFullError" if isinstance(error, OSError) else type(error).__name__
            assert type(outcome.error).__name__ == expected, outcome.error
            # Once it is published, what fails afterwards does not take it back.
            assert after in (old, new), after.keys() ^ old.keys()
        shutil.rmtree(scene.root.parent, ignore_errors=True)
        scene.root.parent.mkdir()
        scene.set_up()
    return failed


DISASTERS = [OSError(28, os.strerror(28)), KeyboardInterrupt()]


@pytest.mark.parametrize("error", DISASTERS, ids=["full disk", "interrupt"])
@pytest.mark.parametrize("make", SCENES)
def test_failing_at_some_steps(
    tmp_path: Path, make: Callable[[Path], Scene], error: BaseException
) -> None:
    scene = make(tmp_path)
    scene.root.parent.mkdir(exist_ok=True)
    assert fail_at_steps(scene, error, 2 if make in (new_label, relabelling) else 29) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("error", DISASTERS, ids=["full disk", "interrupt"])
@pytest.mark.parametrize("make", SCENES)
def test_failing_at_every_step(
    tmp_path: Path, make: Callable[[Path], Scene], error: BaseException
) -> None:
    scene = make(tmp_path)
    scene.root.parent.mkdir(exist_ok=True)
    assert fail_at_steps(scene, error, 1) >= 3


def test_old_version_is_readable_after_a_kill(tmp_path: Path) -> None:
    scene = second_version(tmp_path)
    scene.set_up()
    steps = steps_of(scene.call)
    for step in range(steps // 2, steps, steps // 6):
        scene.set_up()
        assert run_killed(scene.call, step).killed
        dataset = Dataset.open(scene.root)
        (count,) = dataset.execute("select count(*) from subjects").fetchall()
        assert count == ((2,) if len(dataset.list_versions()) == 1 else (3,))
