"""The figures of a measurement, and the tables that show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

__all__ = ["Case", "Figure", "fraction", "ratio", "seconds"]

_MIB = 1 << 20


@dataclass(frozen=True)
class Figure:
    """One number that a case comes to.

    Attributes:
        subject: what was measured; a row of the table.
        measure: what of it; a column of the table.
        value: the number: a median, where it was measured more than once.
        unit: ``"s"``, ``"×"``, ``"bytes"``, ``"%"`` or ``"rows/s"``.
        goal: the most it should be, or None.
        least: the lowest of the runs, or None.
        most: the highest of the runs, or None.
    """

    subject: str
    measure: str
    value: float
    unit: str
    goal: float | None = None
    least: float | None = None
    most: float | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        return None if self.goal is None else self.value <= self.goal

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "subject": self.subject,
            "measure": self.measure,
            "value": self.value,
            "unit": self.unit,
            "goal": self.goal,
            "reached": self.reached,
            "least": self.least,
            "most": self.most,
        }

    def __str__(self) -> str:
        remarks = []
        if self.least is not None and self.most is not None and self.least < self.most:
            remarks.append(f"{_shown(self.least, self.unit)} – {_shown(self.most, self.unit)}")
        if self.goal is not None:
            verdict = "reached" if self.reached else "missed"
            remarks.append(f"goal {_shown(self.goal, self.unit)} {verdict}")
        return _shown(self.value, self.unit) + (f" ({'; '.join(remarks)})" if remarks else "")


def seconds(
    subject: str, measure: str, values: Sequence[float], goal: float | None = None
) -> Figure:
    """The median of durations."""
    return Figure(subject, measure, median(values), "s", goal, min(values), max(values))


def ratio(
    subject: str,
    measure: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    goal: float | None = None,
) -> Figure:
    """The median of the ratios, run by run: both runs of a pair met the same machine."""
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return Figure(subject, measure, median(ratios), "×", goal, min(ratios), max(ratios))


def fraction(subject: str, measure: str, part: float, whole: float) -> Figure:
    """A part of a whole, in percent."""
    return Figure(subject, measure, 100 * part / whole if whole else 0.0, "%")


@dataclass
class Case:
    """What one case measured.

    Attributes:
        title: what was measured.
        figures: the numbers.
        notes: what a reader must know of them.
        runs: the single runs, for JSON.
    """

    title: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    runs: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "title": self.title,
            "figures": [figure.to_dict() for figure in self.figures],
            "notes": self.notes,
            "runs": self.runs,
        }

    def to_markdown(self) -> str:
        """A heading, a table and the notes."""
        measures = list(dict.fromkeys(figure.measure for figure in self.figures))
        subjects: dict[str, dict[str, str]] = {}
        for figure in self.figures:
            subjects.setdefault(figure.subject, {})[figure.measure] = str(figure)
        rows = [["", *measures]]
        rows += [
            [subject, *(shown.get(measure, "") for measure in measures)]
            for subject, shown in subjects.items()
        ]
        notes = [f"* {note}" for note in self.notes]
        return "\n".join([f"### {self.title}", "", *_table(rows), *([""] if notes else []), *notes])


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |"
        for row in rows
    ]
    lines.insert(1, f"|{'|'.join('-' * (width + 2) for width in widths)}|")
    return lines


def _shown(value: float, unit: str) -> str:
    if unit == "bytes":
        return f"{value / _MIB:,.0f} MiB"
    if unit == "s":
        return f"{value:.2f} s" if abs(value) >= 1 else f"{value * 1000:.1f} ms"
    if unit == "×":
        return f"{value:.2f}×"
    if unit == "%":
        return f"{value:.0f} %"
    return f"{value:,.0f} {unit}"
