"""``export`` and ``download``: files for other programs."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from tests.cli.commands import COMMAND, assert_one_line_error, environment, files_below, fw_dataset
from tests.cli.test_describe import COUNTS


def test_export_of_a_study(study_dataset: Path, tmp_path: Path) -> None:
    run = fw_dataset("export", study_dataset, tmp_path / "out", "--format", "csv")

    assert (run.returncode, run.text) == (0, f"{tmp_path / 'out'}\n")
    assert run.stderr == f"6 tables, {sum(COUNTS.values()):,} rows, as csv\n"
    assert files_below(tmp_path / "out") == {f"{name}.csv" for name in COUNTS}
    # DuckDB's own reader finds in them what the dataset has.
    for name, count in COUNTS.items():
        sql = f"select count(*), count(distinct id) from read_csv('{tmp_path / 'out'}/{name}.csv')"
        assert duckdb.execute(sql).fetchall()[0][0] == count


def test_the_name_says_the_format(dataset: Path, tmp_path: Path) -> None:
    for name, form in (
        ("a.sqlite", "sqlite"),
        ("a.SQLITE3", "sqlite"),
        ("a.duckdb", "duckdb"),
        ("folder", "parquet"),
    ):
        run = fw_dataset("export", dataset, tmp_path / name, "--tables", "subjects,files", "--json")
        assert json.loads(run.stdout) == {
            "path": str(tmp_path / name),
            "format": form,
            "tables": {"subjects": 3, "files": 100},
        }
        assert run.stderr == ""
    with closing(sqlite3.connect(tmp_path / "a.sqlite")) as database:
        assert database.execute("select count(*) from files").fetchall() == [(100,)]


def test_a_format_and_a_version(dataset: Path, tmp_path: Path) -> None:
    options = ("--format", "duckdb", "--version", "erste Fassung ✓", "--tables", "subjects")
    run = fw_dataset("export", dataset, tmp_path / "a.db", *options)

    assert (run.returncode, run.stderr) == (0, "1 table, 3 rows, as duckdb\n")
    with duckdb.connect(str(tmp_path / "a.db"), read_only=True) as connection:
        assert connection.execute("select count(*) from subjects").fetchall() == [(3,)]


def test_what_is_there_is_replaced_only_by_force(dataset: Path, tmp_path: Path) -> None:
    fw_dataset("export", dataset, tmp_path / "out")
    again = fw_dataset("export", dataset, tmp_path / "out")
    forced = fw_dataset("export", dataset, tmp_path / "out", "--tables", "files", "--force")

    assert_one_line_error(again, 1, "exists already", "--force")
    assert forced.returncode == 0
    assert files_below(tmp_path / "out") == {"files.parquet"}


def test_download(dataset: Path, tmp_path: Path) -> None:
    run = fw_dataset("download", dataset, tmp_path / "copy", "--version", "v1")
    again = fw_dataset("download", dataset, tmp_path / "copy")
    forced = fw_dataset("download", dataset, tmp_path / "copy", "--force")

    assert (run.returncode, run.stdout) == (0, b"")
    told = run.stderr.splitlines()
    assert told[0] == "Created table acquisitions"
    assert told[-1] == f"Saved {tmp_path / 'copy/dataset.db'}"
    assert len(told) == 7
    assert_one_line_error(again, 1, "dataset.db: exists already", "--force")
    assert forced.returncode == 0
    assert files_below(tmp_path / "copy") == {"dataset.db"}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--format", "xlsx"), 2, "'xlsx' is not one of"),
        (("--version", "v9"), 1, "no version 'v9'"),
        (("--tables", "file"), 1, "did you mean 'files'?"),
        (("--tables", ""), 2, "single commas"),
    ],
)
def test_what_is_wrong_is_said(
    arguments: tuple[str, ...], code: int, words: str, dataset: Path, tmp_path: Path
) -> None:
    run = fw_dataset("export", dataset, tmp_path / "out", *arguments)

    assert_one_line_error(run, code, words)
    assert files_below(tmp_path) == set()


def test_places_that_are_not_on_this_machine(dataset: Path) -> None:
    for command in ("export", "download"):
        run = fw_dataset(command, dataset, "s3://bucket/x")
        assert_one_line_error(run, 1, "name a place on this machine")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_export_leaves_nothing(
    number: signal.Signals, larger_snapshot: Path, tmp_path: Path
) -> None:
    made = fw_dataset("render", larger_snapshot, tmp_path / "dataset")
    assert made.returncode == 0
    process = subprocess.Popen(
        [*COMMAND, "export", str(tmp_path / "dataset"), str(tmp_path / "out.sqlite")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    until = time.monotonic() + 60
    while not list(tmp_path.glob(".fw-dataset-work-*/out.sqlite")) and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(number)
    _, told = process.communicate(timeout=60)

    assert process.returncode == (130 if number == signal.SIGINT else 128 + number), told
    assert told.count("\n") == 1
    assert files_below(tmp_path) & {"out.sqlite"} == set()
    assert list(tmp_path.glob(".fw-dataset-work-*")) == []
