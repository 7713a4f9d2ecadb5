"""Texts and items of lists: how many there are, the most frequent ones, and examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fw_dataset.format.profile import LONGEST_TEXT, Counted, cut
from fw_dataset.render.profiling.columns import (
    ColumnValues,
    ProfiledColumn,
    ProfiledRows,
    packed,
)

__all__ = ["FrequentValues", "frequent_values"]

_MOST_SHOWN = 20
_EXAMPLES = 5


@dataclass(frozen=True)
class FrequentValues:
    """What is known of a column's values when they were grouped.

    Attributes:
        distinct: how many different ones there are; None where they are too many to be grouped.
        top: the most frequent ones; empty where there are many and none is there twice.
        examples: some others.
    """

    distinct: int | None
    top: tuple[Counted, ...]
    examples: tuple[str, ...]


def frequent_values(
    rows: ProfiledRows,
    columns: Sequence[ProfiledColumn],
    weight: Callable[[ProfiledColumn], float],
    room: float,
) -> Mapping[int, FrequentValues]:
    """The frequent values of columns of texts, or the frequent items of columns of lists.

    Args:
        rows: the rows.
        columns: the columns, all of one type, of which each has a value.
        weight: what the different values of a column take in memory, in bytes.
        room: what they may take; of a column with more only examples are looked for.
    """
    found: dict[int, FrequentValues] = {}
    for portion in packed([c for c in columns if weight(c) <= room], weight, room):
        for place, distinct, top, examples in rows.by_column(portion, _query(portion, _grouped)):
            found[place] = _frequent(distinct, top, examples)
    others = [column for column in columns if weight(column) > room]
    for portion in packed(others, weight):
        for place, examples in rows.by_column(portion, _query(portion, _some)):
            found[place] = FrequentValues(None, (), _texts(examples))
    return found


def _query(
    columns: Sequence[ProfiledColumn], query: Callable[[ColumnValues], str]
) -> Callable[[ColumnValues], str]:
    if columns[0].kind == "list":
        return lambda values: query(values.items())
    return query


def _grouped(values: ColumnValues) -> str:
    # Equally frequent values are in the order of their characters: no chance is in the result.
    return (
        f"SELECT {values.place}, count(*), min(struct_pack(m := -n, v := v), {_MOST_SHOWN}),"
        f" {_examples(_EXAMPLES)} FROM (SELECT {values.keys}, count(*) AS n FROM ({values.rows})"
        f" WHERE v IS NOT NULL GROUP BY {values.keys}) {values.end}"
    )


def _some(values: ColumnValues) -> str:
    # Of a value that is there several times, all have the same hash.
    return f"SELECT {values.place}, {_examples(_MOST_SHOWN)} FROM ({values.rows}) {values.end}"


def _examples(count: int) -> str:
    """SQL for some values of any kind: those whose hashes are least."""
    chosen = f"min(struct_pack(h := hash(v), v := v), {count})"
    return f"{chosen} FILTER (WHERE length(v) <= {LONGEST_TEXT})"


def _frequent(distinct: Any, top: Any, examples: Any) -> FrequentValues:
    counted = tuple(Counted(value=cut(one["v"]), count=-one["m"]) for one in top or ())
    if distinct > _MOST_SHOWN and counted[0].count == 1:
        counted = ()
    enough = distinct <= len(counted)
    return FrequentValues(distinct, counted, () if enough else _texts(examples))


def _texts(examples: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one["v"] for one in examples or ()))[:_EXAMPLES]
