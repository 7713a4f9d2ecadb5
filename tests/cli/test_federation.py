"""``fw-dataset query`` of several datasets."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from tests.cli.commands import assert_one_line_error, fw_dataset
from tests.support.datasets import write_old_version

COUNTED = "SELECT dataset, count(*) AS n FROM everything.scores GROUP BY ALL ORDER BY ALL"


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Datasets in ``site-a``, ``site b`` and another ``site-a``."""
    found = [tmp_path / "site-a", tmp_path / "site b", tmp_path / "more" / "site-a"]
    for number, folder in enumerate(found, 1):
        scores = pa.table({"score": list(range(number))})
        write_old_version(folder, "v1", {"scores": scores}, label="first")
    return found


def test_schemas_are_called_like_the_folders(folders: list[Path]) -> None:
    run = fw_dataset("query", *folders, COUNTED, "--format", "csv")
    sql = 'SELECT count(*) AS n FROM "site-a".scores, "site b".scores, "site-a_2".scores'
    joined = fw_dataset("query", *folders, sql, "--format", "csv")

    assert run.text.splitlines() == ["dataset,n", "site b,2", "site-a,1", "site-a_2,3"]
    assert joined.text.splitlines() == ["n", "6"]


def test_where_one_stands(folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folders[0])

    run = fw_dataset("query", ".", f"{folders[1]}/", COUNTED, "--format", "csv")

    assert run.text.splitlines() == ["dataset,n", "site b,2", "site-a,1"]


def test_sql_from_standard_input_and_a_version(folders: list[Path]) -> None:
    options = ("--format", "csv", "--version", "first")
    run = fw_dataset("query", *folders, "-", *options, stdin=COUNTED.encode())

    assert run.returncode == 0, run.stderr
    assert len(run.text.splitlines()) == 4


def test_one_dataset_has_no_schemas(folders: list[Path]) -> None:
    assert fw_dataset("query", folders[0], "FROM scores", "--format", "csv").text == "score\n0\n"
    assert_one_line_error(fw_dataset("query", folders[0], COUNTED), 1)


def test_what_is_wrong_is_one_line(folders: list[Path], tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    assert_one_line_error(fw_dataset("query", *folders, nowhere, COUNTED), 1, "nowhere")
    no_version = fw_dataset("query", *folders, COUNTED, "--version", "v9")
    assert_one_line_error(no_version, 1, "no version 'v9'")
    assert_one_line_error(fw_dataset("query", *folders, "FROM scores"), 1, "scores")
    assert_one_line_error(fw_dataset("query", *folders), 1)  # the last folder is no SQL
    assert_one_line_error(fw_dataset("query", folders[0]), 2, "SQL")
