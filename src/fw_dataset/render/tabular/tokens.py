"""Cells of a text, one after the other, to the letter.

What the text means is told by a few rules: a cell that begins with a quote ends with one, and
between the two a doubled quote stands for itself and everything else, too; elsewhere a quote is
a character as any other. A line ends with a line feed, a carriage return, or both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fw_dataset.errors import TabularFileError
from fw_dataset.render.tabular.dialect import Dialect

__all__ = ["Record", "Tokeniser", "lines_in"]


@dataclass(frozen=True)
class Record:
    """One line of a table.

    Attributes:
        cells: its cells; an empty one is None.
        end: the place in the text behind it.
        is_blank: whether it is an empty line.
    """

    cells: list[str | None]
    end: int
    is_blank: bool


class Tokeniser:
    """Parts texts of one dialect into cells."""

    def __init__(self, dialect: Dialect) -> None:
        quote, delimiter = re.escape(dialect.quote), re.escape(dialect.delimiter)
        quoted = f"{quote}([^{quote}]*(?:{quote}{quote}[^{quote}]*)*){quote}"
        plain = f"((?!{quote})[^{delimiter}\r\n]*)"
        self._cell = re.compile(rf"(?:{quoted}|{plain})({delimiter}|\r\n|\r|\n|\Z)")
        self._closed = re.compile(rf"{quoted}(?!{quote})")
        self._quote, self._delimiter = dialect.quote, dialect.delimiter

    def records(self, text: str, *, final: bool, line: int = 1) -> Iterator[Record]:
        """The records of a text that begins with a whole one.

        Args:
            text: the text.
            final: whether nothing follows it; if not, what may go on behind it is left out.
            line: the number of its first line, for messages.

        Raises:
            TabularFileError: the quotes of a record are not as they must be.
        """
        start, length = 0, len(text)
        while start < length:
            record = self._record(text, start, final=final, line=line)
            if record is None:
                return
            yield record
            start = record.end

    def _record(self, text: str, start: int, *, final: bool, line: int) -> Record | None:
        cells: list[str | None] = []
        place = start
        while True:
            match = self._cell.match(text, place)
            if match is None:
                self._check_open(text, place, final=final, line=line)
                return None
            cells.append(self._value(match))
            place, end = match.end(), match[3]
            if end == self._delimiter:
                continue
            if not final and (not end or (end == "\r" and place == len(text))):
                return None
            is_blank = cells == [None] and match[1] is None
            return Record(cells, place, is_blank)

    def _value(self, match: re.Match[str]) -> str | None:
        quoted = match[1]
        if quoted is None:
            return match[2] or None
        return quoted.replace(self._quote * 2, self._quote) or None

    def _check_open(self, text: str, place: int, *, final: bool, line: int) -> None:
        """Raise unless a quoted cell may end in what follows."""
        closed = self._closed.match(text, place)
        number = line + lines_in(text[:place])
        if closed is not None and closed.end() < len(text):
            raise TabularFileError(
                f"line {number}: a cell in quotes goes on behind its closing quote"
            )
        if final:
            raise TabularFileError(f"line {number}: a quote is opened and never closed")


def lines_in(text: str) -> int:
    """How many line ends are in a text."""
    if "\r" not in text:
        return text.count("\n")
    return text.count("\n") + text.count("\r") - text.count("\r\n")
