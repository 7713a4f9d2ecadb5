"""Signals that end a command: cleaned up after, and not lost."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from fw_dataset.cli.failures import Terminated

__all__ = ["raise_if_asked_to_end", "unwinding"]

_asked: list[BaseException] = []


@contextmanager
def unwinding() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind as Ctrl-C does, so that no half-written file stays."""
    handlers = {"SIGTERM": signal.SIG_DFL, "SIGHUP": signal.SIG_DFL}
    handlers["SIGINT"] = signal.default_int_handler  # type: ignore[assignment]
    numbers = {
        getattr(signal, name): handler
        for name, handler in handlers.items()
        if hasattr(signal, name)
    }
    # What the caller has set, such as nohup's ignoring, stays.
    ours = {
        number: handler
        for number, handler in numbers.items()
        if signal.getsignal(number) == handler
    }
    _asked.clear()
    for number in ours:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)


def raise_if_asked_to_end() -> None:
    """Raise again what a signal raised: extension modules now and then drop it.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed.
        Terminated: another signal asked the process to end.
    """
    if _asked:
        raise _asked[0]


def _end(number: int, _: FrameType | None) -> None:
    error = KeyboardInterrupt() if number == signal.SIGINT else Terminated(number)
    _asked.append(error)
    raise error
