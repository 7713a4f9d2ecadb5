"""Numbers, sizes and instants as people read them."""

from __future__ import annotations

import re
from datetime import datetime

__all__ = ["count", "day", "number", "percent", "plural", "short_instant", "size"]

_TIME = re.compile(r" \d\d:\d\d(:\d\d)?\Z")
_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def count(value: int) -> str:
    """A count with its thousands apart: ``12,345``."""
    return f"{value:,}"


def plural(value: int, one: str, many: str | None = None) -> str:
    """A count with its noun: ``1 table``, ``2 tables``."""
    return f"{count(value)} {one if value == 1 else many or one + 's'}"


def percent(part: int, whole: int) -> str:
    """A share in per cent; what is neither nothing nor all is never called so."""
    if whole <= 0 or part <= 0:
        return "0 %"
    share = 100 * part / whole
    if share < 1:
        return "<1 %"
    return ">99 %" if 99 < share < 100 else f"{share:.0f} %"


def number(value: float) -> str:
    """A number of a column, in up to six digits."""
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}" if abs(value) < 1e15 else f"{value:.4g}"
    return f"{value:,.6g}" if 1e-4 <= abs(value) < 1e6 else f"{value:.4g}"


def size(value: int) -> str:
    """Bytes in units of a thousand: ``3.4 MB``."""
    amount, unit = float(value), 0
    while amount >= 999.5 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    text = f"{amount:.0f}" if unit == 0 or amount >= 99.95 else f"{amount:.1f}"
    return f"{text} {_UNITS[unit]}"


def day(value: datetime) -> str:
    """The day of an instant: ``3 May 2024``."""
    return f"{value.day} {value:%b %Y}"


def short_instant(text: str) -> str:
    """An instant in ISO 8601 as tables show it: no ``T``, no fraction, and a zone behind a time."""
    plain = text.replace("T", " ", 1).removesuffix("Z").removesuffix("+00:00")
    whole, dot, fraction = plain.partition(".")
    kept = whole if not dot or fraction.isdigit() else plain
    kept = kept.removesuffix(" 00:00:00")
    return f"{kept} UTC" if _TIME.search(kept) else kept
