"""Comparing two versions of a large table."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.figures import Case, Figure, seconds
from benchmarks.processes import Command, in_turns, measure, python_json
from benchmarks.rendering import MOST_MEMORY, RENDER
from benchmarks.setting import Setting

__all__ = ["MOST_SECONDS", "measure_comparing"]

MOST_SECONDS = 10.0
_DIFF = "Dataset.diff()"
_ROWS = "the same, and all rows read"
# What is said must be what was edited, or a quick answer is worth nothing.
_COMPARE = """
import json, sys
from fw_dataset import Dataset
expected = json.loads(sys.argv[2])
with Dataset.open(sys.argv[1]).diff("before", "after") as difference:
    found = difference.to_dict()["tables"]["files"]
    if {name: found[name] for name in expected} != expected:
        sys.exit(f"expected {expected}, found {found}")
    if len(sys.argv) > 3:
        rows = difference.rows("files").aggregate("count(old), count(new)").fetchall()
"""


def measure_comparing(setting: Setting) -> Case:
    """Compare two versions of a table of a million rows, as a whole process."""
    snapshot = setting.snapshot()
    source, target = setting.fresh("source"), setting.fresh("compared")
    measure([sys.executable, "-c", RENDER, str(snapshot.path), str(source)], folder=setting.work)
    made = python_json("two_versions", str(source), str(target), str(setting.million))
    rows = made.pop("rows")
    usages = in_turns(_commands(target, made), setting.runs, folder=setting.work)
    case = Case(f"Comparing {rows:,} files with {rows:,}")
    for name, measured in usages.items():
        goal = setting.goal(MOST_SECONDS) if name == _DIFF else None
        wall = [usage.wall for usage in measured]
        case.figures += [
            seconds(name, "wall", wall, goal),
            seconds(name, "CPU", [usage.cpu for usage in measured]),
            Figure(
                name,
                "peak memory",
                max(usage.peak for usage in measured),
                "bytes",
                setting.goal(MOST_MEMORY),
            ),
        ]
        case.runs[name] = [usage.to_dict() for usage in measured]
    setting.fresh("source")
    setting.fresh("compared")
    case.notes.append(
        f"{made['added']:,} rows were added, as many removed, {made['changed']:,} changed in"
        " size or info; whole processes, with the imports"
    )
    return case


def _commands(target: Path, expected: object) -> dict[str, Command]:
    arguments = [sys.executable, "-c", _COMPARE, str(target), json.dumps(expected)]
    return {_DIFF: Command(arguments), _ROWS: Command([*arguments, "rows"])}
