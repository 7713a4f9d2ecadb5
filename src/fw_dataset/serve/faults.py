"""Where in a query a fault is, said in a few words: `` (line 2, column 7)``, both from 1.

DuckDB draws the line with a mark below it, but the line is of the SQL as it was run.
"""

from __future__ import annotations

import re

import duckdb

__all__ = ["place_at", "place_of", "without_drawing"]

# Releases before 2 count characters.
_COUNTS_BYTES = int(duckdb.__version__.partition(".")[0]) >= 2
_DRAWING = re.compile(r"\n+LINE (\d+): (.*)\n( *)\^+\s*\Z")


def without_drawing(message: str) -> str:
    """What a message says, in one line."""
    return " ".join(message.partition("\n\nLINE ")[0].split())


def place_of(message: str, sql: str, before: int) -> str:
    """The place that a message draws; empty if it draws a line that was not written so.

    Args:
        message: of DuckDB.
        sql: as it was written.
        before: the lines that were put in front of it to run it.
    """
    found = _DRAWING.search(message)
    if found is None:
        return ""
    line, shown = int(found[1]) - before, found[2].rstrip()
    written = sql.splitlines()
    # A long line is shown in part, with dots for the rest; blanks in front of the first are gone.
    cut = 3 if shown.startswith("...") else 0
    start = written[line - 1].find(shown.strip(".")) if 1 <= line <= len(written) else -1
    if start < 0:
        return ""
    column = len(found[3]) - len(f"LINE {found[1]}: ") - cut + start
    return _said(line, column + 1)


def place_at(sql: str, position: object) -> str:
    """A place that DuckDB's parser tells, counted from the start; empty if it is none."""
    if not (isinstance(position, str) and position.isdigit()):
        return ""
    before = sql[: int(position)]
    if _COUNTS_BYTES:
        before = sql.encode("utf-8", "replace")[: int(position)].decode("utf-8", "replace")
    return _said(before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1)


def _said(line: int, column: int) -> str:
    return f" (line {line}, column {column})"
