"""Places of faults are told in the lines as they were written, whatever was run."""

from __future__ import annotations

import json

import duckdb
import pytest

from fw_dataset.serve.engine import LINES_BEFORE
from fw_dataset.serve.faults import place_at, place_of, without_drawing

LONG = "SELECT " + "size, " * 60 + "sise, " + "size, " * 60 + "size FROM t"


@pytest.mark.parametrize(
    ("sql", "line", "column"),
    [
        ("SELECT sise FROM t", 1, 8),
        ("SELECT size,\n  sise\nFROM t", 2, 3),
        ("   SELECT sise FROM t", 1, 11),
        ("SELECT size\nFROM t WHERE nofun(size)", 2, 14),
        (LONG, 1, LONG.index("sise") + 1),
    ],
)
def test_what_the_engine_draws_is_where_it_was_written(sql: str, line: int, column: int) -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t (size INTEGER)")
        with pytest.raises(duckdb.Error) as raised:
            connection.execute(f"DESCRIBE SELECT * FROM ({chr(10) * LINES_BEFORE}{sql.strip()}\n)")
    message = str(raised.value)
    assert place_of(message, sql, LINES_BEFORE) == f" (line {line}, column {column})"
    assert "LINE" not in without_drawing(message)


@pytest.mark.parametrize(
    ("sql", "line", "column"),
    [("SELECT a b c FROM t", 1, 12), ("SELECT 'é',\n  a b c\nFROM t", 2, 7), ("SELEC 1", 1, 1)],
)
def test_a_place_of_the_parser_is_told(sql: str, line: int, column: int) -> None:
    with duckdb.connect() as connection:
        [(told,)] = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
    assert place_at(sql, json.loads(told)["position"]) == f" (line {line}, column {column})"


@pytest.mark.parametrize("position", [None, 3, "x", "-1", ""])
def test_what_is_no_place_is_not_told(position: object) -> None:
    assert place_at("SELECT 1", position) == ""


@pytest.mark.parametrize(
    "message",
    ["no drawing", "x\n\nLINE 9: SELECT\n        ^", "x\n\nLINE 2: other text\n        ^"],
)
def test_a_drawing_of_something_else_is_left_out(message: str) -> None:
    assert place_of(message, "SELECT 1", LINES_BEFORE) == ""
