"""Real studies, from the snapshot to answers."""

from __future__ import annotations

import gzip
import json
import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from fw_dataset import Dataset, render_snapshot
from fw_dataset.storage import LocalStorage
from fw_dataset.versions.catalog import Catalog
from tests.support.jobs import check_whole
from tests.support.shared_data import STUDIES, shared

TABLES = {
    "projects": "project",
    "subjects": "subject",
    "sessions": "session",
    "acquisitions": "acquisition",
    "analyses": "analysis",
    "files": "file",
}


class Study:
    """A study's snapshot as it is, beside the dataset that it was rendered to."""

    def __init__(self, name: str, folder: Path) -> None:
        self.snapshot = shared("data", name, "snapshot.db.gz")
        self.counts: dict[str, int] = json.loads(shared("data", name, "counts.json").read_text())
        self.root = folder / "dataset"
        self.dataset = render_snapshot(self.snapshot, self.root, label=name)
        plain = folder / "snapshot.db"
        plain.write_bytes(gzip.decompress(self.snapshot.read_bytes()))
        with closing(sqlite3.connect(plain)) as connection:
            self.records: dict[str, list[dict[str, Any]]] = {
                table: [
                    json.loads(data) for (data,) in connection.execute(f"select data from {table}")
                ]
                for table in TABLES.values()
            }

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        return self.dataset.execute(sql).fetchall()


@pytest.fixture(scope="module", params=STUDIES)
def study(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Study:
    return Study(request.param, tmp_path_factory.mktemp(request.param))


def test_counts(study: Study) -> None:
    rows = {name: study.ask(f"select count(*), count(distinct id) from {name}") for name in TABLES}

    for name, table in TABLES.items():
        assert rows[name] == [(study.counts[table], study.counts[table])], name
    assert study.dataset.row_counts() == {
        name: study.counts[table] for name, table in TABLES.items()
    }


def test_the_large_study(tmp_path: Path) -> None:
    """The numbers by themselves, should counts.json ever change."""
    dataset = render_snapshot(shared("data", "ds000117", "snapshot.db.gz"), tmp_path)

    assert dataset.row_counts() == {
        "projects": 1,
        "subjects": 17,
        "sessions": 41,
        "acquisitions": 892,
        "analyses": 35,
        "files": 2448,
    }


def test_the_version_is_whole_and_nothing_else_is_there(study: Study) -> None:
    (version,) = Catalog(LocalStorage(study.root)).versions()
    check_whole(version)

    assert sorted(path.name for path in study.root.iterdir()) == ["README.md", "versions"]
    assert len(list(study.root.rglob("*.parquet"))) == len(TABLES)
    kept = next(study.root.rglob("snapshot.db.gz"))
    assert kept.read_bytes() == study.snapshot.read_bytes()


def test_every_file_is_joined_to_its_place(study: Study) -> None:
    joined = study.ask(
        """
        select files.id, acquisitions.label, sessions.label, subjects.label
        from files
        left join acquisitions on acquisitions.id = files."parents.acquisition"
        left join sessions on sessions.id = files."parents.session"
        left join subjects on subjects.id = files."parents.subject"
        """
    )
    labels = {
        record["_id"]: record["label"]
        for table in ("acquisition", "session", "subject")
        for record in study.records[table]
    }
    expected = {
        record["uuid"]: tuple(
            labels.get(record["parents"].get(level))
            for level in ("acquisition", "session", "subject")
        )
        for record in study.records["file"]
    }
    assert {row[0]: row[1:] for row in joined} == expected


def test_a_join_through_all_levels(study: Study) -> None:
    ((rows,),) = study.ask(
        """
        select count(*) from files
        join acquisitions on acquisitions.id = files."parents.acquisition"
        join sessions on sessions.id = acquisitions."parents.session"
        join subjects on subjects.id = sessions."parents.subject"
        join projects on projects.id = subjects."parents.project"
        """
    )
    placed = [record for record in study.records["file"] if record["parents"].get("acquisition")]
    assert rows == len(placed) > 0


def test_paths_into_info(study: Study) -> None:
    found = study.ask(
        """
        select label, info->>'$.participants.participant_id', info->>'$.participants.age'
        from subjects where (info->'$.participants') is not null
        """
    )
    expected = [
        (record["label"], people["participant_id"], people["age"])
        for record in study.records["subject"]
        if (people := record["info"].get("participants"))
    ]
    assert sorted(found) == sorted(expected)
    assert found


def test_files_by_suffix(study: Study) -> None:
    found = study.ask(
        """
        select info->>'$.BIDS.Suffix', count(*), sum(size) from files
        where (info->>'$.BIDS.Suffix') is not null group by all
        """
    )
    expected: dict[str, list[int]] = {}
    for record in study.records["file"]:
        suffix = record["info"].get("BIDS", {}).get("Suffix")
        if suffix is not None:
            tally = expected.setdefault(suffix, [0, 0])
            tally[0] += 1
            tally[1] += record["size"]
    assert {row[0]: [row[1], int(row[2])] for row in found} == expected


def test_info_is_the_sources(study: Study) -> None:
    for name, table in TABLES.items():
        key = "uuid" if table == "file" else "_id"
        rows = study.ask(f"select id, info from {name}")
        read = {row[0]: json.loads(row[1]) if row[1] else {} for row in rows}
        assert read == {record[key]: record.get("info") or {} for record in study.records[table]}


def test_a_subject_and_its_sessions_stand_together(study: Study) -> None:
    for name in ("sessions", "acquisitions", "files"):
        subjects = [row[0] for row in study.ask(f'select "parents.subject" from {name}')]
        changes = sum(a != b for a, b in pairwise(subjects))
        assert changes == len(set(subjects)) - 1


def test_the_same_again_and_another_label(study: Study) -> None:
    again = render_snapshot(study.snapshot, study.root, label="again")

    assert again.version == study.dataset.version
    assert len(again.list_versions()) == 1
    assert Dataset.open(study.root).version_label == "again"
    render_snapshot(study.snapshot, study.root, label=study.dataset.version_label)


def test_without_names(study: Study) -> None:
    """What control_columns leave out is nowhere in the version."""
    columns = {"projects": [], "subjects": ["sex"], "sessions": [], "acquisitions": [], "files": []}
    dataset = render_snapshot(
        study.snapshot, study.root, version="plain", control_columns={**columns, "analyses": []}
    )
    labels = {record["label"].encode() for record in study.records["subject"]}

    (path,) = (study.root / "versions").glob("plain")
    for file in path.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not [label for label in labels if label in content], file.name
    assert dataset.row_counts()["files"] == study.counts["file"]
    names = [row[0] for row in dataset.connect("plain").execute("describe subjects").fetchall()]
    assert names == ["id", "parents.group", "parents.project", "sex"]
