"""Opening and asking a dataset, beside plain DuckDB on the same Parquet files."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.figures import Case, Figure, ratio, seconds
from benchmarks.processes import Command, FailedRunError, in_turns, measure, python_json
from benchmarks.questions import asked, asked_plainly
from benchmarks.rendering import RENDER
from benchmarks.setting import Setting

__all__ = ["MOST_QUERY", "measure_querying"]

MOST_QUERY = 1.2
_OURS, _PLAIN, _WHOLE = "fw_dataset", "DuckDB", "whole process"
_ASK = """
import sys
from fw_dataset import Dataset
connection = Dataset.open(sys.argv[1]).connect()
for sql in sys.argv[2:]:
    connection.execute(sql).fetchall()
"""
_ASK_PLAINLY = """
import sys
import duckdb
connection = duckdb.connect()
for sql in sys.argv[1:]:
    connection.execute(sql).fetchall()
"""


def measure_querying(setting: Setting) -> Case:
    """Render a snapshot, then ask the dataset and, in turns with it, DuckDB alone."""
    snapshot = setting.snapshot()
    dataset = setting.fresh("queried")
    measure([sys.executable, "-c", RENDER, str(snapshot.path), str(dataset)], folder=setting.work)
    case = Case(f"Opening and asking a dataset of {snapshot.records}")
    case.runs["one process"] = inside = python_json(
        "queries", str(dataset), str(4 * setting.runs + 1)
    )
    for question, times in inside["seconds"].items():
        case.figures += _beside(question, times["ours"], times["plain"], setting.goal(MOST_QUERY))
    _add_whole_processes(case, setting, dataset, str(inside["session"]))
    setting.fresh("queried")
    case.notes += [
        "the questions are asked in one process, in turns; connecting is `Dataset.open(…)` and"
        " `.connect()`, beside a DuckDB that makes a view for each file",
        "whole processes start Python, open the dataset or files, and ask all five",
    ]
    return case


def _add_whole_processes(case: Case, setting: Setting, dataset: Path, session: str) -> None:
    plain = asked_plainly(_files(dataset), session)
    commands = {
        _PLAIN: Command([sys.executable, "-c", _ASK_PLAINLY, *plain.values()]),
        _OURS: Command([sys.executable, "-c", _ASK, str(dataset), *asked(session).values()]),
    }
    usages = in_turns(commands, setting.runs, folder=setting.work)
    for name, measured in usages.items():
        case.runs[f"{_WHOLE}: {name}"] = [usage.to_dict() for usage in measured]
    walls = {name: [usage.wall for usage in measured] for name, measured in usages.items()}
    case.figures += _beside(_WHOLE, walls[_OURS], walls[_PLAIN], None)


def _beside(
    subject: str, ours: list[float], plain: list[float], goal: float | None
) -> list[Figure]:
    return [
        seconds(subject, _OURS, ours),
        seconds(subject, _PLAIN, plain),
        ratio(subject, "DuckDB = 1", ours, plain, goal),
    ]


def _files(dataset: Path) -> dict[str, str]:
    """The data file of each table: a dataset of so few rows has one a table."""
    found = {path.parent.name: str(path) for path in dataset.glob("versions/*/tables/*/*.parquet")}
    if not found:
        raise FailedRunError("the rendering left no data files")
    return found
