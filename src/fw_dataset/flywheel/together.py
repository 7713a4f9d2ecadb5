"""Many requests at once, their results in the order in which they were asked for."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Generic, TypeVar

__all__ = ["each_done"]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def each_done(
    function: Callable[[_Item], _Result], items: Iterable[_Item], at_once: int = 10
) -> Iterator[_Result]:
    """``function`` of each item, ``at_once`` of them at a time; items are taken as they are wanted.

    Its threads hold nobody up: who is interrupted, or wants no more, leaves at once.

    Raises:
        BaseException: what ``function`` raised, in its item's turn.
    """
    coming: deque[Future[_Result]] = deque()
    with _Workers(function, at_once) as workers:
        for item in items:
            coming.append(workers.begin(item))
            # One item more is taken only when the first of those under way is done.
            if len(coming) >= at_once:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()


class _Workers(Generic[_Item, _Result]):
    """Threads that are made as they are needed. An executor's would be waited for at the end."""

    def __init__(self, function: Callable[[_Item], _Result], at_once: int) -> None:
        self._function, self._at_once = function, at_once
        self._jobs: SimpleQueue[tuple[_Item, Future[_Result]] | None] = SimpleQueue()
        self._threads = 0
        self._stopped = False

    def __enter__(self) -> _Workers[_Item, _Result]:
        return self

    def __exit__(self, *raised: object) -> None:
        self._stopped = True
        for _ in range(self._threads):
            self._jobs.put(None)

    def begin(self, item: _Item) -> Future[_Result]:
        """Have a thread do an item."""
        future: Future[_Result] = Future()
        self._jobs.put((item, future))
        if self._threads < self._at_once:
            self._threads += 1
            threading.Thread(target=self._work, name="fw-dataset-ask", daemon=True).start()
        return future

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None and not self._stopped:
            item, future = job
            try:
                future.set_result(self._function(item))
            except BaseException as error:  # noqa: BLE001 - raised where the result is awaited
                future.set_exception(error)
