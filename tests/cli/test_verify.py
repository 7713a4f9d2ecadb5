"""``fw-dataset verify``: exit codes, lines and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.commands import assert_one_line_error, fw_dataset
from tests.support.datasets import copy_of
from tests.support.shared_data import OLD_RELEASES, shared


@pytest.fixture
def mine(dataset: Path, tmp_path: Path) -> Path:
    """The small dataset of two versions, to be damaged."""
    return copy_of(dataset, tmp_path / "dataset")


def test_all_is_well(dataset: Path) -> None:
    for arguments in ((), ("--deep",), ("--version", "v1"), ("--version", "erste Fassung ✓")):
        run = fw_dataset("verify", dataset, *arguments)

        assert (run.returncode, run.stdout) == (0, b""), run.stderr
        assert run.stderr.startswith(f"version {'v1' if '--version' in arguments else 'v2'}: ")
        assert run.stderr.endswith("all is well\n")


def test_problems_are_a_line_each(mine: Path) -> None:
    (gone,) = (mine / "versions/v2/tables/files").iterdir()
    gone.unlink()
    (mine / "versions/v2/tables/x\ny.txt").write_text("x")

    run = fw_dataset("verify", mine)

    assert run.returncode == 1
    path = gone.relative_to(mine)
    missing = f"missing: {path}: the manifest lists it, and it is not there"
    foreign = "foreign: versions/v2/tables/x y.txt: "
    lines = run.text.splitlines()
    assert lines[0] == missing
    assert lines[1].startswith(foreign)
    assert len(lines) == 2
    assert run.stderr.endswith(" looked at, 2 problems\n")


def test_all_versions(mine: Path) -> None:
    (gone,) = (mine / "versions/v1/tables/files").iterdir()
    gone.unlink()

    run = fw_dataset("verify", mine, "--all")

    assert run.returncode == 1
    assert len(run.text.splitlines()) == 1
    summaries = run.stderr.splitlines()
    assert [line.split(":")[0] for line in summaries] == ["version v2", "version v1"]
    assert fw_dataset("verify", mine).returncode == 0
    assert_one_line_error(fw_dataset("verify", mine, "--all", "--version", "v1"), 2, "--all")


def test_json(mine: Path) -> None:
    fine = fw_dataset("verify", mine, "--json")
    assert fine.returncode == 0
    assert json.loads(fine.text)["ok"] is True
    (damaged,) = (mine / "versions/v2/tables/files").iterdir()
    damaged.write_bytes(damaged.read_bytes()[::-1])

    run = fw_dataset("verify", mine, "--all", "--deep", "--json")

    assert run.returncode == 1
    newest, oldest = json.loads(run.text)
    assert oldest["ok"] is True
    assert newest["deep"] is True
    assert {problem["kind"] for problem in newest["problems"]} == {"content", "unreadable"}


@pytest.mark.parametrize("release", OLD_RELEASES)
def test_old_datasets(release: str) -> None:
    root = next(shared("data", "old_format", release, "datasets").glob("*/*/*"))

    run = fw_dataset("verify", root, "--deep")

    assert (run.returncode, run.stdout) == (0, b""), run.stderr
    summary, unchecked = run.stderr.splitlines()
    assert summary.endswith("all is well")
    assert unchecked.startswith("not checked: there is no manifest")


def test_failures(tmp_path: Path, dataset: Path) -> None:
    assert_one_line_error(fw_dataset("verify", tmp_path), 1, "no dataset")
    assert_one_line_error(fw_dataset("verify", dataset, "--version", "v9"), 1, "v9", "v1")
