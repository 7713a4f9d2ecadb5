"""The tree: what is directly below a record, counted as it is."""

from __future__ import annotations

import duckdb
import pytest

from fw_dataset.serve.pages.asking import Choice, rows_question
from fw_dataset.serve.pages.levels import (
    LEVELS,
    labels_question,
    listing,
    record_question,
    sections,
)
from fw_dataset.serve.pages.shown import ShownDataset
from tests.serve.pages.shown_tables import ask, dataset_of, table_of

PARENTS = {f"parents.{one}": "VARCHAR" for one in ("subject", "session", "acquisition", "analysis")}
SUBJECTS = table_of("subjects", {"id": "VARCHAR", "label": "VARCHAR", "deleted": "TIMESTAMP"})
SESSIONS = table_of(
    "sessions",
    {"id": "VARCHAR", "label": "VARCHAR", "parents.subject": "VARCHAR", "deleted": "TIMESTAMP"},
)
FILES = table_of(
    "files",
    {
        "id": "VARCHAR",
        "name": "VARCHAR",
        "size": "BIGINT",
        "deleted": "TIMESTAMP",
        "replaced": "TIMESTAMP",
        **PARENTS,
    },
)


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("""
        CREATE TABLE subjects AS FROM (VALUES
            ('s1', 'it''s "one"', NULL::TIMESTAMP), ('s2', NULL, NULL),
            ('s3', 'gone', now()::TIMESTAMP)
        ) AS t(id, label, deleted);
        CREATE TABLE sessions AS FROM (VALUES
            ('a', 'visit', 's1', NULL::TIMESTAMP), ('b', 'late', 's1', NULL),
            ('c', 'visit', 's2', NULL), ('d', 'taken back', 's1', now()::TIMESTAMP)
        ) AS t(id, label, "parents.subject", deleted);
        CREATE TABLE files AS FROM (VALUES
            ('f1', 'notes.txt', 10, NULL::TIMESTAMP, NULL::TIMESTAMP, 's1', NULL, NULL, NULL),
            ('f2', 'old.txt', 20, NULL, now()::TIMESTAMP, 's1', NULL, NULL, NULL),
            ('f3', 'scan.dcm', 300, NULL, NULL, 's1', 'a', 'q', NULL),
            ('f4', 'result.csv', 4000, NULL, NULL, 's1', 'a', NULL, 'n'),
            ('f5', 'log', 50000, NULL, NULL, 's1', 'a', NULL, NULL),
            ('f6', 'removed', 1, now()::TIMESTAMP, NULL, 's1', 'a', NULL, NULL)
        ) AS t(id, name, size, deleted, replaced,
               "parents.subject", "parents.session", "parents.acquisition", "parents.analysis")
    """)
    return connection


STUDY = dataset_of(SUBJECTS, SESSIONS, FILES)


def test_subjects_are_listed_with_what_is_below_them(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    found = listing(STUDY, LEVELS["subjects"], None, size=10)
    assert found is not None
    assert [column.name for column in found.columns] == ["subject", "sessions", "files", "size"]
    assert ask(connection, found.question) == [
        ("s2", "", "1", "0", "0"),
        ("s1", 'it\'s "one"', "2", "4", "54310"),
    ]


def test_below_a_record_is_only_what_is_directly_below_it(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    def names(level: str, key: str) -> dict[str, list[str | None]]:
        lists = sections(STUDY, LEVELS[level], key, size=10)
        return {one.level.table: [row[1] for row in ask(connection, one.question)] for one in lists}

    assert names("subjects", "s1") == {"sessions": ["late", "visit"], "files": ["notes.txt"]}
    assert names("sessions", "a") == {"files": ["log"]}
    assert names("acquisitions", "q") == {"files": ["scan.dcm"]}
    assert names("analyses", "n") == {"files": ["result.csv"]}
    assert names("subjects", "s1' OR 1=1 --") == {"sessions": [], "files": []}


def test_a_page_has_one_row_more_if_there_is_another(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    def page(number: int) -> list[str | None]:
        above = (LEVELS["subjects"], "s1")
        found = listing(STUDY, LEVELS["sessions"], above, size=1, page=number)
        assert found is not None
        return [row[1] for row in ask(connection, found.question)]

    assert [page(number) for number in (1, 2, 3)] == [["late", "visit"], ["visit"], []]


def test_a_record_and_those_that_it_is_in(connection: duckdb.DuckDBPyConnection) -> None:
    [row] = ask(connection, record_question(FILES, "f3"))
    assert row[:3] == ("f3", "scan.dcm", "300")
    steps = [(SUBJECTS, LEVELS["subjects"], "s1"), (SESSIONS, LEVELS["sessions"], "gone")]
    assert ask(connection, labels_question(steps)) == [('it\'s "one"', None)]


@pytest.mark.parametrize(
    "dataset",
    [
        dataset_of(),
        dataset_of(table_of("subjects", {"id": "VARCHAR"})),
        dataset_of(table_of("sessions", {"id": "VARCHAR", "label": "VARCHAR"})),
    ],
)
def test_what_is_not_there_is_not_asked_for(dataset: ShownDataset) -> None:
    assert listing(dataset, LEVELS["subjects"], None, size=10) is None
    assert list(sections(dataset, LEVELS["subjects"], "s1", size=10)) == []


def test_truth_values_of_old_releases_hide_nothing(connection: duckdb.DuckDBPyConnection) -> None:
    old = dataset_of(
        table_of("subjects", {"id": "VARCHAR", "label": "VARCHAR", "deleted": "BOOLEAN"})
    )
    found = listing(old, LEVELS["subjects"], None, size=10)
    assert found is not None
    assert len(ask(connection, found.question)) == 3


def test_rows_are_sorted_chosen_and_cut(connection: duckdb.DuckDBPyConnection) -> None:
    def rows(**choice: object) -> list[str | None]:
        question = rows_question(FILES, FILES.columns[:2], Choice(**choice), longest=5)  # type: ignore[arg-type]
        return [row[1] for row in ask(connection, question)]

    assert rows(sort="size", descending=True, size=2) == ["log", "result", "scan.d"]
    assert rows(sort="size", page=2, size=2) == ["old.tx", "scan.d", "result"]
    assert rows(sort="no such column") == rows()
    assert rows(column="parents.acquisition", value="q") == ["scan.d"]
    assert rows(column="size", value="20") == ["old.tx"]
    assert rows(column="name", value="' OR 1=1") == []
