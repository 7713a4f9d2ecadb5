"""Every object is there again: columns nested by their paths, ``extra`` merged into that."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_dataset.render.objects.plain import printable
from fw_dataset.render.objects.wish import ObjectTables
from tests.support.json_texts import STYLES, Json, Literal, Members, read, same
from tests.support.object_tables import derive, derive_headers, files, json_of
from tests.support.records import json_objects, json_values, names, numbers

# The same few keys again and again, so that they meet with values of many kinds.
few_keys = st.sampled_from(["a", "b", "A", "a.b", "a_2", "extra", "parents.group", "a.b_2"])
numeric: st.SearchStrategy[Json] = st.one_of(numbers, st.lists(numbers, max_size=3))
values: st.SearchStrategy[Json] = st.one_of(
    numeric, json_values, st.booleans(), st.lists(st.text(max_size=2), max_size=2)
)


def members_of(items: st.SearchStrategy[Json]) -> st.SearchStrategy[Members]:
    return st.lists(st.tuples(few_keys, items), max_size=4).map(Members)


members: st.SearchStrategy[Members] = st.recursive(
    members_of(values), lambda below: members_of(st.one_of(values, below)), max_leaves=6
)
objects = st.one_of(members, json_objects)


def even(value: Any) -> Any:
    """What is equal in the same form: null and empty objects are absent."""
    if not isinstance(value, dict):
        return value
    inner = {key: even(item) for key, item in value.items()}
    return {key: item for key, item in inner.items() if item not in (None, {})}


def assert_same(source: Json, rebuilt: Any) -> None:
    wanted = even(read(STYLES[0].write(source)))
    assert same(wanted, even(rebuilt)), f"source {source}\nwanted {wanted}\nrebuilt {rebuilt}"


@given(st.lists(objects, min_size=1, max_size=5))
def test_rebuilt_object_is_the_source(sources: list[Members]) -> None:
    derived = derive_headers(sources)

    rebuilt = derived.objects("header_k")
    assert len(rebuilt) == len(sources)
    for source, one in zip(sources, rebuilt, strict=True):
        assert_same(source, one)


@given(st.lists(members_of(numeric), max_size=6))
def test_numbers_are_not_changed(sources: list[Members]) -> None:
    derived = derive_headers(sources)

    rebuilt = derived.objects("header_k") if sources else []
    for source, one in zip(sources, rebuilt, strict=True):
        assert_same(source, one)


@given(st.lists(st.one_of(json_values, numeric, members), min_size=1, max_size=5))
def test_custom_values_are_the_source(sources: list[Json]) -> None:
    infos: list[Json] = [Members([("key", one)]) for one in sources]
    derived = derive({"files": files(infos)}, ObjectTables(custom_info=("files.key",)))

    there = [one for one in sources if one is not None]
    for source, one in zip(there, derived.objects("info_files_key") if there else [], strict=True):
        if isinstance(source, Members) or derived.extras("info_files_key") == [None] * len(there):
            assert_same(source, one)


@given(st.lists(st.tuples(names, objects), min_size=1, max_size=4, unique_by=lambda kind: kind[0]))
def test_any_kind_has_a_table(kinds: list[tuple[str, Members]]) -> None:
    derived = derive({"files": files([Members([("header", Members(kinds))])])})

    tables = [table for table in derived.tables if table.startswith("header")]
    assert len(tables) == len(kinds)
    by_path = {
        tuple(derived.model(table).to_dict()["path"]): derived.objects(table) for table in tables
    }
    for kind, source in kinds:
        if kind.casefold() != "dicom":
            (rebuilt,) = by_path["header", printable(kind)]
            assert_same(source, rebuilt)


ODD_OBJECTS: dict[str, list[str]] = {
    "number, list, object": ['{"a": 1}', '{"a": [1, 2]}', '{"a": {"b": 1}}'],
    "number and list": ['{"a": 1}', '{"a": [1, 2]}', '{"a": [3]}', '{"a": null}', '{"a": []}'],
    "text and number": ['{"a": "x"}', '{"a": 70.10}', '{"a": "70.10"}', '{"a": true}'],
    "beyond 64 bits": ['{"a": 1}', '{"a": 18446744073709551616}', '{"a": 1.50}'],
    "beyond doubles": ['{"a": 9007199254740993}', '{"a": 1.5}', '{"a": [9007199254740993]}'],
    "lists of all kinds": ['{"a": [1]}', '{"a": ["x", 1.5, null]}', '{"a": 2}'],
    "lists of lists": ['{"a": [[1, 2], [3]]}', '{"a": [1]}'],
    "lists of booleans": ['{"a": [true]}', '{"a": false}'],
    "lists of objects": ['{"a": [{"b": 1}]}', '{"a": {"b": 1}}'],
    "not a number": ['{"a": NaN}', '{"a": 1}', '{"a": [1, Infinity]}', '{"a": 1e400}'],
    "odd values beside empty objects": ['{"a": NaN, "b": 1, "b": 2}', '{"a": {}, "b": {}}'],
    "only NaN": ['{"a": NaN}'],
    "surrogates": [r'{"a": "\ud800", "\ud800": 1, "b": {"c": "\udfff"}}', '{"a": "x"}'],
    "surrogates in lists": [r'{"a": ["x", "\ud800"]}', '{"a": ["x"]}'],
    "surrogates in JSON": [r'{"a": {"b": "\ud800", "c": 1}}', '{"a": 1}', '{"a": {"b": 2}}'],
    "repeated keys": ['{"a": 1, "a": 2}', '{"a": 3}', '{"a": {"b": 1}, "a": null}'],
    "repeated objects": ['{"a": {"b": 1}, "a": {"c": 2}}', '{"a": {"b": 3, "b": 4}}'],
    "dots in keys": ['{"a.b": 1, "a": {"b": 2}, "a.b_2": 3}', '{"a": {"b.c": 1}, "a.b": {"c": 2}}'],
    "keys that differ by case": ['{"a": 1, "A": 2, "a_2": 3}'],
    "names of our own": ['{"extra": 1, "parents": {"group": 2}, "file.id": 3, "Extra": 4}'],
    "no names": [
        r'{"": 1, "\u0000": 2, "a\nb": {"c": 3}, "d": {"": 4}}',
        '{"%s": 1}' % ("n" * 250),
    ],
    "empty": ["{}", '{"a": {}}', '{"a": {"b": {}}}', '{"a": null}', '{"a": []}'],
    "deep": ['{"a":' * 40 + "1" + "}" * 40, '{"a": {"a": {"b": 2}}}'],
    "negative zero": ['{"a": -0, "b": -0.0}', '{"a": 1, "b": 1.5}', '{"b": "x"}'],
    "names of SQL": ['{"; drop table files; --": 1, "\'": 2, "select": {"*": 3}}'],
}


@pytest.mark.parametrize("texts", ODD_OBJECTS.values(), ids=ODD_OBJECTS)
def test_odd_objects(texts: list[str]) -> None:
    infos = [f'{{"header": {{"k": {text}}}}}' for text in texts]
    records = [f'{{"uuid": "u", "info": {info}}}'.encode() for info in infos]

    derived = derive({"files": records})

    rebuilt = derived.objects("header_k")
    for text, one in zip(texts, rebuilt, strict=True):
        assert same(even(read(text)), even(one)), f"source {text}\nrebuilt {one}"


def test_what_does_not_fit_is_counted_and_kept() -> None:
    derived = derive_headers([json_of({"a": 1}), Members([("a", Literal("NaN"))])])

    assert derived.types("header_k") == {"a": "int64"}
    assert derived.column("header_k", "a") == [1, None]
    assert derived.extras("header_k") == [None, '{"a":NaN}']
    assert derived.made.report["header_k"]["values_that_did_not_fit"] == {"a": 1}


def test_reports_are_json() -> None:
    derived = derive_headers([Members([("\ud800", "\udfff"), ("", Literal("1"))])])

    report = json.dumps(derived.made.report).encode()
    assert b"keys_without_a_column" in report
    assert derived.made.report["header_k"]["keys_without_a_column"] == {"": 1, "\\ud800": 1}
