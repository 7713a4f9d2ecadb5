"""Processes of our own: at the same time, killed at a certain step, or met by a full disk."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any

_CONTEXT = multiprocessing.get_context("forkserver")
# Loaded once, so that each process costs some ten milliseconds.
_CONTEXT.set_forkserver_preload(["fw_dataset.pipeline", "fw_dataset.client", "pytest"])
_PATIENCE = 120

# What changes a file system, by the name of the C function that Python calls for it; files that
# are opened to be written come from the audit events, which tell reading from writing.
_GROWS = frozenset({"write", "fsync", "replace", "rename", "link", "mkdir", "sendfile"})
_CHANGES = _GROWS | {"flush", "close", "unlink", "remove", "rmdir", "truncate", "flock"}
_MODULES = ("posix", "fcntl", "io", "_io")
_TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT

Call = Callable[[], Any]


@dataclass(frozen=True)
class Outcome:
    """How a process ended: with a value or an error, or killed."""

    exitcode: int
    value: Any = None
    error: BaseException | None = None

    @property
    def killed(self) -> bool:
        """Whether it was killed by SIGKILL."""
        return self.exitcode == -signal.SIGKILL


def run(call: Call) -> Outcome:
    """Run one call in a process of its own."""
    return run_together([call])[0]


def run_together(calls: Sequence[Call]) -> list[Outcome]:
    """Run picklable calls in as many processes, let go at the same moment."""
    barrier = _CONTEXT.Barrier(len(calls))
    running = []
    for call in calls:
        ours, theirs = _CONTEXT.Pipe(duplex=False)
        process = _CONTEXT.Process(target=_work, args=(call, barrier, theirs), daemon=True)
        process.start()
        theirs.close()
        running.append((process, ours))
    outcomes = []
    for process, ours in running:
        try:
            value, error = ours.recv() if ours.poll(_PATIENCE) else (None, TimeoutError())
        except EOFError:
            value, error = None, None
        process.join(_PATIENCE)
        assert process.exitcode is not None
        outcomes.append(Outcome(process.exitcode, value, error))
        ours.close()
        process.close()
    return outcomes


def run_killed(call: Call, step: int) -> Outcome:
    """Run a call that is killed before its ``step``-th change of the file system, from 1."""
    return run(partial(_disturbed, call, step, "kill"))


def failing_steps(
    call: Call, error: BaseException, *, first: int = 1, stride: int = 1
) -> Iterator[Outcome]:
    """Run a call again and again, one growth of the file system after another raising ``error``.

    There is no error in the outcome where the call made do without; its value is meaningless.
    """
    for step in count(first, stride):
        outcome = run(partial(_disturbed, call, step, error))
        if outcome.error is None and outcome.value < step:
            return
        yield outcome


def steps_of(call: Call) -> int:
    """How many changes of the file system a call makes, about: threads make it vary."""
    outcome = run(partial(_disturbed, call, sys.maxsize, "kill"))
    assert outcome.error is None, outcome.error
    return int(outcome.value)


def _work(call: Call, barrier: Any, answer: Connection) -> None:
    try:
        barrier.wait(_PATIENCE)
        answer.send((call(), None))
    except BaseException as error:  # noqa: BLE001 - the parent judges it
        answer.send((None, error))
    answer.close()


def _disturbed(call: Call, step: int, what: str | BaseException) -> int:
    steps = _Steps(step, what)
    sys.addaudithook(steps.on_audit)
    threading.setprofile(steps.on_call)
    sys.setprofile(steps.on_call)
    try:
        call()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        steps.names = frozenset()
    return steps.taken


class _Steps:
    """Counts changes of the file system; many writes to one file in a row are one step."""

    def __init__(self, step: int, what: str | BaseException) -> None:
        self.step, self.what = step, what
        self.names = _CHANGES if what == "kill" else _GROWS
        self.taken = 0
        self._last: tuple[str, int] | None = None

    def on_audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and self.names and (arguments[2] or 0) & _TO_WRITE:
            self._take(("open", id(arguments)))

    def on_call(self, _: FrameType, event: str, function: Any) -> None:
        if event == "c_call" and function.__name__ in self.names and _is_of_files(function):
            self._take((function.__name__, id(getattr(function, "__self__", None))))

    def _take(self, change: tuple[str, int]) -> None:
        if change == self._last and change[0] == "write":
            return
        self._last = change
        self.taken += 1
        if self.taken == self.step:
            if isinstance(self.what, BaseException):
                raise self.what
            os.kill(os.getpid(), signal.SIGKILL)


def _is_of_files(function: Any) -> bool:
    owner = type(getattr(function, "__self__", None)).__module__
    return getattr(function, "__module__", None) in _MODULES or owner == "_io"
