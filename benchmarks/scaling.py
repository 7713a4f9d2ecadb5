"""The same rendering on one process, on several, and on a cluster."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.figures import Case, Figure, ratio, seconds
from benchmarks.processes import CHECKOUT, Command, FailedRunError, in_turns
from benchmarks.setting import Setting

__all__ = ["measure_scaling"]

_SCRIPT = CHECKOUT / "benchmarks" / "in_process" / "spread.py"
_PROCESSES = 2
_ONE = "one process"
_WAYS = {
    _ONE: ("own", 1),
    "a pool of 2": ("own", _PROCESSES),
    "Dask, 2 workers": ("dask", _PROCESSES),
}
_JOBS = 4
# Of a snapshot that is smaller than two parts, parts are made smaller.
_PART = 500_000


def measure_scaling(setting: Setting) -> Case:
    """Render one large snapshot, and some smaller ones, in each way; the bytes must be equal."""
    large, small = setting.made(setting.million), setting.snapshot()
    rows = 0 if setting.million >= 2 * _PART else max(1, setting.million // 4)
    case = Case(f"One snapshot of {large.records}, and {_JOBS} of {small.records}")
    _measure(case, setting, "one large", large.path, rows, 1)
    _measure(case, setting, f"{_JOBS} snapshots", small.path, rows, _JOBS)
    case.notes += [
        "all files of the versions have the same names, sizes and hashes, whichever way",
        "CPU is that of all processes, with their start; memory that of the largest one of them",
        "the large one is split into parts of 500,000 records, the others are a task each",
    ]
    if find_spec("distributed") is None:
        case.notes.append("distributed is not installed: no Dask")
    return case


def _measure(
    case: Case, setting: Setting, job: str, source: Path, rows: int, datasets: int
) -> None:
    ways = {name: way for name, way in _WAYS.items() if way[0] != "dask" or _has_dask()}
    roots = {
        name: [setting.work / f"scale-{place}-{n}" for n in range(datasets)]
        for place, name in enumerate(ways)
    }
    commands = {
        name: _command(setting, way, process, rows, source, roots[name])
        for name, (way, process) in ways.items()
    }
    usages = in_turns(commands, setting.runs, folder=setting.work, warm_up=False)
    _require_equal([root for each in roots.values() for root in each])
    for each in roots.values():
        for root in each:
            setting.fresh(root.name)
    for name, measured in usages.items():
        subject = f"{job}, {name}"
        wall = [usage.wall for usage in measured]
        case.figures += [
            seconds(subject, "wall", wall),
            ratio(subject, "wall, one process = 1", wall, [usage.wall for usage in usages[_ONE]]),
            seconds(subject, "CPU", [usage.cpu for usage in measured]),
            Figure(subject, "peak memory", max(usage.peak for usage in measured), "bytes"),
        ]
        case.runs[subject] = [usage.to_dict() for usage in measured]


def _has_dask() -> bool:
    return find_spec("distributed") is not None


def _command(
    setting: Setting, way: str, processes: int, rows: int, source: Path, roots: Sequence[Path]
) -> Command:
    def cleared() -> None:
        for root in roots:
            setting.fresh(root.name)
        os.sync()

    arguments = [way, str(processes), str(rows), str(source), *map(str, roots)]
    return Command([sys.executable, str(_SCRIPT), *arguments], cleared)


def _require_equal(roots: Sequence[Path]) -> None:
    """Fail unless all datasets have the same files, by the hashes in their manifests."""
    found = [_files(root) for root in roots]
    if any(files != found[0] for files in found):
        raise FailedRunError("the renderings differ from one another")


def _files(root: Path) -> list[tuple[Any, ...]]:
    (manifest,) = root.glob("versions/*/provenance/manifest.json")
    files = json.loads(manifest.read_text())["files"]
    for file in files:
        path = manifest.parent.parent / file["path"]
        if not path.is_file() or path.stat().st_size != file["bytes"]:
            raise FailedRunError(f"{path}: it is not what the manifest says")
    return [(file["path"], file["bytes"], file["sha256"]) for file in files]
