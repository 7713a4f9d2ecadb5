"""Instants as the platform writes them."""

from __future__ import annotations

from datetime import datetime, timezone

__all__ = ["now", "seconds_of"]


def now() -> str:
    """This instant, in milliseconds."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


def seconds_of(instant: str) -> int:
    """The whole seconds since 1970; 0 for a text that is no instant."""
    try:
        # Before Python 3.11 no `Z` and no odd number of digits: the seconds alone will do.
        parsed = datetime.fromisoformat(instant[:19])
    except ValueError:
        return 0
    return int(parsed.replace(tzinfo=timezone.utc).timestamp())
