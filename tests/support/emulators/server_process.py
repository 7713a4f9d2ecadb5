"""A server in a process of its own, which ends when whoever started it does."""

from __future__ import annotations

import re
import selectors
import subprocess
import tempfile
import time
from collections.abc import Sequence

__all__ = ["ServerProcess"]

_LISTENING = re.compile(rb"listens on http://127\.0\.0\.1:(\d+)\n")
_PATIENCE = 60


class ServerProcess:
    """A running server.

    It must say where it ``listens on``, and end at the end of its standard input: that comes with
    the end of this process, however it ends.

    Attributes:
        port: its port on loopback.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - stop() closes it
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            stderr=self._errors,
        )
        try:
            self.port = self._wait_for_port()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the process; it has nothing to lose."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                pipe.close()

    def _wait_for_port(self) -> int:
        output = self._process.stdout
        assert output is not None
        said = b""
        until = time.monotonic() + _PATIENCE
        with selectors.DefaultSelector() as ready:
            ready.register(output, selectors.EVENT_READ)
            while ready.select(max(0, until - time.monotonic())):
                piece = output.read(1000)
                said += piece
                found = _LISTENING.search(said)
                if found:
                    return int(found[1])
                if not piece:
                    break
        self._errors.seek(0)
        raise RuntimeError((said + self._errors.read()).decode(errors="replace"))
