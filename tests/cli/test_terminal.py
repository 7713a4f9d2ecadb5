"""What a person sees on a terminal: progress, and tables that fit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fw_dataset.cli.table import display_width
from tests.cli.commands import fw_dataset
from tests.cli.terminal import on_terminal


def test_progress_bars(larger_snapshot: Path, tmp_path: Path) -> None:
    code, seen = on_terminal("render", larger_snapshot, tmp_path / "dataset", columns=100)

    assert code == 0, seen
    drawn = seen.replace("\r", "\n").splitlines()
    assert re.search(r"unpacking the snapshot +\d+% .* of [\d.]+ MB \[\d\d:\d\d, .* left\]", seen)
    assert re.search(
        r"files +\d+% .* [\d,]+ of 20,000 rows, [\d.]+ MB \[\d\d:\d\d, .* left\]", seen
    )
    assert all(display_width(line) <= 100 for line in drawn if "%" in line)
    # Nothing of them stays on the screen above the last lines.
    ends = [line.split("\r")[-1].rstrip() for line in seen.split("\n")]
    assert not any("%" in line for line in ends)
    assert ["files", "20,000"] in [line.split() for line in ends]
    assert any(line.startswith("rendered in ") for line in ends)


def test_progress_bars_on_an_ascii_terminal(snapshot: Path, tmp_path: Path) -> None:
    code, seen = on_terminal(
        "render", snapshot, tmp_path / "dataset", env={"PYTHONIOENCODING": "ascii"}
    )

    assert code == 0, seen
    assert seen.isascii()
    assert "unpacking the snapshot" in seen


def test_progress_goes_to_stderr_alone(snapshot: Path, tmp_path: Path) -> None:
    code, seen = on_terminal("render", snapshot, tmp_path / "dataset", "--json", stdout=False)

    assert code == 0
    assert "unpacking the snapshot" in seen
    assert '"version"' not in seen


def test_errors_stand_on_a_line_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "snapshot.db.gz").write_bytes(b"\x1f\x8b\x08\x00" + bytes(100))

    code, seen = on_terminal("render", tmp_path / "snapshot.db.gz", tmp_path / "dataset")

    assert code == 1
    last = seen.replace("\r", "\n").splitlines()[-1]
    assert last.startswith("fw-dataset: error: snapshot ")


@pytest.mark.parametrize("columns", [20, 40, 80, 133])
@pytest.mark.parametrize("table", ["subjects", "files"])
def test_tables_fit_the_terminal(columns: int, table: str, study_dataset: Path) -> None:
    code, seen = on_terminal("query", study_dataset, f"FROM {table}", columns=columns)

    assert code == 0
    lines = seen.splitlines()
    rows = [line for line in lines if "shown" not in line and "rows" not in line]
    assert len(rows) == 2 + (17 if table == "subjects" else 40)
    assert all(display_width(line) <= columns for line in rows)
    assert rows[0].startswith("id")
    assert rows[0].endswith("…")
    assert re.search(r"\d+ columns, the first \d+ shown", seen)


def test_what_fits_is_not_cut(dataset: Path) -> None:
    sql = "SELECT name, type, size FROM files ORDER BY size LIMIT 2"

    code, seen = on_terminal("query", dataset, sql)

    assert code == 0
    assert seen.splitlines() == [
        "name           type   size",
        "─────────────  ─────  ────",
        "scan_1.nii.gz  nifti    10",
        "scan_2.nii.gz  dicom    20",
        "2 rows",
    ]


@pytest.mark.parametrize("command", ["tables", "schema", "versions"])
def test_descriptions_wrap(command: str, dataset: Path) -> None:
    more = ["sessions"] if command == "schema" else []

    code, seen = on_terminal(command, dataset, *more, columns=72)

    assert code == 0
    assert all(display_width(line) <= 72 for line in seen.splitlines())
    words = fw_dataset(command, dataset, *more).text.replace("─", "").split()
    assert [word for word in seen.replace("─", "").split() if word not in words] == []
    assert len(seen.split()) >= len(words)


def test_control_characters_do_not_reach_the_terminal(dataset: Path) -> None:
    sql = "SELECT 'a' || chr(27) || '[31m' || chr(7) || chr(13) || chr(10) || 'b' AS x"

    code, seen = on_terminal("query", dataset, sql)

    assert code == 0
    assert "a\\x1b[31m\\x07\\r\\nb" in seen


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_binary_formats_are_not_for_terminals(form: str, dataset: Path) -> None:
    code, seen = on_terminal("query", dataset, "SELECT 1", "--format", form)

    assert code == 2
    assert seen.startswith(f"fw-dataset: error: {form} is not for a terminal")
    assert "-o FILE" in seen


def test_text_formats_are_whole_on_a_terminal(dataset: Path) -> None:
    code, seen = on_terminal("query", dataset, "SELECT name FROM files", "--format", "csv")

    assert code == 0
    assert len(seen.splitlines()) == 101
