"""The demo from end to end: what it makes, what it says, and that it can be run again."""

from __future__ import annotations

import shlex
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from fw_dataset.dataset import Dataset
from fw_dataset.demo.questions import ATROPHY, ATTRITION, ODD_SIZES, QUESTIONS, SIGNAL
from fw_dataset.demo.walkthrough import DemoResult, run_demo

NEXT = ["tables", "schema", "query", "derive", "profile"]
EXAMPLES = Path(__file__).parents[2] / "examples" / "researcher_questions.sql"


def example_statements() -> list[str]:
    """Return the statements of the examples, without the comments around them."""
    lines = EXAMPLES.read_text(encoding="utf-8").splitlines() if EXAMPLES.exists() else []
    text = "\n".join(line for line in lines if not line.startswith("--"))
    return [statement.strip() for statement in text.split(";") if statement.strip()]


@pytest.fixture(scope="module")
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, told: list[str]) -> DemoResult:
    return run_demo(tmp_path_factory.mktemp("demo") / "a folder", write=told.append)


def test_every_record_becomes_a_row(demo: DemoResult) -> None:
    counts = demo.counts
    assert demo.tables == {
        "projects": 1,
        "subjects": counts.subject,
        "sessions": counts.session,
        "acquisitions": counts.acquisition,
        "analyses": counts.analysis,
        "files": counts.file,
    }
    assert counts.odd > 0


def test_one_scanner_is_found_to_lose_signal(demo: DemoResult) -> None:
    signal = {(row[0], row[1]): row[3] for row in demo.answers[SIGNAL.title]}
    assert len(signal) == 9
    for scanner, ratio in (("MR-HAR1", 0.69), ("MR-NOR1", 1.0), ("MR-MEA1", 1.0)):
        first, last = signal[scanner, 2021], signal[scanner, 2023]
        assert isinstance(first, float)
        assert isinstance(last, float)
        assert last / first == pytest.approx(ratio, abs=0.06)


def test_older_people_are_found_to_lose_more_volume(demo: DemoResult) -> None:
    rows = demo.answers[ATROPHY.title]
    assert [row[0] for row in rows] == ["50-59", "60-69", "70 and over"]
    changes = [float(str(row[3])) for row in rows]
    assert 0 > changes[0] > changes[1] > changes[2]


def test_older_people_are_found_to_stay_away(demo: DemoResult) -> None:
    rows = demo.answers[ATTRITION.title]
    assert [row[0] for row in rows] == [1, 2, 3]
    ages = [float(str(row[2])) for row in rows]
    assert ages[0] > ages[1] > ages[2]
    assert sum(int(str(row[1])) for row in rows) == demo.counts.subject


def test_values_that_fit_no_column_are_shown_as_they_were(demo: DemoResult) -> None:
    shown = {row[2] for row in demo.answers[ODD_SIZES.title]}
    assert shown == {"12 MB", str(2**63 + 5)}


def test_the_reader_sees_tables_questions_and_answers(demo: DemoResult, told: list[str]) -> None:
    text = "\n".join(told)
    for question in QUESTIONS:
        assert question.title in text
        assert all(f"    {line}" in told for line in question.sql.splitlines())
        assert demo.answers[question.title]
    assert f"{demo.counts.records:,} records" in text
    assert demo.version in text
    assert max(map(len, told)) < 100 + len(str(demo.dataset))
    assert not any("\n" in line for line in told)


def test_the_commands_to_type_next_name_the_dataset(demo: DemoResult, told: list[str]) -> None:
    commands = [shlex.split(line) for line in told if line.startswith("  fw-dataset ")]
    assert [command[1] for command in commands] == NEXT
    assert all(Path(command[2]) == demo.dataset for command in commands)
    with_sql = commands[NEXT.index("query")]
    assert Dataset.open(with_sql[2]).execute(with_sql[3]).fetchall()


def test_the_picture_is_made_where_it_can_be(demo: DemoResult, told: list[str]) -> None:
    if find_spec("matplotlib") is None:
        assert demo.picture is None
        assert any("pip install 'fw-dataset[demo]'" in line for line in told)
    else:
        assert demo.picture is not None
        assert demo.picture.read_bytes().startswith(b"\x89PNG")
        assert any(str(demo.picture) in line for line in told)


@pytest.fixture
def no_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make matplotlib look as if it were not installed."""
    loaded = [name for name in sys.modules if name.startswith("matplotlib.")]
    for name in ["matplotlib", *loaded]:
        # None in sys.modules is Python's own way to make an import fail.
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "fw_dataset.demo.chart", raising=False)


@pytest.mark.usefixtures("no_matplotlib")
def test_a_second_run_renders_nothing_twice(tmp_path: Path) -> None:
    first: list[str] = []
    second: list[str] = []
    before = run_demo(tmp_path, write=first.append, subjects=4)
    files = {path: path.stat().st_mtime_ns for path in before.dataset.rglob("*.parquet")}
    after = run_demo(tmp_path, write=second.append, subjects=4)
    assert (after.version, after.tables, after.answers) == (
        before.version,
        before.tables,
        before.answers,
    )
    assert {p: p.stat().st_mtime_ns for p in after.dataset.rglob("*.parquet")} == files
    assert len(Dataset.open(after.dataset).list_versions()) == 1
    assert any("nothing was rendered again" in line for line in second)
    assert not any("nothing was rendered again" in line for line in first)
    assert after.picture is None
    assert any("pip install 'fw-dataset[demo]'" in line for line in second)


def test_the_commands_start_the_program_that_the_reader_has(tmp_path: Path) -> None:
    told: list[str] = []
    run_demo(tmp_path, write=told.append, subjects=1, program=("./a place/fw-dataset",))
    commands = [shlex.split(line) for line in told if "a place" in line]
    assert [command[:2] for command in commands] == [
        ["./a place/fw-dataset", word] for word in NEXT
    ]


def test_another_project_in_the_same_folder_is_another_version(tmp_path: Path) -> None:
    first = run_demo(tmp_path, write=lambda _: None, subjects=2, seed=1)
    second = run_demo(tmp_path, write=lambda _: None, subjects=3, seed=1)
    assert first.version != second.version
    assert second.tables["subjects"] == 3
    assert len(Dataset.open(second.dataset).list_versions()) == 2


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the examples are not shipped with the tests")
def test_the_examples_begin_with_the_questions_of_the_demo() -> None:
    expected = [question.sql for question in QUESTIONS]
    found = example_statements()
    assert found[: len(expected)] == expected
    assert found[-1] == ODD_SIZES.sql


@pytest.mark.parametrize("statement", example_statements())
def test_every_example_has_an_answer_of_few_rows(demo: DemoResult, statement: str) -> None:
    rows = Dataset.open(demo.dataset).execute(statement).fetchall()
    assert 0 < len(rows) <= 30
    assert all(any(value is not None for value in row) for row in rows)
