"""Arrow columns as text, whole batches at a time: as it stands in a cell, and as JSON.

Integers and decimals keep every digit. Instants are ISO 8601, with ``Z`` where the column has a
zone. What no JSON number can be is a JSON text: ``"NaN"``, ``"Infinity"``, ``"-Infinity"``.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

__all__ = ["as_cells", "as_json", "json_rows"]

_quote = json.JSONEncoder(ensure_ascii=False).encode
_TEXT = pa.string()
_OUT_OF_RANGE = "<value out of range: "
_DAYS_IN_400_YEARS = 146_097
_TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def as_cells(column: pa.Array) -> pa.Array:
    """The values as text, null where they are null; lists and structs are JSON."""
    kind = column.type
    if pt.is_dictionary(kind):
        return as_cells(column.dictionary_decode())
    if _is_text(kind) or pt.is_boolean(kind) or pt.is_integer(kind) or pt.is_null(kind):
        return column.cast(_TEXT)
    if pt.is_floating(kind):
        return _floats(column)
    if pt.is_timestamp(kind) or pt.is_date(kind) or pt.is_time(kind):
        return _moments(column)
    if pt.is_nested(kind):
        return pc.if_else(column.is_null(), pa.scalar(None, _TEXT), as_json(column))
    return pa.array([_odd(value) for value in column.to_pylist()], _TEXT)


def as_json(column: pa.Array) -> pa.Array:
    """The values as JSON, ``null`` where they are null."""
    kind = column.type
    if pt.is_dictionary(kind):
        return as_json(column.dictionary_decode())
    if pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind):
        text = _lists(column)
    elif pt.is_struct(kind):
        text = _structs(column)
    elif pt.is_map(kind):
        text = _maps(column)
    elif pt.is_boolean(kind) or pt.is_integer(kind) or pt.is_decimal(kind):
        text = as_cells(column)
    elif pt.is_floating(kind):
        text = pc.replace_substring_regex(_floats(column), r"^(-?[NI].*)$", r'"\1"')
    elif pt.is_union(kind):
        text = pa.array([_quote(_odd(value)) for value in column.to_pylist()], _TEXT)
    else:
        text = _quoted(as_cells(column))
    return pc.fill_null(text, "null")


def json_rows(batch: pa.RecordBatch, names: list[str]) -> list[str]:
    """Each row of a batch as a JSON object on one line."""
    parts: list[Any] = []
    for place, (name, column) in enumerate(zip(names, batch.columns, strict=True)):
        parts += ["," if place else "{", _quote(name) + ":", as_json(column)]
    rows: list[str] = pc.binary_join_element_wise(*parts, "}", "").to_pylist()
    return rows


def _is_text(kind: pa.DataType) -> bool:
    return bool(pt.is_string(kind) or pt.is_large_string(kind))


def _floats(column: pa.Array) -> pa.Array:
    """The shortest text that reads back as the same number, with a point in whole ones."""
    text = pc.replace_substring_regex(column.cast(_TEXT), r"^(-?\d+)$", r"\1.0")
    # How the standard of JSON's relatives and most readers spell them.
    return pc.replace_substring(pc.replace_substring(text, "nan", "NaN"), "inf", "Infinity")


def _moments(column: pa.Array) -> pa.Array:
    kind = column.type
    zoned = pt.is_timestamp(kind) and kind.tz is not None
    if zoned:
        # Arrow counts from the same instant in every zone; without one, the text is UTC.
        column = column.cast(pa.int64()).cast(pa.timestamp(kind.unit))
    text = column.cast(_TEXT)
    if pc.any(pc.starts_with(text, _OUT_OF_RANGE)).as_py():
        numbers = column.cast(pa.int32() if pt.is_date32(kind) else pa.int64()).to_pylist()
        pairs = zip(text.to_pylist(), numbers, strict=True)
        text = pa.array([_far(cell, number, kind) for cell, number in pairs], _TEXT)
    text = pc.replace_substring(text, " ", "T", max_replacements=1)
    text = pc.replace_substring_regex(text, r"(\.\d*?)0+$", r"\1")
    text = pc.replace_substring_regex(text, r"\.$", "")
    return pc.replace_substring_regex(text, r"(\d)$", r"\1Z") if zoned else text


def _far(text: str | None, number: int | None, kind: pa.DataType) -> str | None:
    """An instant or day that Arrow has no text for: the infinite, and years above 32767."""
    if text is None or number is None or not text.startswith(_OUT_OF_RANGE):
        return text
    infinite = 2**31 - 1 if pt.is_date32(kind) else 2**63 - 1
    if abs(number) >= infinite:
        return "infinity" if number > 0 else "-infinity"
    ticks = 1 if pt.is_date32(kind) else _TICKS[kind.unit]
    seconds, rest = divmod(number, ticks)
    days, seconds = (number, 0) if pt.is_date32(kind) else divmod(seconds, 86_400)
    # The calendar repeats after 400 years.
    cycles, days = divmod(days, _DAYS_IN_400_YEARS)
    moment = datetime(1970, 1, 1) + timedelta(days, seconds)  # noqa: DTZ001 - no zone is meant
    form = f"{moment.year + 400 * cycles}-{moment:%m-%d}"
    return form if pt.is_date32(kind) else f"{form} {moment:%H:%M:%S}.{rest * 10**6 // ticks:06}"


def _odd(value: Any) -> str | None:
    """A value of the rarer types: decimals, bytes, durations, unions."""
    if value is None:
        return None
    if isinstance(value, bytes):
        return "".join(chr(b) if 32 <= b < 127 and b != 92 else f"\\x{b:02X}" for b in value)
    if isinstance(value, pa.MonthDayNano):
        seconds = timedelta(microseconds=value.nanoseconds // 1000)
        return f"{value.months} months {value.days} days {seconds}"
    try:
        return format(value, "f")  # a Decimal; str() of a small one would be 1E-8
    except (TypeError, ValueError):
        return str(value)


def _quoted(text: pa.Array) -> pa.Array:
    if pc.any(pc.match_substring_regex(text, r'["\\\x00-\x1f]')).as_py():
        cells = text.to_pylist()
        return pa.array([None if cell is None else _quote(cell) for cell in cells], _TEXT)
    return pc.binary_join_element_wise('"', text, '"', "")


def _lists(column: pa.Array) -> pa.Array:
    if pt.is_fixed_size_list(column.type):
        cells = column.to_pylist()
        column = pa.array(cells, pa.list_(column.type.value_type))
    lengths = pc.fill_null(pc.list_value_length(column).cast(pa.int32()), 0)
    ends = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])
    # `flatten` leaves out what stands below null lists, as `lengths` does.
    items = pa.ListArray.from_arrays(ends.cast(pa.int32()), as_json(column.flatten()))
    text = pc.binary_join_element_wise("[", pc.binary_join(items, ","), "]", "")
    return _nulls_of(column, text)


def _structs(column: pa.Array) -> pa.Array:
    parts: list[Any] = ["{"]
    for place, (field, child) in enumerate(zip(column.type, column.flatten(), strict=True)):
        parts += ["," if place else "", _quote(field.name) + ":", as_json(child)]
    return _nulls_of(column, pc.binary_join_element_wise(*parts, "}", ""))


def _maps(column: pa.Array) -> pa.Array:
    key, item = column.type.key_type, column.type.item_type
    rows: list[str | None] = []
    for pairs in column.to_pylist():
        if pairs is None:
            rows.append(None)
            continue
        names = as_cells(pa.array([name for name, _ in pairs], key)).to_pylist()
        values = as_json(pa.array([value for _, value in pairs], item)).to_pylist()
        members = zip(names, values, strict=True)
        rows.append("{" + ",".join(f"{_quote(name)}:{value}" for name, value in members) + "}")
    return pa.array(rows, _TEXT)


def _nulls_of(column: pa.Array, text: pa.Array) -> pa.Array:
    return pc.if_else(column.is_null(), pa.scalar(None, _TEXT), text)
