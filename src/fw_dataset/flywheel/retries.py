"""When to ask again, and how long to wait before."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

__all__ = ["PASSING", "Retries", "asked_to_wait"]

PASSING = frozenset({429, 500, 502, 503, 504})
"""The answers after which the same request may well succeed."""


# More would only make a number too large to be one.
_DOUBLINGS = 60


@dataclass(frozen=True)
class Retries:
    """How patient a connection is.

    Attributes:
        times: how often a request is repeated at most.
        first: the first pause in seconds; each further one is twice as long.
        longest: the longest pause in seconds, but for what the platform asks for.
        patience: the longest pause that the platform may ask for, in seconds.
    """

    times: int = 6
    first: float = 0.5
    longest: float = 20.0
    patience: float = 120.0

    def pause(self, repetition: int, asked: float | None = None) -> float | None:
        """Seconds to wait before the given repetition (from 1), or None to give up.

        Args:
            repetition: which repetition it would be.
            asked: what the platform asked for (Retry-After), in seconds.
        """
        if repetition > self.times or (asked is not None and asked > self.patience):
            return None
        # Clients that failed together must not come back together.
        spread = random.uniform(0.5, 1.0)
        usual = min(self.longest, self.first * 2.0 ** min(repetition - 1, _DOUBLINGS)) * spread
        return usual if asked is None else max(usual, asked)


def asked_to_wait(headers: Mapping[str, str]) -> float | None:
    """The seconds that an answer's Retry-After asks for, which may be a number or a date."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, (moment - datetime.now(timezone.utc)).total_seconds())
