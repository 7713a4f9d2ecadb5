"""A record's row is the record's own: neither neighbours nor what came before changes it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.tables import EXTRA, primary_table
from tests.support.json_texts import read, same
from tests.support.records import plain_records, record_texts
from tests.support.rendering import (
    ALL_TABLES,
    read_exactly,
    render,
    render_alone,
    render_batches,
    render_row,
    selection_of,
)

of_any_table = st.sampled_from(ALL_TABLES)
UNREADABLE = (
    *(b"", b" ", b"{", b"}", b"[]", b"null", b"1", b'"t"', b"{}{}", b"{},{}", b'{"a":1},{"b":2}'),
    *(b"{},", b",{}", b"{}]", b"[{}", b'{"a":1,}', b"{'a':1}", b'{"a":01}', b'{"info":{"a":}}'),
    *(b'{"info":"\\q"}', b'{"x":"\xff"}', b'{"info":"\xff"}', b'{"label":"\xed\xa0\x80"}'),
    *(b'{"x":[{"y":1}', b'{"z":2}]}', b'{"label":"', b'"}', None),
)


def in_company(table: str) -> st.SearchStrategy[list[list[bytes]]]:
    record = st.one_of(record_texts(table), plain_records(table))
    return st.lists(st.lists(record, min_size=1, max_size=3), min_size=1, max_size=2)


@settings(max_examples=50)
@given(data=st.data(), table=of_any_table)
def test_row_alone_is_the_row_in_company(data: st.DataObject, table: str) -> None:
    batches = data.draw(in_company(table))

    rows = render_batches(table, batches).rows

    # By their text, which tells 0.0 from -0.0 and 1 from True.
    assert [repr(row) for row in rows] == [
        repr(render_alone(table, source)) for batch in batches for source in batch
    ]


@given(data=st.data(), table=of_any_table)
def test_parting_into_batches_changes_no_row_and_no_count(data: st.DataObject, table: str) -> None:
    batches = data.draw(in_company(table))

    parted = render_batches(table, batches)

    whole = render_batches(table, [[source for batch in batches for source in batch]])
    assert parted.rows == whole.rows
    assert parted.report == whole.report


@given(data=st.data(), table=of_any_table)
def test_unreadable_neighbours_change_no_row(data: st.DataObject, table: str) -> None:
    sound = data.draw(st.lists(record_texts(table), max_size=5))
    mixed: list[bytes | None] = [*sound]
    for unreadable in data.draw(st.lists(st.sampled_from(UNREADABLE), max_size=4)):
        mixed.insert(data.draw(st.integers(0, len(mixed))), unreadable)

    rendered = render_batches(table, [mixed], skip_errors=True)

    assert rendered.rows == [render_row(table, source) for source in sound]
    skipped = [str(row) for row, source in enumerate(mixed) if source in UNREADABLE]
    assert sorted(entry["id"] for entry in rendered.report.skipped) == sorted(skipped)


@given(data=st.data(), table=of_any_table)
def test_misfit_of_one_row_leaves_the_column_of_the_others(data: st.DataObject, table: str) -> None:
    plain = data.draw(st.lists(plain_records(table), min_size=1, max_size=5))
    odd = b'{"_id":5,"label":[],"created":"yesterday","tags":"t","info_exists":0,"revision":0.5}'

    rows = render_batches(table, [[odd, *plain, odd]]).rows[1:-1]

    assert rows == [render_row(table, source) for source in plain]


@given(data=st.data(), table=of_any_table)
def test_fast_and_exact_reading_agree(data: st.DataObject, table: str) -> None:
    source = data.draw(st.one_of(plain_records(table), record_texts(table)))

    assert_same_row(table, render_row(table, source), read_exactly(table, source))


@pytest.mark.parametrize(
    ("table", "member"),
    [
        ("sessions", '"weight": 9007199254740993.0'),
        ("sessions", '"weight": 9007199254740993'),
        ("sessions", '"weight": 1e22'),
        ("sessions", '"weight": -0'),
        ("sessions", '"weight": 1e-400'),
        ("subjects", '"age": 1e3'),
        ("subjects", '"age": 1.0'),
        ("subjects", '"age": -0.0'),
        ("subjects", '"age": 9223372036854775807.0'),
        ("subjects", '"age": 9223372036854775808.0'),
        ("subjects", '"age": 9007199254740993.0'),
        ("subjects", '"age": 1.00000000000000000000001'),
    ],
)
def test_numbers_are_read_alike_on_both_paths(table: str, member: str) -> None:
    alone = f"{{{member}}}".encode()
    # The literal is what only the exact path reads.
    beside_odd = f'{{{member}, "x": NaN}}'.encode()

    (fast, exact) = (render_row(table, alone), render_row(table, beside_odd))

    name = member.split('"')[1]
    assert repr(fast[name]) == repr(exact[name])
    assert_same_row(table, fast, read_exactly(table, alone))


def test_thousands_of_unknown_keys_are_kept() -> None:
    wide = {f"k{n}": n for n in range(1500)}
    sources = [json.dumps(wide), *(json.dumps({f"k{n}": [n], "x": 1.5}) for n in range(700))]

    rows = render("subjects", *sources).rows

    assert [json.loads(row[EXTRA]) for row in rows] == [json.loads(source) for source in sources]


@settings(max_examples=20)
@given(st.lists(st.integers(0, 40), min_size=50, max_size=200))
def test_keys_learnt_midway_keep_columns_aligned(keys: list[int]) -> None:
    sources = [
        json.dumps({"_id": str(row), f"k{key}": row, "label": f"l{row}", "info": {"row": row}})
        for row, key in enumerate(keys)
    ]

    rows = render("subjects", *sources).rows

    for row, key in enumerate(keys):
        assert rows[row]["id"] == str(row)
        assert rows[row]["label"] == f"l{row}"
        assert json.loads(rows[row]["info"]) == {"row": row}
        assert json.loads(rows[row][EXTRA]) == {f"k{key}": row}


def assert_same_row(table: str, left: dict[str, Any], right: dict[str, Any]) -> None:
    """Fail unless two rows are equal: columns by value, texts of JSON as JSON."""
    model = selection_of(table).model
    assert left.keys() == right.keys()
    for name, value in left.items():
        if model.column_type(name) is ColumnType.JSON:
            assert same(_json(value), _json(right[name])), (name, value, right[name])
        else:
            assert repr(value) == repr(right[name]), name


def _json(text: str | None) -> Any:
    return None if text is None else read(text)


def test_every_table_has_a_column_of_json() -> None:
    for table in ALL_TABLES:
        types = {column.type for column in primary_table(table).columns}
        assert ColumnType.JSON in types
