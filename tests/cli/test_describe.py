"""``tables``, ``schema``, ``versions`` and ``render``: what they say, as text and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fw_dataset import Dataset
from tests.cli.commands import files_below, fw_dataset, fw_dataset_process

COUNTS = {
    "acquisitions": 892,
    "analyses": 35,
    "files": 2448,
    "projects": 1,
    "sessions": 41,
    "subjects": 17,
}


def test_tables_of_a_study(study_dataset: Path) -> None:
    text = fw_dataset("tables", study_dataset)
    found = json.loads(fw_dataset("tables", study_dataset, "--json").stdout)

    assert {table["name"]: table["rows"] for table in found} == COUNTS
    models = {name: t.data_model for name, t in Dataset.open(study_dataset).tables.items()}
    for table in found:
        assert table["columns"] == len(models[table["name"]].properties)
        assert table["description"] == models[table["name"]].description != ""
        (line,) = [line for line in text.text.splitlines() if line.startswith(table["name"])]
        assert line.split()[1] == f"{table['rows']:,}"
        assert line.endswith(table["description"])
    assert text.stderr == ""


def test_schema(dataset: Path) -> None:
    text = fw_dataset("schema", dataset, "sessions")
    document = json.loads(fw_dataset("schema", dataset, "sessions", "--json").stdout)

    assert document == Dataset.open(dataset).get_table_schema("sessions")
    lines = text.text.splitlines()
    assert [line.split()[0] for line in lines[2:]] == list(document["properties"])
    assert lines[0].split() == ["column", "type", "null", "description"]
    rows = {line.split()[0]: line for line in lines[2:]}
    assert rows["id"].split()[1:3] == ["VARCHAR", "no"]
    assert rows["weight"].split()[1:3] == ["DOUBLE", "yes"]
    assert rows["timestamp"].split()[1] == "TIMESTAMP"
    assert rows["info"].split()[1:4] == ["VARCHAR", "(JSON)", "yes"]
    assert rows["weight"].endswith(document["properties"]["weight"]["description"])


def test_versions(dataset: Path) -> None:
    text = fw_dataset("versions", dataset)
    found = json.loads(fw_dataset("versions", dataset, "--json").stdout)

    assert found == Dataset.open(dataset).list_versions()
    assert [info["version"] for info in found] == ["v2", "v1"]
    heading, _, newest, oldest = text.text.splitlines()
    assert heading.split() == ["version", "label", "created", "rows", "size", "latest"]
    assert newest.split()[:4] == ["v2", "2024-02-01", "11:30:00", "UTC"]
    assert newest.endswith("yes")
    assert "erste Fassung ✓" in oldest
    assert "106" in oldest.split()
    assert oldest.endswith("kB")


def test_what_another_version_has(dataset: Path) -> None:
    for arguments in (["tables"], ["schema", "files"]):
        command, *more = arguments
        first = fw_dataset(command, dataset, *more, "--version", "v1")
        label = fw_dataset(command, dataset, *more, "--version", "erste Fassung ✓")
        assert first.returncode == 0
        assert first.stdout == label.stdout != b""


def test_render_says_what_it_made(snapshot: Path, tmp_path: Path) -> None:
    target = tmp_path / "a folder"

    first = fw_dataset("render", snapshot, target, "--version", "v1", "--label", "Eins")
    again = fw_dataset("render", snapshot, target, "--version", "v1", "--label", "Eins")

    assert first.returncode == 0
    assert first.text.splitlines()[:2] == ["version v1 (Eins)", f"{target}/versions/v1"]
    assert "files          100" in first.text.splitlines()
    assert first.text.splitlines()[-1].startswith("106 rows, 0.")
    assert first.stderr.startswith("rendered in ")
    assert again.stdout == first.stdout
    assert again.stderr == "the version was there already; nothing was rendered\n"


def test_render_as_json(snapshot: Path, tmp_path: Path) -> None:
    target = tmp_path / "dataset"
    arguments = ("--created", "2024-06-01T12:00:00+02:00", "--json")

    first = json.loads(fw_dataset("render", snapshot, target, *arguments).stdout)
    again = json.loads(fw_dataset("render", snapshot, target, *arguments).stdout)

    dataset = Dataset.open(target)
    assert first["version"] == dataset.version
    assert first["created"] == "2024-06-01T10:00:00.000+00:00"
    assert first["tables"] == dataset.row_counts()
    assert (Path(first["location"]) / "tables" / "files").is_dir()
    assert first["skipped"] == {}
    assert (first["rendered"], again["rendered"]) == (True, False)
    changing = {"rendered", "seconds"}
    assert {k: v for k, v in first.items() if k not in changing} == {
        k: v for k, v in again.items() if k not in changing
    }


@pytest.mark.parametrize("keep", [None, True, False])
def test_control_columns_and_the_source(keep: bool | None, snapshot: Path, tmp_path: Path) -> None:
    columns = tmp_path / "columns.json"
    columns.write_text('{"subjects": ["sex"]}')
    choice = {None: [], True: ["--keep-source"], False: ["--no-keep-source"]}[keep]
    target = tmp_path / "dataset"

    run = fw_dataset("render", snapshot, target, "--control-columns", str(columns), *choice)

    assert run.returncode == 0, run.stderr
    names = list(Dataset.open(target).tables["subjects"].data_model.properties)
    assert "sex" in names
    assert "id" in names
    assert not {"label", "firstname", "info", "extra"} & set(names)
    kept = {Path(name).name for name in files_below(target)}
    assert ("snapshot.db.gz" in kept) is (keep is True)


def test_workdir_is_used_and_left_empty(snapshot: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()

    run = fw_dataset("render", snapshot, tmp_path / "dataset", "--workdir", work)

    assert run.returncode == 0, run.stderr
    assert files_below(work) == set()


def test_verbose_says_what_is_done(snapshot: Path, tmp_path: Path) -> None:
    after = fw_dataset_process("render", snapshot, tmp_path / "one", "-v")
    before = fw_dataset_process("-v", "render", snapshot, tmp_path / "two")

    for run in (after, before):
        assert "render files: 100 rows" in run.stderr
        assert run.returncode == 0
