"""Each output format, read back by other programs' readers, has the rows of the query."""

from __future__ import annotations

import csv
import io
import json
import math
import subprocess
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fw_dataset import Dataset
from tests.cli.commands import COMMAND, fw_dataset

Rows = list[dict[str, Any]]


def read_parquet(data: bytes) -> Rows:
    rows: Rows = pq.read_table(io.BytesIO(data)).to_pylist()
    return rows


def read_stream(data: bytes) -> Rows:
    rows: Rows = pa.ipc.open_stream(data).read_all().to_pylist()
    return rows


def read_json(data: bytes) -> Rows:
    rows: Rows = json.loads(data)
    return rows


def read_ndjson(data: bytes) -> Rows:
    return [json.loads(line) for line in data.splitlines()]


def read_csv(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


TYPED: dict[str, Callable[[bytes], Rows]] = {"parquet": read_parquet, "arrow": read_stream}
TEXT: dict[str, Callable[[bytes], Rows]] = {"json": read_json, "ndjson": read_ndjson}


def asked(dataset: Path, sql: str, form: str) -> bytes:
    run = fw_dataset("query", dataset, sql, "--format", form)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    return run.stdout


def expected(dataset: Path, sql: str) -> Rows:
    result = Dataset.open(dataset).execute(sql)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def as_json(value: Any) -> Any:
    """A value of the query as JSON can hold it."""
    return value.isoformat() if isinstance(value, datetime) else value


ORDERED = "SELECT * FROM {} ORDER BY id"


@pytest.mark.parametrize("table", ["subjects", "sessions", "files", "analyses"])
@pytest.mark.parametrize("form", [*TYPED, *TEXT])
def test_rows_of_a_study(form: str, table: str, study_dataset: Path) -> None:
    sql = ORDERED.format(table)
    rows = expected(study_dataset, sql)

    data = asked(study_dataset, sql, form)

    assert len(rows) > 10
    if form in TYPED:
        assert TYPED[form](data) == rows
    else:
        found = TEXT[form](data)
        whole = [{k: as_json(v) for k, v in row.items()} for row in rows]
        # Instants come with as many digits of the second as they need.
        assert [{k: v for k, v in row.items() if not is_instant(v)} for row in found] == [
            {k: v for k, v in row.items() if not is_instant(v)} for row in whole
        ]
        assert [instants(row) for row in found] == [instants(row) for row in whole]


def is_instant(value: Any) -> bool:
    return isinstance(value, str) and value[:4].isdigit() and value[10:11] == "T"


def instants(row: dict[str, Any]) -> dict[str, datetime]:
    return {
        name: datetime.strptime(value.partition(".")[0], "%Y-%m-%dT%H:%M:%S")  # noqa: DTZ007
        for name, value in row.items()
        if is_instant(value)
    }


def test_csv_of_a_study(study_dataset: Path) -> None:
    sql = 'SELECT id, name, size, "classification.Intent", info, deleted FROM files ORDER BY id'
    rows = expected(study_dataset, sql)

    found = read_csv(asked(study_dataset, sql, "csv"))

    assert len(found) == len(rows) == 2448
    for line, row in zip(found, rows, strict=True):
        assert {k: v for k, v in line.items() if k != "classification.Intent"} == {
            k: "" if v is None else str(v) for k, v in row.items() if k != "classification.Intent"
        }
        intent = line["classification.Intent"]
        assert (json.loads(intent) if intent else None) == row["classification.Intent"]


ODD_ROW = """
SELECT 9223372036854775807 AS big,
       170141183460469231731687303715884105727 AS huge,
       CAST('nan' AS DOUBLE) AS nan, CAST('-inf' AS DOUBLE) AS inf, CAST(NULL AS DOUBLE) AS none,
       1.0::DOUBLE AS whole, 0.1::DOUBLE AS tenth, 1e300::DOUBLE AS great,
       CAST(0.00000001 AS DECIMAL(18, 8)) AS small, CAST(-1.50 AS DECIMAL(5, 2)) AS money,
       '' AS empty, 'a "b", c' || chr(10) || 'd\\é张' || chr(0) AS text, TRUE AS yes,
       TIMESTAMP '2024-01-02 03:04:05.120' AS moment, TIMESTAMP '2024-01-02 00:00:00' AS midnight,
       TIMESTAMPTZ '2024-01-02 03:04:05+02:00' AS zoned, DATE '2024-01-02' AS day,
       TIME '03:04:05' AS clock, TIMESTAMP 'infinity' AS never, INTERVAL '1 day 3 hours' AS lapse,
       [1, NULL, 3] AS list, [['a'], [], NULL] AS lists,
       {'a': 1, 'b': {'c': [TIMESTAMP '2024-01-02 03:04:05']}} AS struct,
       MAP {'k': 0.5::DOUBLE, 'l': NULL} AS map, 'b'::ENUM ('a', 'b') AS enum,
       '\\xAA\\x00a'::BLOB AS blob, '101'::BIT AS bit,
       CAST('5f7b3e1e-0000-4000-8000-000000000000' AS UUID) AS uuid
"""

ODD_JSON = {
    "big": 9223372036854775807,
    "huge": 170141183460469231731687303715884105727,
    "nan": "NaN",
    "inf": "-Infinity",
    "none": None,
    "whole": 1.0,
    "tenth": 0.1,
    "great": 1e300,
    "small": Decimal("0.00000001"),
    "money": Decimal("-1.50"),
    "empty": "",
    "text": 'a "b", c\nd\\é张\x00',
    "yes": True,
    "moment": "2024-01-02T03:04:05.12",
    "midnight": "2024-01-02T00:00:00",
    "zoned": "2024-01-02T01:04:05Z",
    "day": "2024-01-02",
    "clock": "03:04:05",
    "never": "infinity",
    "lapse": "1 day 03:00:00",
    "list": [1, None, 3],
    "lists": [["a"], [], None],
    "struct": {"a": 1, "b": {"c": ["2024-01-02T03:04:05"]}},
    "map": {"k": 0.5, "l": None},
    "enum": "b",
    "blob": "\\xAA\\x00a",
    "bit": "101",
    "uuid": "5f7b3e1e-0000-4000-8000-000000000000",
}


def exactly(text: str) -> Any:
    """JSON with every digit, whole numbers as such."""
    return json.loads(text, parse_float=Decimal)


def test_odd_values_in_json(dataset: Path) -> None:
    lines = asked(dataset, ODD_ROW, "ndjson").decode()
    array = asked(dataset, ODD_ROW, "json").decode()

    assert lines.count("\n") == 1
    found = exactly(lines)
    assert exactly(array) == [found]
    wanted = exactly(json.dumps(ODD_JSON, default=float))
    exact = {"small", "money"}
    assert {k: v for k, v in found.items() if k not in exact} == {
        k: v for k, v in wanted.items() if k not in exact
    }
    assert [found[k] for k in exact] == [ODD_JSON[k] for k in exact]
    assert '"whole":1.0,' in lines


def test_odd_values_in_csv(dataset: Path) -> None:
    # Python 3.10 reads no CSV with a NUL in it.
    (found,) = read_csv(asked(dataset, ODD_ROW.replace("|| chr(0)", ""), "csv"))

    for name, value in ODD_JSON.items():
        cell = found[name] + ("\x00" if name == "text" else "")
        if isinstance(value, list | dict):
            assert json.loads(cell) == value
        elif isinstance(value, bool):
            assert cell == "true"
        elif isinstance(value, float):
            assert float(cell) == value
        elif value is None:
            assert cell == ""
        else:
            assert cell == str(value) or cell == f"{value:f}"


def test_odd_values_in_parquet_and_arrow(dataset: Path) -> None:
    for form, read in TYPED.items():
        (row,) = read(asked(dataset, ODD_ROW.replace("TIMESTAMP 'infinity'", "NULL"), form))
        assert row["big"] == 2**63 - 1
        assert row["huge"] == 2**127 - 1
        assert math.isnan(row["nan"])
        assert row["none"] is None
        assert row["small"] == Decimal("0.00000001")
        assert row["text"] == ODD_JSON["text"]
        assert row["moment"] == datetime(2024, 1, 2, 3, 4, 5, 120_000)  # noqa: DTZ001
        assert row["lapse"] == "1 day 03:00:00"
        assert row["lists"] == [["a"], [], None]
        assert row["map"] == [("k", 0.5), ("l", None)]
        assert row["blob"] == b"\xaa\x00a"
        assert row["bit"] == "101"


def test_null_and_empty_text_differ_in_csv(dataset: Path) -> None:
    sql = "SELECT * FROM (VALUES (1, NULL), (2, ''), (3, 'NULL'), (4, 'x''y')) AS t(a, b)"

    assert asked(dataset, sql, "csv") == b'a,b\n1,\n2,""\n3,NULL\n4,x\'y\n'


def test_no_row_of_one_null_column_is_lost_in_csv(dataset: Path) -> None:
    data = asked(dataset, "SELECT * FROM (VALUES (NULL), ('x'), (NULL)) AS t(a)", "csv")

    assert list(csv.reader(io.StringIO(data.decode()))) == [["a"], [""], ["x"], [""]]


@pytest.mark.parametrize("form", ["csv", *TEXT, *TYPED])
def test_no_rows(form: str, dataset: Path) -> None:
    data = asked(dataset, "SELECT id, size FROM files WHERE FALSE", form)

    if form == "csv":
        assert data == b"id,size\n"
    else:
        assert {**TEXT, **TYPED}[form](data) == []


@pytest.mark.parametrize("form", [*TEXT, *TYPED])
def test_columns_of_one_name_are_told_apart(form: str, dataset: Path) -> None:
    data = asked(dataset, "SELECT 1 AS a, 2 AS a, 3 AS a_1, 4 AS a", form)

    (row,) = {**TEXT, **TYPED}[form](data)
    assert sorted(row.values()) == [1, 2, 3, 4]
    assert row["a"] == 1
    assert row["a_1"] == 3


def test_names_are_quoted(dataset: Path) -> None:
    sql = 'SELECT 1 AS "a,b", 2 AS "say ""x""", 3 AS "tab\t", interval 1 day AS "i""j"'

    (line,) = read_csv(asked(dataset, sql, "csv"))
    (row,) = read_ndjson(asked(dataset, sql, "ndjson"))

    assert list(line) == list(row) == ["a,b", 'say "x"', "tab\t", 'i"j']


@pytest.mark.parametrize("form", ["csv", *TEXT, *TYPED])
def test_many_rows_keep_their_order(form: str, dataset: Path) -> None:
    sql = "SELECT i, 'row ' || i AS t, [i, i + 1] AS l FROM range(30000) AS r(i) ORDER BY i DESC"

    data = asked(dataset, sql, form)

    if form == "csv":
        rows: Rows = [
            {"i": int(r["i"]), "t": r["t"], "l": json.loads(r["l"])} for r in read_csv(data)
        ]
    else:
        rows = {**TEXT, **TYPED}[form](data)
    assert rows == [{"i": i, "t": f"row {i}", "l": [i, i + 1]} for i in range(29_999, -1, -1)]


def test_a_million_rows_need_little_memory(dataset: Path) -> None:
    # The result alone would be 400 MB of text; DuckDB and Arrow need some 150 MB to begin with.
    script = (
        "import resource, subprocess, sys;"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    )
    sql = "SELECT i, repeat('x', 400) AS t FROM range(1000000) AS r(i)"
    command = [*COMMAND, "query", str(dataset), sql, "--format", "ndjson"]
    done = subprocess.run(
        [COMMAND[0], "-c", script, *command], check=True, capture_output=True, timeout=120
    )

    assert 20 < int(done.stdout) < 350
