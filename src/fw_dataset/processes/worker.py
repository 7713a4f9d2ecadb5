"""What runs in a process of :class:`fw_dataset.processes.pool.ProcessPool`."""

from __future__ import annotations

import os
import pickle
import queue
import socket
import threading

from fw_dataset.errors import WorkerError
from fw_dataset.processes.messages import Messages
from fw_dataset.processes.outcomes import Outcome, attempt

__all__ = ["main"]


def main(descriptor: int) -> None:
    """Run calls until the other end is closed.

    Args:
        descriptor: that of the socket over which calls come and outcomes go.
    """
    messages = Messages(socket.socket(fileno=descriptor))
    calls: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(messages, calls), daemon=True).start()
    while True:
        messages.send(_answer(calls.get()))


def _listen(messages: Messages, calls: queue.SimpleQueue[bytes]) -> None:
    """Take in calls; when nobody is there any more, end at once, whatever runs."""
    try:
        while True:
            calls.put(messages.receive())
    except (EOFError, OSError):
        os._exit(0)


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
