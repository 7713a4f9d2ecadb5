"""Too many keys, tables and values: a clear rule, told in the report."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from fw_dataset.render.objects import container, reading, survey, tables
from tests.support.object_tables import derive, derive_headers, derive_tables, json_of


def test_rare_keys_stand_in_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MOST_COLUMNS", 2)
    objects = [{"a": 1, "b": 1, "c": {"d": 1}}, {"b": 2, "c": {"d": 2}}, {"e": None, "f": {"g": 3}}]
    derived = derive_headers([json_of(one) for one in objects])

    assert derived.types("header_k") == {"b": "int64", "c.d": "int64"}
    assert derived.extras("header_k") == ['{"a":1}', None, '{"f":{"g":3}}']
    assert derived.made.report["header_k"]["keys_without_a_column"] == {"a": 1, "f.g": 1}


def test_five_thousand_keys() -> None:
    objects = [{f"k{n:04}": n for n in range(5000)}, {f"k{n:04}": n for n in range(4990, 5000)}]
    derived = derive_headers([json_of(one) for one in objects])

    names = [f"k{n:04}" for n in (*range(1990), *range(4990, 5000))]
    assert list(derived.types("header_k")) == names
    extra = json.loads(derived.extras("header_k")[0] or "")
    assert extra == {f"k{n:04}": n for n in range(1990, 4990)}
    assert len(derived.made.report["header_k"]["keys_without_a_column"]) == 1000
    assert derived.objects("header_k") == objects


def test_more_keys_than_can_be_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "MOST_KEYS_COUNTED", 10)
    monkeypatch.setattr(reading, "_BATCH_ROWS", 64)
    objects = [{"a": n, f"k{n}": {"x": n}, f"l{n}": "t"} for n in range(300)]
    derived = derive_headers([json_of(one) for one in objects])

    assert derived.types("header_k")["a"] == "int64"
    assert len(derived.types("header_k")) <= 10
    assert derived.objects("header_k") == objects


def test_a_key_that_changes_after_it_was_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "MOST_KEYS_COUNTED", 3)
    monkeypatch.setattr(reading, "_BATCH_ROWS", 64)
    objects = [{"z": {"x": 1}, "a": 1}] + [{f"k{n}": n, "a": 2} for n in range(300)]
    objects += [{"z": 5, "a": 1}, {"z": [1], "a": 1}]
    derived = derive_headers([json_of(one) for one in objects])

    assert derived.objects("header_k") == objects


def test_rare_kinds_and_gears_have_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "MOST_TABLES", 2)
    infos = [{"header": {f"k{n}": {"a": 1}}, "qc": {"g": {"c": n}}} for n in range(4)]
    infos.append({"header": {"k2": {"a": 2}}})
    records = [json.dumps({"uuid": "u", "info": info}).encode() for info in infos]
    derived = derive({"files": records})

    assert list(derived.tables) == ["header_k2", "qc", "qc_g"]
    assert derived.made.report["header_k0"]["not_made"] == (
        "1 rows at info.header.k0: only the 2 places with the most rows have tables"
    )
    assert [name for name in derived.made.report if name not in derived.tables] == [
        "header_k0",
        "header_k1",
        "header_k3",
    ]


def test_a_kind_that_was_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "MOST_TABLES", 2)
    monkeypatch.setattr(container, "_MOST_PLACES", 6)
    infos = [{"header": {"z": {"a": 1}}}, {"header": {f"k{n}": {"b": 1} for n in range(10)}}]
    infos += [{"header": {"z": {"c": n}}} for n in range(5)]
    records = [json.dumps({"uuid": "u", "info": info}).encode() for info in infos]
    monkeypatch.setattr(reading, "_BATCH_ROWS", 1)
    derived = derive({"files": records})

    assert derived.objects("header_z") == [{"a": 1}, *({"c": n} for n in range(5))]


def test_ten_thousand_kinds() -> None:
    infos = [
        {"header": {f"k{n}": {"a": 1} for n in range(start, start + 500)}}
        for start in range(0, 10_000, 500)
    ]
    records = [json.dumps({"uuid": "u", "info": info}).encode() for info in infos]
    derived = derive({"files": records})

    assert len(derived.tables) == 500
    assert len(derived.made.report) <= 1500


def test_a_large_info() -> None:
    text = "x" * (10 << 20)
    infos = [{"header": {"k": {"a": text, "b": n}}} for n in range(3)]
    records = [json.dumps({"uuid": "u", "info": info}).encode() for info in infos]
    derived = derive({"files": records})

    assert derived.column("header_k", "b") == [0, 1, 2]
    assert [len(one) for one in derived.column("header_k", "a")] == [10 << 20] * 3


def test_nested_too_deeply_to_be_columns() -> None:
    texts = ['{"a":' * depth + "1" + "}" * depth for depth in (1, 15, 16, 17, 18, 60, 95)]
    records = [f'{{"uuid": "u", "info": {{"header": {{"k": {t}}}}}}}'.encode() for t in texts]
    for text, record in zip(texts, records, strict=True):
        derived = derive({"files": [record]})
        assert derived.objects("header_k") == [json.loads(text)]


@pytest.mark.parametrize("inner", ["1", "NaN"])
@pytest.mark.parametrize("depth", [90, 150, 300, 450, 600, 970, 1000])
@pytest.mark.parametrize("ends", ["[]", ('{"a":', "}")])
def test_nested_too_deeply_to_be_read(ends: tuple[str, str], depth: int, inner: str) -> None:
    deep = ends[0] * depth + inner + ends[1] * depth
    info = f'{{"header": {{"k": {{"b": {deep}}}}}, "qc": {{"g": {{"c": {deep}}}}}}}'
    sources = pa.table(
        {"id": ["u", "v"], "info": [info, '{"header": {"k": {"b": 1}}, "qc": {"g": {"c": 1}}}']}
    )
    derived = derive_tables({"files": sources})

    rows = 2 if depth == 90 else 1
    assert {name: len(derived.rows(name)) for name in derived.tables} == dict.fromkeys(
        ("header_k", "qc", "qc_g"), rows
    )
    assert derived.made.report["header_k"]["rows_skipped"] == 2 - rows
