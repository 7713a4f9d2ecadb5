"""Column types: Arrow's, as the data files have them, and Iceberg's."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.types as pt
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    StringType,
    TimestampType,
    TimestamptzType,
    TimeType,
)

__all__ = ["NO_ID", "iceberg_type", "is_same", "widest"]

NO_ID = 0
"""The id of a list's items before one is given out; Iceberg's ids begin with 1."""

_PLAIN: tuple[tuple[pa.DataType, IcebergType], ...] = (
    (pa.string(), StringType()),
    (pa.large_string(), StringType()),
    (pa.bool_(), BooleanType()),
    (pa.int8(), IntegerType()),
    (pa.int16(), IntegerType()),
    (pa.int32(), IntegerType()),
    (pa.uint8(), IntegerType()),
    (pa.uint16(), IntegerType()),
    (pa.uint32(), LongType()),
    (pa.int64(), LongType()),
    (pa.float32(), FloatType()),
    (pa.float64(), DoubleType()),
    (pa.date32(), DateType()),
    (pa.time64("us"), TimeType()),
    (pa.binary(), BinaryType()),
    (pa.large_binary(), BinaryType()),
)
_BY_ARROW = dict(_PLAIN)
_WIDENED: tuple[tuple[type[IcebergType], type[IcebergType]], ...] = (
    (IntegerType, LongType),
    (FloatType, DoubleType),
)


def iceberg_type(kind: pa.DataType) -> IcebergType | None:
    """Iceberg's type for a column of a data file; None where all readers have none.

    Nanoseconds, structs and maps are such: Iceberg 2 has no former, and we write no latter.
    """
    if pt.is_dictionary(kind):
        return iceberg_type(kind.value_type)
    if pt.is_timestamp(kind) and kind.unit in ("ms", "us"):
        return TimestampType() if kind.tz is None else TimestamptzType()
    if pt.is_decimal128(kind):
        return DecimalType(kind.precision, kind.scale)
    if pt.is_list(kind) or pt.is_large_list(kind):
        item = iceberg_type(kind.value_type)
        if item is None or isinstance(item, ListType):
            return None
        return ListType(element_id=NO_ID, element=item, element_required=False)
    return _BY_ARROW.get(kind)


def is_same(one: IcebergType, other: IcebergType) -> bool:
    """Whether two types are the same, whatever ids the items of lists have."""
    if isinstance(one, ListType) and isinstance(other, ListType):
        return one.element_type == other.element_type
    return one == other


def widest(one: IcebergType, other: IcebergType) -> IcebergType | None:
    """The one of two types that Iceberg reads the other as; None where it is neither."""
    if is_same(one, other):
        return one
    if isinstance(one, ListType) and isinstance(other, ListType):
        item = widest(one.element_type, other.element_type)
        if item is None:
            return None
        return ListType(element_id=one.element_id, element=item, element_required=False)
    for narrow, wide in ((one, other), (other, one)):
        if any(isinstance(narrow, a) and isinstance(wide, b) for a, b in _WIDENED):
            return wide
        if (
            isinstance(narrow, DecimalType)
            and isinstance(wide, DecimalType)
            and narrow.scale == wide.scale
            and narrow.precision <= wide.precision
        ):
            return wide
    return None
