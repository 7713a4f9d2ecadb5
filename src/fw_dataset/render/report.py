"""The rendering report: what was read, what was written, and what did not fit its column."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["RenderingReport", "TableReport"]

_MOST_NAMED = 1000


@dataclass
class TableReport:
    """The counts of one table. Values themselves are never in a report.

    Attributes:
        rows_read: records in the snapshot.
        rows_written: rows in the table.
        unfit: per column, the values that did not fit it; they stand in ``extra``.
        unknown: per key that no column holds, the records that have it.
        skipped: the ids of records that could not be read, and why.
        skipped_rows: how many these are (at most 1000 are named).
    """

    rows_read: int = 0
    rows_written: int = 0
    unfit: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)
    skipped: list[dict[str, str]] = field(default_factory=list)
    skipped_rows: int = 0

    def count(self, unfit: Iterable[str], unknown: Iterable[tuple[str, ...]]) -> None:
        """Count what was odd in one record."""
        for column in unfit:
            self.unfit[column] = self.unfit.get(column, 0) + 1
        for path in dict.fromkeys(unknown):  # a key that stands twice is in one record
            self.count_unknown(path, 1)

    def count_unknown(self, path: Sequence[str], rows: int) -> None:
        """Count records that have a key which no column holds."""
        if rows:
            # An unpaired surrogate in a key cannot stand in a file.
            self._count_name(".".join(path).encode("utf-8", "backslashreplace").decode(), rows)

    def _count_name(self, name: str, rows: int) -> None:
        if name in self.unknown or len(self.unknown) < _MOST_NAMED:
            self.unknown[name] = self.unknown.get(name, 0) + rows

    def skip(self, record_id: str, reason: str) -> None:
        """Count a record that is left out."""
        self.skipped_rows += 1
        if len(self.skipped) < _MOST_NAMED:
            self.skipped.append({"id": record_id, "reason": reason})

    def add(self, other: TableReport) -> None:
        """Count what was counted in the records that follow."""
        self.rows_read += other.rows_read
        self.rows_written += other.rows_written
        for column, count in other.unfit.items():
            self.unfit[column] = self.unfit.get(column, 0) + count
        for name, count in other.unknown.items():
            self._count_name(name, count)
        self.skipped_rows += other.skipped_rows
        self.skipped += other.skipped[: _MOST_NAMED - len(self.skipped)]

    def to_dict(self, *, with_unknown: bool) -> dict[str, Any]:
        """The report as it stands on disk."""
        return {
            "rows_read": self.rows_read,
            "rows_written": self.rows_written,
            "rows_skipped": self.skipped_rows,
            "values_that_did_not_fit": dict(sorted(self.unfit.items())),
            "keys_without_a_column": dict(sorted(self.unknown.items())) if with_unknown else {},
            "skipped": self.skipped,
        }

    def lines(self, table: str) -> list[str]:
        """What there is to say in a log."""
        said = [f"{table}: {self.rows_read} records read, {self.rows_written} rows written"]
        if self.skipped_rows:
            said.append(f"{table}: {self.skipped_rows} records could not be read and were skipped")
        said += [
            f"{table}: {count} values did not fit column {column} and stand in extra"
            for column, count in sorted(self.unfit.items())
        ]
        return said


@dataclass
class RenderingReport:
    """The reports of all tables of a version.

    Attributes:
        tables: the counts of the primary tables.
        with_unknown: whether keys that no column holds may be named.
        derived: the counts of derived tables, ready for JSON.
        tabular_files: where the rows of each tabular file went, or why it has none.
    """

    tables: dict[str, TableReport] = field(default_factory=dict)
    with_unknown: bool = True
    derived: dict[str, dict[str, Any]] = field(default_factory=dict)
    tabular_files: list[dict[str, Any]] = field(default_factory=list)

    @property
    def skipped_rows(self) -> int:
        """Records that could not be read, in all tables."""
        return sum(report.skipped_rows for report in self.tables.values())

    def to_json(self) -> bytes:
        """The report's bytes."""
        tables = {
            name: report.to_dict(with_unknown=self.with_unknown)
            for name, report in self.tables.items()
        }
        data: dict[str, Any] = {"tables": tables | self.derived}
        if self.tabular_files:
            data["tabular_files"] = self.tabular_files
        return json.dumps(data, indent=2, ensure_ascii=False).encode() + b"\n"

    def log(self) -> str:
        """The log: no times in it, so that a second rendering writes the same."""
        lines = [line for name, report in self.tables.items() for line in report.lines(name)]
        lines += [
            f"{name}: {report.get('rows_written', 0)} rows derived"
            for name, report in self.derived.items()
        ]
        lines += [
            f"file {file.get('name')!r} ({file.get('file_id')}): {file.get('reason')}"
            for file in self.tabular_files
            if file.get("reason")
        ]
        return "\n".join(lines) + "\n"
