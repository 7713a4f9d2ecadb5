"""Odd values that real projects hold, put into some of the synthetic records.

They are what a renderer must survive and keep: text in a number's place, integers beyond 64
bits, dates that do not parse, NaN literals, unpaired surrogates, embedded NULs, keys that
occur twice or differ only by case. No oddity touches an id or a parent, so every record still
has its place in the project.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fw_dataset.demo.identity import Record


@dataclass(frozen=True, slots=True)
class Oddity:
    """One way in which a record can be odd.

    `change` alters the record in place. `twice`, when given, is a key that the JSON text
    holds twice: the given text is put in front of the first place where the key stands.
    """

    name: str
    change: Callable[[Record], None]
    twice: tuple[str, str] | None = None


def _put(**values: Any) -> Callable[[Record], None]:
    """Set top-level keys of the record."""

    def change(record: Record) -> None:
        record.update(values)

    return change


def _add_info(**values: Any) -> Callable[[Record], None]:
    """Set keys of the record's `info`."""

    def change(record: Record) -> None:
        record["info"] = {**(record.get("info") or {}), **values}

    return change


def _drop(*keys: str) -> Callable[[Record], None]:
    """Leave keys out of the record."""

    def change(record: Record) -> None:
        for key in keys:
            record.pop(key, None)

    return change


def _case_twins(record: Record) -> None:
    """Give the DICOM header keys that differ only by case, or hold dots and spaces."""
    header = {
        "EchoTime": 2.22,
        "echotime": "2.22",
        "Echo Time": [2.22],
        "Private.Block.01": {"a.b": 1, "a": {"b": 2}},
        "": "nameless",
    }
    info = record.get("info") or {}
    headers = info.get("header") or {}
    dicom = {**(headers.get("dicom") or {}), **header}
    record["info"] = {**info, "header": {**headers, "dicom": dicom}}


_DEEP: Any = "bottom"
for _ in range(60):
    _DEEP = {"down": [_DEEP]}

ODDITIES: dict[str, tuple[Oddity, ...]] = {
    "subject": (
        Oddity("unicode label", _put(label='sub-Zoë "β"\nsecond line 🧠')),
        Oddity("date that is none", _put(date_of_birth="1950-02-30")),
        Oddity("text for an age", _put(age="sixty-one")),
        Oddity("unpaired surrogate", _put(lastname="Jos\ud800")),
        Oddity("nulls", _put(tags=None, notes=None, info=None, sex=None, permissions=None)),
        Oddity("number for a text", _put(code=42, sex=7)),
        Oddity(
            "keys with dots", _add_info(**{"a.b": 1, "a": {"b": 2}, "A": 3, "key with spaces": 4})
        ),
    ),
    "session": (
        Oddity("text for a weight", _put(weight="72,5 kg")),
        Oddity("date that is none", _put(timestamp="2023-13-45T99:00:00")),
        Oddity("age beyond 64 bits", _put(age=2**70)),
        Oddity("no offset", _put(timestamp="2022-05-01T10:00:00")),
        Oddity("key twice", _put(operator="second@example.org"), ("operator", '"first"')),
        Oddity("text for a truth", _put(satisfies_template="yes", age=2_100_000_000.5)),
        Oddity("year one", _put(timestamp="0001-01-01T00:00:00.000Z", info=None)),
    ),
    "acquisition": (
        Oddity("embedded NUL", _put(label="2 - T1w\x00_MPRAGE")),
        Oddity("unpaired surrogate", _add_info(comment="broken \udc00 text")),
        Oddity("text for a list", _put(tags="repeat")),
        Oddity("mixed list", _put(tags=[1, "two", None, {"three": 3}])),
        Oddity("number for an instant", _put(timestamp=1_650_000_000)),
        Oddity("empty texts", _put(label="", timezone="", uid="")),
        Oddity("missing keys", _drop("label", "timestamp", "tags", "info", "created")),
    ),
    "file": (
        Oddity("text for a size", _put(size="12 MB")),
        Oddity("size beyond 64 bits", _put(size=2**63 + 5)),
        Oddity("fraction of a member", _put(zip_member_count=208.5)),
        Oddity("NaN", _add_info(nan=float("nan"), infinity=float("-inf"))),
        Oddity("integers beyond 64 bits", _add_info(big=2**80, bigger=-(10**40))),
        Oddity("key twice in info", _add_info(twice=2), ("twice", "1")),
        Oddity("keys that differ by case", _case_twins),
        Oddity("no classification", _put(classification=None, tags=None, modality="")),
        Oddity("text for a list", _put(classification={"Intent": "Structural", "Custom": [None]})),
        Oddity("embedded NUL in info", _add_info(comment="a\x00b", **{"nul\x00key": 1})),
        Oddity("deep nesting", _add_info(deep=_DEEP)),
        Oddity("name that climbs", _put(name="../../climb/\u202egnp.exe")),
        Oddity("truth for an instant", _put(deleted=False)),
        Oddity("words for an instant", _put(modified="yesterday")),
        Oddity("object for a text", _put(copy_of={"file_id": "gone", "version": 1}, path=[])),
    ),
    "analysis": (
        Oddity("job as an object", _put(job={"id": "66aa00aa11bb22cc33dd44ee", "state": "failed"})),
        Oddity("no gear", _put(gear_info=None, inputs=None)),
        Oddity("text for a volume", _add_info(volumes={"hippocampus": "n/a"})),
        Oddity("gear in part", _put(gear_info={"name": "manual", "version": 2, "id": None})),
    ),
}
"""The oddities of each table, in the order in which its records take them."""

STRIDE = {"subject": 5, "session": 13, "acquisition": 61, "file": 97, "analysis": 19}
"""Of this many records of a table, one is odd."""


def oddity_at(table: str, place: int) -> Oddity | None:
    """Return the oddity of the record at this place (from 0) of its table, if it has one."""
    stride = STRIDE.get(table)
    if stride is None or place % stride != stride // 2:
        return None
    choices = ODDITIES[table]
    return choices[place // stride % len(choices)]


def odd_json(record: Record, oddity: Oddity) -> bytes:
    """Return the record's JSON text (ASCII, escapes for all else) with the oddity in it."""
    oddity.change(record)
    text = json.dumps(record)
    if oddity.twice is not None:
        key, value = oddity.twice
        text = text.replace(f'"{key}": ', f'"{key}": {value}, "{key}": ', 1)
    return text.encode("ascii")
