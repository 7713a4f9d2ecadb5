"""Two real studies: of every tabular file, all rows and all cells are there again."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from fw_dataset.render.selection import select_columns
from fw_dataset.render.tabular.derive import derive_tabular
from fw_dataset.render.tabular.folder import FolderSource
from fw_dataset.render.version import render_tables
from fw_dataset.snapshot import open_snapshot
from tests.support.shared_data import STUDIES, shared
from tests.support.tabular import Derived


def rendered(study: str, folder: Path) -> Derived:
    folder.mkdir()
    with open_snapshot(shared("data", study, "snapshot.db.gz"), folder) as snapshot:
        primary = render_tables(
            snapshot, select_columns(None), folder, skip_errors=False, progress=None
        )
    sources: dict[str, list[Path]] = {}
    for entry in primary.entries:
        assert entry.table is not None
        sources.setdefault(entry.table, []).append(folder / entry.path)
    files = FolderSource(shared("data", study, "files"))
    return Derived(derive_tabular(sources, folder, files, list(primary.models), folder), folder)


@pytest.mark.parametrize("study", STUDIES)
def test_every_file_is_accounted_for(study: str, tmp_path: Path) -> None:
    counts = json.loads(shared("data", study, "counts.json").read_text())
    derived = rendered(study, tmp_path / "v")

    rows: dict[str, list[dict[str, Any]]] = {}
    for table in derived.tables.models:
        for row in derived.rows(table):
            rows.setdefault(row["parents.file"], []).append(row)
    assert len(derived.tables.files) == counts["tabular_files"]
    for entry in derived.tables.files:
        assert (entry["status"], entry["encoding"], entry["delimiter"]) == ("read", "utf-8", "\t")
        path = shared("data", study, "files", entry["file_id"], entry["name"])
        with path.open(newline="") as file:
            source = list(csv.DictReader(file, delimiter="\t"))
        found = rows.pop(entry["file_id"])
        assert [row["row"] for row in found] == list(range(len(source)))
        assert entry["rows"] == len(found)
        for cells, row in zip(source, found, strict=True):
            for name, cell in cells.items():
                value = row[name]
                if value is None:
                    value = json.loads(row["extra"])[name] if cell else ""
                assert value == cell or float(cell) == value, (entry["name"], name)
    assert rows == {}


def test_types_of_the_large_study(tmp_path: Path) -> None:
    derived = rendered("ds000117", tmp_path / "v")

    assert derived.types("participants") == {
        "participant_id": "TEXT",
        "age": "INTEGER",
        "sex": "TEXT",
        "first_ses": "TEXT",
    }
    assert derived.tables.report["participants"]["not_available"] == {"age": 1}
    assert derived.types("sub_01_ses_mri_task_facerecognition_run_03_events") == {
        "onset": "NUMBER",
        "duration": "NUMBER",
        "circle_duration": "NUMBER",
        "stim_type": "TEXT",
        "trigger": "INTEGER",
        "button_pushed": "INTEGER",
        "response_time": "NUMBER",
        "stim_file": "TEXT",
    }
    assert len(derived.tables.models) == 6


def test_the_same_again_gives_the_same_bytes(tmp_path: Path) -> None:
    first, again = (rendered("ds000117", tmp_path / name) for name in ("first", "again"))

    assert first.tables.entries == again.tables.entries
    assert first.tables.models == again.tables.models
    assert first.tables.files == again.tables.files
