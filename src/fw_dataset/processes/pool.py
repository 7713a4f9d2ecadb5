"""Processes of this machine that run functions: an executor that outlives their death.

Not those of :mod:`concurrent.futures`: they run the user's script again where it has no guard, and
one that is killed takes all others with it.
"""

from __future__ import annotations

import contextlib
import pickle
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, TypeVar

from fw_dataset.errors import WorkerError
from fw_dataset.processes.messages import Messages
from fw_dataset.processes.outcomes import Outcome
from fw_dataset.processes.worker import SECONDS_TO_CLEAN_UP

__all__ = ["ProcessPool"]

_T = TypeVar("_T")
# So often a call is begun whose process is gone each time.
_MOST_ATTEMPTS = 3
# The path comes as arguments: what lies in the current folder must not stand for a module.
_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[2:];"
    " from fw_dataset.processes.worker import main; main(int(sys.argv[1]))"
)


class _GoneError(Exception):
    """The process has ended."""


class _Process:
    """A process that runs one call at a time."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, str(theirs.fileno()), *filter(None, sys.path)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                # Ctrl-C in a terminal reaches the caller alone, who ends its processes itself.
                start_new_session=True,
            )
        self._messages = Messages(ours)

    def run(self, call: bytes) -> Outcome[Any]:
        """Run a call.

        Raises:
            _GoneError: the process ended before the call did.
        """
        try:
            self._messages.send(call)
            answer = self._messages.receive()
        except (EOFError, OSError):
            raise _GoneError from None
        return pickle.loads(answer)  # type: ignore[no-any-return]

    def stop(self) -> None:
        """Ask the process to clean up what it does, and to end."""
        self._process.terminate()

    def end(self) -> str:
        """End the process, let go of all that belongs to it, and say how it ended."""
        self.stop()
        try:
            code = self._process.wait(SECONDS_TO_CLEAN_UP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._messages.close()
        return f"killed by signal {-code}" if code < 0 else f"exit code {code}"


class ProcessPool(Executor):
    """At most so many processes, each of them started when it is first needed.

    They end with the process that made them, however that ends. A call whose process is killed is
    begun again in another one, three times in all.

    Args:
        workers: the most processes.
    """

    def __init__(self, workers: int) -> None:
        self._threads = ThreadPoolExecutor(workers, "fw-dataset-worker")
        self._lock = threading.Lock()
        self._idle: deque[_Process] = deque()
        self._all: set[_Process] = set()
        self._is_closed = False

    def submit(self, fn: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:
        """Run a function in one of the processes; see :class:`concurrent.futures.Executor`."""
        return self._threads.submit(self._run, pickle.dumps((fn, args, kwargs)))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes, when their work is done; with ``cancel_futures``, at once."""
        if not cancel_futures:
            self._threads.shutdown(wait)
        with self._lock:
            self._is_closed = True
            for process in self._all:
                process.stop()
        self._threads.shutdown(wait, cancel_futures=True)
        for process in list(self._all):
            self._end(process)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.shutdown(cancel_futures=kind is not None)

    def _run(self, call: bytes) -> Any:
        ends = []
        for _ in range(_MOST_ATTEMPTS):
            process = self._take()
            try:
                outcome = process.run(call)
            except _GoneError:
                ends.append(self._end(process))
                continue
            self._idle.append(process)
            return outcome.result()
        raise WorkerError(
            f"a worker process ended before its work did, {_MOST_ATTEMPTS} times"
            f" ({', '.join(ends)}); is there too little memory? Use fewer of them (workers,"
            " --workers)"
        )

    def _take(self) -> _Process:
        with contextlib.suppress(IndexError):
            return self._idle.popleft()
        with self._lock:
            if self._is_closed:
                raise WorkerError("the worker processes were ended")
            try:
                process = _Process()
            except OSError as error:
                raise WorkerError(f"no worker process could be started: {error}") from None
            self._all.add(process)
        return process

    def _end(self, process: _Process) -> str:
        with self._lock:
            self._all.discard(process)
        return process.end()
