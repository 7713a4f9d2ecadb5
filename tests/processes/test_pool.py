"""Processes of our own: what they run, how they end, and what becomes of work when they do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from fw_dataset.errors import RecordError, WorkerError
from fw_dataset.processes.pool import ProcessPool
from tests.support.executors import children


class UnpicklableError(Exception):
    def __init__(self, first: str, second: str) -> None:
        self.lock = threading.Lock()
        super().__init__(f"{first} {second}")


def die_once(mark: Path) -> str:
    if not mark.exists():
        mark.write_text("died")
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def die(_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def process_id(seconds: float = 0.0) -> int:
    time.sleep(seconds)
    return os.getpid()


def fail_with_what_cannot_travel() -> None:
    raise UnpicklableError("two", "arguments")


def fail_on_a_record() -> None:
    raise RecordError("file", "a", "it is odd")


def divide() -> float:
    return 1 / 0


def lock() -> object:
    return threading.Lock()


def clean_up_slowly(mark: Path) -> None:
    mark.write_text("begun")
    try:
        time.sleep(60)
    finally:
        mark.write_text("cleaned up")


def test_calls_run_in_other_processes_which_are_kept() -> None:
    with ProcessPool(2) as pool:
        found = {future.result() for future in [pool.submit(process_id, 0.05) for _ in range(8)]}
        assert os.getpid() not in found
        assert 1 <= len(found) <= 2
    assert not any(psutil.pid_exists(pid) for pid in found)


def test_no_process_is_started_before_it_is_needed() -> None:
    with ProcessPool(4) as pool:
        assert children() == []
        pool.submit(process_id).result()
        assert len(children()) == 1


def test_arguments_by_name() -> None:
    with ProcessPool(1) as pool:
        assert pool.submit(int, "ff", base=16).result() == 255


def test_errors_are_those_that_were_raised() -> None:
    with ProcessPool(1) as pool:
        with pytest.raises(RecordError, match="record 'a' of table 'file': it is odd"):
            pool.submit(fail_on_a_record).result()
        with pytest.raises(ZeroDivisionError) as raised:
            pool.submit(divide).result()
    assert "return 1 / 0" in str(raised.value.__cause__)


def test_an_error_that_cannot_travel_is_told() -> None:
    with (
        ProcessPool(1) as pool,
        pytest.raises(WorkerError, match="a worker failed: UnpicklableError: two arguments"),
    ):
        pool.submit(fail_with_what_cannot_travel).result()


def test_a_value_that_cannot_travel_is_told() -> None:
    with ProcessPool(1) as pool:
        with pytest.raises(WorkerError, match="what a worker returned cannot be sent: TypeError"):
            pool.submit(lock).result()
        assert pool.submit(process_id).result()


def test_a_call_whose_process_is_killed_is_begun_again(tmp_path: Path) -> None:
    with ProcessPool(2) as pool:
        others = [pool.submit(process_id, 0.1) for _ in range(6)]
        assert pool.submit(die_once, tmp_path / "mark").result() == "done"
        assert all(other.result() for other in others)


def test_a_call_that_kills_each_process_is_an_error() -> None:
    with ProcessPool(1) as pool:
        with pytest.raises(WorkerError, match=r"3 times.*killed by signal 9.*too little memory"):
            pool.submit(die, None).result()
        assert pool.submit(process_id).result()


def test_after_an_error_processes_are_ended_and_clean_up(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    began = time.monotonic()

    def interrupted() -> None:
        with ProcessPool(1) as pool:
            pool.submit(clean_up_slowly, mark)
            while not mark.exists() or not mark.read_text():
                time.sleep(0.01)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert time.monotonic() - began < 20
    assert mark.read_text() == "cleaned up"
    assert children() == []


def test_a_closed_pool_takes_nothing() -> None:
    pool = ProcessPool(1)
    pool.shutdown()
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(process_id)


SCRIPT = """
import sys, time
from fw_dataset.processes.pool import ProcessPool
from tests.processes.test_pool import clean_up_slowly, process_id
from pathlib import Path
print("the script runs", flush=True)
with ProcessPool(1) as pool:
    print(pool.submit(process_id).result(), flush=True)
    pool.submit(clean_up_slowly, Path(sys.argv[1])).result()
"""


def test_a_script_without_a_guard_runs_once_and_its_processes_die_with_it(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    mark = tmp_path / "mark"
    # A module of the current folder must not stand for one of Python's.
    (tmp_path / "queue.py").write_text("raise ImportError('a file of the user')")
    (tmp_path / "run").mkdir()
    (tmp_path / "script.py").rename(tmp_path / "run/script.py")
    process = subprocess.Popen(
        [sys.executable, tmp_path / "run/script.py", mark],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert process.stdout is not None
    lines = [process.stdout.readline().strip() for _ in range(2)]
    assert lines[0] == "the script runs"
    worker = psutil.Process(int(lines[1]))
    while not mark.exists() or not mark.read_text():
        time.sleep(0.01)
    process.kill()
    assert process.stdout.read() == ""
    process.stdout.close()
    process.wait()
    worker.wait(20)
    assert mark.read_text() == "cleaned up"
