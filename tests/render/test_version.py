"""A snapshot's tables rendered into a folder: files, schemas, report, progress."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fw_dataset.errors import RecordError
from fw_dataset.format.tables import PRIMARY_CONTAINERS, primary_table
from fw_dataset.render.progress import Progress
from fw_dataset.render.selection import select_columns
from fw_dataset.render.version import RenderedTables, render_tables
from fw_dataset.snapshot import open_snapshot
from tests.support.rebuilding import assert_rebuilt
from tests.support.rendering import ALL_TABLES
from tests.support.snapshots import PROJECT, Data, write_database

Tables = dict[str, list[tuple[object, Data]]]


def render(
    folder: Path, tables: Tables, *, skip_errors: bool = False, seen: list[Progress] | None = None
) -> RenderedTables:
    folder.mkdir()
    write_database(folder / "s.db", tables)
    with open_snapshot(folder / "s.db", folder, keep=False) as snapshot:
        return render_tables(
            snapshot,
            select_columns(None),
            folder,
            skip_errors=skip_errors,
            progress=None if seen is None else seen.append,
        )


def read(folder: Path, rendered: RenderedTables, table: str) -> pa.Table:
    paths = [folder / entry.path for entry in rendered.entries if entry.table == table]
    return pa.concat_tables([pq.read_table(path) for path in paths])


def many_files(count: int) -> list[tuple[object, Data]]:
    records: list[tuple[object, Data]] = []
    for n in range(count):
        subject = f"s{n % 7}"
        parents = {"subject": subject, "session": f"{subject}-{n % 3}"}
        record: dict[str, Any] = {"uuid": f"{n:06}", "parents": parents, "size": n}
        if n % 11 == 0:
            record["size"] = f"{n} bytes"
        if n % 13 == 0:
            record[f"odd {n % 5}"] = {"n": n}
        if n % 17 == 0:
            record["info"] = {"x": float("nan")}
        records.append((record["uuid"], record))
    return records


def test_empty_snapshot_has_all_tables_with_all_columns(tmp_path: Path) -> None:
    rendered = render(tmp_path / "v", {})

    assert list(rendered.models) == list(PRIMARY_CONTAINERS)
    for name in ALL_TABLES:
        table = read(tmp_path / "v", rendered, name)
        assert table.num_rows == (1 if name == "projects" else 0)
        assert table.schema.equals(primary_table(name).model.to_arrow())
    assert read(tmp_path / "v", rendered, "projects").to_pylist()[0]["id"] == PROJECT["_id"]


def test_every_row_of_a_larger_table_is_rebuilt_and_counted(tmp_path: Path) -> None:
    records = many_files(5000)

    rendered = render(tmp_path / "v", {"file": records})

    rows = {row["id"]: row for row in read(tmp_path / "v", rendered, "files").to_pylist()}
    assert len(rows) == len(records) == 5000
    for key, record in records:
        assert_rebuilt("files", json.dumps(record), rows[str(key)])
    report = rendered.report.tables["files"]
    assert (report.rows_read, report.rows_written) == (5000, 5000)
    assert report.unfit == {"size": len(range(0, 5000, 11))}
    assert sum(report.unknown.values()) == len(range(0, 5000, 13))


def test_rows_of_a_session_stand_together_also_where_records_are_odd(tmp_path: Path) -> None:
    rendered = render(tmp_path / "v", {"file": many_files(3000)})

    places = [
        (row["parents.subject"], row["parents.session"])
        for row in read(tmp_path / "v", rendered, "files").to_pylist()
    ]
    assert places == sorted(places)


def test_order_of_insertion_changes_no_byte(tmp_path: Path) -> None:
    records = many_files(3000)
    first = render(tmp_path / "first", {"file": records})
    random.Random(1).shuffle(records)

    again = render(tmp_path / "again", {"file": records})

    assert first.entries == again.entries
    assert first.models == again.models
    assert first.report == again.report


def test_required_columns_are_those_that_are_never_null(tmp_path: Path) -> None:
    rendered = render(
        tmp_path / "v",
        {
            "file": [("u", {"uuid": "u", "_id": {"file_id": "f"}})],
            "subject": [("s", {"_id": "s", "label": "l"})],
            "session": [("s", {"label": "l"})],
        },
    )

    assert rendered.models["files"].required == ("id", "file_id")
    assert rendered.models["files"].properties["version"]["type"] == ["integer", "null"]
    assert rendered.models["files"].properties["file_id"]["type"] == "string"
    assert rendered.models["subjects"].required == ("id",)
    assert rendered.models["sessions"].required == ()
    assert rendered.models["acquisitions"].required == ("id",)
    for name, model in rendered.models.items():
        assert list(model.properties) == list(primary_table(name).model.properties)
        assert model.to_arrow().equals(primary_table(name).model.to_arrow())


def test_unreadable_record_stops_the_rendering(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="record 'a' of table 'subject': it is not JSON"):
        render(tmp_path / "v", {"subject": [("a", b"{"), ("b", b"{}")]})


def test_unreadable_records_are_skipped_where_asked(tmp_path: Path) -> None:
    subjects: list[tuple[object, Data]] = [("a", b"{"), ("b", {"_id": "b"}), ("c", None)]

    rendered = render(tmp_path / "v", {"subject": subjects}, skip_errors=True)

    assert [row["id"] for row in read(tmp_path / "v", rendered, "subjects").to_pylist()] == ["b"]
    report = rendered.report.tables["subjects"]
    assert (report.rows_read, report.rows_written, report.skipped_rows) == (3, 1, 2)
    assert {entry["id"] for entry in report.skipped} == {"a", "c"}
    assert rendered.report.skipped_rows == 2


def test_table_of_unreadable_records_alone_is_empty(tmp_path: Path) -> None:
    rendered = render(tmp_path / "v", {"subject": [("a", b"{")]}, skip_errors=True)

    assert read(tmp_path / "v", rendered, "subjects").num_rows == 0


def test_progress_goes_up_to_the_whole(tmp_path: Path) -> None:
    seen: list[Progress] = []

    render(tmp_path / "v", {"file": many_files(5000)}, seen=seen)

    files = [step for step in seen if step.table == "files"]
    assert {step.stage for step in seen} == {"render"}
    assert [step.rows for step in files] == sorted(step.rows for step in files)
    assert [step.bytes for step in files] == sorted(step.bytes for step in files)
    assert len(files) > 1
    assert (files[-1].rows, files[-1].total_rows) == (5000, 5000)


def test_error_of_the_callback_ends_the_rendering(tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def stop(_: Progress) -> None:
        raise StopError

    folder = tmp_path / "v"
    folder.mkdir()
    write_database(folder / "s.db", {})
    with open_snapshot(folder / "s.db", folder, keep=False) as snapshot, pytest.raises(StopError):
        render_tables(snapshot, select_columns(None), folder, skip_errors=False, progress=stop)


def test_tables_answer_questions_in_sql(tmp_path: Path) -> None:
    rendered = render(tmp_path / "v", {"file": many_files(500)})
    (path,) = [tmp_path / "v" / e.path for e in rendered.entries if e.table == "files"]

    with duckdb.connect() as connection:
        answer = connection.execute(
            "select count(*), count(size), count(extra->>'$.size'), count(\"parents.session\"),"
            " count(*) filter (info->>'$.x' = 'NaN') from read_parquet(?)",
            [str(path)],
        ).fetchone()

    assert answer == (500, 454, 46, 500, 30)
