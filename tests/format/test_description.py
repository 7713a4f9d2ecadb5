"""The dataset description: today's, and those of older releases."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_dataset.errors import DatasetFormatError
from fw_dataset.format.description import DatasetDescription
from fw_dataset.format.schema import DataModel
from fw_dataset.format.tables import PRIMARY_CONTAINERS, primary_table
from tests.support.shared_data import OLD_RELEASES, shared

LEAST = {"id": "p", "version": "v", "created": "2025-09-24T20:24:22.004+00:00"}
OF_OTHERS = {"fully_populate", "conn", "paths", "fw_storage_info"}

json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda below: st.one_of(
        st.lists(below, max_size=3), st.dictionaries(st.text(max_size=5), below, max_size=3)
    ),
    max_leaves=5,
)
unknown = st.dictionaries(
    st.text(min_size=1, max_size=8).filter(
        lambda key: key not in DatasetDescription.model_fields and key not in OF_OTHERS
    ),
    json_values,
    max_size=4,
)


def read(**keys: Any) -> DatasetDescription:
    return DatasetDescription.from_json(json.dumps({**LEAST, **keys}))


def write(description: DatasetDescription) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(description.to_json())
    return written


def test_what_is_written() -> None:
    assert list(write(read())) == [
        "id",
        "name",
        "description",
        "version",
        "version_label",
        "created",
        "dataset_info",
        "tables",
        "errors",
    ]


@pytest.mark.parametrize("label", [None, "", "v"])
def test_label_is_the_version_where_there_is_none(label: str | None) -> None:
    assert read(version_label=label).label == "v"
    assert write(read(version_label=label))["version_label"] == "v"


@pytest.mark.parametrize(
    "created",
    [
        "2025-09-24T20:24:22.004+00:00",
        "2025-09-24T20:24:22.004Z",
        "2025-09-24T20:24:22.004000Z",
        "2025-09-24T22:24:22.004+02:00",
        "2025-09-24T20:24:22.004",
    ],
)
def test_spellings_of_created(created: str) -> None:
    description = read(created=created)

    assert description.created == datetime(2025, 9, 24, 20, 24, 22, 4000, timezone.utc)
    assert write(description)["created"] == "2025-09-24T20:24:22.004+00:00"


def test_created_without_a_fraction() -> None:
    assert write(read(created="2025-09-24T20:24:22Z"))["created"] == "2025-09-24T20:24:22.000+00:00"


@given(unknown, unknown)
def test_unknown_keys_are_kept(keys: dict[str, Any], inner: dict[str, Any]) -> None:
    hidden = {"dataset_info": {"x": inner}, **keys}

    written = write(read(**hidden))

    assert {key: written[key] for key in keys} == keys
    assert written["dataset_info"]["x"] == inner
    assert json.loads(DatasetDescription.from_json(json.dumps(written)).to_json()) == written


@pytest.mark.parametrize("key", sorted(OF_OTHERS))
def test_state_of_older_programs_is_not_written(key: str) -> None:
    assert key not in write(read(**{key: {"secret": "x"}}))


@pytest.mark.parametrize(
    "keys",
    [
        {"name": None, "description": None, "version_label": None},
        {"tables": None, "dataset_info": None, "errors": None},
        {"dataset_info": {"bucket": None, "storage_id": None}},
    ],
)
def test_nulls_are_read(keys: dict[str, Any]) -> None:
    assert read(**keys).id == "p"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"1",
        b"\xff",
        b'{"id": "p"}',
        b'{"id": "p", "version": "v"}',
        b'{"id": "p", "version": "v", "created": "soon"}',
        b'{"id": "p", "version": "v", "created": null}',
        b'{"id": 5, "version": "v", "created": "2025-09-24T20:24:22Z"}',
        b'{"id": "p", "version": "v", "created": "2025-09-24T20:24:22Z", "tables": []}',
        b'{"id": "p", "version": "v", "created": "0001-01-01T00:00:00+05:00"}',
        b"[" * 100_000,
    ],
)
def test_what_cannot_be_read_is_one_kind_of_error(text: bytes) -> None:
    with pytest.raises(
        DatasetFormatError, match="the dataset description cannot be read"
    ) as raised:
        DatasetDescription.from_json(text)

    assert "\n" not in str(raised.value)


def test_columns_stand_where_readers_look_for_them() -> None:
    models = {name: primary_table(name).model for name in PRIMARY_CONTAINERS}

    tables = DatasetDescription.describe_tables(models)

    assert list(tables) == list(PRIMARY_CONTAINERS)
    for name, table in tables.items():
        assert table["name"] == table["id"] == name
        assert table["description"]
        assert table["type"] == "object"
        assert list(table["properties"]) == list(models[name].properties)
        assert table["data_model"]["properties"] == table["properties"]
        assert DataModel.from_json(json.dumps(table["data_model"]), name) == models[name]


@pytest.mark.parametrize("release", OLD_RELEASES)
def test_descriptions_of_older_releases(release: str) -> None:
    root = shared("data", "old_format", release)
    (path,) = root.rglob("provenance/dataset_description.json")
    source = json.loads(path.read_text())

    description = DatasetDescription.from_json(path.read_bytes())
    written = write(description)

    for key in ("id", "name", "version", "version_label", "created"):
        assert written[key] == source[key]
    assert written["tables"] == source["tables"]
    assert source["dataset_info"].items() <= written["dataset_info"].items()
    assert written.keys() - {"errors"} == source.keys() - OF_OTHERS - {"errors"}


@pytest.mark.parametrize("release", OLD_RELEASES)
def test_schemas_of_older_releases(release: str) -> None:
    paths = sorted(shared("data", "old_format", release).rglob("*.schema.json"))
    assert len(paths) == 5
    for path in paths:
        source = json.loads(path.read_text())

        model = DataModel.from_json(path.read_bytes(), path.name.removesuffix(".schema.json"))

        assert list(model.to_arrow().names) == list(source["properties"])
        assert {key: model.to_dict()[key] for key in source} == {
            **source,
            "required": list(source.get("required", [])),
        }


def test_path_of_a_description_is_no_part_of_it(tmp_path: Path) -> None:
    assert str(tmp_path) not in str(read())


@pytest.mark.parametrize(
    "tables",
    [
        "null",
        "{}",
        ' {"a" : {"n": 1e999, "m": NaN, "i": 123456789012345678901234567890}, "b":{}}',
        '{"a": {"x": 1}, "b": {}, "a": {"x": 2}}',
        r'{"a\u00e9": {"x": "\ud800", "\ud83d\ude00": []}}',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_it_is_read_as_python_reads_json(tables: str, encoding: str) -> None:
    text = json.dumps({**LEAST, "conn": 1, "more": [1.0, "é"]})[:-1] + f', "tables": {tables}}}'
    expected = json.loads(text)
    del expected["conn"]

    found = DatasetDescription.from_json(text.encode(encoding))
    assert repr(found) == repr(DatasetDescription.model_validate(expected))
    assert repr(found) == repr(DatasetDescription.from_json(text))


@pytest.mark.parametrize(
    "tables", ["[]", '{"a": 1}', '{"a": {"x": }}', '{"a": {"x": "\\q"}}', '"a']
)
def test_tables_that_cannot_be_read(tables: str) -> None:
    text = json.dumps(LEAST)[:-1] + f', "tables": {tables}}}'
    with pytest.raises(DatasetFormatError, match="description cannot be read") as caught:
        DatasetDescription.from_json(text)
    assert "\n" not in str(caught.value)
