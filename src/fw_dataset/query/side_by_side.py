"""The same done to many things at once, where each waits for a store."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from threading import Event
from typing import TypeVar

from fw_dataset.storage.beside import begin

__all__ = ["each"]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_AT_ONCE = 16


def each(work: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
    """What ``work`` gives for each item, in their order; several are under way at once.

    Raises:
        Exception: what ``work`` raises for the first of the items for which it does. Items that
            were not begun then are left.
    """
    wanted = list(items)
    if len(wanted) <= 1:
        return [work(item) for item in wanted]
    waiting: SimpleQueue[int] = SimpleQueue()
    for number in range(len(wanted)):
        waiting.put(number)
    results: dict[int, _Result] = {}
    failures: dict[int, BaseException] = {}
    stopped = Event()

    def carry_out() -> None:
        while not stopped.is_set():
            try:
                number = waiting.get_nowait()
            except Empty:
                return
            try:
                results[number] = work(wanted[number])
            except BaseException as error:  # noqa: BLE001 - it is passed on
                failures[number] = error
                stopped.set()

    workers = [begin(carry_out) for _ in range(min(_AT_ONCE, len(wanted)))]
    try:
        for worker in workers:
            worker.result()
    finally:
        stopped.set()  # after Ctrl-C, nothing further is begun
    if failures:
        raise failures[min(failures)]
    return [results[number] for number in range(len(wanted))]
