"""Is a rebuilt record the record of the source, as the format defines it?"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.tables import PrimaryTable, primary_table
from fw_dataset.render.rebuild import rebuild_record
from tests.support.json_texts import read, same

_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?)?"
    r"(?:Z|([+-])(\d\d):?(\d\d)?)"
)


def assert_rebuilt(table: str, source: bytes | str, row: dict[str, Any]) -> None:
    """Fail unless the row gives the source's record again."""
    wanted = _comparable(primary_table(table), read(source))
    rebuilt = _comparable(primary_table(table), rebuild_record(table, row))
    assert same(wanted, rebuilt), f"source {source!r}\nrow {row}\nrebuilt {rebuilt}"


def _comparable(table: PrimaryTable, record: dict[str, Any]) -> dict[str, Any]:
    """Bring a record to the form in which what the format calls equal is equal.

    Absent and null are the same, and so is an empty object where columns flatten one; instants
    are compared as such. Within values nothing is evened out.
    """
    flattened = {column.path[0] for column in table.columns if len(column.path) == 2}
    instants = {column.path[0] for column in table.columns if column.type is ColumnType.INSTANT}
    even: dict[str, Any] = {}
    for key, value in record.items():
        if key in flattened and isinstance(value, dict):
            value = {name: inner for name, inner in value.items() if inner is not None} or None
        if key in instants and isinstance(value, str):
            value = utc(value) or value
        if value is not None:
            even[key] = value
    return even


def utc(text: str) -> datetime | None:
    """Read an instant that has an offset; None for all other texts."""
    match = _INSTANT.fullmatch(text)
    if match is None:
        return None
    day, hour, minute, second, fraction, sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    try:
        moment = datetime.fromisoformat(f"{day}T{hour}:{minute or '00'}:{second or '00'}")
        moment += timedelta(microseconds=int((fraction or "0").ljust(6, "0")))
        return moment + offset if sign == "-" else moment - offset
    except (ValueError, OverflowError):
        return None
