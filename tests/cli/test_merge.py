"""``fw-dataset merge``: what it adds, says and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from tests.cli.commands import assert_one_line_error, fw_dataset
from tests.support.datasets import copy_of, tree, write_old_version
from tests.support.emulators import Emulators
from tests.support.filled_storages import copied_to
from tests.support.store_places import StorePlace


@pytest.fixture
def mine(dataset: Path, tmp_path: Path) -> Path:
    """The small dataset of two versions, to be added to."""
    return copy_of(dataset, tmp_path / "dataset")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    tables = {"scores": pa.table({"n": list(range(1234))}), "visits": pa.table({"n": [1]})}
    write_old_version(tmp_path / "source", "s1", tables)
    return tmp_path / "source"


def test_all_tables(mine: Path, source: Path) -> None:
    run = fw_dataset("merge", mine, source)

    assert run.returncode == 0, run.stderr
    assert [line.split() for line in run.text.splitlines()[2:]] == [
        ["scores", "1,234"],
        ["visits", "1"],
    ]
    assert run.stderr == "2 tables added to version v2\n"
    counted = fw_dataset("query", mine, "SELECT count(*) AS n FROM scores", "--format", "csv")
    assert counted.text.split() == ["n", "1234"]
    assert fw_dataset("verify", mine, "--deep").returncode == 0


def test_some_tables_to_a_version(mine: Path, source: Path) -> None:
    run = fw_dataset(
        *("merge", mine, source, "--tables", "visits", "--version", "v1"),
        *("--source-version", "s1", "--json"),
    )

    assert run.returncode == 0, run.stderr
    assert json.loads(run.text) == {
        "version": "v1",
        "location": str(mine),
        "source": str(source),
        "tables": {"visits": 1},
    }
    again = fw_dataset("merge", mine, source, "--tables", "scores, visits", "--version", "v1")
    assert_one_line_error(again, 1, "'visits' already", "tables=['scores']")


def test_what_is_refused_changes_nothing(mine: Path, source: Path, tmp_path: Path) -> None:
    before = tree(mine)

    def refused(code: int, *arguments: str | Path) -> str:
        run = fw_dataset("merge", *arguments)
        assert_one_line_error(run, code)
        return run.stderr

    assert "into itself" in refused(1, mine, mine)
    assert "'files' already" in refused(
        1, mine, mine, "--source-version", "v1", "--tables", "files"
    )
    assert "no table 'x'" in refused(1, mine, source, "--tables", "x")
    assert "single commas" in refused(2, mine, source, "--tables", "a,,b")
    assert "single commas" in refused(2, mine, source, "--tables", "")
    assert "no dataset" in refused(1, mine, tmp_path)
    assert "'s9'" in refused(1, mine, source, "--source-version", "s9")
    assert "Missing argument 'SOURCE'" in refused(2, mine)
    assert tree(mine) == before


def test_a_source_with_credentials_of_its_own(
    mine: Path, source: Path, tmp_path: Path, emulators: Emulators
) -> None:
    emulator = emulators.get("s3")
    emulator.make_bucket("merge-source")
    place = StorePlace(emulator, "merge-source", "p")
    copied_to(place.storage, source)
    credentials = tmp_path / "credentials.json"
    credentials.write_text(json.dumps(place.credentials))

    run = fw_dataset("merge", mine, place.url, "--source-credentials", credentials)

    assert run.returncode == 0, run.stderr
    manifest = (mine / "versions/v2/provenance/manifest.json").read_text()
    assert place.url in manifest
    for secret in ("access_key_id", "secret_access_key"):
        assert place.credentials[secret] not in manifest
    missing = fw_dataset("merge", mine, place.url, "--source-credentials", tmp_path / "none.json")
    assert_one_line_error(missing, 2, "none.json")
