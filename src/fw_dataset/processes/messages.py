"""Messages between two processes, over a socket."""

from __future__ import annotations

import socket

__all__ = ["Messages"]

_LENGTH_BYTES = 8


class Messages:
    """One end of a conversation; one thread may send while another receives."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._incoming = end.makefile("rb")

    def send(self, message: bytes) -> None:
        """Send a message.

        Raises:
            OSError: the other end is gone.
        """
        self._socket.sendall(len(message).to_bytes(_LENGTH_BYTES, "big") + message)

    def receive(self) -> bytes:
        """Wait for a message.

        Raises:
            EOFError: the other end is gone.
            OSError: the connection broke.
        """
        return self._read(int.from_bytes(self._read(_LENGTH_BYTES), "big"))

    def close(self) -> None:
        """Close this end."""
        self._incoming.close()
        self._socket.close()

    def _read(self, size: int) -> bytes:
        data = self._incoming.read(size)
        if len(data) < size:
            raise EOFError
        return data
