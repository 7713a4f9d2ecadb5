"""One query: its state, and its result as it grows."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from fw_dataset.serve.settings import Limits

__all__ = ["Failure", "Page", "Query", "QueryFailedError"]

_PIECE = 1 << 20
_MOMENT = 0.05


@dataclass(frozen=True)
class Failure:
    """Why a query has no result, or no more of it.

    Attributes:
        title: in a few words.
        detail: in a sentence.
        status: as HTTP numbers it.
    """

    title: str
    detail: str
    status: int = 400


_GONE = Failure("no such query", "it is too old, or was cancelled", 404)


class QueryFailedError(Exception):
    """A query has failed.

    Attributes:
        failure: why.
    """

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.title)


@dataclass(frozen=True)
class Page:
    """Some rows of a result.

    Attributes:
        data: the rows, as the text of JSON objects with commas between.
        rows: how many there are.
        next: the number of the page that comes next, or None behind the last. It may be the same
            number, if the rows are still being computed.
    """

    data: bytes
    rows: int
    next: int | None


class Query:
    """A query that waits, runs, or is done.

    Attributes:
        id: unguessable.
        owner: whose query it is: who may read and cancel it.
        form: what its result is written as.
        state: ``waiting``, ``running``, ``done``, ``failed`` or ``cancelled``.
        data_model: the JSON Schema of a row, once it is known.
        rows: how many there are so far.
        size: the bytes of the result so far.
        failure: why it failed, if it did.
        used: when it was last asked for, on the monotonic clock.
        asking: how many requests wait for it.
    """

    def __init__(self, owner: str, form: str, limits: Limits, digest: str) -> None:
        self.id = secrets.token_urlsafe(18)
        self.owner, self.form, self.digest = owner, form, digest
        self.state = "waiting"
        self.data_model: dict[str, Any] | None = None
        self.rows = self.size = 0
        self.failure: Failure | None = None
        self.used = self.started = time.monotonic()
        self.asking = 0
        self._has_given = False
        self._limits = limits
        self._pages: list[tuple[int, int, int]] = []
        # Without a name: nobody can open it, and it vanishes with this process, however that ends.
        self._spool = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - see close
        self._changed = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes."""
        return self.state in ("done", "failed", "cancelled")

    @property
    def is_unread(self) -> bool:
        """Whether it has not ended, has given no rows so far, and nobody waits for them.

        Who has rows may be busy with them, and come back for more.
        """
        return not (self.is_over or self._has_given or self.asking)

    @property
    def descriptor(self) -> int:
        """The descriptor of the file with the result."""
        return self._spool.fileno()

    async def page(self, number: int, wait: float | None = None) -> Page:
        """A page, for which is waited a while.

        Args:
            number: from 0 on.
            wait: seconds; else as long as the limits say.

        Raises:
            QueryFailedError: the query failed before that page.
        """
        held = self._limits.held_seconds if wait is None else wait
        with self._asked():
            await self._until(lambda: len(self._pages) > number, held)
        if self._spool.closed:
            raise QueryFailedError(self.failure or _GONE)
        if number < len(self._pages):
            # Most results are whole a moment after their only page.
            await self._until(lambda: len(self._pages) > number + 1, min(held, _MOMENT))
            start, length, rows = self._pages[number]
            data = os.pread(self.descriptor, length, start)
            self._has_given = True
            more = not self.is_over or self.failure is not None or number + 1 < len(self._pages)
            return Page(data, rows, number + 1 if more else None)
        self.raise_if_failed()
        return Page(b"", 0, None if self.is_over else number)

    async def pieces(self) -> AsyncIterator[bytes]:
        """All bytes of a result, while it is written.

        Raises:
            QueryFailedError: the query failed.
        """
        sent = 0
        while True:
            with self._asked():
                await self._until(partial(self._has_more_than, sent), self._limits.seconds)
            self.raise_if_failed()
            if self.size == sent and self.is_over:
                return
            self._has_given = True
            while sent < self.size:
                piece = os.pread(self.descriptor, min(_PIECE, self.size - sent), sent)
                sent += len(piece)
                yield piece

    async def wait_for_first(self) -> None:
        """Wait until there is something to send, or nothing will be.

        Raises:
            QueryFailedError: the query failed before.
        """
        with self._asked():
            while not self.is_over and not self.size:
                await self._until(lambda: self.size > 0, self._limits.seconds)
        if not self.size:
            self.raise_if_failed()

    def raise_if_failed(self) -> None:
        """Raise what went wrong.

        Raises:
            QueryFailedError: the query failed.
        """
        if self.failure is not None:
            raise QueryFailedError(self.failure)

    def take(self, message: Mapping[str, Any]) -> None:
        """Note what the process says."""
        if "model" in message:
            self.data_model = message["model"]
        elif "page" in message:
            start, length, rows = message["page"]
            self._pages.append((start, length, rows))
            self.rows += rows
            self.size = start + length
        elif "written" in message:
            self.size = int(message["written"])
            self.rows = int(message.get("rows", self.rows))
        self._changed.set()

    def become(self, state: str, failure: Failure | None = None) -> None:
        """Note how it goes on; what is over stays so."""
        if not self.is_over:
            self.state, self.failure = state, failure
        self._changed.set()

    def close(self) -> None:
        """Let the result vanish."""
        self._spool.close()

    @contextlib.contextmanager
    def _asked(self) -> Iterator[None]:
        """Somebody waits meanwhile."""
        self.asking += 1
        try:
            yield
        finally:
            self.asking -= 1
            self.used = time.monotonic()

    def _has_more_than(self, sent: int) -> bool:
        return self.size > sent

    async def _until(self, is_there: Any, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not is_there() and not self.is_over:
            left = end - time.monotonic()
            if left <= 0:
                return
            self._changed.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left)
