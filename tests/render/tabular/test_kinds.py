"""Which type the texts of a column have, and that nothing of them is lost by it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_dataset.format.column_types import ColumnType
from fw_dataset.render.tabular.kinds import ALL_KINDS, as_column, column_type, narrow
from tests.support.tabular import Folder, derive

INTEGER, NUMBER = ColumnType.INTEGER, ColumnType.NUMBER
DATE, INSTANT = ColumnType.DATE, ColumnType.INSTANT
BOOLEAN, TEXT = ColumnType.BOOLEAN, ColumnType.TEXT


def type_of(*texts: str) -> ColumnType:
    return column_type(narrow(ALL_KINDS, pa.array(texts, pa.string())))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["0", "-1", "42"], INTEGER),
        (["9223372036854775807", "-9223372036854775808"], INTEGER),
        (["9223372036854775808"], TEXT),
        (["00072"], TEXT),
        (["1", "00072"], TEXT),
        (["+5"], TEXT),
        (["1_000"], TEXT),
        (["1,000"], TEXT),
        (["1e3"], TEXT),
        (["12E5"], TEXT),
        ([" 5"], TEXT),
        (["5 "], TEXT),
        (["5\n"], TEXT),
        (["٣"], TEXT),
        (["-0"], NUMBER),
        (["0x10"], TEXT),
        (["1.50", "2"], NUMBER),
        ([".5", "-.5"], NUMBER),
        (["5."], TEXT),
        (["01.5"], TEXT),
        (["1e-05", "1E+20", "2.5e7"], NUMBER),
        (["0.1234567890123456"], NUMBER),
        (["0.12345678901234568"], NUMBER),
        (["0.12345678901234567"], TEXT),
        (["0.123456789012345678"], TEXT),
        (["0.1", "9007199254740993"], TEXT),
        (["0.1", "9007199254740992"], NUMBER),
        (["100000000000000000000"], NUMBER),
        (["1e+400"], TEXT),
        (["1e-400"], TEXT),
        (["5e-324"], NUMBER),
        (["1e+9999999999"], TEXT),
        (["0." + "3" * 5000], TEXT),
        (["nan"], TEXT),
        (["NaN", "1.5"], TEXT),
        (["inf"], TEXT),
        (["-Infinity"], TEXT),
        (["true", "false"], BOOLEAN),
        (["True"], BOOLEAN),
        (["FALSE", "TRUE"], BOOLEAN),
        (["true", "True"], TEXT),
        (["tRue"], TEXT),
        (["yes"], TEXT),
        (["true", "1"], TEXT),
        (["2020-02-29"], DATE),
        (["2021-02-29"], TEXT),
        (["0000-01-01"], TEXT),
        (["0001-01-01", "9999-12-31"], DATE),
        (["2020-2-3"], TEXT),
        (["20200203"], INTEGER),
        (["2020-01-31T10:00:00Z"], INSTANT),
        (["2020-01-31 10:00+05:30", "2020-01-31T10:00:00.123456-0800"], INSTANT),
        (["2020-01-31T10:00:00"], TEXT),
        (["2020-01-31T10:00:00.1234567Z"], TEXT),
        (["2020-01-31T10:00:60Z"], TEXT),
        (["2020-01-31T24:00:00Z"], TEXT),
        (["2020-01-31t10:00:00z"], TEXT),
        (["9999-12-31T23:59:59-05:00"], TEXT),
        (["2020-01-31", "2020-01-31T10:00:00Z"], TEXT),
        (["a"], TEXT),
    ],
)
def test_types(texts: list[str], expected: ColumnType) -> None:
    assert type_of(*texts) is expected
    assert as_column(pa.array(texts), expected).type == expected.arrow


@given(st.lists(st.integers(-(2**65), 2**65), min_size=1))
def test_whole_numbers(numbers: list[int]) -> None:
    texts = [str(number) for number in numbers]
    kind = type_of(*texts)
    if all(-(2**63) <= number < 2**63 for number in numbers):
        assert kind is INTEGER
        assert as_column(pa.array(texts), kind).to_pylist() == numbers
    elif kind is NUMBER:
        found = as_column(pa.array(texts), kind).to_pylist()
        assert [int(number) for number in found] == numbers


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_doubles_as_they_are_printed(numbers: list[float]) -> None:
    texts = [repr(number) for number in numbers]
    kind = type_of(*texts)
    if kind is NUMBER:
        assert as_column(pa.array(texts), kind).to_pylist() == numbers
    else:  # only what looks like a name
        assert any("e" in text and not set("+-.") & set(text[1:]) for text in texts)


@given(st.from_regex(r"-?[0-9]{0,20}(\.[0-9]{1,20})?(e[-+]?[0-9]{1,3})?", fullmatch=True))
def test_decimals(text: str) -> None:
    kind = type_of(text)
    (value,) = as_column(pa.array([text]), kind).to_pylist()
    if kind is NUMBER:
        assert Decimal(repr(value)) == Decimal(text)
    elif kind is INTEGER:
        assert str(value) == text
    else:
        assert value == text


# ------------------------------------------------------------------------- over all rows and files


@pytest.fixture
def files(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "files")


def column(files: Folder, tmp_path: Path, *texts: str) -> tuple[str, list[Any], list[Any]]:
    """The type, the values and ``extra`` of a column of one or more files."""
    for number, text in enumerate(texts):
        files.add(f"{number}.csv", f"x,y\n{text}")
    derived = derive(files, tmp_path / "v")
    (table,) = derived.tables.models
    rows = derived.cells(table)
    return derived.types(table)["x"], [r["x"] for r in rows], [r["extra"] for r in rows]


def test_one_value_far_behind_decides(files: Folder, tmp_path: Path) -> None:
    rows = "".join(f"{number},\n" for number in range(400_000))
    kind, values, _ = column(files, tmp_path, f"{rows}00072,\n")
    assert kind == "TEXT"
    assert values[-1] == "00072"
    assert values[7] == "7"


def test_one_file_decides_for_all(files: Folder, tmp_path: Path) -> None:
    kind, values, _ = column(files, tmp_path, "1,\n", "2,\n", "x,\n", ",\n")
    assert (kind, values) == ("TEXT", ["1", "2", "x", None])


def test_whole_numbers_among_doubles(files: Folder, tmp_path: Path) -> None:
    kind, values, _ = column(files, tmp_path, "1,\n", "2.5,\n")
    assert (kind, values) == ("NUMBER", [1.0, 2.5])


@pytest.mark.parametrize(
    ("value", "kind"),
    [("1", "INTEGER"), ("1.5", "NUMBER"), ("true", "BOOLEAN"), ("2020-01-01", "DATE")],
)
def test_not_available(files: Folder, tmp_path: Path, value: str, kind: str) -> None:
    found, values, extra = column(files, tmp_path, f"n/a,\n{value},q,r\n,\nn/a,q,r\n")
    assert found == kind
    assert [text is None for text in values] == [True, False, True, True]
    assert extra == [
        '{"x":"n/a"}',
        '{"surplus_cells":["r"]}',
        None,
        '{"x":"n/a","surplus_cells":["r"]}',
    ]


def test_not_available_among_texts_is_text(files: Folder, tmp_path: Path) -> None:
    found, values, extra = column(files, tmp_path, "n/a,\n1,\n", "N/A,\n")
    assert (found, values) == ("TEXT", ["n/a", "1", "N/A"])
    assert extra == [None, None, None]


def test_nothing_but_not_available_is_text(files: Folder, tmp_path: Path) -> None:
    assert column(files, tmp_path, "n/a,\n,\n")[:2] == ("TEXT", ["n/a", None])


def test_the_report_counts(files: Folder, tmp_path: Path) -> None:
    files.add("a.csv", 'n,"q ""x"" é",t\nn/a,n/a,n/a\n1,2,x\n')
    files.add("b.csv", 't,n,"q ""x"" é"\nz,n/a,3\n')
    derived = derive(files, tmp_path / "v")
    assert derived.tables.report == {
        "a": {
            "rows_written": 3,
            "files": 2,
            "rows_padded": 0,
            "rows_with_surplus_cells": 0,
            "not_available": {"n": 2, 'q "x" é': 1},
        }
    }
    assert derived.rows("a")[0]["extra"] == '{"n":"n/a","q \\"x\\" é":"n/a"}'
