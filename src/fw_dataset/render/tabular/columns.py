"""The columns of a table of tabular files: who shares them, and their names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from fw_dataset.format.tables import EXTRA
from fw_dataset.render.derived import FILE_COLUMNS, PARENT_COLUMNS

__all__ = ["MEMBER", "NAME", "ROW", "SourceColumn", "column_names", "source_columns", "surplus_key"]

NAME, MEMBER, ROW = "file.name", "file.member", "row"
_TAKEN = frozenset(
    name.casefold() for name in (*PARENT_COLUMNS, *FILE_COLUMNS, NAME, MEMBER, ROW, EXTRA)
)
_SURPLUS = "surplus_cells"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

SourceColumn: TypeAlias = tuple[str, int]
"""A header's cell, and which one of those that are spelled so; of an empty one, its place."""


def source_columns(header: Sequence[str | None]) -> list[SourceColumn]:
    """The columns of a header, each of them another one.

    Two files whose headers have the same ones, in whatever order, share a table.
    """
    seen: Counter[str] = Counter()
    found: list[SourceColumn] = []
    for place, cell in enumerate(header, 1):
        if cell is None:
            found.append(("", place))
        else:
            seen[cell] += 1
            found.append((cell, seen[cell]))
    return found


def column_names(columns: Iterable[SourceColumn]) -> dict[SourceColumn, str]:
    """A name for each column of a table, none the same as another but for case.

    It is the header's spelling where it can be; control characters become ``_``.
    """
    names = _Names(_TAKEN)
    return {
        (spelling, number): names.free(_CONTROL.sub("_", spelling))
        if spelling.strip()
        else names.free(f"column_{number}")
        for spelling, number in columns
    }


def surplus_key(names: Iterable[str]) -> str:
    """Under which key of ``extra`` the cells of a row stand that are more than the header has."""
    return _Names({name.casefold() for name in names}).free(_SURPLUS)


class _Names:
    """Names that are given once each. A header may have the same one ten thousand times."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)
        self._numbers: dict[str, int] = {}

    def free(self, name: str) -> str:
        """The name, or with the next number behind it."""
        base = name.casefold()
        free, number = name, self._numbers.get(base, 1)
        while free.casefold() in self._taken:
            number += 1
            free = f"{name}_{number}"
        self._numbers[base] = number
        self._taken.add(free.casefold())
        return free
