"""What became of one table from one version to another."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["TableDifference", "key_of"]

# The rows of files are versions of files; those of all other tables are told by their id alone.
_KEYS = {"files": (("file_id", "version"), ("id",))}
_KEYS_OF_OTHERS = (("id",),)


@dataclass(frozen=True)
class TableDifference:
    """What became of one table.

    Attributes:
        added: rows that only the new version has.
        removed: rows that only the old one has.
        changed: rows of both, told by their key, of which a column has another value.
        columns: how many rows changed in each column that both versions have; no zeros.
        columns_added: the SQL type of each column that only the new version has.
        columns_removed: the same of the old one.
        columns_retyped: the old and the new SQL type of columns whose type changed.
        key: the columns that tell a row. None where rows are compared as a whole: a row that
            changed counts as one removed and one added there.
        ambiguous: the rows of the old and of the new version whose key is null or is that of
            several rows; these are compared as a whole, too.
    """

    added: int = 0
    removed: int = 0
    changed: int = 0
    columns: Mapping[str, int] = field(default_factory=dict)
    columns_added: Mapping[str, str] = field(default_factory=dict)
    columns_removed: Mapping[str, str] = field(default_factory=dict)
    columns_retyped: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    ambiguous: tuple[int, int] = (0, 0)

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs, neither rows nor columns."""
        rows = self.added or self.removed or self.changed
        return not (rows or self.columns_added or self.columns_removed or self.columns_retyped)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the numbers of rows always, and of the rest what there is."""
        more = {
            "columns_added": dict(self.columns_added),
            "columns_removed": dict(self.columns_removed),
            "columns_retyped": {name: list(kinds) for name, kinds in self.columns_retyped.items()},
            "ambiguous": list(self.ambiguous) if any(self.ambiguous) else None,
        }
        return {
            "added": self.added,
            "removed": self.removed,
            "changed": self.changed,
            "columns": dict(self.columns),
            **{name: value for name, value in more.items() if value},
        }


def key_of(table: str, columns: Container[str]) -> tuple[str, ...]:
    """The columns that tell a row of a table; none where it has no such columns."""
    known = _KEYS.get(table, _KEYS_OF_OTHERS)
    return next((key for key in known if all(name in columns for name in key)), ())
