"""Calls over an executor: bounded, cancelled when one fails, the first error being the one told."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from typing import Any, TypeVar

from fw_dataset.errors import WorkerError
from fw_dataset.processes.outcomes import Outcome, attempt

__all__ = ["fan_out"]

_T = TypeVar("_T")
# Beyond this, what waits is a burden for the executor and helps nobody.
_MOST_WAITING = 1000


def fan_out(
    executor: Executor,
    function: Callable[..., _T],
    calls: Iterable[Sequence[Any]],
    *,
    stop_at_error: bool,
) -> Generator[tuple[int, Outcome[_T]], None, None]:
    """Call a function for each of some arguments; how each call ended comes as it ends.

    What has not begun is cancelled when the iterator is closed.

    Args:
        executor: runs the calls; they and what they return are picklable.
        function: a picklable function.
        calls: the arguments, taken as they are needed.
        stop_at_error: begin no more when a call fails, and raise what the first one raised that
            failed, as if they were called one after the other.

    Yields:
        The number of the call, from 0, and how it ended.

    Raises:
        WorkerError: the executor is broken, or lost a call.
    """
    running: dict[Future[Outcome[_T]], int] = {}
    coming: Iterator[tuple[int, Sequence[Any]]] | None = enumerate(calls)
    failed: tuple[int, Outcome[_T]] | None = None
    try:
        while coming is not None or running:
            while coming is not None and len(running) < _MOST_WAITING:
                try:
                    call = next(coming, None)
                except Exception as error:  # noqa: BLE001 - raised when those before it are done
                    failed, call = (sys.maxsize, Outcome(error=error)), None
                if call is None:
                    coming = None
                else:
                    running[_submit(executor, function, call[1])] = call[0]
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=running.__getitem__):
                if future not in running:
                    continue  # it came behind one that failed
                number, outcome = running.pop(future), _outcome(executor, future)
                if outcome.error is None or not stop_at_error:
                    yield number, outcome
                else:
                    # Those before it may fail yet; they would have been the first to do so.
                    failed, coming = (number, outcome), None
                    running = _without_later(running, number)
        if failed is not None:
            failed[1].result()
    finally:
        for future in running:
            future.cancel()


def _without_later(running: dict[Future[_T], int], number: int) -> dict[Future[_T], int]:
    for future, other in running.items():
        if other > number:
            future.cancel()
    return {future: other for future, other in running.items() if other < number}


def _submit(
    executor: Executor, function: Callable[..., _T], arguments: Sequence[Any]
) -> Future[Outcome[_T]]:
    try:
        return executor.submit(attempt, function, *arguments)
    except Exception as error:  # whatever an executor raises that is broken or was closed
        raise _broken(executor, error) from error


def _outcome(executor: Executor, future: Future[Outcome[_T]]) -> Outcome[_T]:
    try:
        error = future.exception()
    except CancelledError as cancelled:
        error = cancelled
    if error is not None:
        raise _broken(executor, error) from error
    return future.result()


def _broken(executor: Executor, error: BaseException) -> WorkerError:
    kind = type(executor)
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return WorkerError(
        f"the executor ({kind.__module__}.{kind.__qualname__}) lost what it was given to do:"
        f" {said}; give another one, or none to work without"
    )
