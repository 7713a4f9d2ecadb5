"""A profile for people at a terminal: a line for each column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fw_dataset.cli.table import Column
from fw_dataset.render.profile_page.figures import readable, share, shown

if TYPE_CHECKING:
    from fw_dataset.format.profile import ColumnProfile, Histogram, TableProfile

__all__ = ["bars", "profile_columns", "summary"]

_BARS = "▁▂▃▄▅▆▇█"
_MOST_VALUES = 5
_LONGEST_VALUE = 30


def profile_columns(profile: TableProfile) -> list[Column]:
    """The columns of a text table that shows a profile."""
    columns = profile.columns
    found = [
        Column("column", [column.name for column in columns], firm=True),
        Column("type", [_type(column) for column in columns], firm=True),
        Column("nulls", [_nulls(column, profile.rows) for column in columns], True, firm=True),
        Column("distinct", [_distinct(column) for column in columns], True, firm=True),
    ]
    if profile.values:
        spread = [bars(column.histogram) for column in columns]
        found.append(Column("spread", spread, firm=True))
    values = [summary(column) for column in columns]
    if any(values):
        found.append(Column("values" if profile.values else "keys", values, wrapped=True))
    return found


def bars(histogram: Histogram | None) -> str:
    """A histogram as a row of bars; a blank where nothing is, and at least a low one elsewhere."""
    if histogram is None:
        return ""
    highest = max(1, *histogram.counts)
    steps = len(_BARS) - 1
    return "".join(
        _BARS[-(-count * steps // highest)] if count else " " for count in histogram.counts
    ).rstrip()


def summary(column: ColumnProfile) -> str:
    """What is in a column, in a few words."""
    if column.min is not None and column.max is not None:
        return _range(column)
    if column.keys:
        more = len(column.keys) - _MOST_VALUES + column.keys_left_out
        return _listed([one.value for one in column.keys], max(0, more))
    if column.top:
        counted = [f"{_short(one.value)} ×{one.count:,}" for one in column.top]
        more = max(0, (column.distinct or 0) - _MOST_VALUES) if column.kind == "text" else 0
        return _listed(counted, more)
    if column.examples:
        return "such as " + _listed([_short(one) for one in column.examples[:3]], 0)
    return ""


def _range(column: ColumnProfile) -> str:
    if column.min == column.max:
        return shown(column.min)
    text = f"{shown(column.min)} – {shown(column.max)}"
    median = column.quantiles.get("50")
    if median is not None:
        text += f", median {shown(median)}"
    if column.mean is not None:
        text += f", mean {shown(float(column.mean))}"
    if column.not_a_number:
        text += f", NaN ×{column.not_a_number:,}"
    return text


def _listed(values: Sequence[str], more: int) -> str:
    text = ", ".join(values[:_MOST_VALUES])
    return f"{text}, {more:,} more" if more else text


def _type(column: ColumnProfile) -> str:
    return f"{column.type} (JSON)" if column.kind == "json" else column.type


def _nulls(column: ColumnProfile, rows: int) -> str:
    return share(column.nulls, rows) if column.nulls else "–"


def _distinct(column: ColumnProfile) -> str:
    if column.distinct is None:
        return ""
    return f"{'~' if column.distinct_is_approximate else ''}{column.distinct:,}"


def _short(text: str) -> str:
    return readable(text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…")
