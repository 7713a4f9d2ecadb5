"""Work that needs no Python, done in another thread: reading ahead and writing behind."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, TypeVar

__all__ = ["WorkBehind", "ahead"]

_T = TypeVar("_T")
# What waits is in memory; now and then the writer compresses a row group for long.
_MOST_PENDING = 16


def ahead(items: Iterator[_T]) -> Iterator[_T]:
    """The same items, each made in another thread while the one before it is used."""
    end = object()
    with ThreadPoolExecutor(1) as executor:
        coming = executor.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = executor.submit(next, items, end)
            yield item  # type: ignore[misc]


class WorkBehind:
    """Does work in another thread, in the order in which it is given.

    As a context manager it ends when all is done, and raises what was raised there.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1)
        self._pending: deque[Future[None]] = deque()

    def do(self, work: Callable[..., None], *arguments: Any) -> None:
        """Do it later; what was raised by earlier work may be raised now."""
        self._pending.append(self._executor.submit(work, *arguments))
        while len(self._pending) > _MOST_PENDING:
            self._pending.popleft().result()

    def wait(self) -> None:
        """Wait until all is done."""
        while self._pending:
            self._pending.popleft().result()

    def __enter__(self) -> WorkBehind:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._executor.shutdown(cancel_futures=error is not None)
        if error is None:
            self.wait()
