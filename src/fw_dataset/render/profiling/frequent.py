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
_SHORT = f"length(v) <= {LONGEST_TEXT}"


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
    columns: Sequence[ProfiledColumn], query: Callable[[ColumnValues, str], str]
) -> Callable[[ColumnValues], str]:
    first = columns[0]
    if first.kind != "list":
        return lambda values: query(values, _SHORT)
    if first.has_numbers:
        # Grouped as numbers, and those that are shown made texts afterwards: that takes half the
        # time.
        return lambda values: query(values.items(first.zero), "true")
    return lambda values: query(values.items(), _SHORT)


def _grouped(values: ColumnValues, is_shown: str) -> str:
    # Equally frequent values are in their order: no chance is in the result.
    top = f"min(struct_pack(m := -n, v := v), {_MOST_SHOWN})"
    return (
        f"SELECT {values.place}, count(*), CAST({top} AS STRUCT(m BIGINT, v VARCHAR)[]),"
        f" {_examples(_EXAMPLES, is_shown)} FROM (SELECT {values.keys}, count(*) AS n"
        f" FROM ({values.rows}) WHERE v IS NOT NULL GROUP BY {values.keys}) {values.end}"
    )


def _some(values: ColumnValues, is_shown: str) -> str:
    # Of a value that is there several times, all have the same hash.
    examples = _examples(_MOST_SHOWN, is_shown)
    return f"SELECT {values.place}, {examples} FROM ({values.rows}) {values.end}"


def _examples(count: int, is_shown: str) -> str:
    """SQL for some values of any kind: those whose hashes are least."""
    chosen = f"min(struct_pack(h := hash(v), v := v), {count}) FILTER (WHERE {is_shown})"
    return f"CAST({chosen} AS STRUCT(h UBIGINT, v VARCHAR)[])"


def _frequent(distinct: Any, top: Any, examples: Any) -> FrequentValues:
    counted = tuple(Counted(value=cut(one["v"]), count=-one["m"]) for one in top or ())
    if distinct > _MOST_SHOWN and counted[0].count == 1:
        counted = ()
    enough = distinct <= len(counted)
    return FrequentValues(distinct, counted, () if enough else _texts(examples))


def _texts(examples: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one["v"] for one in examples or ()))[:_EXAMPLES]
