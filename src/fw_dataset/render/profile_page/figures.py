"""Figures as people read them."""

from __future__ import annotations

from fw_dataset.format.profile import Scalar

__all__ = ["readable", "share", "shown", "size"]


def shown(value: Scalar | None) -> str:
    """A number with its thousands apart, and of an instant what is in its seconds."""
    if isinstance(value, float):
        if 1e6 <= abs(value) < 1e15:
            return f"{value:,.0f}"
        return f"{value:,.6g}"
    if isinstance(value, int):
        return f"{value:,}"
    text = str(value)
    day, marker, clock = text.partition("T")
    if marker and text.endswith("Z"):
        return day if clock == "00:00:00Z" else f"{day} {clock[:8]}"
    return text


def share(part: int, whole: int) -> str:
    """A share in per cent: 100 % and 0 % only where it is all, or nothing."""
    if not whole:
        return "–"
    per_cent = 100 * part / whole
    if 0 < part < whole:
        per_cent = min(max(per_cent, 0.1), 99.9)
    return f"{per_cent:.1f} %" if 0 < per_cent < 10 or 99 < per_cent < 100 else f"{per_cent:.0f} %"


def readable(text: str) -> str:
    """A text in which nothing is invisible: an empty one as ``""``, control characters spelled."""
    if not text.strip():
        return f'"{text}"'
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def size(rows: int, columns: int) -> str:
    """How large a table is, in words."""
    nouns = ["row" if rows == 1 else "rows", "column" if columns == 1 else "columns"]
    return f"{rows:,} {nouns[0]}, {columns:,} {nouns[1]}"
