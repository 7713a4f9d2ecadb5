"""Small results as aligned text: a heading, a rule, and a line a row."""

from __future__ import annotations

from collections.abc import Sequence


def text_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Return the lines of a table; numbers stand to the right, null is a dash."""
    texts = [[_text(value) for value in row] for row in rows]
    widths = [
        max([len(name), *(len(line[place]) for line in texts)])
        for place, name in enumerate(columns)
    ]
    right = [
        all(isinstance(row[place], int | float | None) for row in rows)
        for place in range(len(columns))
    ]
    lines = [list(columns), ["─" * width for width in widths], *texts]
    return [_line(cells, widths, right) for cells in lines]


def _text(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}" if value >= 10_000 else str(value)
    return f"{value:,}" if isinstance(value, float) else str(value)


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = (
        cell.rjust(width) if number else cell.ljust(width)
        for cell, width, number in zip(cells, widths, right, strict=True)
    )
    return "  ".join(padded).rstrip()
