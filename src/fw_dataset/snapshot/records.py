"""Records as they come from a snapshot: some joined to one text, or one by one."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import TypeAlias

__all__ = ["BETWEEN", "SEPARATOR", "RawBatch", "RawPart", "RawRecord"]

RawRecord: TypeAlias = "tuple[object, bytes | None]"
"""A record as SQLite gives it: its primary key, and its JSON (None where there is none)."""

SEPARATOR = secrets.randbits(62)
"""Stands between joined records, as an element of a JSON array: a number that no record can know,
so that none can hold the end of one record and the beginning of the next."""

BETWEEN = b",%d," % SEPARATOR
"""The text between two joined records."""


class RawPart:
    """A few records that follow each other in order.

    Args:
        rows: how many.
        text: their JSON, joined with :data:`BETWEEN`; None where that was not done.
        fetch: gets them one by one.
    """

    def __init__(
        self, rows: int, text: bytes | None, fetch: Callable[[], Sequence[RawRecord]]
    ) -> None:
        self.rows, self.text = rows, text
        self._fetch = fetch
        self._records: Sequence[RawRecord] | None = None

    def records(self) -> Sequence[RawRecord]:
        """The records one by one."""
        if self._records is None:
            self._records = self._fetch()
        return self._records


class RawBatch:
    """Records that are rendered together, in parts.

    Attributes:
        rows: how many records there are.
        bytes: how long their JSON is.
    """

    def __init__(self, parts: Sequence[RawPart], size: int) -> None:
        self.parts = parts
        self.rows = sum(part.rows for part in parts)
        self.bytes = size

    @classmethod
    def of(cls, records: Sequence[RawRecord]) -> RawBatch:
        """A batch of records that are there already."""
        texts = [data for _, data in records if data is not None]
        joined = BETWEEN.join(texts) if len(texts) == len(records) else None
        part = RawPart(len(records), joined, lambda: records)
        return cls([part] if records else [], sum(map(len, texts)))

    def record(self, row: int) -> RawRecord:
        """The record of a row."""
        for part in self.parts:
            if row < part.rows:
                return part.records()[row]
            row -= part.rows
        raise IndexError(row)
