"""Read one record to the letter: slow, for the records that the fast decoder refuses."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.tables import PrimaryColumn
from fw_dataset.render.json_tree import JsonValue, Members, dump, parse
from fw_dataset.render.selection import Selection
from fw_dataset.render.values import Fit, fit

__all__ = ["ExactReader", "ExactRecord"]

# Where the source holds a whole job in an analysis' `job`, the column holds its identifier.
_JOB = ("analyses", "job")


@dataclass
class ExactRecord:
    """One record as a row.

    Attributes:
        values: what stands in each column, by name; a column that is not here is null.
        extra: the JSON text of ``extra``, or None.
        unfit: the columns whose value did not fit.
        unknown: the paths of keys that no column holds, but for those that are null.
        met: the paths of all keys that no column holds.
    """

    values: dict[str, Any] = field(default_factory=dict)
    extra: str | None = None
    unfit: list[str] = field(default_factory=list)
    unknown: list[tuple[str, ...]] = field(default_factory=list)
    met: list[tuple[str, ...]] = field(default_factory=list)


class ExactReader:
    """Reads records of one primary table."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._plain: dict[str, PrimaryColumn] = {}
        self._nested: dict[str, dict[str, PrimaryColumn]] = {}
        for column in selection.table.columns:
            if len(column.path) == 1:
                self._plain[column.path[0]] = column
            else:
                self._nested.setdefault(column.path[0], {})[column.path[1]] = column

    def read(self, data: bytes) -> ExactRecord:
        """Turn a record's JSON into a row.

        Raises:
            ValueError: it is not JSON or not an object; the message says which.
        """
        tree = parse(data)
        if not isinstance(tree, Members):
            raise ValueError(f"it is not a JSON object but {_kind(tree)}")
        row = ExactRecord()
        try:
            rest = self._members(tree, row)
            if rest and self._selection.keeps_extra:
                row.extra = dump(rest, sort_keys=True)
        except RecursionError:
            raise ValueError("it is nested too deeply to be read") from None
        return row

    def _members(self, tree: Members, row: ExactRecord) -> Members:
        rest = Members()
        seen = Counter(key for key, _ in tree)
        for key, value in tree:
            if key in self._nested and seen[key] == 1 and isinstance(value, Members):
                inner = self._object(key, value, row)
                if inner:
                    rest.add(key, inner)
            elif key in self._nested:
                self._not_an_object(key, value, seen[key] > 1, row, rest)
            else:
                self._member((key,), value, self._plain.get(key), seen[key] > 1, row, rest)
        return rest

    def _object(self, parent: str, tree: Members, row: ExactRecord) -> Members:
        """The columns of a nested object; what is left of it is returned."""
        rest = Members()
        seen = Counter(key for key, _ in tree)
        for key, value in tree:
            column = self._nested[parent].get(key)
            self._member((parent, key), value, column, seen[key] > 1, row, rest)
        return rest

    def _not_an_object(
        self, key: str, value: JsonValue, repeated: bool, row: ExactRecord, rest: Members
    ) -> None:
        """A text, list or second object where the columns ``key.*`` expect one object."""
        left_out = {
            name
            for name, column in self._nested[key].items()
            if column.name not in self._selection.kept
        }
        if left_out and not isinstance(value, Members):
            return  # it cannot be told which column's value it is
        if isinstance(value, Members):
            value = Members(member for member in value if member[0] not in left_out)
        if value is not None or repeated:
            rest.add(key, value)
            row.unfit.append(key)

    def _member(
        self,
        path: tuple[str, ...],
        value: JsonValue,
        column: PrimaryColumn | None,
        repeated: bool,
        row: ExactRecord,
        rest: Members,
    ) -> None:
        if column is None:
            row.met.append(path)
            if value is not None or repeated:
                rest.add(path[-1], value)
                row.unknown.append(path)
            return
        if column.name not in self._selection.kept:
            return  # left out by choice: neither in its column nor in extra
        result = Fit(fits=False, rest=value) if repeated else self._fit(column, value)
        if result.column is not None:
            row.values[column.name] = result.column
        if result.rest is not None or repeated:
            rest.add(path[-1], result.rest)
        if not result.fits:
            row.unfit.append(column.name)

    def _fit(self, column: PrimaryColumn, value: JsonValue) -> Fit:
        if (self._selection.table.name, column.name) == _JOB and isinstance(value, Members):
            members = dict(value)
            return Fit(
                fit(ColumnType.TEXT, members.get("_id", members.get("id"))).column, rest=value
            )
        return fit(column.type, value)


def _kind(value: JsonValue) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    return "a list" if isinstance(value, list) else "a scalar"
