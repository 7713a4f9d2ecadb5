"""The process that runs strangers' SQL, one query at a time; it can write only what it is given.

It is started by :mod:`fw_dataset.serve.workers` with two sockets: over one come and go lines of
JSON, over the other the open files that results are written into.
"""

from __future__ import annotations

import json
import os
import queue
import socket
import threading
from typing import TYPE_CHECKING, Any

from fw_dataset.serve.confinement import bound_memory, confine

if TYPE_CHECKING:
    from fw_dataset.serve.engine import Engine

__all__ = ["main"]


def main(control: int, files: int) -> None:
    """Serve until the other end is closed.

    Args:
        control: the descriptor of the socket for messages.
        files: the descriptor of the socket for open files.
    """
    messages = socket.socket(fileno=control)
    lines = messages.makefile("rb")
    setup = json.loads(lines.readline())
    version = confine(setup["readable"], setup["bytes"] + (1 << 20))

    # What follows starts threads, which must be confined, too.
    from fw_dataset.serve import answering  # noqa: PLC0415

    engine = _engine(setup)
    bound_memory(setup["memory"])
    worker = _Worker(messages, socket.socket(fileno=files))
    threading.Thread(target=worker.listen, args=(lines,), daemon=True).start()
    worker.tell({"ready": version})
    while True:
        job = worker.next_message()
        with os.fdopen(worker.next_file(), "wb", buffering=1 << 20) as file:
            worker.tell(answering.answer(engine, job, file, worker))


def _engine(setup: dict[str, Any]) -> Engine:
    from fw_dataset.serve.engine import Definition, Engine  # noqa: PLC0415 - after confinement

    definitions = [Definition(**{**one, "needs": tuple(one["needs"])}) for one in setup["tables"]]
    return Engine(definitions, setup["paths"], memory=setup["memory"], threads=setup["threads"])


class _Worker:
    """The conversation with the server."""

    def __init__(self, messages: socket.socket, files: socket.socket) -> None:
        self._messages, self._files = messages, files
        self._coming: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def listen(self, lines: Any) -> None:
        """Take in messages; when nobody is there any more, end at once, whatever runs."""
        for line in lines:
            self._coming.put(json.loads(line))
        os._exit(0)

    def next_message(self) -> dict[str, Any]:
        """The next message, which is waited for."""
        return self._coming.get()

    def next_file(self) -> int:
        """The descriptor that came with a query."""
        _, descriptors, _, _ = socket.recv_fds(self._files, 1, 1)
        return descriptors[0]

    def tell(self, message: dict[str, Any]) -> None:
        """Send a message."""
        self._messages.sendall(json.dumps(message).encode() + b"\n")
