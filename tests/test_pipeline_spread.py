"""One snapshot rendered by many processes: the same dataset, whatever happens to them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from fw_dataset import render_snapshot
from fw_dataset.errors import InvalidArgumentError, RecordError, WorkerError
from tests.cli.commands import fw_dataset
from tests.support.datasets import CREATED
from tests.support.executors import (
    BreakingExecutor,
    RepeatingExecutor,
    children,
    killing_who_writes,
    process_pool,
)
from tests.support.parts import odd_snapshot, small_parts, tree_of

ROWS = 6000
WRITTEN = ".fw-dataset-work-*/parts-*/files-*.*"


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return odd_snapshot(tmp_path_factory.mktemp("in") / "snapshot.db.gz", ROWS)


@pytest.fixture(scope="module")
def expected(snapshot: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The dataset as one process makes it."""
    root = tmp_path_factory.mktemp("out") / "one"
    with pytest.MonkeyPatch.context() as patch:
        small_parts(patch, 1500)
        render(snapshot, root, workers=1)
    return tree_of(root)


@pytest.fixture(autouse=True)
def _parts(monkeypatch: pytest.MonkeyPatch) -> None:
    small_parts(monkeypatch, 1500)


def render(snapshot: Path, root: Path, **spread: Any) -> str:
    with render_snapshot(snapshot, root, created=CREATED, on_error="skip", **spread) as dataset:
        assert dataset.row_counts()["files"] == ROWS
        return dataset.version


def test_datasets_are_equal_byte_for_byte(
    snapshot: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    assert sum(path.endswith(".parquet") and "/files/" in path for path in expected) == 4
    render(snapshot, tmp_path / "own", workers=2)
    assert tree_of(tmp_path / "own") == expected
    with ThreadPoolExecutor(2) as threads, process_pool(2) as processes:
        given: dict[str, Executor] = {"threads": threads, "processes": processes}
        for name, executor in {**given, "repeating": RepeatingExecutor()}.items():
            render(snapshot, tmp_path / name, executor=executor)
            assert tree_of(tmp_path / name) == expected, name


def test_another_folder_to_work_in_is_left_empty(
    snapshot: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "work").mkdir()
    with ThreadPoolExecutor(2) as threads:
        render(snapshot, tmp_path / "out", executor=threads, workdir=tmp_path / "work")
    assert tree_of(tmp_path / "out") == expected
    assert list((tmp_path / "work").iterdir()) == []


def test_a_worker_of_ours_that_is_killed_is_replaced(
    snapshot: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    with killing_who_writes(tmp_path, f"out/{WRITTEN}", times=2) as killed:
        render(snapshot, tmp_path / "out", workers=2)

    assert len(killed) == 2
    assert os.getpid() not in killed
    assert tree_of(tmp_path / "out") == expected
    assert children() == []


def test_a_part_that_kills_every_worker_is_an_error(snapshot: Path, tmp_path: Path) -> None:
    pattern = ".fw-dataset-work-*/parts-*/files-0.*"
    with (
        killing_who_writes(tmp_path, f"out/{pattern}", times=3) as killed,
        pytest.raises(WorkerError, match="ended before its work did, 3 times"),
    ):
        render(snapshot, tmp_path / "out", workers=2)

    assert len(killed) == 3
    assert not (tmp_path / "out").exists()
    assert children() == []


def test_a_pool_that_breaks_is_one_clear_error(snapshot: Path, tmp_path: Path) -> None:
    told = "ProcessPoolExecutor.*lost what it was given to do: BrokenProcessPool"
    with process_pool(2) as pool, killing_who_writes(tmp_path, f"out/{WRITTEN}") as killed:
        with pytest.raises(WorkerError, match=told):
            render(snapshot, tmp_path / "out", executor=pool)
        assert len(killed) == 1
    assert not (tmp_path / "out").exists()


def test_an_executor_that_gives_up_leaves_nothing(snapshot: Path, tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="lost what it was given to do: OSError: the cluster"):
        render(snapshot, tmp_path / "out", executor=BreakingExecutor(7, OSError("the cluster")))
    assert not (tmp_path / "out").exists()


def test_a_record_that_cannot_be_read_is_told_as_ever(snapshot: Path, tmp_path: Path) -> None:
    told = []
    given: list[dict[str, Any]] = [{"workers": 1}, {"workers": 2}]
    for spread in (*given, {"executor": ThreadPoolExecutor(2)}):
        with pytest.raises(RecordError) as raised:
            render_snapshot(snapshot, tmp_path / "out", **spread)
        told.append(str(raised.value))
    assert len(set(told)) == 1
    assert not (tmp_path / "out").exists()
    assert children() == []


def test_wrong_arguments_are_found_before_any_work(snapshot: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="workers 0"):
        render_snapshot(snapshot, tmp_path / "out", workers=0)
    with pytest.raises(InvalidArgumentError, match="not both"):
        render_snapshot(snapshot, tmp_path / "out", workers=2, executor=ThreadPoolExecutor(1))
    assert not (tmp_path / "out").exists()


def test_the_command_has_workers(
    snapshot: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    arguments = ["render", str(snapshot), str(tmp_path / "out"), "--created", CREATED]
    arguments += ["--on-error", "skip"]
    done = fw_dataset(*arguments, "--workers", "2")
    assert done.returncode == 1, done.stderr  # records were skipped
    assert tree_of(tmp_path / "out") == expected
    done = fw_dataset(*arguments, "--workers", "0")
    assert done.returncode == 2
    assert "--workers" in done.stderr


# As a person runs it, but for the size of the parts.
COMMAND = """
import sys
from fw_dataset.cli import main
from fw_dataset.render import parquet
parquet.ROWS_PER_FILE = 100
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_interrupts_leaves_nothing(
    number: signal.Signals, snapshot: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = ["render", str(snapshot), str(out), "--on-error", "skip", "--workers", "2"]
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments], stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 60
    while not list(out.glob(WRITTEN)) and time.monotonic() < until:
        time.sleep(0.002)
    workers = psutil.Process(process.pid).children()
    process.send_signal(number)
    _, said = process.communicate(timeout=60)

    assert process.returncode in (128 + number, -number), said
    assert "Traceback" not in said
    assert len(workers) == 2
    psutil.wait_procs(workers, timeout=20)
    assert not any(worker.is_running() for worker in workers)
    assert not out.exists()
