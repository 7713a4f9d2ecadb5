"""Every example of the documentation runs, and shows what it gives."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from fw_dataset import Dataset, render_snapshot
from fw_dataset.demo import write_snapshot
from tests.docs.pages import CHECKOUT, PAGES, Page, read_page
from tests.docs.sample import DATASET, Reader, commands, matches, sessions, statements
from tests.docs.site import documented_site, environment_of, write_study
from tests.support.emulators import Emulators
from tests.support.shared_data import OLD_RELEASES, shared
from tests.support.spark.main_module import main_module_with_a_file

pytestmark = pytest.mark.skipif(
    not (CHECKOUT / "docs").exists(), reason="the documentation is not shipped with the tests"
)

SNAPSHOT, OF_SITE = "snapshot.db.gz", "study.db.gz"
SNAPSHOT_MADE = "2024-06-01T12:00:00.000+00:00"
RUNNABLE = {"python", "sql", "sh", "console"}
# It has pipes and sessions of its own; tests/cli/test_how_to.py runs it.
ELSEWHERE = CHECKOUT / "docs/how-to/command-line.md"
WITH_EXAMPLES = [
    page
    for page in (read_page(path) for path in PAGES if path != ELSEWHERE)
    if any(b.language in RUNNABLE for b in page.blocks)
]
FOR_OLD_DATASETS = [
    (page, block)
    for page in WITH_EXAMPLES
    for block in page.blocks
    if block.also_on == "older datasets"
]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demo's snapshot and a dataset of it."""
    folder = tmp_path_factory.mktemp("docs")
    write_snapshot(folder / SNAPSHOT)
    render_snapshot(folder / SNAPSHOT, folder / DATASET)
    write_study(folder / OF_SITE)
    return folder


@pytest.fixture
def folder(rendered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A reader's folder: a snapshot and the dataset of it, which no other reader changes."""
    shutil.copyfile(rendered / SNAPSHOT, tmp_path / SNAPSHOT)
    shutil.copytree(rendered / DATASET, tmp_path / DATASET)
    (tmp_path / "question.sql").write_text("SELECT count(*) FROM subjects\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def _site(rendered: Path, emulators: Emulators, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A site of which the environment has the address and a key."""
    snapshots = {SNAPSHOT_MADE: rendered / OF_SITE}
    with documented_site(snapshots, emulators.get("s3")) as server:
        for name, value in environment_of(server).items():
            monkeypatch.setenv(name, value)
        yield


@pytest.mark.usefixtures("_site")
@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: page.name)
def test_examples_run(page: Page, folder: Path) -> None:
    if page.name == "README.md":
        # Who reads it first has no dataset yet: the page makes it.
        shutil.rmtree(folder / DATASET)

    with main_module_with_a_file() if page.name.endswith("spark.md") else nullcontext():
        assert Reader(page, folder).run() > 0


@pytest.mark.parametrize("release", OLD_RELEASES)
def test_examples_for_older_datasets_run_on_them(release: str) -> None:
    root = next(shared("data", "old_format", release, "datasets").glob("*/*/*"))
    assert FOR_OLD_DATASETS
    with Dataset.open(root) as dataset:
        for page, block in FOR_OLD_DATASETS:
            for statement in statements(block.text):
                assert dataset.execute(statement).fetchall(), f"{page.name}, line {block.line}"


def test_every_page_is_read() -> None:
    names = {page.name for page in WITH_EXAMPLES}
    assert {"README.md", "docs/api.md"} <= names
    assert {f"docs/how-to/{name}.md" for name in ("flywheel", "query", "render")} <= names


@pytest.mark.parametrize(
    ("shown", "given", "same"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\n", "a\nb\n", False),
        ("a\n…\n", "a\nb\nc\n", True),
        ("…\nc\n", "a\nb\nc\n", True),
        ("a\n…\nc\n", "a\nc\n", True),
        ("a … c\n", "a b c\n", True),
        ("a … c\n", "a b d\n", False),
        ("4,351 rows, …", "4,351 rows, 0.9 MB", True),
        ("", "anything\n", True),
        ("a.c\n", "abc\n", False),
    ],
)
def test_output_is_compared_but_for_what_is_cut(shown: str, given: str, same: bool) -> None:
    assert matches(shown, given) is same


def test_an_example_that_shows_something_else_fails(folder: Path) -> None:
    path = folder / "wrong.md"
    path.write_text("```python\nprint(1 + 1)  # 3\n```\n")
    page = read_page(path)

    with pytest.raises(AssertionError, match=r"3\n(.|\n)*given:\n2"):
        Reader(Page(CHECKOUT / "wrong.md", page.blocks, page.prose), folder).run()


def test_a_command_that_fails_must_be_shown_to_fail(folder: Path) -> None:
    typed = "$ fw-dataset query my-dataset 'FROM nowhere'"
    told = f"{typed}\nfw-dataset: error: … nowhere does not exist! …\n"
    for text, right in ((told, True), (f"{typed}\n…\n", False)):
        (folder / "failing.md").write_text(f"```console\n{text}```\n")
        page = read_page(folder / "failing.md")
        reader = Reader(Page(CHECKOUT / "failing.md", page.blocks, page.prose), folder)
        if right:
            assert reader.run() == 1
        else:
            with pytest.raises(AssertionError, match="nowhere"):
                reader.run()


def test_sessions_and_statements_are_told_apart() -> None:
    assert commands("a \\\n  b\n\n# why\nc\n") == ["a    b", "c"]
    assert sessions("$ a b\nx\ny\n$ c\n") == [("a b", "x\ny\n"), ("c", "")]
    assert statements("SELECT ';';\n\nFROM a;\n") == ["SELECT ';'", "FROM a"]
