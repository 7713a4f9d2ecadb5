"""The demo: from nothing to a rendered dataset, its tables, and three answered questions."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fw_dataset.dataset import Dataset
from fw_dataset.demo.project import DEFAULT_SEED, DEFAULT_SUBJECTS, write_snapshot
from fw_dataset.demo.quality import TSNR_LIMIT
from fw_dataset.demo.questions import ODD_SIZES, QUESTIONS, RUNS_SQL, SIGNAL, Question
from fw_dataset.demo.snapshot_file import SnapshotCounts
from fw_dataset.demo.text_table import text_table
from fw_dataset.errors import FWDatasetError
from fw_dataset.pipeline import render_snapshot

SNAPSHOT_NAME = "snapshot.db.gz"
DATASET_NAME = "dataset"
PICTURE_NAME = "signal_by_scanner.png"

Write = Callable[[str], None]
"""Takes one line of text, without its line end."""
Rows = list[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo made: where it is, how much it is, and the answers.

    `picture` is None when matplotlib is not installed; `answers` has the rows of each
    question by its title; `render_seconds` is wall time.
    """

    snapshot: Path
    dataset: Path
    picture: Path | None
    version: str
    tables: dict[str, int]
    counts: SnapshotCounts
    render_seconds: float
    answers: dict[str, Rows]


def run_demo(
    output_dir: Path,
    *,
    write: Write,
    subjects: int = DEFAULT_SUBJECTS,
    seed: int = DEFAULT_SEED,
    program: Sequence[str] = ("fw-dataset",),
) -> DemoResult:
    """Make a synthetic project, render it, and answer three questions about it in SQL.

    Everything lands in `output_dir`: the snapshot, the dataset and one picture. What a person
    should see goes to `write`, line by line. Run again in the same folder, the demo finds its
    version there and renders nothing twice. `program` is the words by which the
    reader starts the command `fw-dataset`: a path where it is not on theirs.

    Raises FWDatasetError when rendering fails, OSError when the folder cannot be written.
    """
    counts = _make_project(output_dir / SNAPSHOT_NAME, subjects, seed, write)
    dataset, seconds = _render(output_dir, counts, write)
    with dataset:
        tables = _show_tables(dataset, write)
        answers, picture = _answer_all(dataset, output_dir / PICTURE_NAME, write)
        version = dataset.version
    _say_what_next(output_dir / DATASET_NAME, program, write)
    return DemoResult(
        snapshot=output_dir / SNAPSHOT_NAME,
        dataset=output_dir / DATASET_NAME,
        picture=picture,
        version=version,
        tables=tables,
        counts=counts,
        render_seconds=seconds,
        answers=answers,
    )


def _heading(text: str, write: Write) -> None:
    write("")
    write(text)
    write("─" * len(text))


def _make_project(path: Path, subjects: int, seed: int, write: Write) -> SnapshotCounts:
    _heading("A synthetic project", write)
    counts = write_snapshot(path, subjects=subjects, seed=seed)
    write(f"Three sites, yearly visits, MR images with DICOM headers and quality checks: {path}")
    write(
        f"{counts.records:,} records, {counts.json_bytes / 1e6:.1f} MB of JSON; "
        f"{counts.odd} of them hold odd values, as real projects do."
    )
    return counts


def _render(output_dir: Path, counts: SnapshotCounts, write: Write) -> tuple[Dataset, float]:
    _heading("Rendered to Parquet tables", write)
    target = output_dir / DATASET_NAME
    before = _versions_in(target)
    began = time.perf_counter()
    dataset = render_snapshot(output_dir / SNAPSHOT_NAME, target)
    seconds = time.perf_counter() - began
    if dataset.version in before:
        write(f"Version {dataset.version} was there already: nothing was rendered again.")
    else:
        write(
            f"{counts.records:,} records and {counts.json_bytes / 1e6:.1f} MB of JSON "
            f"in {seconds:.1f} s: version {dataset.version}"
        )
    return dataset, seconds


def _versions_in(target: Path) -> set[str]:
    """Return the ids of the versions that are there before the demo renders its own."""
    if not target.exists():
        return set()
    try:
        with Dataset.open(target) as dataset:
            return {entry["version"] for entry in dataset.list_versions()}
    except FWDatasetError:
        # An empty or unfinished folder holds no version; rendering says what is wrong with it.
        return set()


def _fetch(dataset: Dataset, sql: str) -> tuple[list[str], Rows]:
    result = dataset.execute(sql)
    columns = [str(column[0]) for column in result.description or []]
    return columns, [tuple(row) for row in result.fetchall()]


def _show_tables(dataset: Dataset, write: Write) -> dict[str, int]:
    _heading("Its tables", write)
    counted: dict[str, int] = {}
    rows: Rows = []
    for name, table in dataset.tables.items():
        counted[name] = int(str(_fetch(dataset, f'SELECT count(*) FROM "{name}"')[1][0][0]))
        rows.append((name, counted[name], len(table.data_model.properties)))
    for line in text_table(("table", "rows", "columns"), rows):
        write(f"  {line}")
    return counted


def _answer_all(
    dataset: Dataset, picture_path: Path, write: Write
) -> tuple[dict[str, Rows], Path | None]:
    answers: dict[str, Rows] = {}
    picture: Path | None = None
    for number, question in enumerate(QUESTIONS, 1):
        answers[question.title] = _answer(dataset, f"Question {number}", question, write)
        if question is SIGNAL:
            picture = _draw(dataset, picture_path, write)
    answers[ODD_SIZES.title] = _answer(dataset, "And the odd ones", ODD_SIZES, write)
    return answers, picture


def _answer(dataset: Dataset, place: str, question: Question, write: Write) -> Rows:
    _heading(f"{place}: {question.title}", write)
    for line in question.sql.splitlines():
        write(f"    {line}")
    write("")
    columns, rows = _fetch(dataset, question.sql)
    for line in text_table(columns, rows):
        write(f"  {line}")
    write("")
    write(question.reading)
    return rows


def _draw(dataset: Dataset, path: Path, write: Write) -> Path | None:
    try:
        from fw_dataset.demo.chart import draw_signal
    except ImportError:
        write("No picture: matplotlib is missing. It comes with  pip install 'fw-dataset[demo]'")
        return None
    runs = dataset.execute(RUNS_SQL).fetchall()
    if not runs:
        write("No picture: this project has no resting-state runs.")
        return None
    title = draw_signal(runs, TSNR_LIMIT, path)
    write(f"As a picture: {path}")
    write(f"  “{title}”")
    return path


def _say_what_next(dataset: Path, program: Sequence[str], write: Write) -> None:
    _heading("What to type next", write)
    command, where = shlex.join(program), shlex.quote(str(dataset))
    write(f"  {command} tables {where}")
    write(f"  {command} schema {where} files")
    write(f'  {command} query {where} "SELECT type, count(*) FROM files GROUP BY ALL"')
    write(f"  {command} derive {where} --headers --qc")
    write(f"  {command} profile {where} subjects")
    write("")
    write("  from Python:")
    write("  >>> from fw_dataset import Dataset")
    write(f"  >>> Dataset.open({str(dataset)!r}).execute('SELECT count(*) FROM files').fetchall()")
