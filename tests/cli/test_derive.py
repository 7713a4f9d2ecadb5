"""``fw-dataset derive``, and the options of ``render`` that ask for derived tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.commands import assert_one_line_error, fw_dataset, fw_dataset_process
from tests.flywheel_server import Site
from tests.support.datasets import copy_of, tree
from tests.support.derivable import TABLES, write_files, write_study
from tests.support.flywheel_sites import KEY, new_site, serving

ALL = (
    *("--headers", "--qc"),
    *("--custom-info", "subjects.demographics", "--custom-info", "files.BIDS"),
)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a snapshot, the bytes of its tabular files, and a dataset without tables."""
    folder = tmp_path_factory.mktemp("study")
    write_study(folder)
    write_files(folder / "files")
    run = fw_dataset("render", folder / "snapshot.db.gz", folder / "plain")
    assert run.returncode == 0, run.stderr
    return folder


@pytest.fixture
def plain(study: Path, tmp_path: Path) -> Path:
    return copy_of(study / "plain", tmp_path / "dataset")


def rows(dataset: Path) -> dict[str, int]:
    run = fw_dataset("tables", dataset, "--json")
    return {table["name"]: table["rows"] for table in json.loads(run.text)}


def test_with_the_rendering(study: Path, tmp_path: Path) -> None:
    run = fw_dataset(
        *("render", study / "snapshot.db.gz", tmp_path / "out", *ALL, "--profiles"),
        *("--tabular-files", study / "files"),
    )
    assert run.returncode == 0, run.stderr
    assert rows(tmp_path / "out").items() >= TABLES.items()
    assert fw_dataset("verify", tmp_path / "out", "--deep").returncode == 0


def test_why_there_is_no_table_of_a_key(study: Path, plain: Path, tmp_path: Path) -> None:
    key = ("--custom-info", "subjects.nokey", "--custom-info", "subjects.demographics")
    said = "no table: no record of subjects has info.nokey\n"

    runs = [fw_dataset("derive", plain, *key) for _ in range(2)]
    rendered = fw_dataset("render", study / "snapshot.db.gz", tmp_path / "out", *key)

    for run in (*runs, rendered):
        assert run.returncode == 0, run.stderr
        assert run.stderr.endswith(said)
        assert run.stderr.count("no table") == 1


def test_for_a_version_that_stands(study: Path, plain: Path) -> None:
    run = fw_dataset("derive", plain, "--headers", "--qc")
    assert run.returncode == 0, run.stderr
    assert [line.split() for line in run.text.splitlines()[2:]] == [
        ["header_dicom", "3"],
        ["qc", "6"],
        ["qc_mriqc", "3"],
    ]
    assert run.stderr.startswith("3 tables added to version ")

    run = fw_dataset("derive", plain, *ALL, "--tabular-files", study / "files", "--json")
    assert run.returncode == 0, run.stderr
    told = json.loads(run.text)
    assert told["location"] == str(plain)
    others = {name: n for name, n in TABLES.items() if not name.startswith(("header", "qc"))}
    assert told["tables"] == others
    before = tree(plain)
    again = fw_dataset("derive", plain, *ALL)
    assert (again.returncode, again.text) == (0, "")
    assert again.stderr.startswith("0 tables added")
    assert tree(plain) == before


def test_profiles_alone(plain: Path) -> None:
    run = fw_dataset("derive", plain, "--profiles", "--no-values")
    assert (run.returncode, run.text) == (0, "")
    assert run.stderr.startswith("0 tables added to version ")
    assert run.stderr.endswith(", all tables profiled\n")
    assert list(plain.rglob("subjects.profile.json"))


def test_a_key_that_no_record_has(plain: Path) -> None:
    run = fw_dataset("derive", plain, "--custom-info", "sessions.nothing")
    assert (run.returncode, run.text) == (0, "")
    assert "0 tables added" in run.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["nothing is asked for"]),
        (["--headers", "--no-values"], ["--profiles"]),
        (["--tabular-files"], ["needs a folder"]),
        (["--tabular-files", ""], ["empty"]),
        (["--tabular-files="], ["empty"]),
        (["--custom-info", "people.x"], ["people"]),
    ],
)
def test_what_cannot_be_asked(plain: Path, arguments: list[str], words: list[str]) -> None:
    before = tree(plain)
    assert_one_line_error(fw_dataset("derive", plain, *arguments), 2, *words)
    assert tree(plain) == before


def test_rendering_refuses_the_same(study: Path, tmp_path: Path) -> None:
    snapshot = study / "snapshot.db.gz"
    for arguments, word in (
        (["--no-values"], "--profiles"),
        (["--tabular-files"], "needs a folder"),
        (["--custom-info", "people.x"], "people"),
    ):
        run = fw_dataset("render", snapshot, tmp_path / "out", *arguments)
        assert_one_line_error(run, 2, word)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(plain: Path, tmp_path: Path) -> None:
    run = fw_dataset("derive", plain, "--tabular-files", tmp_path / "nowhere")
    assert_one_line_error(run, 2 if run.returncode == 2 else 1, "nowhere")


def test_of_a_site(study: Path, tmp_path: Path) -> None:
    site: Site = new_site()
    project = site.add_project(
        "lab", "study", snapshot=study / "snapshot.db.gz", files=study / "files"
    )
    project.add_snapshot(status="complete")
    with serving(site) as server:
        host, _, key = server.api_key(KEY).rpartition(":")
        env = {"FW_HOSTNAME": host, "FW_WS_API_KEY": key, "HOME": str(tmp_path)}
        place = ("fw://lab/study", "--root", str(tmp_path / "data"))
        made = fw_dataset_process("render", *place, "--qc", env=env)
        assert made.returncode == 0, made.stderr
        added = fw_dataset_process(
            "derive", "fw://lab/study", "--tabular-files", "--headers", "--json", env=env
        )
    assert added.returncode == 0, added.stderr
    assert json.loads(added.text)["tables"] == {
        name: TABLES[name] for name in ("header_dicom", "scores", "visits")
    }
