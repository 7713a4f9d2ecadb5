"""The command: which cases, how large, and what is printed."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.comparing import measure_comparing
from benchmarks.deriving import measure_deriving
from benchmarks.federation import measure_federation
from benchmarks.figures import Case
from benchmarks.phases import measure_phases
from benchmarks.processes import FailedRunError
from benchmarks.querying import measure_querying
from benchmarks.rendering import measure_million, measure_rendering
from benchmarks.scaling import measure_scaling
from benchmarks.serving import measure_serving
from benchmarks.setting import CACHE, FLOOR, Setting, machine, short_folder
from benchmarks.startup import measure_startup
from benchmarks.storage_latency import measure_storage

__all__ = ["CASES", "main"]

CASES: dict[str, Callable[[Setting], Case]] = {
    "startup": measure_startup,
    "render": measure_rendering,
    "derived": measure_deriving,
    "phases": measure_phases,
    "query": measure_querying,
    "federation": measure_federation,
    "storage": measure_storage,
    "diff": measure_comparing,
    "serve": measure_serving,
    "scale": measure_scaling,
    "million": measure_million,
}
_PACKAGES = (
    "fw-dataset",
    "duckdb",
    "pyarrow",
    "msgspec",
    "isal",
    "adbc-driver-sqlite",
    "distributed",
)
_FLOOR_NEEDS = ("adbc_driver_sqlite", "duckdb", "isal", "pyarrow")
_FULL, _QUICK, _MILLION = 100_000, 2_000, 1_000_000
# Above this load per core, something else is running.
_BUSY = 0.25
# These take minutes, most of which goes to making what they need.
_LONG = ("diff", "serve", "scale", "million")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks; 1 if one could not be run, 2 for wrong arguments."""
    options = _parser().parse_args(arguments)
    work = short_folder(options.cache)
    try:
        setting = _setting(options, work)
        _run(setting, _chosen(options), options.json)
    except FailedRunError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="benchmarks/run.py",
        description="Measure the installed fw_dataset, beside the floor and beside plain DuckDB.",
        epilog="Prints Markdown on stdout. benchmarks/README.md says what the numbers mean.",
    )
    add = parser.add_argument
    add("--quick", action="store_true", help=f"small: {_QUICK} file records and 2 runs, no goals")
    add("--rows", type=_positive, help=f"file records of the snapshot (default {_FULL})")
    add("--runs", type=_positive, help="how often each command is measured (default 5)")
    add("--million", action="store_true", help=f"render {_MILLION} file records, too (minutes)")
    add("--only", choices=CASES, action="append", metavar="NAME", help=f"{', '.join(CASES)}")
    add("--snapshot", type=_file, metavar="PATH", help="a .db.gz instead of a synthetic one")
    add("--floor", type=_file, metavar="PATH", help="the floor script (default: beside the clone)")
    add("--json", type=Path, metavar="FILE", help="write all figures and single runs there")
    add("--cache", type=Path, metavar="FOLDER", default=CACHE, help="where snapshots are kept")
    return parser


def _positive(text: str) -> int:
    number = int(text.replace("_", ""))
    if number < 1:
        raise ValueError(text)
    return number


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{text}: there is no such file")
    return path.resolve()


def _setting(options: argparse.Namespace, work: Path) -> Setting:
    rows = options.rows or (_QUICK if options.quick else _FULL)
    return Setting(
        rows=rows,
        million=10 * rows if options.quick else _MILLION,
        runs=options.runs or (2 if options.quick else 5),
        floor=_floor(options.floor),
        given=options.snapshot,
        cache=options.cache.resolve(),
        work=work.resolve(),
        goals=not options.quick and rows >= _FULL,
    )


def _floor(given: Path | None) -> Path | None:
    if given is not None or not FLOOR.is_file():
        return given
    missing = [name for name in _FLOOR_NEEDS if find_spec(name) is None]
    if missing:
        print(f"no floor: it needs {', '.join(missing)}", file=sys.stderr)
    return None if missing else FLOOR


def _chosen(options: argparse.Namespace) -> list[str]:
    if options.only:
        return [name for name in CASES if name in options.only]
    return [name for name in CASES if name not in _LONG or options.million]


def _run(setting: Setting, names: Sequence[str], target: Path | None) -> None:
    before = machine()
    print(_introduction(before), flush=True)
    if before["load"] > _BUSY * (os.cpu_count() or 1):
        print("**Something else is running: wall times are not to be trusted.**\n", flush=True)
    cases = {}
    for name in names:
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        cases[name] = CASES[name](setting)
        print(cases[name].to_markdown(), end="\n\n", flush=True)
    after = machine()["load"]
    print(f"Load average: {before['load']} before, {after} after.")
    if target is not None:
        report = {
            "measured": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "machine": {**before, "load_after": after},
            "packages": _versions(),
            "rows": setting.rows,
            "runs": setting.runs,
            "cases": {name: case.to_dict() for name, case in cases.items()},
        }
        target.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _introduction(facts: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {number}" for name, number in _versions().items())
    return (
        f"{facts['system']} on {facts['processor']}, {facts['cores']} cores,"
        f" {facts['memory_gib']} GiB; Python {facts['python']}; {packages}\n"
    )


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
