"""Every record is there again: columns nested by their names, ``extra`` merged into that."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.json_texts import STYLES, Literal, Members, Style, read_members, same
from tests.support.rebuilding import assert_rebuilt
from tests.support.records import record_texts
from tests.support.rendering import ALL_TABLES, render, render_batches, render_row, there

of_any_table = st.sampled_from(ALL_TABLES)


def in_batches(table: str) -> st.SearchStrategy[list[list[bytes]]]:
    return st.lists(st.lists(record_texts(table), max_size=5), min_size=1, max_size=3)


@given(data=st.data(), table=of_any_table)
def test_rebuilt_record_is_the_source(data: st.DataObject, table: str) -> None:
    batches = data.draw(in_batches(table))

    rows = render_batches(table, batches).rows

    sources = [source for batch in batches for source in batch]
    assert len(rows) == len(sources)
    for source, row in zip(sources, rows, strict=True):
        assert_rebuilt(table, source, row)


@given(data=st.data(), table=of_any_table)
def test_every_value_of_a_repeated_key_is_kept(data: st.DataObject, table: str) -> None:
    member = st.sampled_from(["_id", "label", "parents", "info", "tags", "created", "x", '"'])
    value = st.sampled_from(['"t"', "null", "1", '{"group":"g"}', "[]", '{"a":1,"a":2}', "NaN"])
    colon = st.sampled_from([":", ": ", " :", "  :", "\t:", "\n: "])
    pairs = data.draw(st.lists(st.tuples(member, colon, value), min_size=2, max_size=6))
    members = [f"{json.dumps(key)}{between}{text}" for key, between, text in pairs]
    source = "{" + ",".join(members) + "}"

    row = render_row(table, source)

    assert_rebuilt(table, source, row)
    kept = read_members(row["extra"] or "{}")
    for key in {key for key, _, _ in pairs}:
        values = [value for name, value in read_members(source) if name == key]
        if len(values) > 1:
            assert same(values, [value for name, value in kept if name == key])


# Each of these broke a rendering once, or looks as if it could.
ODD_RECORDS = {
    "empty": "{}",
    "quote in a key": r'{"a\"b": 1, "x": 2}',
    "backslash in a key": r'{"a\\b": 1}',
    "control character in a key": r'{"a\nb": 1, "\u0000": {"\u0000": "\u0000"}}',
    "surrogate in a key": r'{"\ud800": 1, "parents": {"\udc00": 2, "group": "g"}}',
    "empty key": '{"": 1, "parents": {"": 2}}',
    "key end in a key": r'{"a\":b": 1, "c\u0022\u003ad": 2}',
    "key end in a text": r'{"x": "\":", "label": "\":\":", "y": "\\\":"}',
    "surrogate in a column": r'{"label": "\ud800", "tags": ["\udfff", "t"]}',
    "surrogate in JSON": r'{"info": {"a": {"b": ["\ud800"], "c": 1}, "\ud800": null, "d": null}}',
    "surrogate pair": r'{"label": "\ud83d\ude00", "info": {"a": "\ud83d\ude00"}, "x": "\ud83d"}',
    "info is a start of another info": '{"x": {"info": 12}, "info": 1}',
    "info is a start of another info on lines": '{"x": {"info": 12},\n"info": 1}',
    "info is in front of itself": '{"x": {"info": {"a": 1}}, "info": {"a": 1}}',
    "info inside a column in front of itself": '{"notes":[{"info":{"a":1}}],"info":{"a":1}}',
    "info inside a column behind itself": '{"info":{"a":1},"notes":[{"info":{"a":1}}]}',
    "info text inside columns": r'{"label": "\"info\":{}", "notes": ["\"info\": {}"], "info": {}}',
    "info after a look-alike": r'{"x": "\"info\": {}", "info" : {"a": 1}}',
    "info spelled otherwise": r'{"\u0069nfo": {"a": 1}}',
    "info twice and spelled otherwise": r'{"info": {"a": 1}, "\u0069nfo": {"a": 1}}',
    "info null": '{"info": null, "x": {"info": null}}',
    "info null twice": '{"info": null, "info": null}',
    "info then null": '{"info": {"a": 1}, "info": null}',
    "object then null where columns flatten": '{"parents": {"group": "g"}, "parents": null}',
    "null then object where columns flatten": '{"parents": null, "parents": {"group": "g"}}',
    "object twice where columns flatten": '{"parents": {"group": "g"}, "parents": {"x": 1}}',
    "value then null": '{"label": "a", "label": null}',
    "column twice in an object": '{"parents": {"group": "g", "group": "h", "x": 1, "x": null}}',
    "unknown twice, null at the end": '{"x": 1, "x": null}',
    "unknown deep inside twice": '{"x": [{"y": {"z": 1, "z": 2}}], "notes": [{"a": 1, "a": 2}]}',
    "text where columns flatten": '{"parents": "p", "source": [1], "gear_info": {"x": 1}}',
    "empty object where columns flatten": '{"parents": {}, "source": {}, "gear_info": {}}',
    "keys that differ by case": '{"label": "a", "Label": "b", "LABEL": "c", "info": {"a":1,"A":2}}',
    "keys with dots": '{"parents.group": "x", "parents": {"group": "y"}, "a.b": 1, "a": {"b": 2}}',
    "the names of our own columns": '{"extra": {"x": 1}, "id": "i", "file_id": 3, "version": 4}',
    "names of generated fields": '{"f0": 1, "f1": {"f2": 2}}',
    "dunder names": '{"__class__": 1, "__proto__": {"a": 1}, "__struct_fields__": []}',
    "literals": '{"info": {"a": NaN}, "x": [Infinity, -Infinity], "label": NaN}',
    "numbers": '{"x": [1e400, -0, -0.0, 70.10, 123456789012345678901234567890, 1e-400]}',
    "raw control characters": '{"label": "a\tb\nc", "info": {"a": "\x01"}, "x": "\x1f"}',
    "byte order mark": '\ufeff{"label": "a"}',
    "white space around": ' \r\n\t{"label": "a"}\n ',
    "job as an object": '{"job": {"_id": "j", "gear": {"a": 1}}}',
    "job as an object without a text id": '{"job": {"_id": 5, "id": "j"}}',
    "job as an object with a surrogate": r'{"job": {"_id": "\ud800"}}',
    "year 0 in UTC": '{"created": "0001-01-01T00:00:00+05:00", "date_of_birth": "0000-12-31"}',
    "year 10000 in UTC": '{"created": "9999-12-31T23:59:59-05:00"}',
    "year 0": '{"created": "0000-06-01T00:00:00Z", "date_of_birth": "0000-06-01T00:00:00Z"}',
    "neither text nor null for a date": '{"date_of_birth": [], "created": {}, "age": false}',
    "null in a list": '{"tags": ["a", null], "collections": [null]}',
    "empty list": '{"tags": [], "notes": [], "permissions": {}}',
}


@pytest.mark.parametrize("table", ALL_TABLES)
@pytest.mark.parametrize("source", ODD_RECORDS.values(), ids=ODD_RECORDS)
def test_odd_record_is_rebuilt(table: str, source: str) -> None:
    assert_rebuilt(table, source, render_row(table, source))


@pytest.mark.parametrize(
    "source",
    [
        '{"x": 1, "x": 2}',
        '{"x"  : 1, "y": 1, "y": 2}',
        '{"x"\t: 1, "y": 1, "y": 2}',
        '{"x"\f: 1}'.replace("\f", " \n "),
        '{"y":1,"y":2,"x":"\\":"}',
        '{"y":1,"y":2,"x":"\\u0022:"}',
        '{"y":1,"y":2,"x":"\\u0022\\u003A"}',
        '{"y":1,"y":2,"x\\u0022":1}',
        '{"y":1,"\\u0079":2}',
        '{"x":{"info":{"a":1,"a":2}},"info":{"a":1,"a":2}}',
        '{"info":{"a":1},"y":{"info":{"a":1}},"y":1}',
        '{"info":1,"y":{"info":12},"y":1}',
        '{"notes":[{"info":{"a":1},"info":{"a":1}}],"info":{"a":1}}',
    ],
)
def test_repeated_key_is_not_overlooked(source: str) -> None:
    row = render_row("subjects", source)

    assert_rebuilt("subjects", source, row)
    columns = {"notes": "notes", "info": "info"}
    kept = [(n, read_members(row[c])) for n, c in columns.items() if row[c] is not None]
    kept += read_members(row["extra"] or "{}")
    assert same(read_members(source), Members(sorted(kept, key=lambda member: member[0])))


@pytest.mark.parametrize("table", ALL_TABLES)
def test_odd_records_are_rebuilt_side_by_side(table: str) -> None:
    sources = list(ODD_RECORDS.values())

    rows = render(table, *sources, *sources).rows

    for source, row in zip(sources + sources, rows, strict=True):
        assert_rebuilt(table, source, row)


@pytest.mark.parametrize("style", STYLES)
def test_style_of_the_text_does_not_matter(style: Style) -> None:
    y = Members([("y", Literal("70.10"))])
    info = Members([("info", Members([("b", [Literal("1"), Members([("c", None)])])]))])
    group = Members([("group", "g")])
    record = Members(
        [("_id", "s"), ("label", "é\n"), ("parents", group), ("tags", ["a"]), ("info", info)]
    )

    row = render_row("subjects", style.write(Members([*record, ("age", Literal("3")), ("x", y)])))

    assert json.loads(row.pop("info")) == {"info": {"b": [1, {"c": None}]}}
    assert json.loads(row.pop("extra")) == {"x": {"y": 70.1}}
    expected = {"id": "s", "label": "é\n", "parents.group": "g", "tags": ["a"], "age": 3}
    assert there(row) == expected


def test_numbers_keep_their_spelling_where_doubles_cannot_hold_them() -> None:
    row = render_row("subjects", '{"x":1e400,"y":[123456789012345678901234567890,-1e999]}')

    assert row["extra"] == '{"x":1e400,"y":[123456789012345678901234567890,-1e999]}'
