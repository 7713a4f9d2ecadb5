"""``fw-dataset publish-iceberg``: lines, JSON, and what is wrong usage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.commands import assert_one_line_error, files_below, fw_dataset
from tests.support.datasets import copy_of


@pytest.fixture
def mine(dataset: Path, tmp_path: Path) -> Path:
    """The small dataset of two versions."""
    return copy_of(dataset, tmp_path / "dataset")


def test_tables_are_published(mine: Path) -> None:
    run = fw_dataset("publish-iceberg", mine, "--tables", "subjects,files")

    assert run.returncode == 0, run.stderr
    rows = [line.split() for line in run.text.splitlines()[-2:]]
    assert rows == [["subjects", "3"], ["files", "100"]]
    assert run.stderr == f"version v2 in file://{mine}/iceberg: 2 tables, 2 of them new\n"
    again = fw_dataset("publish-iceberg", mine, "--tables", "subjects")
    assert again.stderr == f"version v2 in file://{mine}/iceberg: 1 table, 0 of them new\n"


def test_another_version_and_place_as_json(mine: Path, tmp_path: Path) -> None:
    options = ("--version", "v1", "--location", str(tmp_path / "out"), "--tables", "subjects")
    run = fw_dataset("publish-iceberg", mine, *options, "--no-read-back", "--json")

    told = json.loads(run.stdout)
    assert (told["version"], told["label"], told["place"]) == (
        "v1",
        "erste Fassung ✓",
        f"file://{tmp_path / 'out'}",
    )
    (table,) = told["tables"]
    assert (table["name"], table["state"], table["rows"], table["is_current"]) == (
        "subjects",
        "published",
        3,
        True,
    )
    assert table["metadata_location"].endswith("/out/subjects/metadata/v1.metadata.json")
    assert {name.rpartition(".")[2] for name in files_below(tmp_path / "out")} >= {"json", "avro"}
    assert run.stderr == ""


def test_wrong_usage(mine: Path) -> None:
    for options, code, words in (
        (("--location", "x", "--catalog", "y"), 2, "--location and --catalog"),
        (("--namespace", "x"), 2, "--catalog"),
        (("--tables", "nothing"), 1, "no table 'nothing'"),
        (("--catalog", "nothing"), 1, "the catalog 'nothing'"),
    ):
        assert_one_line_error(fw_dataset("publish-iceberg", mine, *options), code, words)
    assert not (mine / "iceberg").exists()
