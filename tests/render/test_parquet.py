"""Data files: named after their content, in row groups, with statistics."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.manifest import FileEntry
from fw_dataset.format.tables import primary_table
from fw_dataset.render.parquet import ROWS_PER_FILE, ROWS_PER_GROUP, TableWriter
from tests.support.rendering import ALL_TABLES

MODEL = primary_table("files").model
SCHEMA = MODEL.to_arrow()


def rows(start: int, count: int) -> pa.RecordBatch:
    filled: dict[str, list[Any]] = {
        "id": [f"{n:08}" for n in range(start, start + count)],
        "parents.session": [f"session-{n // 1000:05}" for n in range(start, start + count)],
        "size": list(range(start, start + count)),
        "info": ['{"x": 1}'] * count,
        "tags": [["a", None]] * count,
    }
    nothing = [None] * count
    arrays = [pa.array(filled.get(field.name, nothing), field.type) for field in SCHEMA]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def write(folder: Path, *batches: pa.RecordBatch, **options: int) -> list[FileEntry]:
    writer = TableWriter(folder, MODEL, **options)
    for batch in batches:
        writer.write(batch)
    writer.close()
    return writer.entries


def test_rows_come_back_in_order(tmp_path: Path) -> None:
    (entry,) = write(tmp_path, rows(0, 10), rows(10, 0), rows(10, 5))

    assert pq.read_table(tmp_path / entry.path).to_pylist() == rows(0, 15).to_pylist()
    assert entry.rows == 15


def test_entry_tells_what_the_file_is(tmp_path: Path) -> None:
    (entry,) = write(tmp_path, rows(0, 10))

    content = (tmp_path / entry.path).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    assert (entry.sha256, entry.bytes, entry.table) == (digest, len(content), "files")
    assert entry.path == f"tables/files/{digest[:32]}.parquet"
    assert [path.name for path in (tmp_path / "tables" / "files").iterdir()] == [
        f"{digest[:32]}.parquet"
    ]


@pytest.mark.parametrize("table", ALL_TABLES)
def test_table_without_rows_has_a_file_with_all_columns(table: str, tmp_path: Path) -> None:
    model = primary_table(table).model
    writer = TableWriter(tmp_path, model)
    writer.close()

    (entry,) = writer.entries
    assert entry.rows == 0
    read = pq.read_table(tmp_path / entry.path)
    assert read.num_rows == 0
    assert read.schema.equals(model.to_arrow())


@pytest.mark.parametrize("batches", [1, 3, 50])
def test_same_rows_give_the_same_bytes(batches: int, tmp_path: Path) -> None:
    parts = [rows(n * 100, 100) for n in range(batches)]

    first = write(tmp_path / "first", *parts)
    again = write(tmp_path / "again", *parts)

    assert first == again
    for entry in first:
        one, other = ((tmp_path / f / entry.path).read_bytes() for f in ("first", "again"))
        assert one == other


def test_other_rows_give_another_name(tmp_path: Path) -> None:
    (one,) = write(tmp_path / "one", rows(0, 10))
    (other,) = write(tmp_path / "other", rows(1, 10))

    assert one.path != other.path


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        (0, [0]),
        (1, [1]),
        (9, [9]),
        (10, [10]),
        (11, [10, 1]),
        (20, [10, 10]),
        (35, [10, 10, 10, 5]),
    ],
)
def test_files_end_at_their_number_of_rows(total: int, expected: list[int], tmp_path: Path) -> None:
    entries = write(tmp_path, rows(0, total), rows_per_file=10)

    assert [entry.rows for entry in entries] == expected
    read = pa.concat_tables([pq.read_table(tmp_path / entry.path) for entry in entries])
    assert read.to_pylist() == rows(0, total).to_pylist()


def test_ordinary_tables_are_one_file() -> None:
    assert ROWS_PER_FILE == 500_000


def test_row_groups_hold_at_most_a_hundred_thousand_rows(tmp_path: Path) -> None:
    batch = 2048
    (entry,) = write(tmp_path, *(rows(n * batch, batch) for n in range(120)))

    metadata = pq.read_metadata(tmp_path / entry.path)
    sizes = [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)]
    assert sum(sizes) == 120 * batch
    assert max(sizes) <= ROWS_PER_GROUP == 100_000
    # Small groups between the large ones would cost every query.
    assert all(size > ROWS_PER_GROUP / 2 for size in sizes[:-1])


def test_row_groups_can_be_skipped_by_their_statistics(tmp_path: Path) -> None:
    batch = 2000
    (entry,) = write(tmp_path, *(rows(n * batch, batch) for n in range(120)))

    metadata = pq.read_metadata(tmp_path / entry.path)
    place = MODEL.to_arrow().names.index("parents.session")
    spans = []
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        statistics = group.column(place).statistics
        assert statistics.has_min_max
        assert statistics.null_count == 0
        spans.append((statistics.min, statistics.max))
    assert spans == sorted(spans)
    assert len(spans) > 1
    ends = sorted(end for span in spans for end in span)
    assert ends == [end for span in spans for end in span]


def test_files_are_zstd_and_have_statistics_on_every_plain_column(tmp_path: Path) -> None:
    (entry,) = write(tmp_path, rows(0, 100))

    group = pq.read_metadata(tmp_path / entry.path).row_group(0)
    for number in range(group.num_columns):
        column = group.column(number)
        assert column.compression == "ZSTD"
        assert column.is_stats_set, column.path_in_schema


def test_descriptions_stand_in_the_fields(tmp_path: Path) -> None:
    (entry,) = write(tmp_path, rows(0, 1))

    schema = pq.read_schema(tmp_path / entry.path)
    for name, prop in MODEL.properties.items():
        metadata = schema.field(name).metadata
        assert metadata[b"description"].decode() == prop["description"]


def test_instants_have_microseconds_and_no_zone_in_the_file(tmp_path: Path) -> None:
    (entry,) = write(tmp_path, rows(0, 1))

    schema = pq.read_schema(tmp_path / entry.path)
    for name in MODEL.properties:
        if MODEL.column_type(name) is ColumnType.INSTANT:
            assert schema.field(name).type == pa.timestamp("us")


def test_columns_with_nulls_are_known(tmp_path: Path) -> None:
    writer = TableWriter(tmp_path, MODEL)
    writer.write(rows(0, 3))
    writer.close()

    filled = {"id", "parents.session", "size", "info", "tags"}
    assert writer.null_columns == set(MODEL.properties) - filled


def test_long_records_make_smaller_row_groups(tmp_path: Path) -> None:
    large = "x" * (8 << 20)
    names = SCHEMA.names
    columns = [
        pa.array([large if name == "info" else None], SCHEMA.field(name).type) for name in names
    ]
    batch = pa.RecordBatch.from_arrays(columns, schema=SCHEMA)

    (entry,) = write(tmp_path, *([batch] * 40))

    metadata = pq.read_metadata(tmp_path / entry.path)
    assert metadata.num_rows == 40
    assert metadata.num_row_groups > 1
