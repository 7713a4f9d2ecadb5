"""Connect many datasets and ask three of them, in one process: ``FOLDER DATASETS RUNS``."""

from __future__ import annotations

import gc
import json
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import duckdb

from fw_dataset import Dataset, connect_all, render_snapshot
from fw_dataset.demo import write_benchmark_snapshot

Given = Mapping[str, "Dataset | str"]
Connect = Callable[[Given], duckdb.DuckDBPyConnection]


def main(folder: str, count: int, runs: int) -> dict[str, Any]:
    """Time connecting and asking, with paths and with datasets that are open.

    Returns:
        ``views``, how many there are; and ``runs``: by what was given, run by run, the ``seconds``
        up to the answer, those of ``connect`` alone, and of ``cpu``.
    """
    paths = _make(Path(folder), count)
    opened = {name: Dataset.open(path) for name, path in paths.items()}
    sql = _question(list(paths))
    ways: dict[str, tuple[Given, Connect]] = {
        "paths and the query": (paths, lambda given: connect_all(given, sql=sql)),
        "open datasets and the query": (opened, lambda given: connect_all(given, sql=sql)),
        "paths": (paths, connect_all),
        "open datasets": (opened, connect_all),
    }
    times: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    answers = set()
    for run in range(-1, runs):  # the first is the warm-up
        for name, (given, connect) in ways.items():
            taken, found = _timed(given, connect, sql)
            answers.add(found)
            if run >= 0:
                times[name].append(taken)
    if len(answers) != 1:
        raise SystemExit(f"the answers differ: {sorted(answers)}")
    return {"views": _views(paths), "runs": times}


def _make(folder: Path, count: int) -> dict[str, str]:
    """Datasets that are alike, and small."""
    snapshot, first = folder / "snapshot.db.gz", folder / "site000"
    folder.mkdir(parents=True)
    write_benchmark_snapshot(snapshot, 200)
    render_snapshot(snapshot, first)
    names = [f"site{number:03}" for number in range(count)]
    for name in names[1:]:
        shutil.copytree(first, folder / name)
    return {name: str(folder / name) for name in names}


def _question(names: list[str]) -> str:
    one, other, third = names[0], names[len(names) // 2], names[-1]
    return (
        f'SELECT count(*) FROM {one}.files f JOIN {other}.sessions s ON s.id = f."parents.session"'
        f' JOIN {third}.subjects u ON u.id = f."parents.subject"'
    )


def _timed(given: Given, connect: Connect, sql: str) -> tuple[dict[str, float], int]:
    gc.collect()
    start, cpu = perf_counter(), process_time()
    with connect(given) as connection:
        connected = perf_counter()
        row = connection.execute(sql).fetchone()
        taken = {"seconds": perf_counter() - start, "connect": connected - start}
        taken["cpu"] = process_time() - cpu
    return taken, row[0] if row else -1


def _views(paths: Mapping[str, str]) -> int:
    with connect_all(paths) as connection:
        row = connection.execute(
            "FROM duckdb_views() SELECT count(*) WHERE NOT internal"
        ).fetchone()
    return int(row[0]) if row else 0


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
