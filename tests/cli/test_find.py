"""``find``: where is FSIQ?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fw_dataset import Dataset, render_snapshot
from tests.cli.commands import assert_one_line_error, fw_dataset
from tests.cli.snapshots import Records, write_snapshot


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset in which FSIQ hides in several places."""
    folder = tmp_path_factory.mktemp("find")
    records: Records = {
        "project": [{"_id": "p", "label": "Study of FSIQ"}],
        "subject": [
            {"_id": "s1", "label": "one", "info": {"scores": {"FSIQ": 101}}, "cohort": "fsiq-low"},
            {"_id": "s2", "label": "two", "info": {"FSIQ": 99, "x": 1}, "tags": ["fsiq"]},
        ],
    }
    write_snapshot(folder / "snapshot.db.gz", records)
    render_snapshot(folder / "snapshot.db.gz", folder / "dataset", version="v1")
    return folder / "dataset"


def found(place: Path, text: str) -> list[tuple[str, str | None, str, str, int]]:
    run = fw_dataset("find", place, text, "--json")
    assert run.returncode == 0, run.stderr
    return [tuple(one.values()) for one in json.loads(run.stdout)]


def test_where_is_fsiq(place: Path) -> None:
    assert found(place, "FSIQ") == found(place, "fsiq")
    assert sorted(found(place, "FSIQ")) == [
        ("projects", "label", "value", "Study of FSIQ", 1),
        ("subjects", "cohort", "value", "fsiq-low", 1),
        ("subjects", "info", "key", "FSIQ", 1),
        ("subjects", "info", "key", "scores.FSIQ", 1),
        ("subjects", "tags", "value", "fsiq", 1),
    ]


def test_what_is_nothing_but_the_text_comes_first(place: Path) -> None:
    assert [match for *_, match, _ in found(place, "fsiq")[:3]] == ["FSIQ", "scores.FSIQ", "fsiq"]


def test_names_titles_and_descriptions(place: Path) -> None:
    tables = {(table, where) for table, column, where, *_ in found(place, "subjects") if not column}
    assert ("subjects", "name") in tables
    columns = {(t, c, where) for t, c, where, *_ in found(place, "date of birth")}
    assert ("subjects", "date_of_birth", "title") in columns
    # One line a column, though the word stands in its description, too.
    assert sum(c == "cohort" for _, c, where, *_ in found(place, "cohort")) == 1


def test_keys_above_are_named_where_they_are_asked_for(place: Path) -> None:
    assert [match for *_, match, _ in found(place, "scores")] == ["scores"]
    assert [match for *_, match, _ in found(place, "scores.f")] == ["scores.FSIQ"]


def test_text_for_people(place: Path) -> None:
    run = fw_dataset("find", place, "fsiq-low")

    assert run.returncode == 0
    assert run.text.splitlines()[0].split() == ["table", "column", "where", "rows", "match"]
    assert run.text.splitlines()[2].split() == ["subjects", "cohort", "value", "1", "fsiq-low"]
    assert run.stderr == "1 place\n"


@pytest.mark.parametrize("text", ["nowhere at all", "'; DROP TABLE subjects; --", "%", ""])
def test_nothing_found_is_no_failure(place: Path, text: str) -> None:
    run = fw_dataset("find", place, text)

    assert (run.returncode, run.text) == (0, "")
    assert run.stderr.startswith("found nowhere")
    assert found(place, text) == []


def test_a_version_that_is_not_there(place: Path) -> None:
    assert_one_line_error(fw_dataset("find", place, "x", "--version", "v9"), 1, "'v9'")


def test_library_gives_matches(place: Path) -> None:
    with Dataset.open(place) as dataset:
        (match,) = dataset.find("scores.fsiq", "v1")

    assert match.to_dict() == {
        "table": "subjects",
        "column": "info",
        "where": "key",
        "match": "scores.FSIQ",
        "rows": 1,
    }
