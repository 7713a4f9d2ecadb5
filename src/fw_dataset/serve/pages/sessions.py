"""Who has signed in: sessions in memory, each known by a random number in a cookie."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

__all__ = ["COOKIE", "Sessions"]

COOKIE = "fw-dataset-session"
_SECONDS = 12 * 3600
_MOST = 1000


class Sessions:
    """The sessions of one server; they end with it.

    The cookie holds a number that says nothing by itself, never the token, so that what is kept
    in a browser is worthless at another address, or after half a day.
    """

    def __init__(
        self, seconds: float = _SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._ends: dict[str, float] = {}

    @property
    def seconds(self) -> float:
        """How long a session lasts."""
        return self._seconds

    def begin(self) -> str:
        """A new session's number."""
        self._forget_ended()
        while len(self._ends) >= _MOST:  # the oldest gives way, so that memory stays bounded
            del self._ends[next(iter(self._ends))]
        number = secrets.token_urlsafe(32)
        self._ends[number] = self._clock() + self._seconds
        return number

    def holds(self, number: str | None) -> bool:
        """Whether there is such a session."""
        end = self._ends.get(number or "")
        return end is not None and self._clock() < end

    def end(self, number: str | None) -> None:
        """End a session, if there is one."""
        self._ends.pop(number or "", None)

    def _forget_ended(self) -> None:
        now = self._clock()
        for number in [number for number, end in self._ends.items() if end <= now]:
            del self._ends[number]
