"""Columns of JSON text are read by SQL: one odd record never breaks a query over the others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.tables import EXTRA, primary_table
from tests.support.json_texts import STYLES, Members
from tests.support.records import json_objects, json_values, records
from tests.support.rendering import ALL_TABLES, render

# The text of `x`, and what SQL says of it.
VALUES = {
    '"text"': "text",
    "12": "12",
    "NaN": "NaN",
    "Infinity": "Infinity",
    "-Infinity": "-Infinity",
    "123456789012345678901234567890": "123456789012345678901234567890",
    "1e400": "1e400",
    '"a\\u0000b"': "a\0b",
    '"a\tb\x01"': "a\tb\x01",
    '"\\ud83d\\ude00"': "😀",
    '"\\ud83d"': None,
    "null": None,
    "true": "true",
    '{"\\ud800": 1, "y": 2}': '{"y":2}',
}


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        yield made


def ask(connection: duckdb.DuckDBPyConnection, path: Path, sql: str) -> list[Any]:
    rows = connection.execute(sql.format(f"read_parquet('{path}')")).fetchall()
    return [row[0] if len(row) == 1 else row for row in rows]


def test_values_of_info_are_found_in_every_row(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    sources = [f'{{"info": {{"x": {text}, "é": {{"z": [1]}}}}}}' for text in VALUES]
    pq.write_table(render("files", *sources).table, tmp_path / "t.parquet")

    values = ask(connection, tmp_path / "t.parquet", "select info->>'$.x' from {}")

    assert values == list(VALUES.values())
    nested = ask(connection, tmp_path / "t.parquet", "select info->>'$.\"é\".z[0]' from {}")
    assert nested == ["1"] * len(VALUES)


def test_repeated_keys_and_odd_keys_do_not_break_a_query(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    infos = ['{"x": 1, "x": 2}', '{"": 0, "x": 1}', '{"a.b": 0, "a b": 0, "x": 1}', '{"X": 0}']
    infos += ['{"\\u0000": 0, "x": 1}', '{"\\ud800": 0, "x": 1}', '"text"', "[]", "0", "null"]
    sources = [f'{{"info": {info}}}' for info in infos]
    pq.write_table(render("files", *sources).table, tmp_path / "t.parquet")

    values = ask(connection, tmp_path / "t.parquet", "select info->>'$.x' from {}")

    assert values[0] in ("1", "2")
    assert values[1:] == ["1", "1", None, "1", "1", None, None, None, None]


@settings(max_examples=60)
@given(data=st.data())
def test_every_column_of_json_is_valid_in_sql(
    connection: duckdb.DuckDBPyConnection, data: st.DataObject
) -> None:
    table = data.draw(st.sampled_from(ALL_TABLES))
    columns = [c for c in primary_table(table).columns if c.type is ColumnType.JSON]
    odd = st.fixed_dictionaries({c.path[0]: st.one_of(json_objects, json_values) for c in columns})
    style = data.draw(st.sampled_from(STYLES))
    drawn = data.draw(st.lists(odd, min_size=1, max_size=4))
    sources = [style.write(Members(record.items())) for record in drawn]
    connection.register("rows", render(table, *sources).table)

    for column in columns:
        # Every function parses the text in a way of its own.
        for function in ("json_type({})", "json_keys({})", "{}->>'$.x'", "{}->'a'", "{}::json"):
            sql = function.format(f'"{column.name}"')
            assert connection.execute(f"select {sql} from rows").fetchall()
        invalid = f'select count(*) from rows where not json_valid("{column.name}")'
        assert connection.execute(invalid).fetchall() == [(0,)]


@settings(max_examples=60)
@given(data=st.data())
def test_extra_is_valid_in_sql_unless_surrogates_stand_alone(
    connection: duckdb.DuckDBPyConnection, data: st.DataObject
) -> None:
    table = data.draw(st.sampled_from(ALL_TABLES))
    style = data.draw(st.sampled_from(STYLES))
    drawn = data.draw(st.lists(records(table).map(style.write), min_size=1, max_size=4))
    sources = [text for text in drawn if "\\ud" not in text]
    rows = render(table, *sources).table.select([EXTRA])

    connection.register("rows", rows)
    connection.execute("select extra->>'$.x', json_type(extra), json_keys(extra) from rows")

    invalid = "select count(*) from rows where not json_valid(extra)"
    assert connection.execute(invalid).fetchall() == [(0,)]
    assert len(rows) == len(sources)


def test_extra_with_an_unpaired_surrogate_keeps_it_as_an_escape() -> None:
    (row,) = render("subjects", '{"x": "a\\ud800é"}').rows

    assert row[EXTRA] == '{"x":"a\\ud800\\u00e9"}'
    assert json.loads(row[EXTRA]) == {"x": "a\ud800é"}
