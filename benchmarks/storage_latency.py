"""Asking Parquet files in an object store that is 25 ms away, beside DuckDB's httpfs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.figures import Case, Figure, ratio, seconds
from benchmarks.processes import CHECKOUT, FailedRunError, python_json
from benchmarks.setting import Setting

__all__ = ["MOST_COLUMNS", "MOST_SMALL", "measure_storage"]

# Seconds for two columns of one large file, and for two hundred small files; and how much more
# than httpfs.
MOST_COLUMNS, MOST_SMALL, MOST_RATIO = 0.3, 2.5, 1.15
# Seconds to open and connect to a dataset of one version, and of fifty.
MOST_CONNECT = (0.15, 0.2)
_LATENCY, _RATE = 0.025, 90e6
# Rows of the one large file, some 120 MB, and of each of the small ones.
_WIDE, _SMALL = 780_000, 500
_THREADS = (2, 16)
_OURS, _HTTPFS = "fw_dataset", "httpfs"


def measure_storage(setting: Setting) -> Case:
    """Serve files slowly, then ask them with nothing in memory."""
    folder = setting.fresh("served")
    part = 1 if setting.goals else 20
    sizes = python_json("remote_files", str(folder), str(_WIDE // part), str(_SMALL // part))
    objects = python_json("remote_connect", str(folder))
    case = Case("Asking files in an object store that is 25 ms away")
    with _served(folder) as endpoint:
        for threads in _THREADS:
            runs = python_json("remote_reads", endpoint, str(threads), str(setting.runs))
            case.runs[f"{threads} threads"] = runs
            for (question, found), most in zip(
                runs.items(), (MOST_COLUMNS, MOST_SMALL), strict=True
            ):
                case.figures += _figures(f"{question}, {threads} threads", found, setting, most)
        runs = python_json("remote_connect", endpoint, str(setting.runs))
        case.runs["connect"] = runs
        for (url, found), most in zip(runs.items(), MOST_CONNECT, strict=True):
            subject = f"Dataset.open({url!r}).connect()"
            times = [run["seconds"] for run in found]
            case.figures.append(seconds(subject, _OURS, times, setting.goal(most)))
            most_requests = max(run["requests"] for run in found)
            case.figures.append(Figure(subject, f"{_OURS} sends", most_requests, "requests"))
    setting.fresh("served")
    case.notes += [
        f"every request takes {_LATENCY * 1000:.0f} ms more, every connection gives"
        f" {_RATE / 1e6:.0f} MB a second; a new connection each time, nothing in memory",
        f"the one file has {sizes['wide'] / 1e6:.0f} MB, the small ones together"
        f" {sizes['small'] / 1e6:.0f} MB",
        f"the datasets have {' and '.join(map(str, objects.values()))} objects, 6 tables a version,"
        " and are named by their number of versions",
        "opening is all up to the view, with the footers; all requests are counted",
    ]
    if not any(figure.measure.startswith(_HTTPFS) for figure in case.figures):
        case.notes.append("there is no httpfs for this DuckDB on the package index")
    return case


def _figures(
    subject: str, found: Mapping[str, Sequence[Mapping[str, Any]]], setting: Setting, most: float
) -> Iterator[Figure]:
    walls = {name: [run["open"] + run["ask"] for run in runs] for name, runs in found.items()}
    yield seconds(subject, _OURS, walls[_OURS], setting.goal(most))
    yield seconds(subject, "of it opening", [run["open"] for run in found[_OURS]])
    for name in walls:
        most_requests = max(run["requests"] for run in found[name])
        yield Figure(subject, f"{name} sends", most_requests, "requests")
    if _HTTPFS in walls:
        yield seconds(subject, _HTTPFS, walls[_HTTPFS])
        goal = setting.goal(MOST_RATIO)
        yield ratio(subject, "httpfs = 1", walls[_OURS], walls[_HTTPFS], goal)


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """The folder's subfolders as buckets, until the block ends."""
    command = [sys.executable, "-m", "benchmarks.in_process.range_server"]
    server = subprocess.Popen(
        [*command, str(folder), str(_LATENCY), str(_RATE)],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout
        port = server.stdout.readline().strip()
        if not port:
            raise FailedRunError("the slow object store did not start")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.communicate()
