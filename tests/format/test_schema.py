"""A table's schema: spellings on disk, Arrow, and the choice of columns."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from fw_dataset.errors import DatasetFormatError
from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.schema import DRAFT_7, DataModel
from fw_dataset.format.tables import PRIMARY_CONTAINERS, primary_table

TEXT = {"type": "string", "title": "T", "description": "d"}


def read(**keys: Any) -> DataModel:
    return DataModel.from_json(json.dumps(keys), "t")


@pytest.mark.parametrize("name", PRIMARY_CONTAINERS)
def test_written_schema_is_read_again(name: str) -> None:
    model = primary_table(name).model
    text = json.dumps(model.to_dict())

    assert DataModel.from_json(text, "other") == model
    assert json.dumps(DataModel.from_json(text, "other").to_dict()) == text


def test_spelling_on_disk() -> None:
    written = read(id="t", description="d", properties={"a": TEXT}, required=["a"], x=1).to_dict()

    assert list(written.items()) == [
        ("schema", DRAFT_7),
        ("id", "t"),
        ("description", "d"),
        ("properties", {"a": TEXT}),
        ("required", ["a"]),
        ("type", "object"),
        ("x", 1),
    ]


def test_both_spellings_are_read() -> None:
    dollar = read(**{"$schema": "s", "$id": "i", "properties": {}})

    assert dollar == read(schema="s", id="i", properties={})
    assert list(dollar.to_dict())[:2] == ["schema", "id"]
    assert "$id" not in dollar.to_dict()


def test_plain_spelling_wins_where_there_are_both() -> None:
    assert read(**{"$id": "theirs", "id": "ours"}).id == "ours"


@pytest.mark.parametrize(
    "keys", [{}, {"properties": {}}, {"properties": None, "required": None, "description": None}]
)
def test_least_schema(keys: dict[str, Any]) -> None:
    model = read(**keys)

    assert (model.id, model.properties, model.required) == ("t", {}, ())
    assert model.to_arrow() == pa.schema([])


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000),
        *(b'{"properties": []}', b'{"properties": {"a": 1}}', b'{"required": "a"}', b'{"id": 5}'),
    ],
)
def test_damaged_schema_is_one_kind_of_error(text: bytes) -> None:
    with pytest.raises(DatasetFormatError, match="schema of table 't' cannot be read") as raised:
        DataModel.from_json(text, "t")

    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("prop", "kind"),
    [
        ({}, ColumnType.TEXT),
        ({"type": "string"}, ColumnType.TEXT),
        ({"type": ["string", "null"]}, ColumnType.TEXT),
        ({"type": ["null", "string"]}, ColumnType.TEXT),
        ({"type": "string", "format": "date-time"}, ColumnType.INSTANT),
        ({"type": "string", "format": "date"}, ColumnType.DATE),
        ({"type": "string", "format": "uuid"}, ColumnType.TEXT),
        ({"type": "string", "contentMediaType": "application/json"}, ColumnType.JSON),
        ({"type": "integer"}, ColumnType.INTEGER),
        ({"type": ["integer", "null"], "format": "bigint"}, ColumnType.INTEGER),
        ({"type": "number"}, ColumnType.NUMBER),
        ({"type": "boolean"}, ColumnType.BOOLEAN),
        ({"type": "array", "items": {"type": "string"}}, ColumnType.TEXT_LIST),
        ({"type": "array", "items": {}}, ColumnType.TEXT_LIST),
        ({"type": "array", "items": {"type": "integer"}}, ColumnType.INTEGER_LIST),
        ({"type": ["array", "null"], "items": {"type": "number"}}, ColumnType.NUMBER_LIST),
        ({"type": "array", "items": {"type": "string", "format": "date"}}, ColumnType.DATE_LIST),
        ({"type": "array", "items": {"type": "boolean"}}, ColumnType.JSON),
        ({"type": "array", "items": {"type": "array"}}, ColumnType.JSON),
        ({"type": "array", "items": {"type": "object"}}, ColumnType.JSON),
        ({"type": "array"}, ColumnType.JSON),
        ({"type": "object"}, ColumnType.JSON),
        ({"type": ["string", "integer"]}, ColumnType.JSON),
        ({"type": "null"}, ColumnType.JSON),
        ({"type": []}, ColumnType.JSON),
        ({"type": "no such"}, ColumnType.JSON),
    ],
)
def test_types_of_properties(prop: dict[str, Any], kind: ColumnType) -> None:
    assert ColumnType.from_property(prop) is kind


@pytest.mark.parametrize("kind", ColumnType)
def test_every_type_is_read_from_what_it_writes(kind: ColumnType) -> None:
    assert ColumnType.from_property(kind.json_schema) is kind
    nullable = {**kind.json_schema, "type": [kind.json_schema["type"], "null"]}
    assert ColumnType.from_property(nullable) is kind


def test_chosen_columns_keep_their_order() -> None:
    model = read(properties={"a": TEXT, "b": TEXT, "c": TEXT}, required=["c", "a"], x=1)

    kept = model.keeping({"c", "b", "unknown"})

    assert list(kept.properties) == ["b", "c"]
    assert kept.required == ("c",)
    assert kept.to_dict()["x"] == 1
    assert list(model.properties) == ["a", "b", "c"]


def test_required_columns_with_nulls_become_nullable() -> None:
    model = read(properties={"a": TEXT, "b": TEXT, "c": TEXT}, required=["a", "b"])

    found = model.requiring(["a", "c"])

    assert found.required == ("a",)
    kinds = {name: prop["type"] for name, prop in found.properties.items()}
    assert kinds == {"a": "string", "b": ["string", "null"], "c": ["string", "null"]}
    assert found.requiring(["a"]) == found


def test_fields_without_a_description() -> None:
    (field,) = read(properties={"a": {"type": "string"}}).to_arrow()

    assert field.metadata == {b"description": b""}
