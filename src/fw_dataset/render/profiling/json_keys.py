"""The keys of JSON objects, and of the objects in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fw_dataset.format.names import quote_literal
from fw_dataset.format.profile import Counted, cut
from fw_dataset.render.profiling.columns import ProfiledColumn, ProfiledRows

__all__ = ["json_keys"]

_DEEPEST = 3
_MOST_LOOKED_INTO = 100
_MOST_OF_A_LEVEL = 5_000
_MOST_KEPT = 500
# With fewer values, looking at some first costs more than it saves.
_MANY = 10_000
_SOME = 2_048

_Path = tuple[str, ...]
_Counts = list[tuple[_Path, int]]


def json_keys(
    rows: ProfiledRows, column: ProfiledColumn, count: int
) -> tuple[Sequence[Counted], int]:
    """The most frequent keys of a column of JSON, down to the third level.

    Of each level the 100 most frequent keys are looked into.

    Args:
        rows: the rows.
        column: the column.
        count: how many values there are that are not null.

    Returns:
        The 500 most frequent keys, and how many more were found.
    """
    levels = _Levels(rows, column)
    if count > _MANY:
        levels.look_at_likely_places()
    found: _Counts = []
    total = 0
    above: list[_Path] = [()]
    for _ in range(_DEEPEST):
        level, more = levels.below(above)
        found += level
        total += more
        above = _looked_into(level)
        if not above:
            break
    found.sort(key=lambda one: (-one[1], len(one[0]), one[0]))
    kept = [Counted(value=cut(".".join(path)), count=count) for path, count in found[:_MOST_KEPT]]
    return kept, total - len(kept)


class _Levels:
    """Counts the keys of the objects at some places, level by level.

    Each look at all rows parses their JSON, which takes longest. What the places of the deeper
    levels are is guessed from some rows, so that mostly one look gives the keys of all levels; what
    was guessed wrongly costs another look, and changes nothing.

    Args:
        rows: the rows.
        column: the column.
    """

    def __init__(self, rows: ProfiledRows, column: ProfiledColumn) -> None:
        self._rows, self._column = rows, column
        self._known: dict[_Path, _Counts] = {}

    def look_at_likely_places(self) -> None:
        """Count the keys at all places that some rows have."""
        sql = self._column.sql
        some = f"(SELECT {sql} FROM {self._rows.source} WHERE {sql} IS NOT NULL LIMIT {_SOME})"
        sample = replace(self._rows, source=some)
        places: list[_Path] = []
        above: list[_Path] = [()]
        for _ in range(1, _DEEPEST):
            places += above
            level, _ = _counted(sample, self._column, above)
            above = _looked_into(level)
        places += above
        counts, total = _counted(self._rows, self._column, places)
        if total <= _MOST_OF_A_LEVEL:
            self._learn(places, counts)

    def below(self, above: Sequence[_Path]) -> tuple[_Counts, int]:
        """The most frequent keys of the objects at some places, and how many there are in all."""
        unknown = [place for place in above if place not in self._known]
        if unknown:
            counts, total = _counted(self._rows, self._column, unknown)
            if total > _MOST_OF_A_LEVEL:
                again = len(unknown) < len(above)
                return _counted(self._rows, self._column, above) if again else (counts, total)
            self._learn(unknown, counts)
        numbered = enumerate(above)
        found = [(-n, number, path) for number, one in numbered for path, n in self._known[one]]
        found.sort()
        return [(path, -n) for n, _, path in found[:_MOST_OF_A_LEVEL]], len(found)

    def _learn(self, places: Sequence[_Path], counts: _Counts) -> None:
        """Take note of all keys that are at some places."""
        self._known |= {place: [] for place in places}
        for path, count in counts:
            self._known[path[:-1]].append((path, count))


def _looked_into(level: _Counts) -> list[_Path]:
    # SQL ends at a NUL in some releases of DuckDB.
    return [path for path, _ in level if "\0" not in path[-1]][:_MOST_LOOKED_INTO]


def _counted(
    rows: ProfiledRows, column: ProfiledColumn, above: Sequence[_Path]
) -> tuple[_Counts, int]:
    """The most frequent keys of the objects at some places, and how many there are in all."""
    if not above:
        return [], 0
    pointers = ", ".join(quote_literal(_pointer(path)) for path in above)
    # One parse gives the keys at all places. What is no JSON after all, in datasets of other
    # writers, has no keys.
    lists = (
        f"SELECT unnest(TRY(json_keys({column.sql}, [{pointers}]))) AS k,"
        f" unnest(range({len(above)})) AS place FROM {rows.source} WHERE {column.sql} IS NOT NULL"
    )
    found = rows.connection.execute(
        "SELECT place, k, count(*) AS n, count(*) OVER ()"
        f" FROM (SELECT place, unnest(k) AS k FROM ({lists})) WHERE k IS NOT NULL"
        f" GROUP BY place, k ORDER BY n DESC, place, k LIMIT {_MOST_OF_A_LEVEL}"
    ).fetchall()
    paths = [((*above[place], key), count) for place, key, count, _ in found]
    return paths, found[0][3] if found else 0


def _pointer(path: _Path) -> str:
    """A JSON pointer (RFC 6901), in which keys may hold anything."""
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in path)
