"""The names, ids and types that columns get, whatever versions they come in."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyiceberg.types import DoubleType, ListType, LongType, NestedField, StringType

from fw_dataset import Dataset, publish_iceberg
from fw_dataset.errors import PublishingError
from fw_dataset.format.column_types import ColumnType
from fw_dataset.scale.iceberg.column_types import iceberg_type, widest
from fw_dataset.scale.iceberg.columns import column_name, plan_columns
from tests.scale.iceberg.published import rows_of, table_at, tags
from tests.support.datasets import write_old_version

LONG, DOUBLE, TEXT = LongType(), DoubleType(), StringType()
_NO_DESCRIPTIONS: dict[str, str] = {}


class Grown:
    """A dataset that gets one version after another, of one table."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0

    def add(self, version: str, **columns: Any) -> Dataset:
        self.count += 1
        created = f"2024-01-0{self.count}T00:00:00.000+00:00"
        rows = {name.replace("__", "."): values for name, values in columns.items()}
        write_old_version(self.folder, version, {"t": pa.table(rows)}, created=created)
        return Dataset.open(self.folder)

    def read(self, tag: str | None = None) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = rows_of(
            table_at(self.folder / "iceberg", "t"), tag
        ).to_pydict()
        return found

    def ids(self, tag: str) -> dict[str, int]:
        table = table_at(self.folder / "iceberg", "t")
        snapshot = table.metadata.snapshot_by_id(tags(table)[tag])
        assert snapshot is not None
        assert snapshot.schema_id is not None
        (schema,) = [one for one in table.metadata.schemas if one.schema_id == snapshot.schema_id]
        return {field.name: field.field_id for field in schema.fields}


@pytest.fixture
def grown(tmp_path: Path) -> Grown:
    return Grown(tmp_path)


def test_names_that_would_be_the_same(grown: Grown) -> None:
    publish_iceberg(grown.add("v1", a__b=[1], a_b=[2], A__B=[3], **{"Patient's Größe": [4]}))
    assert grown.read() == {"a_b_2": [1], "a_b": [2], "A_B_3": [3], "Patient_s_Größe": [4]}

    # What came first keeps its name.
    publish_iceberg(grown.add("v2", **{"a b": [5]}, a__b=[6], a_b=[7]))
    assert grown.read() == {"a_b_4": [5], "a_b_2": [6], "a_b": [7]}
    assert grown.read("v1")["A_B_3"] == [3]


@given(st.text(max_size=20))
def test_a_name_is_one_word(name: str) -> None:
    plain = column_name(name)
    assert plain.replace("_", "a").isalnum()
    assert not plain[0].isdigit()


def test_ids_follow_names_through_versions(grown: Grown) -> None:
    publish_iceberg(grown.add("v1", a=[1], tags=[["x", "y"]], b=[True]))
    publish_iceberg(grown.add("v2", b=[False], c=[1.5], tags=[["z"]]))
    publish_iceberg(grown.add("v3", c=[2.5], a=[9], d=["new"]))

    v1, v2, v3 = (grown.ids(version) for version in ("v1", "v2", "v3"))
    assert v1 == {"a": 1, "tags": 2, "b": 3}  # the items of tags are 4
    assert v2 == {"b": 3, "c": 5, "tags": 2}
    assert v3 == {"c": 5, "a": 1, "d": 6}
    assert grown.read("v1") == {"a": [1], "tags": [["x", "y"]], "b": [True]}
    assert grown.read("v2") == {"b": [False], "c": [1.5], "tags": [["z"]]}
    assert grown.read() == grown.read("v3") == {"c": [2.5], "a": [9], "d": ["new"]}


def test_a_version_between_two_others(grown: Grown) -> None:
    grown.add("v1", a=[1])
    grown.add("v2", a=[2], b=["two"])
    dataset = grown.add("v3", b=["three"])
    publish_iceberg(dataset, version="v1")
    publish_iceberg(dataset, version="v3")
    publish_iceberg(dataset, version="v2")

    assert grown.read("v2") == {"a": [2], "b": ["two"]}
    assert grown.read() == {"b": ["three"]}


def test_a_type_that_widens(grown: Grown) -> None:
    publish_iceberg(grown.add("v1", a=pa.array([1], pa.int32()), x=pa.array([0.5], pa.float32())))
    publish_iceberg(grown.add("v2", a=pa.array([1 << 40], pa.int64()), x=pa.array([0.1])))
    assert grown.read() == {"a": [1 << 40], "x": [0.1]}
    assert grown.read("v1") == {"a": [1], "x": [0.5]}
    assert grown.ids("v1") == grown.ids("v2")

    # One that narrows stays wide: what is in the files fits.
    publish_iceberg(grown.add("v3", a=pa.array([7], pa.int32()), x=pa.array([0.5], pa.float32())))
    assert grown.read() == {"a": [7], "x": [0.5]}
    assert grown.ids("v3") == grown.ids("v2")
    table = table_at(grown.folder / "iceberg", "t")
    assert {str(field.field_type) for field in table.schema().fields} == {"long", "double"}
    assert len(list(table.scan("a == 7").plan_files())) == 1
    assert list(table.scan("a == 8").plan_files()) == []


@pytest.mark.parametrize(
    ("before", "now"),
    [([1], ["one"]), ([1], [1.5]), (["a"], [["a"]]), ([["a"]], [[1]]), ([1.5], [1])],
    ids=str,
)
def test_a_type_that_changes_is_refused_or_begins_anew(
    grown: Grown, before: list[Any], now: list[Any]
) -> None:
    publish_iceberg(grown.add("v1", k=["x"], a=before))
    dataset = grown.add("v2", k=["y"], a=now)

    with pytest.raises(PublishingError, match=r"other types than before have 'a' \(.*--restart"):
        publish_iceberg(dataset)
    assert grown.read() == {"k": ["x"], "a": before}

    publish_iceberg(dataset, restart=True)
    assert grown.read() == grown.read("v2") == {"k": ["y"], "a": now}
    table = table_at(grown.folder / "iceberg", "t")
    assert list(tags(table)) == ["v2"]
    assert len(table.metadata.snapshots) == 1
    with pytest.raises(PublishingError, match="an older version cannot be published beside it"):
        publish_iceberg(dataset, version="v1", restart=True)


def test_an_older_version_that_is_wider_is_refused(grown: Grown) -> None:
    grown.add("v1", a=pa.array([1 << 40], pa.int64()))
    dataset = grown.add("v2", a=pa.array([1], pa.int32()))
    publish_iceberg(dataset)

    with pytest.raises(PublishingError, match="other types than before have 'a'"):
        publish_iceberg(dataset, version="v1")


def test_all_types_of_ours_go_through(grown: Grown) -> None:
    samples: dict[ColumnType, Any] = {
        ColumnType.TEXT: "täxt \U0001f600" * 9,
        ColumnType.JSON: '{"a": [1, null]}',
        ColumnType.INSTANT: 1_700_000_000_123_456,
        ColumnType.DATE: 19_000,
        ColumnType.TEXT_LIST: ["a", None, ""],
        ColumnType.INTEGER_LIST: [1, None],
        ColumnType.NUMBER_LIST: [1.5, float("inf")],
        ColumnType.DATE_LIST: [0, 1],
        ColumnType.INTEGER: -(1 << 62),
        ColumnType.NUMBER: float("-inf"),
        ColumnType.BOOLEAN: True,
    }
    assert set(samples) == set(ColumnType)
    columns = {
        kind.name: pa.array([None, value, [] if kind.item else None], kind.arrow)
        for kind, value in samples.items()
    }
    publish_iceberg(grown.add("v1", **columns))

    assert grown.read() == {name: column.to_pylist() for name, column in columns.items()}


def test_types_of_older_releases_and_those_that_iceberg_has_not(grown: Grown) -> None:
    columns = {
        "zoned": pa.array([0], pa.timestamp("us", "UTC")),
        "ms": pa.array([5], pa.timestamp("ms")),
        "dec": pa.array([Decimal("1.50")], pa.decimal128(9, 2)),
        "dict": pa.array(["a"]).dictionary_encode(),
        "bytes": pa.array([b"\xff" * 40]),
        "large": pa.array([["x"]], pa.large_list(pa.large_string())),
        "top": pa.array(["\ud7ff" * 40]),  # the next character would be half of one
        "last": pa.array(["\U0010ffff" * 40]),
    }
    publish_iceberg(grown.add("v1", **columns))
    found = grown.read()
    assert {name: found[name] for name in ("dec", "dict", "bytes", "large", "top", "last")} == {
        name: columns[name].to_pylist() for name in ("dec", "dict", "bytes", "large", "top", "last")
    }
    for number, odd in enumerate(
        (pa.array([1], pa.timestamp("ns")), pa.array([{"a": 1}]), pa.array([[[1]]]), pa.nulls(1)), 2
    ):
        with pytest.raises(PublishingError, match="which Iceberg has not"):
            publish_iceberg(grown.add(f"v{number}", odd=odd))


def test_files_that_differ(grown: Grown) -> None:
    dataset = grown.add("v1", a=pa.array([1], pa.int32()))
    folder = grown.folder / "versions/v1/tables/t"
    write = pa.parquet.write_table
    write(pa.table({"a": pa.array([1 << 40]), "b": ["only here"]}), folder / "z.parquet")
    publish_iceberg(Dataset.open(grown.folder))
    assert grown.read() == {"a": [1, 1 << 40], "b": [None, "only here"]}

    write(pa.table({"a": ["text"]}), folder / "zz.parquet")
    with pytest.raises(PublishingError, match="of another in a file before"):
        publish_iceberg(Dataset.open(grown.folder))
    dataset.close()


def test_a_column_that_readers_would_not_find_is_noticed(
    grown: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should the items of lists ever be called otherwise in the files, nothing is published."""
    from fw_dataset.scale.iceberg import columns

    dataset = grown.add("v1", tags=[["x", "y"]], a=[1])
    monkeypatch.setattr(columns, "_ITEM_NAMES", ["unknown"])
    with pytest.raises(PublishingError, match=r"'tags?'|cannot be read back"):
        publish_iceberg(dataset)
    assert not (grown.folder / "iceberg").exists()


def test_files_without_statistics(grown: Grown) -> None:
    grown.add("v1", a=[1, 2])
    (path,) = (grown.folder / "versions/v1/tables/t").iterdir()
    pa.parquet.write_table(pa.table({"a": [1, 2]}), path, write_statistics=False)
    publish_iceberg(Dataset.open(grown.folder))

    table = table_at(grown.folder / "iceberg", "t")
    assert grown.read() == {"a": [1, 2]}
    (task,) = table.scan("a > 100").plan_files()
    assert (task.file.lower_bounds, task.file.null_value_counts) == ({}, {})


def test_what_is_said_of_a_file(grown: Grown) -> None:
    text = "z" * 100
    publish_iceberg(
        grown.add(
            "v1",
            a=[1, None, 3],
            t=["a", text, None],
            n=[1.5, float("nan"), -1.0],
            l=[["p"], [], None],
        )
    )
    table = table_at(grown.folder / "iceberg", "t")
    (task,) = table.scan().plan_files()
    file, ids = task.file, {field.name: field.field_id for field in table.schema().fields}
    items = table.schema().find_field("l").field_type
    assert isinstance(items, ListType)
    (path,) = (grown.folder / "versions/v1/tables/t").iterdir()

    assert (file.record_count, file.file_size_in_bytes) == (3, path.stat().st_size)
    assert (file.null_value_counts[ids["a"]], file.value_counts[ids["a"]]) == (1, 3)
    assert file.lower_bounds[ids["a"]] == (1).to_bytes(8, "little")
    assert file.upper_bounds[ids["a"]] == (3).to_bytes(8, "little")
    assert (file.lower_bounds[ids["t"]], file.upper_bounds[ids["t"]]) == (b"a", b"z" * 31 + b"{")
    assert items.element_id not in file.lower_bounds
    assert set(file.column_sizes) == {ids["a"], ids["t"], ids["n"], items.element_id}
    assert file.split_offsets == [4]


def test_planning_knows_only_what_it_is_told() -> None:
    known = {"a.b": NestedField(7, "a_b", LONG, required=False)}
    found = plan_columns(
        {"c": TEXT, "a.b": LONG}, _NO_DESCRIPTIONS, known, last_id=9, is_newest=True
    )

    assert [(one.field_id, one.name) for one in found.fields.values()] == [(10, "c"), (7, "a_b")]
    assert {one.field_id: one.names for one in found.mapping} == {7: ["a.b"], 10: ["c"]}


@pytest.mark.parametrize("kind", ColumnType)
def test_a_type_is_as_wide_as_itself(kind: ColumnType) -> None:
    theirs = iceberg_type(kind.arrow)
    assert theirs is not None
    assert widest(theirs, theirs) == theirs
    assert (widest(theirs, TEXT) is not None) == (theirs == TEXT)


def test_which_types_widen() -> None:
    for narrow, wide in (
        (pa.int16(), pa.int64()),
        (pa.float32(), pa.float64()),
        (pa.decimal128(5, 2), pa.decimal128(9, 2)),
        (pa.list_(pa.int32()), pa.list_(pa.int64())),
    ):
        one, other = iceberg_type(narrow), iceberg_type(wide)
        assert one is not None
        assert other is not None
        assert widest(one, other) == widest(other, one) == other
    assert widest(LONG, DOUBLE) is None
