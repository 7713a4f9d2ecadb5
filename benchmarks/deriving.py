"""Rendering with derived tables and profiles, beside rendering the primary tables alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from benchmarks.figures import Case, Figure, ratio, seconds
from benchmarks.processes import Command, Usage, in_turns
from benchmarks.rendering import MOST_MEMORY, RENDER
from benchmarks.setting import Setting

__all__ = ["MOST_DERIVED", "measure_deriving"]

MOST_DERIVED = 3.0
_PRIMARY, _ALL = "primary tables", "and headers, qc, profiles"
_TABLES, _PROFILES = "and headers, qc", "and profiles"
_OPTIONS = {
    _PRIMARY: "",
    _TABLES: ", headers=True, qc=True",
    _PROFILES: ", profiles=True",
    _ALL: ", headers=True, qc=True, profiles=True",
}


def measure_deriving(setting: Setting) -> Case:
    """Render a snapshot as whole processes, with and without what is made of its tables."""
    snapshot = setting.snapshot()

    def cleared() -> None:
        setting.fresh("rendered")
        os.sync()

    arguments = [str(snapshot.path), str(setting.work / "rendered")]
    commands = {
        name: Command([sys.executable, "-c", f"{RENDER[:-1]}{options})", *arguments], cleared)
        for name, options in _OPTIONS.items()
    }
    usages = in_turns(commands, setting.runs, folder=setting.work)
    setting.fresh("rendered")
    case = Case(f"Rendering {snapshot.records} with derived tables and profiles")
    for name, measured in usages.items():
        peak = max(usage.peak for usage in measured)
        memory = Figure(name, "peak memory", peak, "bytes", setting.goal(MOST_MEMORY))
        case.figures += [
            seconds(name, "CPU", [usage.cpu for usage in measured]),
            seconds(name, "wall", [usage.wall for usage in measured]),
            memory,
        ]
        if name != _PRIMARY:
            case.figures += _beside(name, measured, usages[_PRIMARY], setting)
        case.runs[name] = [usage.to_dict() for usage in measured]
    return case


def _beside(
    name: str, measured: list[Usage], primary: list[Usage], setting: Setting
) -> list[Figure]:
    def beside(measure: str, of: Callable[[Usage], float]) -> Figure:
        goal = setting.goal(MOST_DERIVED) if name == _ALL else None
        return ratio(
            name, measure, [of(one) for one in measured], [of(one) for one in primary], goal
        )

    return [
        beside("CPU, primary = 1", lambda usage: usage.cpu),
        beside("wall, primary = 1", lambda usage: usage.wall),
    ]
