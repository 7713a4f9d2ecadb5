"""Every kind of bad input ends in one line and an exit code, and leaves nothing behind."""

from __future__ import annotations

import gzip
import json
import resource
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.commands import assert_one_line_error, files_below, fw_dataset, fw_dataset_process
from tests.cli.snapshots import RECORDS, TABLES, with_records, write_snapshot

PROJECT = {"_id": "p1", "label": "x"}


def truncated(path: Path) -> Path:
    content = write_snapshot(path, RECORDS).read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def damaged(path: Path) -> Path:
    content = bytearray(write_snapshot(path, RECORDS).read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(64)
    path.write_bytes(content)
    return path


def text(path: Path) -> Path:
    path.write_text("this is no snapshot\n")
    return path


def gzipped_text(path: Path) -> Path:
    path.write_bytes(gzip.compress(b"this is no database"))
    return path


def other_database(path: Path) -> Path:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("create table recipes (name text)")
    connection.close()
    return path


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def empty(path: Path) -> Path:
    path.touch()
    return path


def half_database(path: Path) -> Path:
    content = write_snapshot(path.with_suffix(".db"), RECORDS).read_bytes()
    path.write_bytes(gzip.compress(content[: len(content) // 2]))
    return path


BROKEN: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no such file": (lambda path: path, "No such file"),
    "a folder": (folder, "directory"),
    "empty": (empty, "empty"),
    "neither gzip nor SQLite": (text, "neither gzip nor SQLite"),
    "truncated gzip": (truncated, "ends too early"),
    "damaged gzip": (damaged, "gzip is damaged"),
    "not SQLite in the gzip": (gzipped_text, "not a SQLite database"),
    "half a database": (half_database, "cannot be read"),
    "another database": (other_database, "'project' is missing"),
    "a table missing": (
        lambda path: write_snapshot(path, RECORDS, [t for t in TABLES if t != "file"]),
        "'file' is missing",
    ),
    "no project": (lambda path: write_snapshot(path, with_records(project=[])), "0 rows"),
    "two projects": (
        lambda path: write_snapshot(
            path, with_records(project=[PROJECT, {**PROJECT, "_id": "p2"}])
        ),
        "2 rows",
    ),
    "a record that is not JSON": (
        lambda path: write_snapshot(path, with_records(subject=[b"{broken"])),
        "'subject-0'",
    ),
    "a record that is not an object": (
        lambda path: write_snapshot(path, with_records(session=[b"[1, 2]"])),
        "'session-0'",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_snapshot(kind: str, tmp_path: Path) -> None:
    make, words = BROKEN[kind]
    source = make(tmp_path / "source.db.gz")
    before = files_below(tmp_path)

    run = fw_dataset("render", source, tmp_path / "new" / "dataset")

    # A folder is wrong usage: no snapshot was ever one.
    assert_one_line_error(run, 2 if kind == "a folder" else 1, words)
    assert files_below(tmp_path) == before


def test_records_that_cannot_be_read_are_skipped_when_asked(tmp_path: Path) -> None:
    records = with_records(
        subject=[*RECORDS["subject"], b"{broken", b"17"], session=[b"", *RECORDS["session"]]
    )
    source = write_snapshot(tmp_path / "snapshot.db", records)
    target = tmp_path / "dataset"

    for _ in range(2):  # a second time it is there already, and no less incomplete
        run = fw_dataset("render", source, target, "--on-error", "skip", "--json")

        assert run.returncode == 1
        assert "3 records" in run.stderr
        assert "2 of subjects, 1 of sessions" in run.stderr
        assert "rendering_report.json" in run.stderr
        summary = json.loads(run.stdout)
        assert summary["skipped"] == {"subjects": 2, "sessions": 1}
        assert summary["tables"]["subjects"] == 3
    report = Path(summary["location"]) / "provenance" / "rendering_report.json"
    assert len(json.loads(report.read_text())["tables"]["subjects"]["skipped"]) == 2


ODD = {
    "NaN literals": b'{"_id": "s9", "info": {"a": NaN, "b": -Infinity}}',
    "a lone surrogate": b'{"_id": "s9", "label": "\\ud800", "info": {"a": "\\udfff"}}',
    "an embedded NUL": b'{"_id": "s9", "label": "a\\u0000b", "info": {"a": "\\u0000"}}',
    "a duplicate key": b'{"_id": "s9", "label": "a", "label": "b"}',
    "10 MB": b'{"_id": "s9", "info": {"a": "' + b"x" * 10_000_000 + b'"}}',
    "an integer beyond 64 bits": b'{"_id": "s9", "age": 123456789012345678901234567890}',
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_records_are_kept(kind: str, tmp_path: Path) -> None:
    source = write_snapshot(tmp_path / "snapshot.db.gz", with_records(subject=[ODD[kind]]))
    target = tmp_path / "dataset"

    rendered = fw_dataset("render", source, target, "--json")
    asked = fw_dataset("query", target, "FROM subjects", "--format", "ndjson")

    assert rendered.returncode == 0, rendered.stderr
    assert json.loads(rendered.stdout)["tables"]["subjects"] == 1
    assert asked.returncode == 0, asked.stderr
    assert json.loads(asked.stdout)["id"] == "s9"


WRONG_CHOICES = {
    "a version id that climbs": (("--version", "../../evil"), "version id"),
    "a hidden version id": (("--version", ".git"), "version id"),
    "the reserved version id": (("--version", "latest"), "latest"),
    "a label of nothing": (("--label", " "), "label"),
    "no instant": (("--created", "yesterday"), "is not an instant"),
    "no such day": (("--created", "2024-02-30T00:00:00Z"), "day"),
    "no choice": (("--on-error", "ignore"), "'ignore'"),
    "no option": (("--colour", "red"), "--colour"),
}


@pytest.mark.parametrize("kind", WRONG_CHOICES)
def test_wrong_choices_are_told_before_any_work(kind: str, snapshot: Path, tmp_path: Path) -> None:
    arguments, words = WRONG_CHOICES[kind]

    run = fw_dataset("render", snapshot, tmp_path / "dataset", *arguments)

    assert_one_line_error(run, 2, words, "fw-dataset render --help")
    assert files_below(tmp_path) == {"snapshot.db.gz"}


WRONG_COLUMNS = {
    "not there": (None, "No such file"),
    "not JSON": ("{subjects: [label]}", "is not JSON"),
    "not UTF-8": (b"\xff\xfe\x00", "is not JSON"),
    "no object": ('["label"]', "must hold an object"),
    "nested without end": ("[" * 100_000, "columns.json"),
    "no such table": ('{"subject": ["label"]}', "did you mean 'subjects'?"),
    "no such column": ('{"subjects": ["lable"]}', "did you mean 'label'?"),
    "no list": ('{"subjects": "label"}', "list of column names"),
    "numbers": ('{"subjects": [1]}', "has no column 1"),
    "null": ("null", "must hold an object"),
}


@pytest.mark.parametrize("kind", WRONG_COLUMNS)
def test_wrong_control_columns_are_told_before_any_work(
    kind: str, snapshot: Path, tmp_path: Path
) -> None:
    content, words = WRONG_COLUMNS[kind]
    file = tmp_path / "columns.json"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = files_below(tmp_path)

    run = fw_dataset("render", snapshot, tmp_path / "dataset", "--control-columns", str(file))

    assert_one_line_error(run, 2, words)
    assert files_below(tmp_path) == before


def test_destination_that_is_a_file(snapshot: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")

    below = fw_dataset("render", snapshot, tmp_path / "file" / "dataset")
    itself = fw_dataset("render", snapshot, tmp_path / "file")

    assert_one_line_error(below, 1, "file")
    assert_one_line_error(itself, 2, "file")
    assert (tmp_path / "file").read_text() == "precious"


def test_destination_that_is_full(tmp_path: Path) -> None:
    # Python ignores the signal that comes with this limit, so writes fail as on a full disk.
    noise = b'{"_id": "s9", "info": {"a": "' + b"0123456789abcdef" * 20_000 + b'"}}'
    source = write_snapshot(tmp_path / "snapshot.db.gz", with_records(subject=[noise]))

    run = fw_dataset_process(
        "render",
        source,
        tmp_path / "dataset",
        before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )

    assert_one_line_error(run, 1, "File too large")
    assert files_below(tmp_path) == {"snapshot.db.gz"}


def test_label_and_version_that_are_taken(tmp_path: Path) -> None:
    one = write_snapshot(tmp_path / "one.db", RECORDS)
    other = write_snapshot(tmp_path / "other.db", with_records(subject=[]))
    target = tmp_path / "dataset"
    assert fw_dataset("render", one, target, "--version", "v1", "--label", "A").returncode == 0
    before = files_below(target)

    assert_one_line_error(fw_dataset("render", other, target, "--label", "A"), 1, "'A'")
    assert_one_line_error(
        fw_dataset("render", other, target, "--version", "v1"), 1, "another snapshot"
    )
    assert files_below(target) == before


@pytest.mark.parametrize("command", ["query", "tables", "schema"])
def test_unknown_version_names_those_there_are(command: str, dataset: Path) -> None:
    more = {"query": ["SELECT 1"], "tables": [], "schema": ["files"]}[command]

    run = fw_dataset(command, dataset, *more, "--version", "v3")

    assert_one_line_error(run, 1, "'v3'", "v1", "v2", "erste Fassung ✓")


@pytest.mark.parametrize("table", ["file", "../../etc/passwd", "files; drop", "", "x\ny"])
def test_unknown_table_names_those_there_are(table: str, dataset: Path) -> None:
    assert_one_line_error(fw_dataset("schema", dataset, table), 1, "acquisitions", "subjects")


@pytest.mark.parametrize("command", ["query", "tables", "schema", "versions"])
def test_no_dataset(command: str, tmp_path: Path) -> None:
    more = {"query": ["SELECT 1"], "schema": ["files"]}.get(command, [])

    for place in (tmp_path, tmp_path / "nowhere"):
        assert_one_line_error(fw_dataset(command, place, *more), 1, "no dataset at")
    assert_one_line_error(fw_dataset(command, "ftp://host/x", *more), 1, "ftp://")
    assert files_below(tmp_path) == set()


SQL_ERRORS = {
    "syntax": ("SELEC 1", "Parser Error: syntax error at or near"),
    "table": ("SELECT * FROM file", "Table with name file does not exist"),
    "column": ('SELECT\n  "parent.x"\nFROM\n  files', "Binder Error"),
    "value": ("SELECT CAST(name AS INTEGER) FROM files", "Could not convert string"),
    "in the second statement": ("SET threads = 1; SELECT nothing", "nothing"),
    "in the first statement": ("SELECT nothing; SELECT 1", "nothing"),
    "a parameter": ("SELECT $1", "parameter"),
    "a missing file": ("FROM 'nothing.parquet'", "nothing.parquet"),
    "only a comment": ("-- nothing", "empty"),
}


@pytest.mark.parametrize("kind", SQL_ERRORS)
def test_sql_errors_are_those_of_duckdb_on_one_line(kind: str, dataset: Path) -> None:
    sql, words = SQL_ERRORS[kind]

    assert_one_line_error(fw_dataset("query", dataset, sql), 1, words)


def test_messages_cannot_steer_the_terminal(dataset: Path) -> None:
    run = fw_dataset("query", dataset, "SELECT CAST(chr(27) || '[2J' AS INTEGER)")

    assert_one_line_error(run, 1, "\\x1b[2J")


def test_usage_errors(dataset: Path) -> None:
    assert_one_line_error(fw_dataset("query"), 2, "DATASET", "fw-dataset query --help")
    assert_one_line_error(fw_dataset("query", dataset), 2, "SQL")
    assert_one_line_error(fw_dataset("query", dataset, " \n "), 2, "empty")
    assert_one_line_error(fw_dataset("query", dataset, "SELECT 1", "--max-rows", "-1"), 2, "-1")
    assert_one_line_error(fw_dataset("query", dataset, "SELECT 1", "--format", "xls"), 2, "xls")
    for name in ("rows.xlsx", "rows.foo", "rows.csv.gz"):
        to_file = fw_dataset("query", dataset, "SELECT 1", "-o", name)
        assert_one_line_error(to_file, 2, name, "--format", ".parquet")
    for name in ("tables.xlsx", "files.parquet", "study.db"):
        assert_one_line_error(fw_dataset("export", dataset, name), 2, name, "--format", ".duckdb")
    assert_one_line_error(fw_dataset("querry", dataset), 2, "querry")
    assert_one_line_error(fw_dataset("completion", "tcsh"), 2, "tcsh")
