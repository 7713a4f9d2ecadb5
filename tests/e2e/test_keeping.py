"""A keeper's years with two real studies, by the commands alone."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.csv as pa_csv
import pytest

from tests.cli.commands import Run, assert_one_line_error, fw_dataset
from tests.e2e.study_edits import edited, read_snapshot
from tests.support.datasets import copy_of, tree, write_old_version
from tests.support.shared_data import STUDIES, shared

LARGE, SMALL = STUDIES
TABLES = {
    "projects": "project",
    "subjects": "subject",
    "sessions": "session",
    "acquisitions": "acquisition",
    "analyses": "analysis",
    "files": "file",
}


def ran(*arguments: str | Path) -> Run:
    """A command that has to do what it was asked."""
    run = fw_dataset(*arguments)
    assert run.returncode == 0, run.stderr
    return run


def asked(*arguments: str | Path) -> list[list[str]]:
    """The rows that a query gives."""
    text = ran("query", *arguments, "--format", "csv").text
    return list(csv.reader(io.StringIO(text)))[1:]


def versions(root: Path) -> list[tuple[str, str, bool]]:
    listed = json.loads(ran("versions", root, "--json").stdout)
    return [(info["version"], info["label"], info["latest"]) for info in listed]


@dataclass(frozen=True)
class Kept:
    """Two studies, the large one in two versions.

    Attributes:
        large: the dataset of the one.
        small: that of the other.
        counts: the records of each study, by its name and the table's.
        expected: what differs between the two versions.
    """

    large: Path
    small: Path
    counts: dict[str, dict[str, int]]
    expected: dict[str, Any]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    folder = tmp_path_factory.mktemp("kept")
    roots, counts = {}, {}
    for name in STUDIES:
        roots[name] = folder / name
        counts[name] = json.loads(shared("data", name, "counts.json").read_text())
        snapshot = shared("data", name, "snapshot.db.gz")
        choices = (
            "--version",
            "v1",
            "--label",
            "as published",
            "--created",
            "2024-03-01T00:00:00Z",
        )
        ran("render", snapshot, roots[name], *choices)
    study = read_snapshot(shared("data", LARGE, "snapshot.db.gz"), folder)
    expected = edited(study, folder / "edited.db.gz")
    ran(
        "render",
        folder / "edited.db.gz",
        roots[LARGE],
        "--version",
        "v2",
        "--created",
        "2024-06-01T00:00:00Z",
    )
    return Kept(roots[LARGE], roots[SMALL], counts, expected)


@pytest.fixture
def own(kept: Kept, tmp_path: Path) -> Path:
    """The large study, to be changed."""
    return copy_of(kept.large, tmp_path / LARGE)


# ---------------------------------------------------------------------------- both in one query


def test_both_studies_in_one_query(kept: Kept) -> None:
    for table, name in TABLES.items():
        sql = f"""
            select dataset, dataset_version, count(*), count(distinct id)
            from everything.{table} group by all order by all
        """
        found = asked(kept.large, kept.small, sql, "--version", "as published")
        counted = [(study, str(kept.counts[study][name])) for study in STUDIES]
        assert found == [[study, "v1", count, count] for study, count in counted if count != "0"]


def test_what_the_studies_have_in_common(kept: Kept) -> None:
    """Labels that both have, and who is of either sex in each, through all levels."""
    same = asked(
        *(kept.large, kept.small, "--version", "v1"),
        f"select a.label from {LARGE}.subjects a join {SMALL}.subjects b using (label) order by 1",
    )
    sexes = asked(
        *(kept.large, kept.small, "--version", "v1"),
        """
        select dataset, s.sex, count(distinct s.id), count(*)
        from everything.files f join everything.sessions e using (dataset)
        join everything.subjects s using (dataset)
        where f."parents.session" = e.id and e."parents.subject" = s.id
        group by all order by all
        """,
    )

    assert same == [["sub-01"], ["sub-02"]]
    assert {row[0] for row in sexes} == set(STUDIES)
    assert sum(int(row[2]) for row in sexes if row[0] == LARGE) <= kept.counts[LARGE]["subject"]
    assert sum(int(row[2]) for row in sexes if row[0] == SMALL) == kept.counts[SMALL]["subject"]


# ------------------------------------------------------------------------------ what has changed


def test_diff_says_the_edits_and_nothing_else(kept: Kept) -> None:
    found = json.loads(ran("diff", kept.large, "as published", "latest", "--json").stdout)

    assert found == {
        "old": "v1",
        "new": "v2",
        "tables": kept.expected,
        "tables_added": {},
        "tables_removed": {},
    }


def test_diff_the_other_way_round(kept: Kept) -> None:
    found = json.loads(ran("diff", kept.large, "v2", "v1", "--json").stdout)

    assert found["tables"] == {
        name: {**table, "added": table["removed"], "removed": table["added"]}
        for name, table in kept.expected.items()
    }


def test_diff_for_people(kept: Kept) -> None:
    run = fw_dataset("diff", kept.large, "v1", "v2", "--exit-code")

    assert run.returncode == 1
    heading, _, *lines = run.text.splitlines()
    assert heading.split() == ["table", "added", "removed", "changed", "what"]
    read = {}
    for line in lines:
        name, *numbers = line.split(None, 4)
        what = numbers[3].rstrip() if len(numbers) > 3 else ""
        columns = dict(part.rsplit(" ", 1) for part in what.split(", ") if part)
        added, removed, changed = map(int, numbers[:3])
        read[name] = {"added": added, "removed": removed, "changed": changed} | {
            "columns": {column: int(count) for column, count in columns.items()}
        }
    assert read == kept.expected
    assert run.stderr == "6 of 6 tables differ between versions v1 and v2\n"


def test_each_value_that_changed(kept: Kept) -> None:
    rows = json.loads(ran("diff", kept.large, "v1", "v2", "--rows", "subjects", "--json").stdout)

    changes = [(row["column"], row["old"], row["new"]) for row in rows if row["column"] == "label"]
    assert len(changes) == 5
    assert all(new == f"{old} ✓" for _, old, new in changes)
    others = {row["column"]: (row["old"], row["new"]) for row in rows if row["column"] != "label"}
    assert others.keys() == {"tags", "species", "sex", "extra"}
    assert others["species"] == (None, "human")
    assert others["sex"][1] is None
    assert json.loads(others["tags"][1]) == ["excluded", "moved a lot"]
    assert json.loads(others["extra"][1])["shoe size"] == 43
    text = ran("diff", kept.large, "v1", "v2", "--rows", "subjects").text
    assert text.count("changed") == len(rows)


def test_both_versions_in_one_query(kept: Kept) -> None:
    counted = asked(kept.large, "select count(*) from files", "--version", "v2")
    expected = kept.expected["files"]["added"] - kept.expected["files"]["removed"]

    assert counted == [[str(kept.counts[LARGE]["file"] + expected)]]
    assert fw_dataset("diff", kept.large, "v1", "v1", "--exit-code").returncode == 0


# ---------------------------------------------------------------------------- what a keeper does


def test_check_hide_and_show(own: Path) -> None:
    before = tree(own)
    checked = json.loads(ran("verify", own, "--all", "--deep", "--json").stdout)
    assert [(one["version"], one["ok"], one["problems"]) for one in checked] == [
        ("v2", True, []),
        ("v1", True, []),
    ]

    assert ran("hide", own, "files", "analyses").text == "analyses\nfiles\n"
    assert_one_line_error(fw_dataset("query", own, "from files"), 1, "files")
    assert asked(own, "select count(*) > 0 from files", "--version", "v1") == [["true"]]
    difference = json.loads(ran("diff", own, "v1", "v2", "--json").stdout)
    assert difference["tables_removed"].keys() == {"files", "analyses"}
    ran("verify", own, "--deep")

    ran("unhide", own, "files", "analyses")
    assert tree(own) == before


def test_merge_a_table_of_the_participants(own: Path, kept: Kept, tmp_path: Path) -> None:
    """The study's own participants.tsv, as somebody else made a dataset of it."""
    (path,) = shared("data", LARGE, "files").glob("*/participants.tsv")
    participants = pa_csv.read_csv(path, parse_options=pa_csv.ParseOptions(delimiter="\t"))
    source = tmp_path / "source"
    write_old_version(source, "s1", {"participants": participants})

    run = ran("merge", own, source, "--tables", "participants", "--json")

    assert json.loads(run.stdout)["tables"] == {"participants": len(participants)}
    joined = asked(
        own,
        "select count(*), sum((s.sex[1] = lower(p.sex))::int) from participants p"
        " join subjects s on s.code = p.participant_id",
    )
    # All but the empty room's, and the subject's whose sex an edit has taken away.
    assert joined == [["17", "15"]]
    ran("verify", own, "--all", "--deep")
    found = json.loads(ran("diff", own, "v1", "v2", "--json").stdout)
    assert found["tables_added"] == {"participants": len(participants)}
    assert found["tables"] == kept.expected
    assert_one_line_error(fw_dataset("merge", own, source), 1, "'participants' already")
    assert_one_line_error(fw_dataset("merge", own, kept.small), 1, "already")


def test_export_and_download(own: Path, kept: Kept, tmp_path: Path) -> None:
    expected = {table: kept.counts[LARGE][name] for table, name in TABLES.items()}
    chosen = ("--version", "as published")
    ran("export", own, tmp_path / "study.sqlite", *chosen)
    ran("export", own, tmp_path / "csv", "--format", "csv", *chosen)
    ran("export", own, tmp_path / "parquet", *chosen)
    ran("download", own, tmp_path / "copy", *chosen)

    with closing(sqlite3.connect(tmp_path / "study.sqlite")) as database:
        assert counted(database, expected) == expected
    with duckdb.connect(str(tmp_path / "copy/dataset.db"), read_only=True) as connection:
        assert counted(connection, expected) == expected
    with duckdb.connect() as connection:
        for form in ("csv", "parquet"):
            for table in expected:
                path = tmp_path / form / f"{table}.{form}"
                connection.execute(f"create or replace view {table} as from '{path}'")
            assert counted(connection, expected) == expected


def counted(database: Any, tables: dict[str, int]) -> dict[str, int]:
    """The rows of tables in some database."""
    sql = "select count(*) from {}"
    return {name: database.execute(sql.format(name)).fetchone()[0] for name in tables}


def test_names_and_ends_of_versions(own: Path, kept: Kept) -> None:
    ran("relabel", own, "v2", "after the edits")
    assert versions(own) == [("v2", "after the edits", True), ("v1", "as published", False)]
    assert_one_line_error(fw_dataset("relabel", own, "v1", "after the edits"), 1, "taken")

    snapshot = shared("data", SMALL, "snapshot.db.gz")
    ran("render", snapshot, own, "--version", "v0", "--created", "2023-01-01T00:00:00Z")
    ran("render", snapshot, own, "--version", "v3", "--created", "2024-09-01T00:00:00Z")
    assert [version for version, _, _ in versions(own)] == ["v3", "v2", "v1", "v0"]
    assert ran("delete", own, "--latest").text == "deleted version v3\n"
    assert_one_line_error(fw_dataset("delete", own, "after the edits"), 1, "latest")

    choices = ("--keep-since", "2024-04-01", "--keep-label", "as published")
    ran("prune", own, *choices)
    assert [version for version, _, _ in versions(own)] == ["v2", "v1", "v0"]
    gone = json.loads(ran("prune", own, *choices, "--delete", "--json").stdout)
    assert [info["version"] for info in gone] == ["v0"]
    ran("delete", own, "as published")

    assert versions(own) == [("v2", "after the edits", True)]
    assert sorted(path.name for path in (own / "versions").iterdir()) == ["v2"]
    ran("verify", own, "--all", "--deep")
    ran("relabel", own, "latest", "v2")
    before = tree(kept.large)
    assert tree(own) == {path: what for path, what in before.items() if "/v1" not in path}
