"""Instants and days, which are counted from 1970 on, as ISO 8601."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

__all__ = ["as_iso_date", "as_iso_instant"]

_DAYS_IN_400_YEARS = 146_097
_MICROSECONDS_IN_A_DAY = 86_400_000_000
_FIRST = datetime(1970, 1, 1, tzinfo=timezone.utc)


def as_iso_date(days: int) -> str:
    """A day, ``2024-06-01``; years beyond four digits, and those before 1, are written out."""
    # Python's calendar ends with the year 9999, and the calendar repeats after 400 years.
    cycles, rest = divmod(days, _DAYS_IN_400_YEARS)
    day = _FIRST + timedelta(days=rest)
    year = day.year + 400 * cycles
    return f"{year:04d}-{day:%m-%d}" if year >= 0 else f"-{-year:04d}-{day:%m-%d}"


def as_iso_instant(microseconds: int) -> str:
    """An instant, ``2024-06-01T12:00:00Z``, with six more digits where it needs them."""
    days, rest = divmod(microseconds, _MICROSECONDS_IN_A_DAY)
    clock = (_FIRST + timedelta(microseconds=rest)).time().isoformat()
    return f"{as_iso_date(days)}T{clock}Z"
