"""The joined views: what their rows are, whatever the tables lack."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from fw_dataset import Dataset, render_snapshot
from fw_dataset.errors import TableNotFoundError, VersionNotFoundError
from tests.support.datasets import Study, small_snapshot, small_study, write_old_version
from tests.support.shared_data import STUDIES, shared
from tests.support.snapshots import write_snapshot

YEAR = 31_557_600
MADE = ("full_table", "sessions_summary")
COLUMNS_OF_FULL_TABLE = [
    "subject_label",
    "session_label",
    "acquisition_label",
    "session_timestamp",
    "age_years",
]


def records(study: Study, table: str) -> list[dict[str, Any]]:
    """The records of a table, to be changed where they are."""
    found = [record for _, record in study[table]]
    return [record for record in found if isinstance(record, dict)]


def visits() -> Study:
    """One subject who came three times, once at an unknown time, and one who was deleted once."""
    study = small_study(2, files=2)
    subject, other = records(study, "subject")
    subject["date_of_birth"] = "1990-01-01"
    other["age"] = 40 * YEAR
    first, of_other = records(study, "session")
    first.update({"timestamp": "2020-01-01T23:30:00+00:00", "age": 30 * YEAR})
    of_other.update({"timestamp": "2021-05-05T00:00:00+00:00"})
    for number, changes in enumerate(
        (
            {"timestamp": "2020-01-11T00:30:00+00:00"},
            {},
            {"timestamp": "2019-01-01T00:00:00+00:00", "deleted": "2022-01-01T00:00:00+00:00"},
        ),
        1,
    ):
        own = f"{0xABC0 + number:024x}"
        plain = {**first, "_id": own, "age": None, "timestamp": None, "label": f"extra-{number}"}
        study["session"].append((own, {**plain, **changes}))
    return study


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return render_snapshot(write_snapshot(tmp_path / "v.db.gz", visits()), tmp_path / "visits")


def rows(dataset: Dataset, sql: str) -> list[tuple[Any, ...]]:
    return dataset.execute(sql).fetchall()


def test_visits_are_counted_from_the_first_that_has_a_time(dataset: Dataset) -> None:
    found = rows(
        dataset,
        "SELECT subject_label, session_label, visit, days_since_first_visit, round(age_years, 3)"
        " FROM sessions_summary ORDER BY subject_label, visit NULLS LAST",
    )

    assert found == [
        ("subject-0", "session-0", 1, 0, 30.0),
        ("subject-0", "extra-1", 2, 10, 30.026),  # of the date of birth
        ("subject-0", "extra-2", None, None, None),
        ("subject-1", "session-1", 1, 0, 40.0),
    ]


def test_a_summary_counts_what_is_there(tmp_path: Path) -> None:
    study = small_study(1, files=4)
    files = records(study, "file")
    files[0].update({"modality": "MR", "replaced": "2024-01-01T00:00:00+00:00"})
    files[1].update({"_id": {**files[0]["_id"], "version": 2}, "modality": "PT"})
    files[2].update({"deleted": "2024-01-01T00:00:00+00:00", "modality": "CT"})
    files[3]["modality"] = "MR"
    dataset = render_snapshot(write_snapshot(tmp_path / "s.db.gz", study), tmp_path / "out")

    found = rows(dataset, "SELECT acquisitions, files, analyses, modalities FROM sessions_summary")
    assert found == [(1, 2, 0, ["MR", "PT"])]
    assert rows(dataset, "SELECT count(*) FROM full_table") == [(4,)]


def test_full_table_is_the_files_with_their_parents(dataset: Dataset) -> None:
    of_files = [name for name, *_ in rows(dataset, "DESCRIBE files")]
    found = rows(dataset, "SELECT * FROM full_table ORDER BY id")

    described = [name for name, *_ in rows(dataset, "DESCRIBE full_table")]
    assert described == COLUMNS_OF_FULL_TABLE + of_files
    assert [row[len(COLUMNS_OF_FULL_TABLE) :] for row in found] == rows(
        dataset, "SELECT * FROM files ORDER BY id"
    )
    assert {(*row[:3], f"{row[3]}", row[4]) for row in found} == {
        ("subject-0", "session-0", "acquisition-0", "2020-01-01 23:30:00", 30.0),
        ("subject-1", "session-1", "acquisition-1", "2021-05-05 00:00:00", 40.0),
    }


@pytest.mark.parametrize("study", STUDIES)
def test_on_real_studies(study: str, tmp_path: Path) -> None:
    dataset = render_snapshot(shared("data", study, "snapshot.db.gz"), tmp_path / "out")
    counts = dataset.row_counts()

    assert rows(dataset, "SELECT count(*) FROM full_table") == [(counts["files"],)]
    by_hand = rows(
        dataset,
        "SELECT s.id, count(DISTINCT f.file_id) FROM sessions s JOIN files f"
        ' ON f."parents.session" = s.id'
        " WHERE s.deleted IS NULL AND f.deleted IS NULL AND f.replaced IS NULL"
        " GROUP BY ALL ORDER BY ALL",
    )
    assert by_hand == rows(
        dataset, "SELECT session_id, files FROM sessions_summary WHERE files > 0 ORDER BY ALL"
    )
    assert rows(dataset, "SELECT count(*) FROM sessions_summary") == rows(
        dataset, "SELECT count(*) FROM sessions WHERE deleted IS NULL"
    )
    wrong = (
        "SELECT count(*) FROM sessions_summary"
        " WHERE (days_since_first_visit < 0) OR ((visit = 1) AND (days_since_first_visit <> 0))"
    )
    assert rows(dataset, wrong) == [(0,)]


def test_columns_that_were_left_out_are_null(tmp_path: Path) -> None:
    snapshot = write_snapshot(tmp_path / "v.db.gz", visits())
    left_out = {
        "subjects": {"drop": ["label", "age", "date_of_birth"]},
        "sessions": {"drop": ["timestamp", "age"]},
        "files": {"drop": ["modality", "replaced", "deleted"]},
    }
    dataset = render_snapshot(snapshot, tmp_path / "out", control_columns=control_columns(left_out))

    assert rows(dataset, "SELECT DISTINCT subject_label, age_years FROM full_table") == [
        (None, None)
    ]
    assert rows(dataset, "SELECT session_label FROM full_table ORDER BY 1 LIMIT 1") == [
        ("session-0",)
    ]
    assert rows(
        dataset,
        "SELECT DISTINCT subject_label, timestamp, visit, days_since_first_visit, modalities"
        " FROM sessions_summary",
    ) == [(None, None, None, None, None)]
    assert rows(dataset, "SELECT max(files) FROM sessions_summary") == [(2,)]


def control_columns(left_out: dict[str, dict[str, list[str]]]) -> Any:
    """All columns of each table but those that are to be dropped."""
    from fw_dataset.format.tables import primary_table

    return {
        table: [
            name for name in primary_table(table).model.properties if name not in choice["drop"]
        ]
        for table, choice in left_out.items()
    }


def test_they_are_no_tables(dataset: Dataset) -> None:
    assert set(MADE).isdisjoint(dataset.tables)
    assert set(MADE).isdisjoint(dataset.row_counts())
    shown = {name for (name,) in dataset.connect().execute("SHOW TABLES").fetchall()}
    assert shown == {*dataset.tables, *MADE}


@pytest.mark.parametrize("fully_populate", [True, False])
def test_a_table_of_that_name_is_the_table(tmp_path: Path, fully_populate: bool) -> None:
    own = {"FULL_table": pa.table({"a": [7]}), "sessions_summary": pa.table({"b": [8]})}
    some = {"files": pa.table({"id": ["f"]}), "sessions": pa.table({"id": ["s"]})}
    write_old_version(tmp_path, "v1", {**own, **some})
    connection = Dataset.open(tmp_path).connect(fully_populate=fully_populate)

    expected = [(7, 8)] if fully_populate else []
    assert connection.sql("SELECT * FROM full_table, sessions_summary").fetchall() == expected


@pytest.mark.parametrize("missing", ["subjects", "sessions", "acquisitions", "analyses", "files"])
def test_without_one_of_the_tables(tmp_path: Path, missing: str) -> None:
    rendered = render_snapshot(small_snapshot(tmp_path), tmp_path / "out")
    next((tmp_path / "out").rglob(f"schemas/{missing}.schema.json")).unlink()
    dataset = Dataset.open(rendered.location)

    gone = {"files": "full_table", "sessions": "sessions_summary"}.get(missing)
    for view in MADE:
        if view == gone:
            with pytest.raises(TableNotFoundError, match=view):
                dataset.table(view)
        else:
            assert len(dataset.table(view).fetchall()) == 2
    if missing in ("acquisitions", "analyses", "files"):
        sql = f"SELECT DISTINCT {missing} FROM sessions_summary"
        assert rows(dataset, sql) == [(None,)]


def test_files_that_have_such_a_column_themselves(tmp_path: Path) -> None:
    write_old_version(tmp_path, "v1", {"files": pa.table({"id": ["f"], "Age_Years": [3]})})
    dataset = Dataset.open(tmp_path)

    assert rows(dataset, "SELECT age_years FROM files") == [(3,)]
    with pytest.raises(TableNotFoundError):
        dataset.table("full_table")


def test_types_of_older_releases(tmp_path: Path) -> None:
    tables = {
        "files": pa.table(
            {
                "id": ["f1", "f2"],
                "parents.session": ["s1", "s1"],
                "file_id": ["x", "y"],
                "modality": ["", "MR"],
                "deleted": [True, True],
                "replaced": [True, False],
            }
        ),
        "sessions": pa.table(
            {
                "id": ["s1"],
                "label": [5],
                "parents.subject": ["u1"],
                "timestamp": ["2020-01-02T03:04:05.678+00:00"],
                "age": [2.0 * YEAR],
                "deleted": [True],
            }
        ),
        "subjects": pa.table({"id": ["u1"], "date_of_birth": [date(1990, 1, 1)]}),
    }
    write_old_version(tmp_path, "v1", tables)
    dataset = Dataset.open(tmp_path)

    assert rows(
        dataset,
        "SELECT session_label, CAST(timestamp AS VARCHAR), age_years, visit, files, modalities"
        " FROM sessions_summary",
    ) == [("5", "2020-01-02 03:04:05.678", 2.0, 1, 2, ["MR"])]
    found = rows(dataset, 'SELECT id, session_label, "parents.subject" FROM full_table ORDER BY 1')
    assert found == [("f1", "5", None), ("f2", "5", None)]


def test_views_outlive_what_created_them(dataset: Dataset) -> None:
    connection = dataset.connect()
    cursor = connection.cursor()

    assert cursor.execute("SELECT count(*) FROM full_table").fetchall() == [(4,)]
    assert connection.execute("SHOW ALL TABLES").fetchall() != []
    with pytest.raises(duckdb.CatalogException):
        connection.execute("SELECT * FROM fw_dataset.columns_0")


# -------------------------------------------------------------------------------------- tables


def test_a_table_is_a_lazy_relation(dataset: Dataset) -> None:
    files = dataset.table("files")

    assert files.filter("size > 1000").aggregate("count(*)").fetchall() == [(3,)]
    assert files.columns == [name for name, *_ in rows(dataset, "DESCRIBE files")]
    assert dataset.table("full_table").project("subject_label").distinct().count("*").fetchall()


def test_a_table_of_another_version(tmp_path: Path) -> None:
    for number in (1, 2):
        snapshot = small_snapshot(tmp_path, f"s{number}", subjects=number)
        made = f"2024-01-0{number}T00:00:00Z"
        render_snapshot(snapshot, tmp_path / "out", version=f"v{number}", created=made)
    with Dataset.open(tmp_path / "out") as dataset:
        old, new = dataset.table("subjects", "v1"), dataset.table("subjects")
        assert (len(old.fetchall()), len(new.fetchall())) == (1, 2)
        assert dataset.version == "v2"
        assert len(dataset.table("files", "v1").fetchall()) == 1
        with pytest.raises(VersionNotFoundError):
            dataset.table("files", "v3")


@pytest.mark.parametrize("name", ["filez", "Files ", "", "main.files", 'fi"les'])
def test_no_such_table(dataset: Dataset, name: str) -> None:
    filez = pa.table({"a": [1]})

    with pytest.raises(TableNotFoundError, match="there are: acquisitions"):
        dataset.table(name)
    assert filez.num_rows == 1
