"""The profile of a table, in a few passes over its rows however many columns it has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from fw_dataset.format.profile import ColumnProfile, Counted, JsonShapes, Lengths, TableProfile
from fw_dataset.render.profiling import ordered
from fw_dataset.render.profiling.columns import (
    ColumnValues,
    ProfiledColumn,
    ProfiledRows,
    packed,
)
from fw_dataset.render.profiling.frequent import FrequentValues, frequent_values
from fw_dataset.render.profiling.json_keys import json_keys

__all__ = ["profile_rows"]

# Bytes for what the columns of one query keep in memory: all values for quantiles, the different
# ones for their counts.
_ROOM = 128 << 20
_BYTES_OF_A_NUMBER = 8
# What a hash table takes for each entry beside its text.
_BYTES_OF_AN_ENTRY = 48


def profile_rows(rows: ProfiledRows, table: str) -> TableProfile:
    """The profile of a table's rows, with values."""
    (count,) = rows.connection.execute(f"SELECT count(*) FROM {rows.source}").fetchone() or (0,)
    return TableProfile(table=table, rows=count, columns=_Profiler(rows, count).profiles())


class _Profiler:
    """Profiles the columns of a table.

    Args:
        rows: the table's rows.
        count: how many there are.
    """

    def __init__(self, rows: ProfiledRows, count: int) -> None:
        self._rows, self._count = rows, count
        self._figures: dict[int, dict[str, Any]] = {column.place: {} for column in rows.columns}

    def profiles(self) -> tuple[ColumnProfile, ...]:
        """The columns' profiles, in order."""
        columns = self._rows.columns
        self._look(columns, _first, lambda column: self._count * _bytes_of_a_value(column))
        full = [column for column in columns if self._figures[column.place]["count"]]
        self._look([column for column in full if column.is_ordered], self._second, lambda _: 0)
        self._count_distinct([c for c in full if c.is_ordered or c.kind == "list"])
        grouped: dict[int, FrequentValues] = {}
        for alike in _by_type(column for column in full if column.kind in ("text", "list")):
            grouped |= frequent_values(self._rows, alike, self._bytes_of_distinct, _ROOM)
        return tuple(self._profile(column, grouped.get(column.place)) for column in columns)

    def _count_distinct(self, columns: Sequence[ProfiledColumn]) -> None:
        few = [column for column in columns if self._bytes_of_distinct(column) <= _ROOM]
        for alike in _by_type(few):
            for portion in packed(alike, self._bytes_of_distinct, _ROOM):
                for place, distinct in self._rows.by_column(portion, _distinct_values):
                    self._figures[place]["distinct"] = distinct

    def _look(
        self,
        columns: Sequence[ProfiledColumn],
        what: Callable[[ProfiledColumn], Iterator[tuple[str, str]]],
        weight: Callable[[ProfiledColumn], float],
    ) -> None:
        for portion in packed(columns, weight, _ROOM):
            wanted = [(c.place, name, sql) for c in portion for name, sql in what(c)]
            if wanted:
                for (place, name), value in self._rows.figures(wanted).items():
                    self._figures[place][name] = value

    def _bytes_of_distinct(self, column: ProfiledColumn) -> float:
        figures = self._figures[column.place]
        of_one = figures.get("bytes", 0) / figures["count"] + _BYTES_OF_AN_ENTRY
        return float(figures.get("estimate", 0) * of_one)

    def _second(self, column: ProfiledColumn) -> Iterator[tuple[str, str]]:
        return ordered.second_figures(column, self._figures[column.place])

    def _profile(self, column: ProfiledColumn, grouped: FrequentValues | None) -> ColumnProfile:
        figures = self._figures[column.place]
        count = figures["count"]
        more: dict[str, Any] = {}
        if column.is_ordered:
            more = ordered.ordered_figures(column, count, figures)
        elif column.kind == "boolean":
            more = _truths(figures)
        elif column.kind == "json" and count:
            more = self._json(column, figures)
        elif column.kind in ("text", "list") and count:
            more = _frequent(column, figures, grouped)
        return ColumnProfile(
            name=column.name,
            type=column.type,
            kind=column.kind,
            nulls=self._count - count,
            **_distinct(figures),
            **more,
        )

    def _json(self, column: ProfiledColumn, figures: dict[str, Any]) -> dict[str, Any]:
        objects, arrays = figures["objects"], figures["arrays"]
        keys, left_out = json_keys(self._rows, column, figures["count"]) if objects else ((), 0)
        scalars = figures["count"] - objects - arrays
        shapes = JsonShapes(objects=objects, arrays=arrays, scalars=scalars)
        return {"shapes": shapes, "keys": keys, "keys_left_out": left_out}


def _by_type(columns: Iterable[ProfiledColumn]) -> Iterable[list[ProfiledColumn]]:
    alike: dict[str, list[ProfiledColumn]] = {}
    for column in columns:
        alike.setdefault("VARCHAR" if column.kind == "text" else column.type, []).append(column)
    return alike.values()


def _distinct_values(values: ColumnValues) -> str:
    return f"SELECT {values.place}, count(DISTINCT v) FROM ({values.rows}) {values.end}"


def _bytes_of_a_value(column: ProfiledColumn) -> int:
    return _BYTES_OF_A_NUMBER if column.is_ordered else 0


def _first(column: ProfiledColumn) -> Iterator[tuple[str, str]]:
    """What the first pass is to find out: names and SQL."""
    sql = column.sql
    yield "count", f"count({sql})"
    if column.is_ordered:
        yield from ordered.first_figures(column)
    if column.is_ordered or column.kind in ("text", "list"):
        yield "estimate", f"approx_count_distinct({sql})"
    if column.kind == "text":
        yield "bytes", f"sum(strlen({sql}))"
        length = f"length({sql})"
    else:
        length = f"len({sql})"
    if column.kind in ("text", "list"):
        for name in ("min", "max", "sum"):
            yield name, f"{name}({length})"
    if column.kind == "boolean":
        yield "true", f"count(*) FILTER (WHERE {sql})"
    if column.kind == "json":
        # Most begin with a bracket: only of the others, the space before it is looked at.
        space = f"ltrim(left({sql}, 100), ' ' || chr(9) || chr(10) || chr(13))"
        bracket = (
            f"CASE WHEN starts_with({sql}, '{{') THEN '{{' WHEN starts_with({sql}, '[') THEN '['"
            f" ELSE left({space}, 1) END"
        )
        yield "objects", f"count(*) FILTER (WHERE {bracket} = '{{')"
        yield "arrays", f"count(*) FILTER (WHERE {bracket} = '[')"


def _distinct(figures: dict[str, Any]) -> dict[str, Any]:
    exact = figures.get("distinct")
    if exact is None and figures.get("estimate"):
        # A guess must not be above what is possible.
        guess = min(figures["estimate"], figures["count"])
        return {"distinct": guess, "distinct_is_approximate": True}
    if exact is None and "estimate" in figures:
        exact = 0
    return {"distinct": exact, "distinct_is_approximate": False}


def _truths(figures: dict[str, Any]) -> dict[str, Any]:
    counts = {"true": figures["true"], "false": figures["count"] - figures["true"]}
    found = [Counted(value=name, count=count) for name, count in counts.items() if count]
    figures["distinct"] = len(found)
    return {"top": tuple(sorted(found, key=lambda one: (-one.count, one.value)))}


def _frequent(
    column: ProfiledColumn, figures: dict[str, Any], grouped: FrequentValues | None
) -> dict[str, Any]:
    if column.kind == "text" and grouped is not None:
        figures["distinct"] = grouped.distinct
    mean = float(figures["sum"] / figures["count"])
    found: dict[str, Any] = {"lengths": Lengths(min=figures["min"], max=figures["max"], mean=mean)}
    if grouped is not None:  # a list may have no items
        found |= {"top": grouped.top, "examples": grouped.examples}
    return found
