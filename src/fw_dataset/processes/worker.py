"""What runs in a process of :class:`fw_dataset.processes.pool.ProcessPool`."""

from __future__ import annotations

import os
import pickle
import queue
import signal
import socket
import threading
import time
from typing import NoReturn

from fw_dataset.errors import WorkerError
from fw_dataset.processes.messages import Messages
from fw_dataset.processes.outcomes import Outcome, attempt

__all__ = ["SECONDS_TO_CLEAN_UP", "main"]

SECONDS_TO_CLEAN_UP = 10.0
"""So long a process may take to end, once it was asked to."""


def main(descriptor: int) -> None:
    """Run calls until the other end is closed, or the process is asked to end (SIGTERM).

    Args:
        descriptor: that of the socket over which calls come and outcomes go.
    """
    signal.signal(signal.SIGTERM, _end)
    messages = Messages(socket.socket(fileno=descriptor))
    calls: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(messages, calls), daemon=True).start()
    while True:
        messages.send(_answer(calls.get()))


def _end(number: int, _frame: object) -> NoReturn:
    # Another one must not interrupt the cleaning up.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(128 + number)


def _listen(messages: Messages, calls: queue.SimpleQueue[bytes]) -> None:
    """Take in calls; when nobody is there any more, end, whatever runs."""
    try:
        while True:
            calls.put(messages.receive())
    except (EOFError, OSError):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(SECONDS_TO_CLEAN_UP)
        os._exit(1)


def _answer(call: bytes) -> bytes:
    outcome = attempt(_call, call)
    try:
        return pickle.dumps(outcome)
    except Exception as error:  # noqa: BLE001 - anything can be returned
        text = f"what a worker returned cannot be sent: {type(error).__name__}: {error}"
        return pickle.dumps(Outcome[None](error=WorkerError(text)))


def _call(call: bytes) -> object:
    function, arguments, named = pickle.loads(call)
    return function(*arguments, **named)
