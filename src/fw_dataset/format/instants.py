"""Instants as datasets spell them: ``2025-09-24T20:24:22.004+00:00``."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

__all__ = ["format_instant", "parse_instant"]

_INSTANT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?"
    r"(Z|z|[+-]\d\d:?\d\d)?",
    re.ASCII,
)


def parse_instant(text: str) -> datetime:
    """Read an instant; one without an offset is UTC, digits below the microsecond are cut.

    Raises:
        ValueError: the text is not an instant.
    """
    wrong = f"{text!r} is not an instant such as 2025-09-24T20:24:22.004+00:00"
    match = _INSTANT.fullmatch(text.strip())
    if match is None:
        raise ValueError(wrong)
    *parts, fraction, offset = match.groups()
    micros = int(((fraction or "") + "000000")[:6])
    year, month, day, hour, minute, second = (int(part) for part in parts)
    zone = timezone.utc
    if offset and offset not in "Zz":
        sign = -1 if offset[0] == "-" else 1
        digits = offset[1:].replace(":", "")
        zone = timezone(sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:])))
    moment = datetime(year, month, day, hour, minute, second, micros, tzinfo=zone)
    try:
        return moment.astimezone(timezone.utc)
    except OverflowError:  # its offset leads out of the years 1 to 9999
        raise ValueError(wrong) from None


def format_instant(moment: datetime) -> str:
    """Write an instant as datasets do: UTC, milliseconds, ``+00:00``.

    Readers in the field parse ``%Y-%m-%dT%H:%M:%S.%f%z``, so the fraction is always there.
    """
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds")
