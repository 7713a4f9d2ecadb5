"""One event loop in a thread of its own, on which all calls to object stores run.

Calls of the store's own synchronous functions cannot be interrupted by Ctrl-C, and cannot run side
by side; those on this loop can.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from contextvars import Context
from typing import Any, TypeVar

from fw_dataset.errors import StorageError

__all__ = ["cancel_all", "run"]

_T = TypeVar("_T")
# What an interrupted call has left to tidy up after itself.
_TIDY_SECONDS = 0.8
# What the process waits at its end for uploads to be given up, whose parts are under way.
_GIVING_UP_SECONDS = 5
# What is left to a store's thread once it has handed its result over; and to one whose request was
# cancelled, until it notices.
_LEAVING_SECONDS, _NOTICING_SECONDS = 0.02, 0.1


class _Loop(asyncio.SelectorEventLoop):
    """Knows which threads are handing results over to it.

    They wake the loop and need the interpreter once more after that. One that finds it gone aborts
    the process (before Python 3.14): after the last request of a program, that happened in 1 of
    300 runs.
    """

    def __init__(self) -> None:
        self._handing_over: set[int] = set()
        super().__init__()

    # Its parameters' types are tied together by what Python 3.10 has no name for.
    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        me = threading.get_ident()
        self._handing_over.add(me)
        try:
            return super().call_soon_threadsafe(callback, *args, context=context)
        finally:
            self._handing_over.discard(me)

    def wait_for_threads(self, seconds: float) -> None:
        """Wait until no thread hands anything over."""
        until = time.monotonic() + seconds
        while self._handing_over and time.monotonic() < until:
            time.sleep(0.001)


_lock = threading.Lock()
_loop: _Loop | None = None
_thread: threading.Thread | None = None
_is_forked = False
_unfinished: set[threading.Event] = set()
_running: set[Future[Any]] = set()


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine on the loop and wait for it; Ctrl-C cancels it.

    Raises:
        StorageError: this process was forked from one that used the loop, whose threads it lacks.
    """
    if _is_forked:
        work.close()
        raise StorageError(
            "this process was forked from one that uses an object store, which does not outlive a"
            " fork: start processes by spawn or forkserver (multiprocessing.get_context('spawn'))"
        )
    ended = threading.Event()
    future: Future[_T] = asyncio.run_coroutine_threadsafe(_telling(work, ended), _running_loop())
    _running.add(future)
    try:
        return future.result()
    except CancelledError:
        raise StorageError("the call was interrupted") from None
    except BaseException:
        if not future.done() or future.cancel() or future.cancelled():
            future.cancel()
            ended.wait(_TIDY_SECONDS)
        raise
    finally:
        _running.discard(future)


def cancel_all() -> bool:
    """End all calls that are under way, in whatever thread: the program is to end.

    Returns:
        Whether there were any.
    """
    under_way = list(_running)
    for future in under_way:
        future.cancel()
    return bool(under_way)


async def _telling(work: Coroutine[Any, Any, _T], ended: threading.Event) -> _T:
    _unfinished.add(ended)
    try:
        return await work
    finally:
        ended.set()
        _unfinished.discard(ended)


def _finish() -> None:
    """Let interrupted uploads be given up: a store keeps, and bills, parts of one that is not."""
    cancelled = cancel_all()  # nobody waits for what else is under way
    until = time.monotonic() + _GIVING_UP_SECONDS
    for ended in list(_unfinished):
        ended.wait(max(0, until - time.monotonic()))
    # The thread must not come back from a store's threads to an interpreter that is gone.
    if _loop is not None and _thread is not None and not _is_forked:
        _loop.call_soon_threadsafe(_loop.stop)
        _thread.join(_TIDY_SECONDS)
        _loop.wait_for_threads(_TIDY_SECONDS)
        time.sleep(_NOTICING_SECONDS if cancelled else _LEAVING_SECONDS)


def _running_loop() -> asyncio.AbstractEventLoop:
    global _loop, _thread  # noqa: PLW0603 - one for the process
    with _lock:
        if _loop is None:
            loop = _Loop()
            _thread = threading.Thread(target=loop.run_forever, name="fw-dataset-io", daemon=True)
            _thread.start()
            os.register_at_fork(after_in_child=_forked)
            atexit.register(_finish)
            _loop = loop
        return _loop


def _forked() -> None:
    global _is_forked  # noqa: PLW0603 - nor does the child have another
    _is_forked = True
    _unfinished.clear()
