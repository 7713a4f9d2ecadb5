"""The keys of JSON objects, and of the objects in them."""

from __future__ import annotations

from collections.abc import Sequence

from fw_dataset.format.names import quote_literal
from fw_dataset.format.profile import Counted, cut
from fw_dataset.render.profiling.columns import ProfiledColumn, ProfiledRows

__all__ = ["json_keys"]

_DEEPEST = 3
_MOST_LOOKED_INTO = 100
_MOST_OF_A_LEVEL = 5_000
_MOST_KEPT = 500

_Path = tuple[str, ...]


def json_keys(rows: ProfiledRows, column: ProfiledColumn) -> tuple[Sequence[Counted], int]:
    """The most frequent keys of a column of JSON, down to the third level.

    Of each level the 100 most frequent keys are looked into.

    Returns:
        The 500 most frequent keys, and how many more were found.
    """
    found: list[tuple[_Path, int]] = []
    level, total = _first_level(rows, column)
    for depth in range(_DEEPEST):
        found += level
        # SQL ends at a NUL in some releases of DuckDB.
        above = [path for path, _ in level if "\0" not in path[-1]][:_MOST_LOOKED_INTO]
        if depth + 1 == _DEEPEST or not above:
            break
        level, more = _next_level(rows, column, above)
        total += more
    found.sort(key=lambda one: (-one[1], len(one[0]), one[0]))
    kept = [Counted(value=cut(".".join(path)), count=count) for path, count in found[:_MOST_KEPT]]
    return kept, total - len(kept)


def _first_level(rows: ProfiledRows, column: ProfiledColumn) -> tuple[list[tuple[_Path, int]], int]:
    # What is no JSON after all, in datasets of other writers, has no keys.
    keys = f"SELECT 0 AS place, unnest(TRY(json_keys({column.sql}))) AS k FROM {rows.source}"
    return _counted(rows, keys, [()])


def _next_level(
    rows: ProfiledRows, column: ProfiledColumn, above: Sequence[_Path]
) -> tuple[list[tuple[_Path, int]], int]:
    pointers = ", ".join(quote_literal(_pointer(path)) for path in above)
    # One parse gives the keys at all places.
    lists = (
        f"SELECT unnest(TRY(json_keys({column.sql}, [{pointers}]))) AS k,"
        f" unnest(range({len(above)})) AS place FROM {rows.source} WHERE {column.sql} IS NOT NULL"
    )
    return _counted(rows, f"SELECT place, unnest(k) AS k FROM ({lists})", above)


def _counted(
    rows: ProfiledRows, keys: str, above: Sequence[_Path]
) -> tuple[list[tuple[_Path, int]], int]:
    """The most frequent keys of a level, and how many there are in all."""
    found = rows.connection.execute(
        f"SELECT place, k, count(*) AS n, count(*) OVER () FROM ({keys}) WHERE k IS NOT NULL"
        f" GROUP BY place, k ORDER BY n DESC, place, k LIMIT {_MOST_OF_A_LEVEL}"
    ).fetchall()
    paths = [((*above[place], key), count) for place, key, count, _ in found]
    return paths, found[0][3] if found else 0


def _pointer(path: _Path) -> str:
    """A JSON pointer (RFC 6901), in which keys may hold anything."""
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in path)
