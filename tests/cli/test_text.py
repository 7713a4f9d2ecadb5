"""Arrow columns as text: whatever is in them, JSON gives it back."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_dataset.cli.text import as_cells, as_json, json_rows

TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
# A type, and values of it that JSON holds as they are.
LEAVES: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.uint8(), st.integers(0, 255)),
    (pa.float64(), st.floats(allow_nan=False, allow_infinity=False)),
    (pa.string(), TEXTS),
    (pa.bool_(), st.booleans()),
]


def with_nulls(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values)


def nested(kind: pa.DataType, values: st.SearchStrategy[Any]) -> list[Any]:
    """The same, as lists and structs of it."""
    lists = with_nulls(st.lists(with_nulls(values), max_size=4))
    pairs = with_nulls(st.lists(with_nulls(values), min_size=2, max_size=2))
    structs = with_nulls(st.fixed_dictionaries({'a "b"': with_nulls(values), "c": lists}))
    struct = pa.struct([('a "b"', kind), ("c", pa.list_(kind))])
    return [
        (kind, values),
        (pa.list_(kind), lists),
        (pa.large_list(kind), lists),
        (pa.list_(kind, 2), pairs),
        (struct, structs),
        (pa.list_(struct), st.lists(structs, max_size=3)),
    ]


COLUMNS = st.sampled_from([form for leaf in LEAVES for form in nested(*leaf)])


@given(st.data())
def test_json_gives_every_value_back(data: st.DataObject) -> None:
    kind, values = data.draw(COLUMNS)
    rows = data.draw(st.lists(with_nulls(values), max_size=6))
    start = data.draw(st.integers(0, 3))

    found = as_json(pa.array(rows, kind)[start:])

    assert found.null_count == 0
    assert [json.loads(text) for text in found.to_pylist()] == rows[start:]


@given(st.data())
def test_rows_are_objects_in_the_order_of_the_columns(data: st.DataObject) -> None:
    columns = data.draw(st.lists(COLUMNS, min_size=1, max_size=4))
    size = data.draw(st.integers(0, 4))
    names = data.draw(st.lists(TEXTS, min_size=len(columns), max_size=len(columns), unique=True))
    rows = [
        data.draw(st.lists(with_nulls(values), min_size=size, max_size=size))
        for _, values in columns
    ]
    arrays = [pa.array(row, kind) for row, (kind, _) in zip(rows, columns, strict=True)]
    batch = pa.RecordBatch.from_arrays(arrays, names)

    found = [json.loads(line) for line in json_rows(batch, names)]

    assert found == [dict(zip(names, row, strict=True)) for row in zip(*rows, strict=True)]
    assert all(list(row) == names for row in found)
    assert not any("\n" in line for line in json_rows(batch, names))


@given(st.lists(with_nulls(st.datetimes())))
def test_instants_are_iso(moments: list[datetime | None]) -> None:
    for unit in ("us", "ns"):
        near = [m for m in moments if m is None or unit == "us" or 1700 < m.year < 2200]
        cells = as_cells(pa.array(near, pa.timestamp(unit))).to_pylist()
        read = [None if cell is None else datetime.fromisoformat(_six(cell)) for cell in cells]
        assert read == near
    zoned = as_cells(pa.array(moments, pa.timestamp("us", "Asia/Tokyo"))).to_pylist()
    plain = as_cells(pa.array(moments, pa.timestamp("us"))).to_pylist()
    assert zoned == [None if cell is None else f"{cell}Z" for cell in plain]


def _six(cell: str) -> str:
    """Python 3.10 reads three or six digits of a second only."""
    whole, point, digits = cell.partition(".")
    return f"{whole}.{digits:0<6}"[:26] if point else whole


@given(st.lists(with_nulls(st.dates())))
def test_days_are_iso(days: list[date | None]) -> None:
    cells = as_cells(pa.array(days, pa.date32())).to_pylist()

    assert cells == [None if day is None else day.isoformat() for day in days]


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=9, max_value=10**20)))
def test_decimals_keep_every_digit(numbers: list[Decimal]) -> None:
    fitting = [number for number in numbers if abs(number) < 10**20]
    column = pa.array(fitting, pa.decimal128(38, 9))

    assert [Decimal(cell) for cell in as_cells(column).to_pylist()] == fitting
    found = [json.loads(text, parse_float=Decimal) for text in as_json(column).to_pylist()]
    assert found == fitting
    assert not any("e" in text.lower() for text in as_json(column).to_pylist())


@given(st.lists(st.floats()))
def test_doubles_read_back_as_the_same_number(numbers: list[float]) -> None:
    cells = as_cells(pa.array(numbers, pa.float64())).to_pylist()

    assert [repr(float(cell)) for cell in cells] == [repr(abs(n) if n != n else n) for n in numbers]
    quoted = as_json(pa.array(numbers, pa.float64())).to_pylist()
    assert [float(json.loads(text)) for text in quoted if '"' not in text] == [
        n for n in numbers if n - n == 0
    ]


@pytest.mark.parametrize(
    ("number", "unit", "said"),
    [
        (2**63 - 1, "us", "infinity"),
        (-(2**63 - 1), "us", "-infinity"),
        (9_223_371_331_199_999_999, "us", "294247-01-01T23:59:59.999999"),
        (2 * 10**12, "s", "65347-06-24T03:33:20"),
        (-62_135_596_800_000_001, "us", "0000-12-31T23:59:59.999999"),
    ],
)
def test_far_instants(number: int, unit: str, said: str) -> None:
    column = pa.array([number, None, 0], pa.int64()).cast(pa.timestamp(unit))

    assert as_cells(column).to_pylist() == [said, None, "1970-01-01T00:00:00"]


def test_far_days() -> None:
    numbers = [2**31 - 1, -(2**31 - 1), None, 0, 20_000_000]

    cells = as_cells(pa.array(numbers, pa.int32()).cast(pa.date32())).to_pylist()

    assert cells == ["infinity", "-infinity", None, "1970-01-01", "56728-02-22"]


def test_rarer_types() -> None:
    columns = {
        "bytes": pa.array([b"a\\\x00\xff", None], pa.binary()),
        "duration": pa.array([timedelta(days=1, seconds=2), None], pa.duration("us")),
        "dictionary": pa.array(["b", None]).dictionary_encode(),
        "null": pa.nulls(2),
        "large": pa.array(["x", None], pa.large_string()),
        "interval": pa.array([pa.MonthDayNano([1, 2, 3_000_000_000]), None]),
        "map": pa.array([[("k", 1), ("l", None)], None], pa.map_(pa.string(), pa.int32())),
    }
    cells = {name: as_cells(column).to_pylist() for name, column in columns.items()}

    assert all(values[1] is None for values in cells.values())
    assert {name: values[0] for name, values in cells.items()} == {
        "bytes": "a\\x5C\\x00\\xFF",
        "duration": "1 day, 0:00:02",
        "dictionary": "b",
        "null": None,
        "large": "x",
        "interval": "1 months 2 days 0:00:03",
        "map": '{"k":1,"l":null}',
    }
    assert [json.loads(text) for text in as_json(columns["map"]).to_pylist()] == [
        {"k": 1, "l": None},
        None,
    ]
    assert as_json(columns["bytes"]).to_pylist() == ['"a\\\\x5C\\\\x00\\\\xFF"', "null"]
