"""``diff``: what it says of known edits, to people and to programs."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from fw_dataset import Dataset
from tests.cli.commands import assert_one_line_error, fw_dataset
from tests.support.datasets import write_old_version

OLD = {
    "subjects": pa.table({"id": ["a", "b", "c"], "label": ["A", "B", "C"], "age": ["1", "2", "3"]}),
    "sessions": pa.table({"id": ["s"], "n": [1]}),
    "former": pa.table({"x": [1, 2]}),
    "scores": pa.table({"x": [1, 2]}),
    "doubled": pa.table({"id": ["a", "a"], "x": [1, 2]}),
}
NEW = {
    "subjects": pa.table(
        {
            "id": ["b", "c", "d", "e"],
            "label": ["B!", "C\n", "D", "E"],
            "age": [2, 3, 4, 5],
            "weight": [1.5, None, None, None],
        }
    ),
    "sessions": pa.table({"id": ["s"], "n": [1]}),
    "qc": pa.table({"id": ["q"]}),
    "scores": pa.table({"x": [2, 3]}),
    "doubled": pa.table({"id": ["a"], "x": [1]}),
}


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of two versions with known differences."""
    root = tmp_path_factory.mktemp("edited")
    write_old_version(root, "v1", OLD, label="before")
    write_old_version(root, "v2", NEW, label="after", created="2024-02-01T00:00:00.000+00:00")
    return root


def test_text(edited: Path) -> None:
    run = fw_dataset("diff", edited, "before", "latest")

    assert run.returncode == 0
    heading, _, *lines = run.text.splitlines()
    assert heading.split() == ["table", "added", "removed", "changed", "what"]
    assert [line.split(None, 4) for line in lines] == [
        [
            *("doubled", "0", "1", "0"),
            "by whole rows, for want of a key of their own: 2 and 1 rows",
        ],
        ["former", "2", "table", "removed"],
        ["qc", "1", "table", "added"],
        ["scores", "1", "1", "0", "by whole rows"],
        ["subjects", "2", "1", "2", "label 2, +weight DOUBLE, age VARCHAR → BIGINT"],
    ]
    assert lines[1].index("2") < lines[1].index("table")
    assert run.stderr == "5 of 6 tables differ between versions v1 and v2\n"


def test_json(edited: Path) -> None:
    run = fw_dataset("diff", edited, "v1", "v2", "--json")

    found = json.loads(run.stdout)
    assert (run.returncode, run.stderr) == (0, "")
    with Dataset.open(edited).diff("v1", "v2") as difference:
        assert found == difference.to_dict()
    assert found["tables"]["sessions"] == {"added": 0, "removed": 0, "changed": 0, "columns": {}}


def test_rows(edited: Path) -> None:
    run = fw_dataset("diff", edited, "v1", "v2", "--rows", "subjects")
    cut = fw_dataset("diff", edited, "v1", "v2", "--rows", "subjects", "--max-rows", "1")
    found = json.loads(
        fw_dataset("diff", edited, "v1", "v2", "--rows", "subjects", "--json").stdout
    )

    assert run.returncode == cut.returncode == 0
    heading, _, *lines = run.text.splitlines()
    assert heading.split() == ["change", "id", "column", "old", "new"]
    assert lines[2].split() == ["changed", "b", "label", "B", "B!"]
    assert lines[3].split() == ["changed", "c", "label", "C", "C\\n"]
    assert run.stderr == "5 rows\n"
    assert (len(cut.text.splitlines()), cut.stderr) == (3, "5 rows, the first 1 shown\n")
    assert [row["change"] for row in found] == ["added", "added", "changed", "changed", "removed"]
    assert found[2] == {"change": "changed", "id": "b", "column": "label", "old": "B", "new": "B!"}


def test_equal_versions(edited: Path) -> None:
    run = fw_dataset("diff", edited, "v1", "v1", "--exit-code")

    assert (run.returncode, run.stdout) == (0, b"")
    assert run.stderr == "nothing differs between versions v1 and v1, in 5 tables\n"
    some = fw_dataset("diff", edited, "v1", "v2", "--tables", "sessions", "--exit-code")
    assert some.returncode == 0
    assert some.stderr.endswith(", in 1 table\n")


def test_exit_code_tells_when_asked(edited: Path) -> None:
    for options in ((), ("--json",), ("--rows", "subjects")):
        run = fw_dataset("diff", edited, "v1", "v2", *options, "--exit-code")
        assert run.returncode == 1
        assert "error" not in run.stderr
        assert run.stdout != b""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("v1", "v3"), 1, "no version 'v3'"),
        (("v1", "v2", "--tables", "subject"), 1, "did you mean 'subjects'?"),
        (("v1", "v2", "--rows", "subject"), 1, "did you mean 'subjects'?"),
        (("v1", "v2", "--tables", "a,,b"), 2, "single commas"),
        (("v1", "v2", "--tables", "qc", "--rows", "qc"), 2, "name one of them"),
        (("v1",), 2, "Missing argument 'NEW'"),
    ],
)
def test_what_is_wrong_is_said(
    arguments: tuple[str, ...], code: int, words: str, edited: Path
) -> None:
    assert_one_line_error(fw_dataset("diff", edited, *arguments), code, words)


def test_a_real_study_and_itself(study_dataset: Path) -> None:
    run = fw_dataset("diff", study_dataset, "latest", "the study")

    assert run.returncode == 0
    assert run.stderr.endswith(", in 6 tables\n")
