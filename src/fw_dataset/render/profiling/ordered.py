"""Numbers, instants and dates: their extremes, quantiles, mean and histogram."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fw_dataset.format.profile import QUANTILES, Histogram, Scalar
from fw_dataset.render.profiling.bins import Bins
from fw_dataset.render.profiling.columns import ProfiledColumn
from fw_dataset.render.profiling.moments import as_iso_date, as_iso_instant

__all__ = [
    "bins_of",
    "first_figures",
    "histogram",
    "ordered_figures",
    "second_figures",
    "spread_of",
]

_SPREAD = (0.0, 0.01, *QUANTILES.values(), 0.99, 1.0)
_BITS_OF_A_SUMMAND = 60
# A day, an hour, a minute, a second: so bins of instants begin at midnight or on the hour.
_UNITS_OF_INSTANTS = (86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000, 1)

Figures = Mapping[str, Any]
"""What a pass over the rows gave for a column, by name."""


def first_figures(column: ProfiledColumn) -> Iterator[tuple[str, str]]:
    """What the first pass is to find out: names and SQL."""
    yield "finite", f"count({column.figure})"
    yield "not_a_number", column.not_a_number
    yield "spread", f"quantile_disc({column.figure}, {list(_SPREAD)})"
    if column.kind == "number" and column.is_whole:
        yield "total", f"sum({column.figure})"


def second_figures(column: ProfiledColumn, first: Figures) -> Iterator[tuple[str, str]]:
    """What the second pass is to find out, now that the extremes are known."""
    spread = spread_of(first)
    if not spread:
        return
    yield "counts", f"map_values(histogram({column.figure}, {bins_of(column, first).sql}))"
    if not column.is_whole:
        # Sums of floating numbers depend on their order, which several threads do not keep. As
        # integers of a common unit they are exact, and what is lost is far below a float's digits.
        scale = f"CAST('{_scale(spread)!r}' AS DOUBLE)"
        yield "total", f"sum(CAST({column.figure} * {scale} AS BIGINT))"


def ordered_figures(column: ProfiledColumn, count: int, figures: Figures) -> dict[str, Any]:
    """The column's figures by the names they have in its profile.

    Args:
        column: the column.
        count: its values that are not null.
        figures: what both passes found.
    """
    finite, not_a_number = figures["finite"], figures["not_a_number"]
    found: dict[str, Any] = {
        "not_a_number": not_a_number,
        "infinite": count - finite - not_a_number,
    }
    spread = spread_of(figures)
    if not spread:
        return found
    least, _, *middle, _, greatest = (_shown(column, value) for value in spread)
    found |= {"min": least, "max": greatest}
    found["quantiles"] = dict(zip(QUANTILES, middle, strict=True))
    found["histogram"] = histogram(column, figures)
    if column.kind == "number":
        found["mean"] = _mean(column, figures["total"], finite, spread)
    return found


def spread_of(figures: Figures) -> Sequence[float]:
    """Minimum, quantiles and maximum; empty where there is no finite value."""
    found = figures["spread"] or ()
    # 0.0 and -0.0 are equal, so that either may have been found.
    return [value + 0.0 if isinstance(value, float) else value for value in found]


def bins_of(column: ProfiledColumn, first: Figures) -> Bins:
    """The bins for a column's histogram."""
    units = _UNITS_OF_INSTANTS if column.kind == "instant" else (1,)
    return Bins.around(spread_of(first), whole=column.is_whole, units=units)


def histogram(column: ProfiledColumn, figures: Figures) -> Histogram:
    """The histogram that the second pass counted."""
    bins = bins_of(column, figures)
    below, counts, above = bins.counted(figures["counts"])
    edges = tuple(_shown(column, edge) for edge in bins.edges)
    return Histogram(edges=edges, counts=tuple(counts), below=below, above=above)


def _shown(column: ProfiledColumn, value: Any) -> Scalar:
    if column.kind == "instant":
        return as_iso_instant(value)
    if column.kind == "date":
        return as_iso_date(value)
    number: Scalar = value
    return number


def _mean(column: ProfiledColumn, total: int, count: int, spread: Sequence[float]) -> float:
    if column.is_whole:
        return float(total / count)
    # A power of two, so that neither the multiplication nor the division loses anything.
    return float(total / count / _scale(spread))


def _scale(spread: Sequence[float]) -> float:
    """A power of two by which all values become integers of up to 60 bits."""
    _, exponent = math.frexp(max(abs(spread[0]), abs(spread[-1])))
    return math.ldexp(1.0, max(-1000, min(1000, _BITS_OF_A_SUMMAND - exponent)))
