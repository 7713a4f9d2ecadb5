"""Ask a dataset and plain DuckDB the same, in turns in one process: ``DATASET RUNS``."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import duckdb

from benchmarks.questions import CONNECT, asked, asked_plainly, view
from fw_dataset import Dataset

Ask = Callable[[], object]


def main(location: str, runs: int) -> dict[str, Any]:
    """Time every question.

    Returns:
        the session that was asked for, and ``seconds``: per question the times of ``ours`` and
        ``plain``, run by run.
    """
    files = {p.parent.name: str(p) for p in Path(location).glob("versions/*/tables/*/*.parquet")}
    ours, plain = Dataset.open(location).connect(), duckdb.connect()
    session = _middle_session(ours)
    sql, plain_sql = asked(session), asked_plainly(files, session)
    seconds = {CONNECT: _in_turns(lambda: _connect(location), lambda: _views(files), runs)}
    for question in sql:
        mine, theirs = _query(ours, sql[question]), _query(plain, plain_sql[question])
        if mine() != theirs():
            raise SystemExit(f"{question}: the dataset and DuckDB answer differently")
        seconds[question] = _in_turns(mine, theirs, runs)
    return {"session": session, "seconds": seconds}


def _in_turns(ours: Ask, plain: Ask, runs: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {"ours": [], "plain": []}
    for run in range(-1, runs):
        turns = [("ours", ours), ("plain", plain)]
        # Neither always goes first.
        for name, ask in turns if run % 2 else reversed(turns):
            gc.collect()
            start = perf_counter()
            ask()
            if run >= 0:  # the one before is the warm-up
                times[name].append(perf_counter() - start)
    return times


def _query(connection: duckdb.DuckDBPyConnection, sql: str) -> Ask:
    return lambda: connection.execute(sql).fetchall()


def _connect(location: str) -> None:
    with Dataset.open(location) as dataset:
        dataset.connect()


def _views(files: Mapping[str, str]) -> None:
    with duckdb.connect() as connection:
        for table, path in files.items():
            connection.execute(view(table, path))


def _middle_session(connection: duckdb.DuckDBPyConnection) -> str:
    row = connection.execute(
        "select id from sessions order by id limit 1 offset (select count(*) // 2 from sessions)"
    ).fetchone()
    if row is None:
        raise SystemExit("the dataset has no sessions to ask for")
    return str(row[0])


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]))))
