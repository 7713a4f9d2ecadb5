"""``fw-dataset query``: where SQL comes from, where rows go, and the table for people."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.commands import assert_one_line_error, files_below, fw_dataset, fw_dataset_process

# The value that cannot be read comes after thousands of good rows.
FAILS_LATE = (
    "SELECT CAST(CASE WHEN i = 900000 THEN 'x' ELSE CAST(i AS VARCHAR) END AS INTEGER) AS n"
    " FROM range(1000000) AS r(i)"
)


def test_table(dataset: Path) -> None:
    sql = "SELECT label, sex, age FROM subjects ORDER BY id"

    run = fw_dataset("query", dataset, sql)

    assert run.returncode == 0
    assert run.text.splitlines() == [
        "label        sex                     age",
        "───────────  ──────  ───────────────────",
        "Zoë          female                 NULL",
        "张伟                 1152921504606846977",
        'a "b", c\\nd  NULL                   NULL',
    ]
    assert run.stderr == "3 rows\n"


def test_table_shows_the_first_rows_and_says_so(dataset: Path) -> None:
    run = fw_dataset("query", dataset, "SELECT name FROM files ORDER BY size")
    all_rows = fw_dataset("query", dataset, "SELECT name FROM files", "--max-rows", "0")
    one = fw_dataset("query", dataset, "SELECT count(*) AS n FROM files", "--max-rows", "1")

    assert run.text.splitlines()[2:] == [f"scan_{n}.nii.gz" for n in range(1, 41)]
    assert run.stderr == "100 rows, the first 40 shown (--max-rows 0 shows all)\n"
    assert len(all_rows.text.splitlines()) == 102
    assert all_rows.stderr == "100 rows\n"
    assert one.text.split() == ["n", "───", "100"]
    assert one.stderr == "1 row\n"


def test_plan_of_a_query_is_drawn(dataset: Path) -> None:
    run = fw_dataset("query", dataset, "EXPLAIN SELECT * FROM files WHERE size > 10")

    assert run.returncode == 0
    assert "explain_key" not in run.text
    assert len(run.text.splitlines()) > 4


def test_sql_from_standard_input(dataset: Path) -> None:
    text = "\ufeff-- who?\nSELECT label\n  FROM subjects\n WHERE label = '张伟';\n"

    run = fw_dataset("query", dataset, "-", "--format", "csv", stdin=text.encode())
    empty = fw_dataset("query", dataset, "-")
    binary = fw_dataset("query", dataset, "-", stdin=b"\xff\xfe")

    assert run.text == "label\n张伟\n"
    assert_one_line_error(empty, 2, "the SQL is empty")
    assert_one_line_error(binary, 1, "not UTF-8")


def test_sql_that_begins_with_a_comment(dataset: Path) -> None:
    sql = "-- the files = all of them\nSELECT count(*) AS n FROM files"

    run = fw_dataset("query", "--format", "csv", dataset, sql)

    assert run.text == "n\n100\n", run.stderr


def test_several_statements(dataset: Path) -> None:
    sql = (
        "CREATE TEMP TABLE t AS SELECT 7 AS n; INSERT INTO t VALUES (8); SELECT sum(n) AS n FROM t"
    )

    assert fw_dataset("query", dataset, sql, "--format", "csv").text == "n\n15\n"


def test_each_statement_that_gives_rows_is_shown(dataset: Path) -> None:
    sql = "SELECT 1 AS a; CREATE TEMP TABLE t AS SELECT 2 AS b; FROM t; SELECT nothing"

    run = fw_dataset("query", dataset, sql)

    assert run.returncode == 1
    first, second = run.text.split("\n\n")
    assert (first.split(), second.split()[::2]) == (["a", "─", "1"], ["b", "2"])
    assert run.stderr.startswith("1 row\n1 row\nfw-dataset: error: ")


@pytest.mark.parametrize("more", [("--format", "csv"), ("-o", "x.csv"), ("-o", "x.txt")])
def test_a_file_holds_the_rows_of_one_statement(
    more: tuple[str, str], dataset: Path, tmp_path: Path
) -> None:
    option, value = more
    given = tmp_path / value if option == "-o" else value
    ran = tmp_path / "ran.csv"
    sql = f"COPY (SELECT 1) TO '{ran}'; SELECT 1 AS a; SELECT 2 AS b"

    run = fw_dataset("query", dataset, sql, option, given)

    assert_one_line_error(run, 1, "2 statements give rows", "one at a time")
    assert files_below(tmp_path) == set()


@pytest.mark.parametrize("sql", ["SET threads = 1", "CREATE TEMP TABLE t (i INTEGER)"])
def test_statement_without_rows(sql: str, dataset: Path, tmp_path: Path) -> None:
    run = fw_dataset("query", dataset, sql, "--format", "csv")
    to_file = fw_dataset("query", dataset, sql, "-o", tmp_path / "x.csv")

    assert (run.returncode, run.stdout) == (0, b"")
    assert run.stderr == "done; the statement gives no rows\n"
    assert_one_line_error(to_file, 1, "no rows", "x.csv")
    assert files_below(tmp_path) == set()


def test_versions_by_id_label_and_latest(dataset: Path) -> None:
    for version in ("v1", "v2", "latest", "erste Fassung ✓"):
        run = fw_dataset_process("query", dataset, "SELECT 1 AS a", "--version", version, "-v")
        wanted = "v1" if version in ("v1", "erste Fassung ✓") else "v2"
        assert run.returncode == 0
        assert f"/versions/{wanted}" in run.stderr or f"version {wanted} of" in run.stderr


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("rows.csv", b"n\n0\n"),
        ("rows.JSON", b'[\n{"n":0}'),
        ("rows.ndjson", b'{"n":0}\n'),
        ("rows.jsonl", b'{"n":0}\n'),
        ("rows.parquet", b"PAR1"),
        ("rows.arrow", b"ARROW1"),
        ("rows.feather", b"ARROW1"),
        ("rows.txt", b"n\n"),
        ("rows", b"n\n"),
    ],
)
def test_output_file_takes_the_format_of_its_name(
    name: str, begins: bytes, dataset: Path, tmp_path: Path
) -> None:
    run = fw_dataset("query", dataset, "SELECT * FROM range(3) AS r(n)", "-o", tmp_path / name)

    assert run.returncode == 0, run.stderr
    assert run.stdout == b""
    assert run.stderr == f"3 rows in {tmp_path / name}\n"
    assert files_below(tmp_path) == {name}
    assert (tmp_path / name).read_bytes().startswith(begins)


def test_output_files_of_arrow_and_parquet_are_whole(dataset: Path, tmp_path: Path) -> None:
    sql = "SELECT * FROM range(300000) AS r(n)"
    for name in ("x.arrow", "x.parquet"):
        assert fw_dataset("query", dataset, sql, "-o", tmp_path / name).returncode == 0

    arrow = pa.ipc.open_file(tmp_path / "x.arrow").read_all()
    parquet = pq.ParquetFile(tmp_path / "x.parquet")
    assert arrow["n"].to_pylist() == list(range(300_000))
    assert parquet.read().equals(arrow)
    assert parquet.num_row_groups <= 4


@pytest.mark.parametrize("form", ["csv", "json", "ndjson", "parquet", "arrow", "table"])
def test_failing_query_leaves_no_file_and_an_old_one_alone(
    form: str, dataset: Path, tmp_path: Path
) -> None:
    (tmp_path / "old").write_text("precious")

    for name in ("new", "old"):
        run = fw_dataset("query", dataset, FAILS_LATE, "--format", form, "-o", tmp_path / name)
        assert_one_line_error(run, 1)
        # DuckDB 1.5 loses the reason in about one of a hundred runs.
        assert "Conversion Error" in run.stderr or "DuckDB lost the reason" in run.stderr

    assert files_below(tmp_path) == {"old"}
    assert (tmp_path / "old").read_text() == "precious"


def test_output_file_replaces_and_keeps_its_mode_and_link(dataset: Path, tmp_path: Path) -> None:
    real = tmp_path / "real.csv"
    real.write_text("old")
    real.chmod(0o640)
    (tmp_path / "link.csv").symlink_to(real)

    run = fw_dataset("query", dataset, "SELECT 1 AS a", "-o", tmp_path / "link.csv")

    assert run.returncode == 0, run.stderr
    assert (tmp_path / "link.csv").is_symlink()
    assert real.read_text() == "a\n1\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_new_output_file_has_the_usual_mode(dataset: Path, tmp_path: Path) -> None:
    fw_dataset_process(
        "query", dataset, "SELECT 1 AS a", "-o", tmp_path / "x.csv", before=lambda: _umask(0o027)
    )

    assert stat.S_IMODE((tmp_path / "x.csv").stat().st_mode) == 0o640


def _umask(mask: int) -> None:
    os.umask(mask)


def test_output_places_that_cannot_be(dataset: Path, tmp_path: Path) -> None:
    for place, words in ((tmp_path, "is a folder"), (tmp_path / "no" / "x", "does not exist")):
        run = fw_dataset("query", dataset, "SELECT 1", "-o", place)
        assert_one_line_error(run, 1, words)
    assert files_below(tmp_path) == set()


def test_devices_are_written_not_replaced(dataset: Path) -> None:
    for form in ("csv", "parquet"):
        run = fw_dataset("query", dataset, "SELECT 1 AS a", "--format", form, "-o", "/dev/null")
        assert run.returncode == 0, run.stderr
        assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    out = fw_dataset("query", dataset, "SELECT 1 AS a", "-o", "-", "--format", "csv")
    assert out.text == "a\n1\n"


def test_a_name_with_dots_is_answered_with_its_quotes(dataset: Path) -> None:
    run = fw_dataset("query", str(dataset), "SELECT parents.subject FROM files")
    assert run.returncode == 1
    assert 'stands in double quotes: "parents.subject"' in run.stderr
