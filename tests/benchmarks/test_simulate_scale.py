"""The simulation of a large site: its arithmetic, and that the documentation shows it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from benchmarks.processes import CHECKOUT
from benchmarks.simulate_scale import (
    Rates,
    Site,
    limit_lines,
    main,
    makespan,
    project_sizes,
    report,
)

PAGE = CHECKOUT / "docs" / "scale.md"
BEGIN, END = "<!-- simulated: begin -->\n", "<!-- simulated: end -->\n"
SMALL = Site(projects=100, rows=10_000_000, largest=1_000_000)


@pytest.mark.skipif(not PAGE.exists(), reason="the documentation is not shipped with the tests")
def test_the_page_shows_what_the_script_prints() -> None:
    script = CHECKOUT / "benchmarks" / "simulate_scale.py"
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, check=True, text=True, timeout=120
    )
    shown = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    assert shown == f"\n{done.stdout}\n", "put the output of benchmarks/simulate_scale.py there"


def test_sizes_are_as_asked() -> None:
    sizes = project_sizes(SMALL)

    assert len(sizes) == 100
    assert sizes[0] == 1_000_000
    assert sizes == sorted(sizes, reverse=True)
    assert abs(sum(sizes) - SMALL.rows) < 100


def test_a_makespan_by_hand() -> None:
    """Two projects of 10 s and 4 s of unpacking, and 20 s and 8 s of rendering."""
    rates = Rates(sqlite_bytes=10.0, unpack_rate=10.0, render_cpu=2.0)
    site = replace(SMALL, part_rows=5)
    assert makespan([10, 4], site, rates, 1, in_parts=False) == 42
    assert makespan([10, 4], site, rates, 2, in_parts=False) == 30
    # The second worker takes a part of 10 s when it is done, at 12 s; the first has the other.
    assert makespan([10, 4], site, rates, 2, in_parts=True) == 22
    # No number of workers can do without unpacking the first, and one part of it.
    assert makespan([10, 4], site, rates, 9, in_parts=True) == 20


@pytest.mark.parametrize("in_parts", [True, False])
def test_more_workers_are_never_slower_and_no_worker_is_two(in_parts: bool) -> None:
    rates, sizes = Rates(), project_sizes(SMALL)
    work = makespan(sizes, SMALL, rates, 1, in_parts=in_parts)
    before = work
    for workers in (2, 8, 32, 500):
        now = makespan(sizes, SMALL, rates, workers, in_parts=in_parts)
        assert work / workers <= now <= before
        before = now


def test_what_breaks_first_comes_first() -> None:
    found = limit_lines(project_sizes(SMALL), SMALL, Rates())
    rooms = [float(line[-1].removesuffix(" ×").replace(",", "")) for line in found]

    assert rooms == sorted(rooms)
    assert len({line[0] for line in found}) == len(found) == 8
    tight = replace(SMALL, scratch=1e9)
    assert limit_lines(project_sizes(tight), tight, Rates())[0][0].startswith("disk of a worker")


def test_a_shape_of_one_s_own(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--projects", "100", "--rows", "10000000", "--largest", "1000000", "--workers", "4"]
    main(asked)

    assert capsys.readouterr().out == report(SMALL, Rates(), [4])
