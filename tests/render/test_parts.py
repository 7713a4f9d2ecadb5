"""Tables in parts: the same bytes, schemas and counts, whoever renders which part, and when."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fw_dataset.errors import RecordError, SnapshotError, WorkerError
from fw_dataset.format.tables import primary_table
from fw_dataset.processes.pool import ProcessPool
from fw_dataset.processes.spread import Spread
from fw_dataset.render.parts import PartTask, render_part_apart
from fw_dataset.render.progress import Progress
from fw_dataset.render.report import TableReport
from fw_dataset.render.selection import select_columns
from fw_dataset.render.version import render_tables
from fw_dataset.snapshot import SavedOrder, open_snapshot
from tests.support.executors import RepeatingExecutor, process_pool
from tests.support.parts import content, odd_files, odd_snapshot, render_spread, small_parts
from tests.support.records import record_texts
from tests.support.snapshots import Data, write_database


@pytest.fixture(scope="module")
def pool() -> Iterator[Executor]:
    with ProcessPool(2) as executor:
        yield executor


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return odd_snapshot(tmp_path_factory.mktemp("source") / "snapshot.db.gz", 300)


@pytest.fixture(autouse=True)
def _parts(monkeypatch: pytest.MonkeyPatch) -> None:
    small_parts(monkeypatch, 100)


def test_parts_are_files_of_so_many_rows(source: Path, tmp_path: Path) -> None:
    rendered = render_spread(source, tmp_path / "one")

    files = [entry for entry in rendered.entries if entry.table == "files"]
    assert [entry.rows for entry in files] == [100] * 3
    assert sum(len(pq.read_table(tmp_path / "one/version" / e.path)) for e in files) == 300
    report = rendered.report.tables["subjects"]
    assert (report.rows_read, report.rows_written, report.skipped_rows) == (9, 5, 4)


def test_every_executor_gives_the_same_bytes(source: Path, tmp_path: Path, pool: Executor) -> None:
    here = content(render_spread(source, tmp_path / "here"), tmp_path / "here")
    own = content(render_spread(source, tmp_path / "own", workers=2), tmp_path / "own")
    assert own == here
    with ThreadPoolExecutor(3) as threads, process_pool(2) as processes:
        given: dict[str, Executor] = {"t": threads, "p": processes, "r": RepeatingExecutor()}
        for name, executor in {**given, "o": pool}.items():
            rendered = render_spread(source, tmp_path / name, executor=executor)
            assert content(rendered, tmp_path / name) == here, name


@pytest.mark.parametrize(
    "schema",
    [
        "(id TEXT PRIMARY KEY, data BLOB)",
        "(id TEXT PRIMARY KEY, data BLOB) WITHOUT ROWID",
        "(id INTEGER PRIMARY KEY, data TEXT)",
        "(id BLOB PRIMARY KEY, data) WITHOUT ROWID",
        "(id, data)",
    ],
)
@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le"])
def test_tables_of_all_makes(
    schema: str, encoding: str, tmp_path: Path, pool: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_parts(monkeypatch, 7)
    files = [(number, data) for number, (_, data) in enumerate(odd_files(40))]
    path = tmp_path / "s.db"
    write_database(path, {"file": files, "project": [(1, {"_id": "p"})]}, schema=schema)
    if encoding != "UTF-8":
        path = in_encoding(path, encoding)
    here = content(render_spread(path, tmp_path / "here"), tmp_path / "here")
    there = content(render_spread(path, tmp_path / "there", executor=pool), tmp_path / "there")
    assert there == here
    assert len(here["entries"]) == 5 + 6


def in_encoding(path: Path, encoding: str) -> Path:
    """The same database with its texts in another encoding."""
    other = path.with_name("other.db")
    with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(other)) as new, new:
        new.execute(f"pragma encoding = '{encoding}'")
        made = old.execute("select sql, name from sqlite_master where sql is not null").fetchall()
        for statement, name in made:
            new.execute(statement)
            rows = old.execute(f"select id, data from {name}").fetchall()
            new.executemany(f"insert into {name} (id, data) values (?, ?)", rows)
    return other


@settings(max_examples=10)
@given(
    texts=st.lists(st.one_of(record_texts("files"), st.just(b"{")), max_size=12),
    rows=st.integers(1, 13),
)
def test_sizes_of_parts_change_no_row_and_no_count(
    pool: Executor, texts: list[bytes], rows: int
) -> None:
    folder = Path(tempfile.mkdtemp())
    with pytest.MonkeyPatch.context() as patch:
        files: list[tuple[object, Data]] = [(f"{n:03}", text) for n, text in enumerate(texts)]
        source = write_database(folder / "s.db", {"file": files})
        whole = render_spread(source, folder / "whole")
        small_parts(patch, rows)
        here = content(render_spread(source, folder / "here"), folder / "here")
        there = render_spread(source, folder / "there", executor=pool)

        assert content(there, folder / "there") == here
        assert there.report == whole.report
        assert there.models == whole.models
        read = [
            [row for e in found.entries if e.table == "files" for row in rows_of(place / e.path)]
            for found, place in (
                (whole, folder / "whole/version"),
                (there, folder / "there/version"),
            )
        ]
        assert read[0] == read[1]
    shutil.rmtree(folder)


def rows_of(path: Path) -> list[str]:
    return [repr(row) for row in pq.read_table(path).to_pylist()]


def test_parts_that_are_alike_have_names_of_their_own(
    tmp_path: Path, pool: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_parts(monkeypatch, 2)
    source = write_database(tmp_path / "s.db", {"file": [(f"{n}", {"size": 1}) for n in range(6)]})
    here = content(render_spread(source, tmp_path / "here"), tmp_path / "here")
    there = content(render_spread(source, tmp_path / "there", executor=pool), tmp_path / "there")
    assert here == there
    names = [entry.path for entry in here["entries"] if entry.table == "files"]
    assert len(set(names)) == 3
    assert [name.rpartition("-")[2] for name in names[1:]] == ["1.parquet", "2.parquet"]


def test_parts_without_a_readable_record_leave_no_file(
    tmp_path: Path, pool: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_parts(monkeypatch, 2)
    files: list[tuple[object, Data]] = [(str(n), b"{" if n < 4 else {"size": n}) for n in range(6)]
    source = write_database(tmp_path / "s.db", {"file": files, "subject": files[:3]})
    here = content(render_spread(source, tmp_path / "here"), tmp_path / "here")
    there = content(render_spread(source, tmp_path / "there", executor=pool), tmp_path / "there")
    assert here == there
    rows = {e.table: e.rows for e in here["entries"]}
    assert (rows["files"], rows["subjects"]) == (2, 0)
    assert len(here["entries"]) == 6


def test_the_first_unreadable_record_is_the_one_that_is_told(
    source: Path, tmp_path: Path, pool: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_parts(monkeypatch, 1)
    with pytest.raises(RecordError) as here:
        render_spread(source, tmp_path / "here", skip_errors=False)
    for number in range(5):
        with pytest.raises(RecordError) as there:
            render_spread(source, tmp_path / str(number), executor=pool, skip_errors=False)
        assert str(there.value) == str(here.value)


def test_progress_goes_up_to_the_whole(source: Path, tmp_path: Path, pool: Executor) -> None:
    seen: list[Progress] = []
    (tmp_path / "v").mkdir()
    with open_snapshot(source, tmp_path, keep=False) as snapshot:
        render_tables(
            snapshot,
            select_columns(None),
            tmp_path / "v",
            skip_errors=True,
            progress=seen.append,
            spread=Spread(pool),
        )
    files = [step for step in seen if step.table == "files"]
    assert [step.rows for step in files] == list(range(100, 301, 100))
    assert [step.bytes for step in files] == sorted(step.bytes for step in files)
    assert {step.total_rows for step in files} == {300}


def test_error_of_the_callback_leaves_nothing(source: Path, tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def stop(_: Progress) -> None:
        raise StopError

    (tmp_path / "v").mkdir()
    with open_snapshot(source, tmp_path, keep=False) as snapshot, pytest.raises(StopError):
        render_tables(
            snapshot,
            select_columns(None),
            tmp_path / "v",
            skip_errors=True,
            progress=stop,
            spread=Spread(workers=2),
        )
    assert {path.name for path in tmp_path.iterdir()} == {"v", "snapshot.db"}
    assert [path for path in (tmp_path / "v").rglob("*") if path.is_file()] == []


def test_reports_are_bounded_in_the_order_of_the_parts() -> None:
    whole, parts = TableReport(), [TableReport() for _ in range(3)]
    for place, part in enumerate(parts):
        for number in range(600):
            for report in (whole, part):
                report.skip(f"{place}-{number}", "odd")
                report.count(["size"], [(f"key {place * 400 + number}",)])
    merged = TableReport()
    for part in parts:
        merged.add(part)
    assert merged == whole
    assert len(merged.skipped) == len(merged.unknown) == 1000


# ---------------------------------------------------------------------------------- one part alone


@pytest.fixture
def task(tmp_path: Path) -> PartTask:
    database = write_database(tmp_path / "s.db", {"file": odd_files(50)})
    with (
        open_snapshot(database, tmp_path, keep=False) as snapshot,
        snapshot.ordered("file", primary_table("files").order) as ordered,
    ):
        order = ordered.save(tmp_path / "order")
    kept = select_columns(None)["files"].kept
    return PartTask(order, "files", kept, 10, 20, tmp_path / "part", skip_errors=False)


def test_a_part_is_one_file(task: PartTask) -> None:
    part = render_part_apart(task)

    assert part.path == task.path
    assert len(pq.read_table(task.path)) == part.written.rows == part.report.rows_read == 20
    before = task.path.read_bytes()
    assert render_part_apart(task).written == part.written
    assert task.path.read_bytes() == before
    assert {path.name for path in task.path.parent.iterdir()} == {"s.db", "order", "part"}


def test_a_worker_that_does_not_see_the_files_says_so(task: PartTask) -> None:
    source = task.source
    wrong = {
        "order": replace(source, order=source.order.with_name("none")),
        "database": replace(source, database=source.database.with_name("none.db")),
        "another database": replace(source, bytes=source.bytes + 1),
    }
    for name, one in wrong.items():
        path = one.order if name == "order" else one.database
        with pytest.raises(WorkerError, match=r"the worker on host '.*' does not see") as raised:
            render_part_apart(replace(task, source=one))
        assert str(raised.value).startswith(f"{path}: ")
        assert "workdir" in str(raised.value)


def test_a_part_that_nobody_waits_for_is_given_up(
    task: PartTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = SavedOrder.check_wanted

    def gone_meanwhile(order: SavedOrder) -> None:
        order.order.unlink()
        before(order)

    monkeypatch.setattr(SavedOrder, "check_wanted", gone_meanwhile)
    with pytest.raises(WorkerError, match="given up meanwhile"):
        render_part_apart(task)
    assert {path.name for path in task.path.parent.iterdir()} == {"s.db"}


def test_a_damaged_snapshot_is_told_by_its_name(task: PartTask) -> None:
    database = task.source.database
    content = bytearray(database.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    database.write_bytes(content)
    with pytest.raises(SnapshotError, match=rf"snapshot {database}: table 'file' cannot be read"):
        render_part_apart(task)
