"""Bins of equal width for the values of a column, of which a few may be far off."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Bins"]

_MOST = 20
# Values farther from the middle half than so many times its width are outliers.
_FAR = 3
_LARGEST, _SMALLEST = 2**63 - 1, -(2**63)


@dataclass(frozen=True)
class Bins:
    """The edges of bins; a value on an edge is in the bin that begins there.

    Attributes:
        edges: one more than there are bins; integers where the values are.
    """

    edges: Sequence[float]

    @classmethod
    def around(cls, spread: Sequence[float], *, whole: bool, units: Sequence[int] = (1,)) -> Bins:
        """Bins for values of which little is known.

        Args:
            spread: their minimum, their 1, 5, 25, 50, 75, 95 and 99 % quantiles, their maximum.
            whole: whether the values are integers; then so are the edges.
            units: what edges may be multiples of, the largest first; the last is 1.
        """
        low, high = _usual(spread)
        if whole:
            first, last = int(low), int(high)
            unit = next(unit for unit in units if unit == 1 or last - first >= _MOST * unit)
            first -= first % unit
            width = -(-(last - first + 1) // (_MOST * unit)) * unit
            count = -(-(last - first + 1) // width)
            return cls([first + width * place for place in range(count + 1)])
        # Halves, because the whole distance may be too large for a number.
        step = (high / 2 - low / 2) / _MOST
        inner = [low + step * place + step * place for place in range(1, _MOST)]
        edges = sorted({low, high, *(edge for edge in inner if low < edge < high)})
        return cls(edges if len(edges) > 1 else [low, low])

    @property
    def bounds(self) -> list[float]:
        """The largest value under each edge, and under or on the last: what DuckDB wants."""
        first, *inner, last = self.edges
        if isinstance(first, int):
            under = [edge - 1 for edge in (first, *inner)]
            return [*(under if self._has_room_below else under[1:]), min(_LARGEST, last - 1)]
        inner = inner if first < last else []
        return [*(math.nextafter(edge, -math.inf) for edge in (first, *inner)), last]

    @property
    def _has_room_below(self) -> bool:
        """Whether there are numbers of the type under the first edge."""
        return not isinstance(self.edges[0], int) or self.edges[0] > _SMALLEST

    @property
    def sql(self) -> str:
        """The bounds as a list in SQL."""
        if isinstance(self.edges[0], int):
            listed = ", ".join(map(str, self.bounds))
            return f"CAST([{listed}] AS BIGINT[])"
        listed = ", ".join(f"'{bound!r}'" for bound in self.bounds)
        return f"CAST([{listed}] AS DOUBLE[])"

    def counted(self, counts: Sequence[int]) -> tuple[int, Sequence[int], int]:
        """What DuckDB counted: the values below all bins, in each bin, and above."""
        below, *rest = counts if self._has_room_below else [0, *counts]
        bins = len(self.edges) - 1
        return below, rest[:bins], sum(rest[bins:])


def _usual(spread: Sequence[float]) -> tuple[float, float]:
    """The range of the values that are no outliers."""
    _, _, low, first, _, third, high, _, _ = spread
    # Where most values are the same, the next larger part tells what is far.
    near, far = (first, third) if third > first else (low, high)
    reach = _FAR * (far - near) if far > near else math.inf
    # What one value in twenty is or exceeds is no outlier.
    least, greatest = min(low, near - reach), max(high, far + reach)
    # Where there are outliers, the next value may be far from them.
    return (
        next((value for value in spread[:2] if value >= least), least),
        next((value for value in spread[:-3:-1] if value <= greatest), greatest),
    )
