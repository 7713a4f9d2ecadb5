"""Where the time of rendering goes."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.figures import Case, Figure, fraction, seconds
from benchmarks.processes import python_json
from benchmarks.setting import Setting

__all__ = ["measure_phases"]


def measure_phases(setting: Setting) -> Case:
    """Render with the library's functions wrapped in clocks."""
    snapshot = setting.snapshot()
    runs: list[dict[str, Any]] = []
    for _ in range(setting.runs):
        destination = setting.fresh("phases")
        runs.append(python_json("phases", str(snapshot.path), str(destination)))
    setting.fresh("phases")
    case = Case(f"Where the time of rendering {snapshot.records} goes", runs={"phases": runs})
    total = [run["total"]["cpu"] for run in runs]
    for phase in dict.fromkeys(name for run in runs for name in run["phases"]):
        spent = [run["phases"].get(phase, {"cpu": 0.0, "wall": 0.0}) for run in runs]
        case.figures += _figures(phase, spent, median(total))
    case.figures.append(seconds("the whole process", "CPU", total))
    case.notes += [
        "approximate: functions are wrapped from outside, which costs a little itself",
        "compressing runs beside reading, decoding and columns, in a thread of its own: these"
        " wall times overlap",
    ]
    case.notes += [f"the library has no {name} any more" for name in runs[0]["missing"]]
    return case


def _figures(phase: str, spent: Sequence[dict[str, float]], total: float) -> list[Figure]:
    cpu, wall = [one["cpu"] for one in spent], [one["wall"] for one in spent]
    figures = [
        seconds(phase, "CPU", cpu),
        fraction(phase, "of all CPU", median(cpu), total),
    ]
    return [*figures, seconds(phase, "wall", wall)] if any(wall) else figures
