"""The benchmarks run and say what they should, on snapshots too small to say how fast."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.command import CASES
from benchmarks.figures import Case, Figure, ratio, seconds
from benchmarks.processes import CHECKOUT, FailedRunError, measure
from tests.support.shared_data import shared

ROWS = "60"
# What a floor script takes and leaves, without the packages that a real one needs.
FLOOR = """
import pathlib, sys
folder = pathlib.Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
folder.joinpath("bytes").write_text(str(pathlib.Path(sys.argv[1]).stat().st_size))
"""


def run_benchmarks(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command with all that it keeps below a folder."""
    command = [sys.executable, str(CHECKOUT / "benchmarks" / "run.py"), "--cache", str(folder)]
    return subprocess.run(
        [*command, "--runs", "1", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=900,
        cwd=folder,
    )


def figures_of(report: Path, case: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The figures of a case, by row and column."""
    figures = json.loads(report.read_text(encoding="utf-8"))["cases"][case]["figures"]
    return {(figure["subject"], figure["measure"]): figure for figure in figures}


@pytest.fixture
def floor(tmp_path: Path) -> Path:
    path = tmp_path / "a_floor.py"
    path.write_text(FLOOR, encoding="utf-8")
    return path


def test_a_case_runs(tmp_path: Path, floor: Path) -> None:
    report = tmp_path / "figures.json"
    options = ("--rows", ROWS, "--only", "render", "--floor", str(floor))
    done = run_benchmarks(tmp_path, *options, "--json", str(report))
    assert done.returncode == 0, done.stderr
    rendering = figures_of(report, "render")
    assert rendering["render_snapshot()", "CPU, floor = 1"]["value"] > 0
    assert rendering["render_snapshot()", "peak memory"]["value"] > 10 << 20
    assert "floor" in done.stdout
    assert not list(tmp_path.glob("work-*"))


@pytest.mark.slow
def test_all_cases_run(tmp_path: Path, floor: Path) -> None:
    report = tmp_path / "figures.json"
    options = ("--quick", "--runs", "1", "--million", "--rows", ROWS, "--floor", str(floor))
    done = run_benchmarks(tmp_path, *options, "--json", str(report))
    assert done.returncode == 0, done.stderr
    assert list(json.loads(report.read_text())["cases"]) == list(CASES)
    rendering = figures_of(report, "render")
    assert rendering["render_snapshot()", "CPU, floor = 1"]["value"] > 0
    assert rendering["render_snapshot()", "peak memory"]["value"] > 10 << 20
    derived = figures_of(report, "derived")
    assert derived["and headers, qc, profiles", "CPU, primary = 1"]["value"] > 0
    assert figures_of(report, "query")["join", "DuckDB = 1"]["value"] > 0
    assert figures_of(report, "federation")["paths", "connected and answered"]["value"] > 0
    assert "floor" in done.stdout
    assert not list(tmp_path.glob("work-*"))


def test_phases_make_up_the_whole(tmp_path: Path) -> None:
    report = tmp_path / "figures.json"
    done = run_benchmarks(tmp_path, "--rows", ROWS, "--only", "phases", "--json", str(report))
    assert done.returncode == 0, done.stderr
    cpu = {
        row: f["value"]
        for (row, column), f in figures_of(report, "phases").items()
        if column == "CPU"
    }
    whole = cpu.pop("the whole process")
    assert {"unpack", "order", "read", "decode", "columns", "compress", "publish"} <= cpu.keys()
    assert sum(cpu.values()) == pytest.approx(whole)
    assert "any more" not in done.stdout, "in_process/phases.py names what is gone"


def test_the_real_floor(tmp_path: Path) -> None:
    pytest.importorskip("adbc_driver_sqlite")
    script = shared("bench", "floor.py")
    report = tmp_path / "figures.json"
    arguments = ("--rows", ROWS, "--only", "render", "--floor", str(script))
    done = run_benchmarks(tmp_path, *arguments, "--json", str(report))
    assert done.returncode == 0, done.stderr
    assert figures_of(report, "render")["floor", "wall"]["value"] > 0


def test_small_snapshots_have_no_goals(tmp_path: Path) -> None:
    report = tmp_path / "figures.json"
    done = run_benchmarks(tmp_path, "--rows", ROWS, "--only", "startup", "--json", str(report))
    assert done.returncode == 0, done.stderr
    assert "goal" not in done.stdout
    assert all(figure["goal"] is None for figure in figures_of(report, "startup").values())


def test_a_snapshot_that_is_none_is_one_line(tmp_path: Path) -> None:
    odd = tmp_path / "odd.db.gz"
    odd.write_bytes(b"no snapshot")
    done = run_benchmarks(tmp_path, "--only", "query", "--snapshot", str(odd))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("Error: exit code 1")
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("work-*"))


MEASURE_TWO = """
import json, pathlib, sys
from benchmarks.processes import Command, in_turns
commands = {name: Command([sys.executable, "-c", name]) for name in sys.argv[1:]}
usages = in_turns(commands, 2, folder=pathlib.Path())
print(json.dumps({name: [[u.cpu, u.peak] for u in used] for name, used in usages.items()}))
"""


def test_processes_are_told_apart(tmp_path: Path) -> None:
    big, small = "x = bytearray(150 << 20)", "pass"
    # From a small process, as the benchmarks do: a child's peak begins at its parent's size.
    done = subprocess.run(
        [sys.executable, "-c", MEASURE_TWO, big, small],
        check=True,
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )
    usages: dict[str, list[list[float]]] = json.loads(done.stdout)
    assert [len(measured) for measured in usages.values()] == [2, 2]
    peaks = {name: [peak for _, peak in measured] for name, measured in usages.items()}
    assert min(peaks[big]) > (100 << 20) + max(peaks[small])
    assert all(cpu > 0 for measured in usages.values() for cpu, _ in measured)


def test_a_failed_run_is_no_measurement(tmp_path: Path) -> None:
    code = "import sys; print('on its way', file=sys.stderr); sys.exit(3)"
    with pytest.raises(FailedRunError, match=r"exit code 3 from .*: on its way"):
        measure([sys.executable, "-c", code], folder=tmp_path)


def test_ratios_are_taken_run_by_run() -> None:
    figure = ratio("it", "times", [2.0, 30.0, 4.0], [1.0, 10.0, 4.0], goal=1.9)
    assert (figure.value, figure.least, figure.most, figure.reached) == (2.0, 1.0, 3.0, False)
    assert str(figure) == "2.00× (1.00× – 3.00×; goal 1.90× missed)"


def test_tables_align() -> None:
    figures = [
        seconds("one", "CPU", [0.5, 1.5]),
        Figure("another", "peak", 3 << 20, "bytes", goal=float(1 << 30)),
    ]
    assert Case("Of two", figures, ["a note"]).to_markdown().splitlines() == [
        "### Of two",
        "",
        "|         | CPU                        | peak                           |",
        "|---------|----------------------------|--------------------------------|",
        "| one     | 1.00 s (500.0 ms – 1.50 s) |                                |",
        "| another |                            | 3 MiB (goal 1,024 MiB reached) |",
        "",
        "* a note",
    ]
