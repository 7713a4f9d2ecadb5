"""The picture: a PNG whose title states what its numbers say."""

from __future__ import annotations

import struct
from datetime import datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

from fw_dataset.demo.chart import Run, draw_signal

START = datetime(2021, 1, 5, 10, 30)  # noqa: DTZ001 - DuckDB gives UTC without a zone


def course(name: str, first: float, last: float, days: int = 900) -> list[Run]:
    """Return runs of a scanner whose signal goes evenly from one value to another."""
    return [
        (name, START + timedelta(days=days * step / 20), first + (last - first) * step / 20)
        for step in range(21)
    ]


def test_the_picture_is_a_large_image_with_something_on_it(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    draw_signal(course("A", 60, 58) + course("B", 55, 33), 40.0, path)
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", data[16:24]) == (1600, 928)
    assert len(data) > 30_000


# 50 to 30 in 21 even steps: the first four runs have a mean of 48.5 and the last four of 31.5.
@pytest.mark.parametrize(
    ("runs", "title"),
    [
        (
            course("A", 60, 60) + course("B", 50, 30),
            "B lost 35 % of its signal while the other scanners held steady",
        ),
        (course("A", 60, 50) + course("B", 50, 30), "B lost 35 % of its signal"),
        (course("B", 50, 30), "B lost 35 % of its signal"),
        (
            course("A", 60, 60) + course("B", 50, 51),
            "All scanners kept their signal over the study",
        ),
        (course("A", 60, 60, days=200), "All scanners kept their signal over the study"),
        ([("A", START, 60.0)], "All scanners kept their signal over the study"),
    ],
)
def test_the_title_says_what_the_runs_say(tmp_path: Path, runs: list[Run], title: str) -> None:
    assert draw_signal(runs, 40.0, tmp_path / "a.png") == title


def test_without_runs_there_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no runs"):
        draw_signal([], 40.0, tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()
