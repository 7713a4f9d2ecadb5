"""Calls over an executor: bounded, cancelled when one fails, the first error being the one told."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from typing import Any, TypeVar

from fw_dataset.errors import FWDatasetError, WorkerError
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
        WorkerError: the executor is broken, or lost a call; an outcome has it where errors do not
            stop.
    """
    running: dict[Future[Outcome[_T]], int] = {}
    coming: Iterator[Future[Outcome[_T]]] | None = _submitted(executor, function, calls)
    number = 0
    failed: Outcome[_T] | None = None
    try:
        while coming is not None or running:
            while coming is not None and len(running) < _MOST_WAITING:
                future = next(coming, None)
                if future is None:
                    coming = None
                else:
                    running[future], number = number, number + 1
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=running.__getitem__):
                if future not in running:
                    continue  # it came behind one that failed
                place, outcome = running.pop(future), _outcome(executor, future)
                if outcome.error is None or not stop_at_error:
                    yield place, outcome
                else:
                    # Those before it may fail yet; they would have been the first to do so.
                    failed, coming = outcome, None
                    running = _without_later(running, place)
        if failed is not None:
            failed.result()
    finally:
        for future in running:
            future.cancel()


def _submitted(
    executor: Executor, function: Callable[..., _T], calls: Iterable[Sequence[Any]]
) -> Iterator[Future[Outcome[_T]]]:
    """The futures of all calls; what goes wrong on the way is the outcome of one."""
    try:
        for arguments in calls:
            try:
                future = executor.submit(attempt, function, *arguments)
            except Exception as error:  # noqa: BLE001 - whatever one raises that is broken or closed
                future = _ended(Outcome(error=_broken(executor, error)))
            yield future
    except Exception as error:  # noqa: BLE001 - raised when the calls before it are done
        yield _ended(Outcome(error=error))


def _ended(outcome: Outcome[_T]) -> Future[Outcome[_T]]:
    future: Future[Outcome[_T]] = Future()
    future.set_result(outcome)
    return future


def _without_later(running: dict[Future[_T], int], number: int) -> dict[Future[_T], int]:
    for future, other in running.items():
        if other > number:
            future.cancel()
    return {future: other for future, other in running.items() if other < number}


def _outcome(executor: Executor, future: Future[Outcome[_T]]) -> Outcome[_T]:
    try:
        error = future.exception()
    except CancelledError as cancelled:
        error = cancelled
    return future.result() if error is None else Outcome(error=_broken(executor, error))


def _broken(executor: Executor, error: BaseException) -> Exception:
    if isinstance(error, FWDatasetError):
        return error  # our own pool says it in our words
    kind = type(executor)
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return WorkerError(
        f"the executor ({kind.__module__}.{kind.__qualname__}) lost what it was given to do:"
        f" {said}; give another one, or none to work without"
    )
