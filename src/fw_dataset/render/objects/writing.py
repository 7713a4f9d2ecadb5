"""The objects of a table become rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any

import pyarrow as pa

from fw_dataset.format.tables import EXTRA
from fw_dataset.render.objects.columns import Rests, ValueColumn, make_column
from fw_dataset.render.objects.places import BARE, Found, Object
from fw_dataset.render.objects.plain import as_object
from fw_dataset.render.objects.reading import InfoBatch
from fw_dataset.render.objects.survey import Path
from fw_dataset.render.objects.tables import ObjectTable, shared_columns
from fw_dataset.render.report import TableReport

__all__ = ["ObjectRows", "SharedColumns", "empty_column", "named"]

_VALUE = "value"


class SharedColumns:
    """The columns that the rows of all tables of a container begin with.

    Args:
        container: the primary table's name.
    """

    def __init__(self, container: str) -> None:
        self._types = {
            name: pa.int64() if prop.get("format") == "bigint" else pa.string()
            for name, prop in shared_columns(container).items()
        }
        own = {
            "subjects": "parents.subject",
            "sessions": "parents.session",
            "acquisitions": "parents.acquisition",
            "analyses": "parents.analysis",
            "projects": "parents.project",
            "files": "file.id",
        }[container]
        self._sources = {name: name for name in self._types}
        self._sources |= {own: "id", "parents.file": "file_id", "file.version": "version"}

    @property
    def read(self) -> list[str]:
        """The columns of the primary table that they are made of."""
        return list(dict.fromkeys(self._sources.values()))

    def of(self, rows: pa.RecordBatch, chosen: Sequence[int]) -> dict[str, pa.Array]:
        """The columns of some rows, each of which can be there several times."""
        whole = len(chosen) == rows.num_rows and len(set(chosen)) == len(chosen)
        taken = None if whole else pa.array(chosen, pa.int64())
        columns = {}
        for name, kind in self._types.items():
            source = self._sources[name]
            if source in rows.schema.names:
                column = rows.column(source)
                columns[name] = column if taken is None else column.take(taken)
            else:
                columns[name] = pa.nulls(len(chosen), kind)
        return columns


class ObjectRows:
    """Makes the rows of a table of objects.

    Args:
        table: the table.
        shared: the columns that rows begin with.
    """

    def __init__(self, table: ObjectTable, shared: SharedColumns) -> None:
        self.table = table
        self._shared = shared
        self._schema = table.model.to_arrow()
        self._known = _tree(table.columns)

    def make(self, batch: InfoBatch, found: Found, report: TableReport) -> pa.RecordBatch:
        """The rows of the table's objects in a batch.

        Args:
            batch: the batch.
            found: the objects.
            report: counts values that do not fit.
        """
        rests = Rests()
        columns = self._shared.of(batch.rows, found.rows)
        levels: dict[Path, list[Object]] = {(): found.objects}
        for column in self.table.columns:
            columns[column.name] = self._column(column, batch, found, levels, rests, report)
        if not self.table.is_complete:
            for row, one in enumerate(found.objects):
                _keep_unknown(one, self._known, (), row, rests)
        columns[EXTRA] = rests.column(len(found.rows))
        return pa.RecordBatch.from_arrays(
            [columns[name] for name in self._schema.names], schema=self._schema
        )

    def _column(
        self,
        column: ValueColumn,
        batch: InfoBatch,
        found: Found,
        levels: dict[Path, list[Object]],
        rests: Rests,
        report: TableReport,
    ) -> pa.Array:
        level = _level(column.path[:-1], levels, rests, report)
        key = column.path[-1]

        def spelled(row: int) -> Any:
            return _spelled_at(
                batch.spelled(found.rows[row]), (*self.table.place.path, *column.path)
            )

        def misfit(row: int, rest: Any, counted: bool) -> None:
            rests.keep(row, named(column.path), rest)
            if counted:
                report.count([column.name], ())

        return make_column(column, list(map(dict.get, level, repeat(key))), spelled, misfit)


def empty_column(column: ValueColumn, rows: int) -> pa.Array:
    """A column of rows of which none has its key."""
    return make_column(column, [None] * rows, lambda _: None, lambda *_: None)


def _level(
    path: Path, levels: dict[Path, list[Object]], rests: Rests, report: TableReport
) -> list[Object]:
    """The objects at a path, empty ones where there are none; what else is there is kept."""
    if path in levels:
        return levels[path]
    level = []
    for row, one in enumerate(_level(path[:-1], levels, rests, report)):
        value = one.get(path[-1])
        if type(value) is dict:
            level.append(value)
            continue
        level.append(_EMPTY)
        if value is not None:
            rests.keep(row, named(path), value)
            report.count([".".join(named(path))], ())
    levels[path] = level
    return level


_EMPTY: Object = {}


def named(path: Path) -> tuple[str, ...]:
    """The path under which a value stands in ``extra``, and in names of columns."""
    return tuple(_VALUE if key is BARE else key for key in path)


def _spelled_at(info: Mapping[str, Any], path: Path) -> Any:
    value: Any = info
    for key in path:
        if key is not BARE:
            value = (as_object(value) or {}).get(key)
    return value


def _tree(columns: Sequence[ValueColumn]) -> dict[Any, Any]:
    """The keys that have columns, nested; None is a column."""
    tree: dict[Any, Any] = {}
    for column in columns:
        level = tree
        for key in column.path[:-1]:
            level = level.setdefault(key, {})
        level[column.path[-1]] = None
    return tree


def _keep_unknown(
    one: Object, known: Mapping[Any, Any], path: Path, row: int, rests: Rests
) -> None:
    for key, value in one.items():
        if key not in known:
            if value is not None:
                rests.keep(row, named((*path, key)), value)
        elif known[key] is not None and type(value) is dict:
            _keep_unknown(value, known[key], (*path, key), row, rests)
