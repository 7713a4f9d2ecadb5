"""Threads that nobody waits for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

__all__ = ["begin"]

_T = TypeVar("_T")


def begin(work: Callable[[], _T]) -> Future[_T]:
    """Run a function in a thread that nobody waits for, neither after Ctrl-C nor at the end."""
    future: Future[_T] = Future()

    def carry_out() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is passed on
            future.set_exception(error)

    threading.Thread(target=carry_out, name="fw-dataset-beside", daemon=True).start()
    return future
