"""The picture of the demo: signal of every resting-state run, by scanner and date.

This is the one module that needs matplotlib (`pip install 'fw-dataset[demo]'`). It draws on a
figure of its own and leaves matplotlib's global state alone.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

Run = tuple[str, datetime, float]
"""Scanner, when it was measured, and the run's temporal signal-to-noise (no unit)."""
Points = list[tuple[datetime, float]]

# Okabe and Ito's colours, which people with any kind of colour vision can tell apart; the
# strongest is kept for the scanner that the title is about.
_WORST = "#D55E00"
_OTHERS = ("#0072B2", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
_INK = "#222222"
_SOFT = "#6b6b6b"
_MARKERS = ("o", "s", "^", "D", "v", "P")
_SUBTITLE = (
    "Temporal signal-to-noise (tSNR) of resting-state runs. A mark is one run, "
    "a line the running mean over some five months."
)
_BANDWIDTH = timedelta(days=70)
_STEADY_PERCENT = 6.0


def draw_signal(runs: Iterable[Run], limit: float, path: Path) -> str:
    """Draw the runs of every scanner over time to a PNG, and return the title it bears.

    `limit` is the signal-to-noise below which a run fails. The scanner that lost most is
    drawn strongest, and the title says how much it lost. Raises ValueError without runs.
    """
    scanners = _by_scanner(runs)
    if not scanners:
        raise ValueError("there are no runs to draw")
    changes = {name: _change(points) for name, points in scanners.items()}
    worst = min(changes, key=lambda name: changes[name])
    figure = Figure(figsize=(10, 5.8), dpi=160, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.08, 0.115, 0.885, 0.665))
    axes.margins(x=0.035)
    _draw_scanners(axes, scanners, worst)
    _draw_limit(axes, limit)
    runs_drawn = [point for points in scanners.values() for point in points]
    _mark_dates(axes, [when for when, _ in runs_drawn])
    _dress(axes, [value for _, value in runs_drawn])
    title = _title(changes, worst)
    figure.text(0.028, 0.93, title, fontsize=16, fontweight="bold", color=_INK)
    figure.text(0.028, 0.878, _SUBTITLE, fontsize=11, color=_SOFT)
    figure.savefig(path, format="png")
    return title


def _by_scanner(runs: Iterable[Run]) -> dict[str, Points]:
    scanners: dict[str, Points] = defaultdict(list)
    for name, when, value in runs:
        scanners[name].append((when, value))
    return {name: sorted(scanners[name]) for name in sorted(scanners)}


def _change(points: Points) -> float:
    """Return by how many percent the last fifth of the runs differs from the first."""
    some = max(1, len(points) // 5)
    first = sum(value for _, value in points[:some]) / some
    last = sum(value for _, value in points[-some:]) / some
    return 100.0 * (last / first - 1.0)


def _title(changes: dict[str, float], worst: str) -> str:
    if changes[worst] > -_STEADY_PERCENT:
        return "All scanners kept their signal over the study"
    steady = all(
        abs(change) <= _STEADY_PERCENT for name, change in changes.items() if name != worst
    )
    rest = " while the other scanners held steady" if steady and len(changes) > 1 else ""
    return f"{worst} lost {-changes[worst]:.0f} % of its signal{rest}"


def _running_mean(points: Points) -> Points:
    """Return a smooth course through the points: a mean weighted by nearness in time."""
    first, last = points[0][0], points[-1][0]
    days = [first + (last - first) * step / 120 for step in range(121)]
    return [(day, _weighted(points, day)) for day in days]


def _weighted(points: Points, day: datetime) -> float:
    weights = [math.exp(-0.5 * ((when - day) / _BANDWIDTH) ** 2) for when, _ in points]
    total = sum(weight * value for weight, (_, value) in zip(weights, points, strict=True))
    return total / sum(weights)


def _numbers(points: Points) -> tuple[list[float], list[float]]:
    return [_day(when) for when, _ in points], [value for _, value in points]


def _day(when: datetime) -> float:
    """Return the moment as days, which is what the horizontal axis counts."""
    return when.toordinal() + (when.hour * 60 + when.minute) / 1440


def _draw_scanners(axes: Axes, scanners: dict[str, Points], worst: str) -> None:
    colours = iter(_OTHERS * len(scanners))
    for rank, (name, points) in enumerate(scanners.items()):
        colour = _WORST if name == worst else next(colours)
        marker = _MARKERS[rank % len(_MARKERS)]
        days, values = _numbers(points)
        axes.scatter(
            days, values, s=30, color=colour, marker=marker, alpha=0.42, linewidths=0, zorder=2
        )
        course = _running_mean(points)
        line_days, line_values = _numbers(course)
        axes.plot(
            line_days,
            line_values,
            color=colour,
            linewidth=3.4 if name == worst else 2.2,
            solid_capstyle="round",
            marker=marker,
            markevery=[len(line_days) - 1],
            markersize=7,
            label=name,
            zorder=4 if name == worst else 3,
        )
        axes.annotate(
            f"{line_values[-1]:.0f}",
            xy=(line_days[-1], line_values[-1]),
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            fontsize=13 if name == worst else 11.5,
            fontweight="bold",
            color=colour,
        )


def _draw_limit(axes: Axes, limit: float) -> None:
    axes.axhspan(0.0, limit, color="#f4efe9", linewidth=0, zorder=0)
    axes.axhline(limit, color=_SOFT, linewidth=1.2, linestyle=(0, (5, 4)), zorder=1)
    axes.annotate(
        f"Runs below {limit:.0f} fail their quality check",
        xy=(0.0, limit),
        xycoords=("axes fraction", "data"),
        xytext=(8, -7),
        textcoords="offset points",
        va="top",
        fontsize=10.5,
        color=_SOFT,
    )


def _mark_dates(axes: Axes, days: Sequence[datetime]) -> None:
    """Mark January (by its year) and July, and April and October in short studies."""
    years = range(min(days).year, max(days).year + 2)
    months = (1, 7) if max(days) - min(days) > timedelta(days=540) else (1, 4, 7, 10)
    marks = [date(year, month, 1) for year in years for month in months]
    first, last = axes.get_xlim()
    shown = [mark for mark in marks if first <= mark.toordinal() <= last]
    names = [str(mark.year) if mark.month == 1 else mark.strftime("%b") for mark in shown]
    axes.set_xticks([mark.toordinal() for mark in shown], names)


def _dress(axes: Axes, values: Sequence[float]) -> None:
    axes.set_ylim(5 * math.floor(min(values) / 5) - 5, 5 * math.ceil(max(values) / 5) + 3)
    axes.set_xlabel("Date of the scan", fontsize=11.5, color=_INK, labelpad=8)
    axes.set_ylabel("tSNR (ratio, no unit)", fontsize=11.5, color=_INK, labelpad=8)
    axes.tick_params(labelsize=10.5, colors=_INK, length=0)
    axes.grid(axis="y", color="#e3e3e3", linewidth=0.9)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#9a9a9a")
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.012, 1.0),
        ncols=3,
        frameon=False,
        fontsize=11,
        labelcolor=_INK,
        handlelength=2.0,
        columnspacing=2.2,
    )
