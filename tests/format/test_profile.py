"""The profile of a table, as a file."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_dataset.errors import DatasetFormatError
from fw_dataset.format.profile import (
    ColumnProfile,
    Counted,
    Histogram,
    JsonShapes,
    Lengths,
    TableProfile,
    cut,
)

finite = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.one_of(st.integers(-(2**63), 2**64), finite, st.text(max_size=5))
counted = st.builds(Counted, value=st.text(max_size=5), count=st.integers(0, 2**40))
columns = st.builds(
    ColumnProfile,
    name=st.text(max_size=8),
    type=st.sampled_from(["VARCHAR", "BIGINT"]),
    kind=st.sampled_from(["text", "number", "json", "other"]),
    nulls=st.integers(0, 9),
    distinct=st.none() | st.integers(0, 9),
    distinct_is_approximate=st.booleans(),
    min=st.none() | scalars,
    max=st.none() | scalars,
    mean=st.none() | finite,
    quantiles=st.dictionaries(st.sampled_from(["5", "50"]), scalars),
    top=st.lists(counted, max_size=3).map(tuple),
    lengths=st.none() | st.just(Lengths(min=0, max=2, mean=0.5)),
    histogram=st.none()
    | st.builds(
        Histogram,
        edges=st.tuples(scalars, scalars),
        counts=st.tuples(st.integers(0, 9)),
        below=st.integers(0, 9),
        above=st.integers(0, 9),
    ),
    shapes=st.none() | st.just(JsonShapes(objects=1, arrays=0, scalars=0)),
    keys=st.lists(counted, max_size=3).map(tuple),
    examples=st.lists(st.text(max_size=5), max_size=3).map(tuple),
)


@given(st.lists(columns, max_size=4))
def test_written_profile_is_read_again(found: list[ColumnProfile]) -> None:
    told = [
        column
        if column.distinct is not None
        else column.model_copy(update={"distinct_is_approximate": False})
        for column in found
    ]
    profile = TableProfile(table="t", rows=9, columns=tuple(told))

    text = profile.to_json()

    assert TableProfile.from_json(text, "t") == profile
    assert TableProfile.from_json(text, "t").to_json() == text
    assert json.loads(text) == profile.to_dict()
    # A line for each column, so that two profiles can be compared line by line.
    assert text.count(b"\n") == max(2, len(told) + 2) + (not told)


def test_figures_that_a_column_does_not_have_are_left_out() -> None:
    column = ColumnProfile(name="a", type="VARCHAR", kind="text", nulls=3, distinct=0)

    assert column.to_dict() == {
        "name": "a",
        "type": "VARCHAR",
        "kind": "text",
        "nulls": 3,
        "distinct": 0,
        "distinct_is_approximate": False,
    }


def test_what_later_releases_add_is_kept() -> None:
    source: dict[str, Any] = TableProfile(table="t", rows=0).to_dict()
    source["later"] = {"x": 1}
    source["columns"] = [{"name": "a", "type": "T", "kind": "other", "nulls": 0, "later": [1]}]

    written = TableProfile.from_json(json.dumps(source), "t").to_dict()

    assert written["later"] == {"x": 1}
    assert written["columns"][0]["later"] == [1]


def test_without_values_nothing_of_a_row_is_left() -> None:
    column = ColumnProfile(
        name="a",
        type="VARCHAR",
        kind="json",
        nulls=1,
        distinct=4,
        distinct_is_approximate=True,
        min="secret",
        max="secret",
        mean=17.5,
        quantiles={"50": "secret"},
        top=(Counted(value="secret", count=20),),
        lengths=Lengths(min=6, max=6, mean=6.0),
        histogram=Histogram(edges=("secret", "secret"), counts=(20,), below=0, above=0),
        shapes=JsonShapes(objects=20, arrays=0, scalars=0),
        keys=(Counted(value="dose", count=10), Counted(value="secret", count=9)),
        keys_left_out=2,
        examples=("secret",),
    )
    profile = TableProfile(table="t", rows=21, columns=(column,)).without_values()

    assert b"secret" not in profile.to_json()
    assert profile.to_dict() == {
        "format": 1,
        "table": "t",
        "rows": 21,
        "values": False,
        "columns": [
            {
                "name": "a",
                "type": "VARCHAR",
                "kind": "json",
                "nulls": 1,
                "distinct": 4,
                "distinct_is_approximate": True,
                "shapes": {"objects": 20, "arrays": 0, "scalars": 0},
                "keys": [{"value": "dose", "count": 10}],
                "keys_left_out": 3,
            }
        ],
    }


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000),
        b'{"table": "t", "rows": -1}',
        b'{"table": "t", "rows": 1, "format": 2}',
        b'{"table": "other", "rows": 1}',
        b'{"table": "t", "rows": 1, "columns": [{"name": "a"}]}',
    ],
)
def test_damaged_profile_is_one_kind_of_error(text: bytes) -> None:
    with pytest.raises(DatasetFormatError, match="the profile of table 't'") as raised:
        TableProfile.from_json(text, "t")

    assert "\n" not in str(raised.value)


def test_long_texts_are_cut_and_say_so() -> None:
    assert cut("x" * 100) == "x" * 100
    assert cut("x" * 101) == "x" * 100 + "…"
