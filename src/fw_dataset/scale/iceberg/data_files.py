"""A version's Parquet files as Iceberg's data files, told from their footers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow.parquet as pq
from pyiceberg.conversions import to_bytes
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
from pyiceberg.typedef import Record
from pyiceberg.types import (
    BinaryType,
    IcebergType,
    ListType,
    NestedField,
    PrimitiveType,
    StringType,
)
from pyiceberg.utils.truncate import truncate_upper_bound_text_string

from fw_dataset.errors import DatasetFormatError, PublishingError
from fw_dataset.scale.iceberg.column_types import iceberg_type, widest
from fw_dataset.versions.catalog import CommittedVersion
from fw_dataset.versions.footers import footers_of

__all__ = ["TableFiles", "data_file", "files_of"]

# Of texts, so much is kept as a bound: an id of 24 characters whole, a document's beginning.
_LONGEST_BOUND = 32


@dataclass(frozen=True)
class ParquetFile:
    """One data file of a table.

    Attributes:
        key: its key in the dataset's storage.
        size: its length in bytes.
        footer: what it says of itself.
    """

    key: str
    size: int
    footer: pq.FileMetaData


@dataclass(frozen=True)
class TableFiles:
    """The data files of a table in one version, those without rows left out.

    Attributes:
        files: the files.
        types: the columns by name, in order, of a type that reads all files.
        values: for each column the values that are not null, those within lists; None where a
            file does not say.
        weights: for each column its decompressed bytes in the file that has most of them.
    """

    files: Sequence[ParquetFile] = ()
    types: Mapping[str, IcebergType] = field(default_factory=dict)
    values: Mapping[str, int | None] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """The rows in all files."""
        return sum(int(file.footer.num_rows) for file in self.files)

    @property
    def bytes(self) -> int:
        """The length of all files."""
        return sum(file.size for file in self.files)


def files_of(version: CommittedVersion, table: str) -> TableFiles:
    """Look at the data files of a table.

    Raises:
        DatasetFormatError: a file is damaged, or has not the rows that the manifest says.
        PublishingError: a column is of a type that Iceberg has not.
        StorageError: a file cannot be read.
    """
    objects = version.data_files(table)
    files = []
    for one, footer in zip(objects, footers_of(version.storage, objects), strict=True):
        if isinstance(footer, DatasetFormatError):
            raise footer
        files.append(ParquetFile(one.key, one.size, footer))
    found = sum(int(file.footer.num_rows) for file in files)
    if found != version.rows[table]:
        raise DatasetFormatError(
            f"table {table!r} of version {version.label!r} has {found:,} rows in its files, not"
            f" {version.rows[table]:,}: verify() (fw-dataset verify) tells what is damaged"
        )
    types: dict[str, IcebergType] = {}
    for file in files:
        _add_types(types, file, table)
    values: dict[str, int | None] = dict.fromkeys(types, 0)
    weights = dict.fromkeys(types, 0)
    for file in files:
        for name, column in _columns(file.footer).items():
            told, so_far = column.values, values[name]
            values[name] = None if told is None or so_far is None else so_far + told
            weights[name] = max(weights[name], column.weight)
    return TableFiles([file for file in files if file.footer.num_rows], types, values, weights)


def data_file(file: ParquetFile, path: str, fields: Mapping[str, NestedField]) -> DataFile:
    """What Iceberg keeps of a data file, by which readers choose the files that they need.

    Args:
        file: the file.
        path: where it is, for readers.
        fields: the table's columns by the names that they have in the file.
    """
    told = _Told()
    for name, column in _columns(file.footer).items():
        told.add(fields[name], column)
    made = DataFile.from_args(
        _table_format_version=2,
        content=DataFileContent.DATA,
        file_path=path,
        file_format=FileFormat.PARQUET,
        partition=Record(),
        record_count=file.footer.num_rows,
        file_size_in_bytes=file.size,
        column_sizes=told.sizes,
        value_counts=told.counts,
        null_value_counts=told.nulls,
        nan_value_counts={},
        lower_bounds=told.lower,
        upper_bounds=told.upper,
        key_metadata=None,
        split_offsets=_split_offsets(file.footer),
        equality_ids=None,
        sort_order_id=None,
    )
    made.spec_id = UNPARTITIONED_PARTITION_SPEC.spec_id
    return made


@dataclass
class _Column:
    """What the row groups of a file say of a column."""

    size: int = 0
    weight: int = 0
    slots: int = 0
    nulls: int | None = 0
    values: int | None = 0
    least: list[Any] = field(default_factory=list)
    most: list[Any] = field(default_factory=list)
    is_bounded: bool = True


@dataclass
class _Told:
    sizes: dict[int, int] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)
    nulls: dict[int, int] = field(default_factory=dict)
    lower: dict[int, bytes] = field(default_factory=dict)
    upper: dict[int, bytes] = field(default_factory=dict)

    def add(self, known: NestedField, column: _Column) -> None:
        kind = known.field_type
        number = kind.element_id if isinstance(kind, ListType) else known.field_id
        self.sizes[number] = column.size
        self.counts[number] = column.slots
        if column.nulls is not None:
            self.nulls[number] = column.nulls
        # Of lists there are no bounds: "any item" is nothing that a filter asks for.
        if isinstance(kind, PrimitiveType) and column.is_bounded and column.least:
            lower, upper = _bounds(kind, min(column.least), max(column.most))
            self.lower[number] = lower
            if upper is not None:
                self.upper[number] = upper


def _columns(footer: pq.FileMetaData) -> dict[str, _Column]:
    """The columns of a file by name; each is one column chunk, as there are no structs."""
    schema = footer.schema.to_arrow_schema()
    found = {one.name: _Column() for one in schema}
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        for place, column in enumerate(found.values()):
            _add_chunk(column, group.column(place))
    return found


def _add_chunk(column: _Column, chunk: pq.ColumnChunkMetaData) -> None:
    column.size += chunk.total_compressed_size
    column.weight += chunk.total_uncompressed_size
    column.slots += chunk.num_values
    told = chunk.statistics if chunk.is_stats_set else None
    if told is None or not told.has_null_count or column.nulls is None or column.values is None:
        column.nulls = column.values = None
    else:
        column.nulls += told.null_count
        column.values += chunk.num_values - told.null_count
    if told is not None and told.has_min_max:
        column.least.append(told.min)
        column.most.append(told.max)
    elif told is None or told.null_count != chunk.num_values:
        column.is_bounded = False  # not all is null, and it does not say what is there


def _bounds(kind: PrimitiveType, least: Any, most: Any) -> tuple[bytes, bytes | None]:
    if isinstance(kind, StringType):
        return to_bytes(kind, least[:_LONGEST_BOUND]), _upper_text(most)
    if isinstance(kind, BinaryType):
        return bytes(least[:_LONGEST_BOUND]), None
    return to_bytes(kind, least), to_bytes(kind, most)


def _upper_text(most: str) -> bytes | None:
    """A short text that is not before ``most``; None where there is none."""
    upper = truncate_upper_bound_text_string(most, _LONGEST_BOUND)
    try:
        return None if upper is None else upper.encode()
    except UnicodeEncodeError:
        return None  # the character that comes next is no character


def _split_offsets(footer: pq.FileMetaData) -> list[int]:
    """Where the row groups begin."""
    offsets = []
    for number in range(footer.num_row_groups):
        chunk = footer.row_group(number).column(0)
        begins = [chunk.data_page_offset]
        if chunk.has_dictionary_page:
            begins.append(chunk.dictionary_page_offset)
        offsets.append(min(begins))
    return sorted(offsets)


def _add_types(types: dict[str, IcebergType], file: ParquetFile, table: str) -> None:
    """Take the columns of one more file in."""
    for one in file.footer.schema.to_arrow_schema():
        place = f"column {one.name!r} of table {table!r} ({file.key})"
        kind = iceberg_type(one.type)
        if kind is None:
            raise PublishingError(
                f"{place} is of type {one.type}, which Iceberg has not; name the other tables"
                " with tables="
            )
        wide = widest(types.get(one.name, kind), kind)
        if wide is None:
            raise PublishingError(
                f"{place} is of type {one.type}, and of another in a file before; render the"
                " version anew, or name the other tables with tables="
            )
        types[one.name] = wide
