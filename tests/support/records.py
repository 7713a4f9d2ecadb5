"""Hypothesis strategies for records that aim at the format: what fits, and all that does not."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.tables import PrimaryColumn, primary_table
from tests.support.json_texts import STYLES, Json, Literal, Members

__all__ = ["json_objects", "json_values", "names", "plain_records", "record_texts", "records"]

# What breaks readers: quotes, escapes, controls, the ends of UTF-8's lengths, what looks like JSON.
_ODD_TEXTS = (
    "",
    " ",
    "null",
    "0",
    '"',
    "\\",
    '":',
    '\\":',
    '"info":',
    '"info": {}',
    "\n",
    "\x00",
    "\x7f",
    "\u2028",
    "é",
    "𝄞",
    "\ufeff",
    "\ud800",
    "\udfff",
    "a\ud83d",
    "NaN",
    "12 MB",
)
_NUMBERS = (
    *("0", "-0", "-0.0", "0.0", "1.0", "70.10", "3.14159265358979323846", "1e3", "1E+2", "1e-400"),
    *("9007199254740993", "9007199254740993.0", "9223372036854775807", "-9223372036854775808"),
    *("9223372036854775808", "-9223372036854775809", "18446744073709551616", "1e18"),
    *("1" + "0" * 30, "1e400", "-1e400", "NaN", "Infinity", "-Infinity", "0." + "3" * 40),
)
_INSTANTS = (
    "2020-01-01T00:00:00",
    "2020-01-01T00:00:00Z",
    "2020-01-01T12:30:00.004+00:00",
    "2020-01-01T00:00:00.123456-09:30",
    "2020-01-01 00:00:00+0530",
    "2020-01-01T00:00:00.123456789Z",
    "2020-06-30T23:59:60Z",
    "2020-01-01T24:00:00Z",
    "2020-01-01T00:00:00+24:00",
    "1583-12-31T23:59:59.999999+14:00",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "2020-02-30T00:00:00Z",
    "2020-01-01T00:00Z",
    "2020-01-01",
)
_DATES = (
    "1980-02-29",
    "1981-02-29",
    "0001-01-01",
    "9999-12-31",
    "1980-1-1",
    "19800101",
    "1980-01-01T00:00:00+00:00",
    "1980-01-01T00:00:00.000Z",
    "1980-01-01 00:00",
    "1980-01-01T00:00:00+05:00",
    "1980-01-01T00:00:01Z",
)

texts = st.one_of(
    st.sampled_from(_ODD_TEXTS),
    st.text(max_size=6),
    st.text(st.characters(codec=None), max_size=6),
    st.sampled_from(_INSTANTS),
    st.sampled_from(_DATES),
)
numbers = st.one_of(
    st.sampled_from(_NUMBERS),
    st.integers(-100, 100).map(str),
    st.integers(-(2**70), 2**70).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
).map(Literal)
scalars: st.SearchStrategy[Json] = st.one_of(st.none(), st.booleans(), numbers, texts)
names = st.one_of(st.sampled_from(["a", "A", "a.b", "a b", "info", "_id", "x"]), texts)


def _members(
    keys: st.SearchStrategy[str], values: st.SearchStrategy[Json]
) -> st.SearchStrategy[Members]:
    return st.lists(st.tuples(keys, values), max_size=4).map(Members)


json_values: st.SearchStrategy[Json] = st.recursive(
    scalars,
    lambda below: st.one_of(st.lists(below, max_size=3), _members(names, below)),
    max_leaves=6,
)
json_objects = _members(names, json_values)

_FITTING: dict[ColumnType, st.SearchStrategy[Json]] = {
    ColumnType.TEXT: st.text(max_size=8),
    ColumnType.JSON: st.one_of(json_objects, json_values),
    ColumnType.INSTANT: st.one_of(
        st.sampled_from(_INSTANTS), st.datetimes().map(lambda at: f"{at.isoformat()}+02:00")
    ),
    ColumnType.DATE: st.one_of(st.sampled_from(_DATES), st.dates().map(str)),
    ColumnType.TEXT_LIST: st.lists(st.one_of(st.text(max_size=4), texts, st.none()), max_size=3),
    ColumnType.INTEGER: st.integers(-(2**63), 2**63 - 1).map(str).map(Literal),
    ColumnType.NUMBER: st.one_of(
        st.integers(-1000, 1000).map(str), st.floats(0, 500).map(repr)
    ).map(Literal),
    ColumnType.BOOLEAN: st.booleans(),
}


def _column_value(column: PrimaryColumn) -> st.SearchStrategy[Json]:
    """Mostly what fits a column, sometimes anything."""
    fitting = _FITTING[column.type]
    return st.one_of(fitting, fitting, st.none(), json_values)


def _member(table: str) -> st.SearchStrategy[tuple[str, Json]]:
    """One member of a record: a column, an object of columns, something like one, or unknown."""
    columns = primary_table(table).columns
    plain = [column for column in columns if len(column.path) == 1]
    groups: dict[str, list[PrimaryColumn]] = {}
    for column in columns:
        if len(column.path) == 2:
            groups.setdefault(column.path[0], []).append(column)
    alike = [column.name for column in columns if len(column.path) == 2]
    alike += [column.path[0].upper() for column in plain] + ["extra", "id", "Info", "f0"]

    def of_column(column: PrimaryColumn) -> st.SearchStrategy[tuple[str, Json]]:
        return st.tuples(st.just(column.path[-1]), _column_value(column))

    def of_group(name: str) -> st.SearchStrategy[tuple[str, Json]]:
        inner = st.one_of(
            st.sampled_from(groups[name]).flatmap(of_column), st.tuples(names, json_values)
        )
        flattened = st.lists(inner, max_size=4).map(Members)
        return st.tuples(st.just(name), st.one_of(flattened, flattened, json_values))

    info = st.tuples(st.just("info"), st.one_of(json_objects, json_objects, json_values))
    return st.one_of(
        st.sampled_from(plain).flatmap(of_column),
        st.sampled_from(sorted(groups)).flatmap(of_group),
        info,
        st.tuples(st.one_of(names, st.sampled_from(alike)), json_values),
    )


def records(table: str) -> st.SearchStrategy[Members]:
    """Records of a table with anything in them, keys that stand twice included."""
    return st.lists(_member(table), max_size=7).map(Members)


def record_texts(table: str) -> st.SearchStrategy[bytes]:
    """Records of a table as JSON text, in any style."""
    written = st.builds(
        lambda record, style: style.write(record), records(table), st.sampled_from(STYLES)
    )
    return written.map(str.encode)


def plain_records(table: str) -> st.SearchStrategy[bytes]:
    """Records that are as the platform writes them: every column fits, no key stands twice."""
    fitting = {
        ColumnType.TEXT: st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        ColumnType.JSON: st.fixed_dictionaries({"a": st.lists(st.integers(-9, 9), max_size=2)}),
        ColumnType.INSTANT: st.datetimes().map(lambda at: f"{at.isoformat()}Z"),
        ColumnType.DATE: st.dates().map(str),
        ColumnType.TEXT_LIST: st.lists(st.text(max_size=3), max_size=3),
        ColumnType.INTEGER: st.integers(-(2**63), 2**63 - 1),
        ColumnType.NUMBER: st.floats(-1e6, 1e6),
        ColumnType.BOOLEAN: st.booleans(),
    }

    @st.composite
    def plain(draw: st.DrawFn) -> bytes:
        record: dict[str, object] = {}
        columns = primary_table(table).columns
        for column in draw(st.lists(st.sampled_from(columns), unique_by=lambda c: c.name)):
            target = record
            for key in column.path[:-1]:
                target = target.setdefault(key, {})  # type: ignore[assignment]
            target[column.path[-1]] = draw(st.one_of(st.none(), fitting[column.type]))
        if draw(st.booleans()):
            record["unknown"] = draw(st.one_of(st.integers(), st.text(max_size=3)))
        return json.dumps(record).encode()

    return plain()
