"""From a row back to the record that it was rendered from: what makes a rendering lossless."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, timezone
from typing import Any

from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.tables import EXTRA, primary_table

__all__ = ["merge", "rebuild_record"]


def rebuild_record(table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """Nest the columns of a row of a primary table by their paths, and merge ``extra`` into that.

    The result equals the source's record as JSON: a key that is absent equals one that is null,
    an object whose columns are all null equals an empty one, instants and numbers are equal by
    value.

    Args:
        table: the primary table's name, such as ``"files"``.
        row: the values by column, as DuckDB or Arrow give them; instants are UTC.
    """
    record: dict[str, Any] = {}
    for column in primary_table(table).columns:
        value = row.get(column.name)
        if value is None:
            continue
        target = record
        for key in column.path[:-1]:
            target = target.setdefault(key, {})
        target[column.path[-1]] = _to_json(value, column.type)
    extra = row.get(EXTRA)
    return record if extra is None else merge(record, json.loads(extra))


def merge(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Put ``over`` into ``base``: objects are merged, all else is replaced."""
    for key, value in over.items():
        below = base.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            merge(below, value)
        else:
            base[key] = value
    return base


def _to_json(value: Any, kind: ColumnType) -> Any:
    if kind is ColumnType.JSON:
        return json.loads(value)
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        return aware.isoformat()
    return value.isoformat() if isinstance(value, date) else value
