"""Rendering a snapshot, beside the floor: the least that public tools need."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.figures import Case, Figure, ratio, seconds
from benchmarks.processes import Command, FailedRunError, Usage, in_turns
from benchmarks.setting import Setting, SnapshotFile

__all__ = [
    "MOST_CPU",
    "MOST_MEMORY",
    "MOST_WALL",
    "RENDER",
    "measure_million",
    "measure_rendering",
]

MOST_CPU = 1.6
MOST_WALL = 1.4
MOST_MEMORY = 1 << 30
RENDER = (
    "import sys; from fw_dataset import render_snapshot; render_snapshot(sys.argv[1], sys.argv[2])"
)
_FLOOR, _OURS, _COMMAND = "floor", "render_snapshot()", "fw-dataset render"


def measure_rendering(setting: Setting) -> Case:
    """Render a snapshot as a whole process, in turns with the floor."""
    snapshot = setting.snapshot()
    case = Case(f"Rendering {snapshot.records}")
    usages = in_turns(_commands(setting, snapshot), setting.runs, folder=setting.work)
    setting.fresh("rendered")
    for name, measured in usages.items():
        case.figures += _figures(name, measured, None if name == _FLOOR else setting)
        case.runs[name] = [usage.to_dict() for usage in measured]
        if _FLOOR in usages and name != _FLOOR:
            case.figures += _beside(name, measured, usages[_FLOOR], setting)
    case.notes.append(f"the snapshot's SHA-256 begins with {snapshot.sha256[:12]}")
    if _FLOOR not in usages:
        case.notes.append("no floor script: absolute figures only (`--floor PATH` names one)")
    return case


def _commands(setting: Setting, snapshot: SnapshotFile) -> dict[str, Command]:
    source, destination = str(snapshot.path), setting.work / "rendered"

    def cleared() -> None:
        setting.fresh("rendered")
        # What one run left to be written to the disk must not slow down the next one.
        os.sync()

    def command(*arguments: str) -> Command:
        return Command([sys.executable, *arguments, source, str(destination)], cleared)

    commands = {}
    if setting.floor is not None:
        commands[_FLOOR] = command(str(setting.floor))
    commands[_OURS] = command("-c", RENDER)
    if _has_command():
        commands[_COMMAND] = command("-m", "fw_dataset", "render")
    return commands


def _has_command() -> bool:
    done = subprocess.run(
        [sys.executable, "-m", "fw_dataset", "render", "--help"], check=False, capture_output=True
    )
    return done.returncode == 0


def _figures(name: str, usages: Sequence[Usage], setting: Setting | None) -> list[Figure]:
    """The absolute figures; the goal for memory holds where a setting is given."""
    # The highest of all runs: a limit is one only if every run keeps it.
    peak = max(usage.peak for usage in usages)
    goal = setting.goal(MOST_MEMORY) if setting is not None else None
    return [
        seconds(name, "CPU", [usage.cpu for usage in usages]),
        seconds(name, "wall", [usage.wall for usage in usages]),
        Figure(name, "peak memory", peak, "bytes", goal),
    ]


def _beside(
    name: str, ours: Sequence[Usage], floor: Sequence[Usage], setting: Setting
) -> list[Figure]:
    def beside(measure: str, of: Callable[[Usage], float], most: float) -> Figure:
        values = [of(usage) for usage in ours], [of(usage) for usage in floor]
        return ratio(name, measure, *values, setting.goal(most))

    return [
        beside("CPU, floor = 1", lambda usage: usage.cpu, MOST_CPU),
        beside("wall, floor = 1", lambda usage: usage.wall, MOST_WALL),
    ]


def measure_million(setting: Setting) -> Case:
    """Render a large snapshot once: does memory grow with it?"""
    snapshot = setting.made(setting.million)
    destination = setting.fresh("rendered")
    command = Command([sys.executable, "-c", RENDER, str(snapshot.path), str(destination)])
    usages = in_turns({_OURS: command}, 1, folder=setting.work, warm_up=False)[_OURS]
    _require_version(destination)
    setting.fresh("rendered")
    speed = Figure(_OURS, "file records", setting.million / usages[0].wall, "rows/s")
    return Case(
        f"Rendering {snapshot.records}",
        [*_figures(_OURS, usages, setting), speed],
        ["one run, without a warm-up"],
        {_OURS: [usage.to_dict() for usage in usages]},
    )


def _require_version(destination: Path) -> None:
    if not any(destination.glob("versions/*/provenance/dataset_description.json")):
        raise FailedRunError("the rendering committed no version")
