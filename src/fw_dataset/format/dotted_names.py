"""Names of columns that have dots, which DuckDB takes for tables unless they stand in quotes."""

from __future__ import annotations

import re

__all__ = ["hint"]

_UNKNOWN = (
    re.compile(r'Referenced table "([^"]+)" not found'),
    re.compile(r'does not have a column named "([^"]+)"'),
)
# With these begin the names of columns that have dots.
_FIRST_PARTS = frozenset(
    {"classification", "file", "gear_info", "origin", "parent", "parent_ref", "parents", "source"}
    | {"virus_scan"}
)


def hint(message: str, sql: str) -> str:
    """What to write instead, to be put behind a complaint; empty where nothing is known of it.

    Args:
        message: of DuckDB.
        sql: the query that it is about.
    """
    for pattern in _UNKNOWN:
        found = pattern.search(message)
        if found is None or found[1].casefold() not in _FIRST_PARTS:
            continue
        written = re.search(rf"(?<![\w\"]){found[1]}(?:\.\w+)+", sql, re.IGNORECASE)
        if written is not None:
            return f' - a name with dots stands in double quotes: "{written[0]}"'
    return ""
