"""The processes that run strangers' SQL, as the server sees them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fw_dataset.serve.engine import Definition
from fw_dataset.serve.settings import Limits

__all__ = ["Setup", "Worker", "WorkerLostError"]

_LONGEST_LINE = 32 << 20
_START_SECONDS = 60
# Threads of libraries that are not used would only take address space.
_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "MALLOC_ARENA_MAX": "2",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "TZ": "UTC",
}
_PROGRAM = "import sys; from fw_dataset.serve.worker import main; main(*map(int, sys.argv[1:]))"


class WorkerLostError(Exception):
    """The process is gone."""


@dataclass(frozen=True)
class Setup:
    """What every process is given.

    Attributes:
        tables: the tables, each made when it is first asked for.
        paths: the data files that DuckDB may read.
        readable: the files and folders that the process may read at all.
        limits: of queries.
    """

    tables: Sequence[Definition]
    paths: Sequence[str]
    readable: Sequence[str]
    limits: Limits

    def to_json(self) -> bytes:
        """The first message."""
        limits = self.limits
        content = {
            "tables": [asdict(one) for one in self.tables],
            "paths": list(self.paths),
            "readable": list(self.readable),
            "memory": limits.memory,
            "threads": limits.threads,
            "bytes": limits.bytes,
        }
        return json.dumps(content).encode() + b"\n"


class Worker:
    """A process that runs one query at a time.

    Attributes:
        landlock: the version of Landlock that holds in it; 0 where the system has none.
        queries: how many it has run.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], messages: _Messages, files: socket.socket
    ) -> None:
        self._process, self._messages, self._files = process, messages, files
        self.landlock = 0
        self.queries = 0

    @classmethod
    async def start(cls, setup: bytes) -> Worker:
        """Start a process and wait until it is ready.

        Raises:
            WorkerLostError: it ends at once, or does not get ready.
        """
        ours, theirs = socket.socketpair()
        our_files, their_files = socket.socketpair()
        with theirs, their_files:
            process = _popen(theirs.fileno(), their_files.fileno())
        reader, writer = await asyncio.open_connection(sock=ours, limit=_LONGEST_LINE)
        worker = cls(process, _Messages(reader, writer), our_files)
        try:
            writer.write(setup)
            first = await asyncio.wait_for(worker._messages.read(), _START_SECONDS)
            worker.landlock = int(first["ready"])
        except (WorkerLostError, asyncio.TimeoutError, KeyError):
            await worker.end()
            raise WorkerLostError("a process for queries did not start") from None
        except BaseException:
            worker.kill()
            raise
        return worker

    async def run(self, job: Mapping[str, Any], spool: int) -> AsyncIterator[dict[str, Any]]:
        """Run a query; what the process says of it comes as it goes.

        Args:
            job: see :func:`fw_dataset.serve.answering.answer`.
            spool: the descriptor of the file that the result goes into.

        Raises:
            WorkerLostError: the process ended before the query did.
        """
        self.queries += 1
        try:
            socket.send_fds(self._files, [b"."], [spool])
        except OSError:
            raise WorkerLostError("the process for the query is gone") from None
        self.tell(job)
        while True:
            message = await self._messages.read()
            yield message
            if "done" in message or "failed" in message:
                return

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send a message."""
        self._messages.write(message)

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process at once, whatever it does."""
        self._process.kill()

    async def end(self) -> None:
        """End the process and let go of all that belongs to it."""
        self.kill()
        await asyncio.to_thread(self._process.wait)
        self._files.close()
        await self._messages.close()


class _Messages:
    """Lines of JSON over a socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def read(self) -> dict[str, Any]:
        try:
            line = await self._reader.readline()
            message: dict[str, Any] = json.loads(line)
        except (OSError, ValueError):
            raise WorkerLostError("the process for the query is gone") from None
        return message

    def write(self, message: Mapping[str, Any]) -> None:
        self._writer.write(json.dumps(message).encode() + b"\n")

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


def _popen(messages: int, files: int) -> subprocess.Popen[bytes]:
    # No token and no key of a store is in its environment.
    kept = {k: v for k, v in os.environ.items() if k in ("LD_LIBRARY_PATH", "SYSTEMROOT")}
    paths = os.pathsep.join(path for path in sys.path if path)
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(messages), str(files)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={**kept, **_ENVIRONMENT, "PYTHONPATH": paths},
        pass_fds=(messages, files),
        # Ctrl-C in a terminal reaches the server alone, which ends its processes itself.
        start_new_session=True,
    )
