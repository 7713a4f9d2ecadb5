"""Several writers at once: one result, no mixture, and a clear word for those who lose."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fw_dataset import Dataset, Progress, render_snapshot
from fw_dataset.errors import VersionConflictError
from tests.support.datasets import CREATED, small_snapshot, tree
from tests.support.jobs import read_until, render, whole_versions
from tests.support.processes import Outcome, run_killed, run_together, steps_of


@pytest.fixture
def snapshots(tmp_path: Path) -> list[Path]:
    return [small_snapshot(tmp_path / "in", f"s{n}", subjects=n) for n in range(1, 5)]


def check_losers(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.error is not None:
            assert isinstance(outcome.error, VersionConflictError), outcome.error
            assert "\n" not in str(outcome.error)


def test_the_same_version_of_the_same_snapshot(tmp_path: Path, snapshots: list[Path]) -> None:
    alone = tmp_path / "alone"
    render(snapshots[0], alone, created=CREATED)
    for attempt in range(3):
        root = tmp_path / f"out-{attempt}"
        outcomes = run_together([partial(render, snapshots[0], root, created=CREATED)] * 4)

        check_losers(outcomes)
        assert any(outcome.error is None for outcome in outcomes)
        assert len(whole_versions(root)) == 1
        # The description says where it was written, so that alone differs.
        assert tree(root).keys() == tree(alone).keys()


def test_the_same_version_of_several_snapshots(tmp_path: Path, snapshots: list[Path]) -> None:
    for attempt in range(3):
        root = tmp_path / f"out-{attempt}"
        calls = [partial(render, path, root, version="v1") for path in snapshots]
        outcomes = run_together(calls)

        check_losers(outcomes)
        (winner,) = (n for n, outcome in enumerate(outcomes, 1) if outcome.error is None)
        assert whole_versions(root) == ["v1"]
        assert Dataset.open(root).row_counts()["subjects"] == winner
        (count,) = Dataset.open(root).execute("select count(*) from subjects").fetchall()
        assert count == (winner,)
        assert len(list(root.rglob("*.parquet"))) == 6
        assert sorted(path.name for path in root.iterdir()) == ["README.md", "versions"]


def test_several_versions(tmp_path: Path, snapshots: list[Path]) -> None:
    root = tmp_path / "new/out"
    calls: list[Any] = [
        partial(render, path, root, version=f"v{n}", label=f"label {n}")
        for n, path in enumerate(snapshots)
    ]
    outcomes = run_together([*calls, partial(read_until, root, len(calls))])

    assert [outcome.error for outcome in outcomes] == [None] * 5
    assert whole_versions(root) == ["v0", "v1", "v2", "v3"]
    assert sorted(path.name for path in root.iterdir()) == ["README.md", "versions"]
    for number in range(4):
        dataset = Dataset.open(root)
        dataset.connect(f"label {number}")
        assert dataset.row_counts()["subjects"] == number + 1


def test_several_versions_of_one_label(tmp_path: Path, snapshots: list[Path]) -> None:
    for attempt in range(3):
        root = tmp_path / f"out-{attempt}"
        calls = [
            partial(render, path, root, version=f"v{n}", label="wanted")
            for n, path in enumerate(snapshots)
        ]
        outcomes = run_together(calls)

        check_losers(outcomes)
        (winner,) = (n for n, outcome in enumerate(outcomes) if outcome.error is None)
        assert whole_versions(root) == [f"v{winner}"]
        assert Dataset.open(root).version_label == "wanted"
        assert len(list((root / "versions").iterdir())) == 1


def test_one_that_fails_harms_no_other(tmp_path: Path, snapshots: list[Path]) -> None:
    """A folder that one has made and takes back is another's, too."""
    bad = tmp_path / "bad.db.gz"
    bad.write_bytes(snapshots[0].read_bytes()[:-20])
    for attempt in range(3):
        root = tmp_path / f"new-{attempt}/below"
        calls = [partial(render, path, root) for path in (bad, snapshots[1], bad, bad)]
        outcomes = run_together(calls)

        assert [outcome.error is None for outcome in outcomes] == [False, True, False, False]
        assert len(whole_versions(root)) == 1


def test_a_dead_writers_claim_is_taken_over(tmp_path: Path, snapshots: list[Path]) -> None:
    root = tmp_path / "out"
    steps = steps_of(partial(render, snapshots[0], root, version="v1"))
    undisturbed = tree(root).keys()
    left = False
    for step in range(steps - 40, steps - 160, -20):
        run_killed(partial(render, snapshots[3], tmp_path / "out2", version="v1"), step)
        left = (tmp_path / "out2/versions/v1/_claim.json").exists()
        if left:
            break
    assert left, "a writer was killed while it held the claim"
    render(snapshots[0], tmp_path / "out2", version="v1")

    assert tree(tmp_path / "out2").keys() == undisturbed
    assert Dataset.open(tmp_path / "out2").row_counts()["subjects"] == 1


def test_a_living_writers_claim_is_not_taken_over(tmp_path: Path, snapshots: list[Path]) -> None:
    root = tmp_path / "out"
    errors: list[BaseException | None] = []

    def render_another(progress: Progress) -> None:
        if progress.stage == "publish" and not errors:
            try:
                render_snapshot(snapshots[1], root, version="v1")
            except VersionConflictError as error:
                errors.append(error)

    render_snapshot(snapshots[0], root, version="v1", progress=render_another)

    assert len(errors) == 1
    assert "is being written by process" in str(errors[0])
    assert whole_versions(root) == ["v1"]
    assert Dataset.open(root).row_counts()["subjects"] == 1
    assert sorted(path.name for path in root.iterdir()) == ["README.md", "versions"]


def test_threads_of_one_process(tmp_path: Path, snapshots: list[Path]) -> None:
    errors: list[BaseException] = []

    def work(path: Path) -> None:
        try:
            render_snapshot(path, tmp_path / "out", version="v1")
        except VersionConflictError as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(path,)) for path in snapshots]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(errors) == 3
    assert whole_versions(tmp_path / "out") == ["v1"]


def test_stray_files_of_an_unfinished_version_are_no_rows(
    tmp_path: Path, snapshots: list[Path]
) -> None:
    whole = tmp_path / "whole"
    render(snapshots[0], whole, version="v1")
    root = tmp_path / "out"
    (stray,) = (whole / "versions/v1/tables/files").iterdir()
    for name in ("tables/files/stray.parquet", "tables/more/x.parquet", "schemas/more.schema.json"):
        path = root / "versions/v1" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(stray.read_bytes())
    (root / "versions/v1/tables/empty/folder").mkdir(parents=True)
    render(snapshots[0], root, version="v1")

    files = {path for path, digest in tree(root).items() if digest != "folder"}
    assert files == {path for path, digest in tree(whole).items() if digest != "folder"}
    assert Dataset.open(root).row_counts()["files"] == 1


def test_a_version_folder_whose_description_cannot_be_read(
    tmp_path: Path, snapshots: list[Path]
) -> None:
    root = tmp_path / "out"
    path = root / "versions/v1/provenance/dataset_description.json"
    path.parent.mkdir(parents=True)
    path.write_text("{ half of it")
    before = tree(root)
    with pytest.raises(VersionConflictError, match=r"versions/v1") as caught:
        render(snapshots[0], root, version="v1")

    assert "\n" not in str(caught.value)
    assert tree(root) == before
