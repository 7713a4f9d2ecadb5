"""Executors that tests bring, which repeat or break themselves, and processes that are killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psutil

__all__ = [
    "BreakingExecutor",
    "RepeatingExecutor",
    "children",
    "killing_who_writes",
    "process_pool",
]

_T = TypeVar("_T")
_PATIENCE = 60


def process_pool(workers: int) -> ProcessPoolExecutor:
    """Such a pool as a user has, of processes that know nothing of this one's threads."""
    return ProcessPoolExecutor(workers, multiprocessing.get_context("forkserver"))


class RepeatingExecutor(Executor):
    """Runs each call twice at the same time; what comes back is what the last one returned."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(4)
        self.calls = 0

    def submit(self, fn: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:
        self.calls += 1
        first = self._threads.submit(fn, *args, **kwargs)

        def second() -> _T:
            value = fn(*args, **kwargs)
            first.result()
            return value

        return self._threads.submit(second)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._threads.shutdown(wait, cancel_futures=cancel_futures)


class BreakingExecutor(Executor):
    """Does some calls, and from then on none."""

    def __init__(self, calls: int, error: Exception) -> None:
        self._left, self._error = calls, error

    def submit(self, fn: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:
        future: Future[_T] = Future()
        if self._left:
            self._left -= 1
            future.set_result(fn(*args, **kwargs))
        else:
            future.set_exception(self._error)
        return future


def children(program: str = "fw_dataset.processes.worker") -> list[int]:
    """The ids of the processes below this one whose command line has some text in it."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if program in " ".join(process.cmdline()):
                found.append(process.pid)
        except psutil.Error:
            continue  # it has ended
    return found


@contextmanager
def killing_who_writes(root: Path, pattern: str, *, times: int = 1) -> Iterator[list[int]]:
    """A block during which processes below this one are killed that write a certain file.

    Their ids are in the list; so many of them are killed.

    Args:
        root: where the files are.
        pattern: of the file's path below it.
        times: how many processes are killed.
    """
    killed: list[int] = []
    ended = threading.Event()

    def watch() -> None:
        until = time.monotonic() + _PATIENCE
        while len(killed) < times and not ended.is_set() and time.monotonic() < until:
            for path in root.glob(pattern):
                for pid in _writers(path):
                    if pid not in killed and len(killed) < times:
                        os.kill(pid, signal.SIGKILL)
                        killed.append(pid)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield killed
    finally:
        ended.set()
        watcher.join()


def _writers(path: Path) -> list[int]:
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if any(file.path == str(path) for file in process.open_files()):
                found.append(process.pid)
        except psutil.Error:
            continue  # it has ended
    return found
