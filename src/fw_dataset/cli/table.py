"""Text tables for people: aligned by what a terminal shows, cut to its width."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Column", "Layout", "count_lines", "display_width", "lay_out", "visible"]

_GAP = 2
_LEAST = 8
_LEAST_WRAPPED = 24
_MOST_FOR_HEADING = 20
_CUT = "…"
# More of a cell than this never fits a line, so it is not even looked at.
_MOST_LOOKED_AT = 2_000


@dataclass(frozen=True)
class Column:
    """A column of a text table.

    Attributes:
        name: its heading.
        cells: its texts.
        right: numbers stand to the right.
        firm: its cells are of no use when they are cut, such as numbers and instants.
        wrapped: long cells take several lines instead of being cut.
    """

    name: str
    cells: Sequence[str]
    right: bool = False
    firm: bool = False
    wrapped: bool = False


@dataclass(frozen=True)
class Layout:
    """A table as lines.

    Attributes:
        lines: heading, rule, rows.
        shown: how many of its columns there was room for.
    """

    lines: list[str]
    shown: int


def count_lines(rows: Mapping[str, int]) -> list[str]:
    """The rows of each table, as lines."""
    counts = [f"{count:,}" for count in rows.values()]
    return lay_out(
        [Column("table", list(rows)), Column("rows", counts, right=True, firm=True)]
    ).lines


def lay_out(columns: Sequence[Column], width: int | None = None) -> Layout:
    """Lay a table out.

    Args:
        columns: with equally many cells each.
        width: the terminal's columns; None cuts nothing.
    """
    cleaned = [_cleaned(column, width) for column in columns]
    natural = [_natural(column) for column in cleaned]
    least = [_least(column, wide) for column, wide in zip(cleaned, natural, strict=True)]
    shown = len(columns) if width is None else _how_many(least, width)
    room = None if width is None else width - (_GAP + 1 if shown < len(columns) else 0)
    widths = _shared_out(natural[:shown], least[:shown], room)
    kept = cleaned[:shown]
    if shown < len(columns):
        kept.append(Column(_CUT, [_CUT] * len(columns[0].cells)))
        widths.append(1)
    return Layout(_lines(kept, widths), shown)


def visible(text: str) -> str:
    """A text on one line, with its control characters spelled out."""
    if text.isprintable():
        return text
    return "".join(char if _is_shown(char) else ascii(char)[1:-1] for char in text)


def _is_shown(char: str) -> bool:
    # Joiners and marks of direction are "not printable", yet harmless parts of a text.
    return char.isprintable() or char in "\u200c\u200d" or unicodedata.category(char) == "Zs"


def display_width(text: str) -> int:
    """The columns that a terminal needs for a text."""
    return len(text) if text.isascii() else sum(map(_char_width, text))


def _char_width(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _cleaned(column: Column, width: int | None) -> Column:
    most = None if width is None or column.wrapped else _MOST_LOOKED_AT
    cells = [visible(cell[:most]) for cell in column.cells]
    return Column(visible(column.name), cells, column.right, column.firm, column.wrapped)


def _natural(column: Column) -> int:
    return max(map(display_width, (column.name, *column.cells)))


def _least(column: Column, natural: int) -> int:
    if column.wrapped:
        return min(natural, _LEAST_WRAPPED)
    # Headings such as parents.session and parents.subject must stay apart.
    heading = min(display_width(column.name), _MOST_FOR_HEADING)
    if column.firm:
        return max([1, heading, *map(display_width, column.cells)])
    return min(natural, max(_LEAST, heading))


def _how_many(least: Sequence[int], width: int) -> int:
    """How many columns fit, the first always; fewer than all leave room for a mark."""
    if sum(least) + _GAP * (len(least) - 1) <= width:
        return len(least)
    used = least[0]
    for count, needed in enumerate(least[1:], 1):
        used += _GAP + needed
        if used + _GAP + 1 > width:
            return count
    return len(least)


def _shared_out(natural: Sequence[int], least: Sequence[int], room: int | None) -> list[int]:
    """The columns' widths: the widest give way first."""
    if room is None:
        return list(natural)
    room -= _GAP * (len(natural) - 1)
    low, high = 0, max(natural)
    while low < high:
        middle = (low + high + 1) // 2
        if sum(_bounded(natural, least, middle)) <= room:
            low = middle
        else:
            high = middle - 1
    widths = _bounded(natural, least, low)
    for place, wide in enumerate(widths):
        spare = room - sum(widths)
        if spare > 0:
            widths[place] = min(natural[place], wide + spare)
    return [min(wide, max(1, room)) for wide in widths]


def _bounded(natural: Sequence[int], least: Sequence[int], most: int) -> list[int]:
    return [max(floor, min(wide, most)) for wide, floor in zip(natural, least, strict=True)]


def _lines(columns: Sequence[Column], widths: Sequence[int]) -> list[str]:
    lines = [_line([column.name for column in columns], columns, widths)]
    lines.append((" " * _GAP).join("─" * wide for wide in widths))
    for row in zip(*(column.cells for column in columns), strict=True):
        pieces = [
            _wrapped(cell, wide) if column.wrapped else [cell]
            for cell, column, wide in zip(row, columns, widths, strict=True)
        ]
        for place in range(max(map(len, pieces))):
            cells = [piece[place] if place < len(piece) else "" for piece in pieces]
            lines.append(_line(cells, columns, widths))
    return lines


def _wrapped(cell: str, width: int) -> list[str]:
    return textwrap.wrap(cell, width) or [""]


def _line(cells: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    padded = (
        _padded(_cut(cell, wide), wide, column.right)
        for cell, column, wide in zip(cells, columns, widths, strict=True)
    )
    return (" " * _GAP).join(padded).rstrip()


def _cut(text: str, width: int) -> str:
    if display_width(text) <= width:
        return text
    used = 0
    for place, char in enumerate(text):
        used += _char_width(char)
        if used > width - 1:
            return text[:place] + _CUT
    return text


def _padded(text: str, width: int, right: bool) -> str:
    blank = " " * (width - display_width(text))
    return blank + text if right else text + blank
