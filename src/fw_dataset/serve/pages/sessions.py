"""Who has signed in: sessions in memory, each known by a random number in a cookie."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

__all__ = ["Sessions"]

_SECONDS = 12 * 3600
_MOST = 1000


class Sessions:
    """The sessions of one server; they end with it.

    The cookie holds a number that says nothing by itself, never the token, so that what is kept
    in a browser is worthless at another address, or after half a day.

    Args:
        seconds: how long a session lasts.
        clock: the monotonic clock.
        prefix: of the cookie's name: what browsers hold it to, such as ``__Host-``.

    Attributes:
        cookie: the name of the cookie. It is this server's own, for a browser gives a cookie to
            the servers at all ports of a host.
    """

    def __init__(
        self,
        seconds: float = _SECONDS,
        clock: Callable[[], float] = time.monotonic,
        prefix: str = "",
    ) -> None:
        self.cookie = f"{prefix}fw-dataset-session-{secrets.token_hex(4)}"
        self._seconds = seconds
        self._clock = clock
        self._open: dict[str, tuple[float, str]] = {}

    @property
    def seconds(self) -> float:
        """How long a session lasts."""
        return self._seconds

    def begin(self, owner: str) -> str:
        """A new session's number.

        Args:
            owner: whose it is, in the words of who checks tokens.
        """
        self._forget_ended()
        while len(self._open) >= _MOST:  # the oldest gives way, so that memory stays bounded
            del self._open[next(iter(self._open))]
        number = secrets.token_urlsafe(32)
        self._open[number] = (self._clock() + self._seconds, owner)
        return number

    def owner(self, number: str | None) -> str | None:
        """Whose session this is; None if there is no such session, or no more."""
        end, owner = self._open.get(number or "", (0.0, None))
        return owner if owner is not None and self._clock() < end else None

    def end(self, number: str | None) -> None:
        """End a session, if there is one."""
        self._open.pop(number or "", None)

    def _forget_ended(self) -> None:
        now = self._clock()
        for number in [number for number, (end, _) in self._open.items() if end <= now]:
            del self._open[number]
