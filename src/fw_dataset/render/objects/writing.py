"""The second pass: the objects of a table become rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any

import pyarrow as pa

from fw_dataset.format.tables import EXTRA
from fw_dataset.render.objects.columns import Rests, ValueColumn, make_column
from fw_dataset.render.objects.places import BARE, Found, Object, Place
from fw_dataset.render.objects.plain import as_object
from fw_dataset.render.objects.reading import InfoBatch
from fw_dataset.render.objects.survey import Path
from fw_dataset.render.objects.tables import ObjectTable, shared_columns
from fw_dataset.render.parquet import TableWriter
from fw_dataset.render.report import TableReport

__all__ = ["ObjectWriter", "SharedColumns"]

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
        """The columns of some rows."""
        taken = None if len(chosen) == rows.num_rows else pa.array(chosen, pa.int64())
        columns = {}
        for name, kind in self._types.items():
            source = self._sources[name]
            if source in rows.schema.names:
                column = rows.column(source)
                columns[name] = column if taken is None else column.take(taken)
            else:
                columns[name] = pa.nulls(len(chosen), kind)
        return columns


class ObjectWriter:
    """Writes one table of objects.

    Args:
        table: the table.
        writer: where its rows go.
        shared: the columns that rows begin with.
    """

    def __init__(self, table: ObjectTable, writer: TableWriter, shared: SharedColumns) -> None:
        self.model = table.model
        self.writer = writer
        self.report = TableReport()
        for path, count in table.without.items():
            self.report.count_unknown(_named(path), count)
        self._table = table
        self._shared = shared
        self._schema = table.model.to_arrow()
        self._known = _tree(table.columns)

    def rows(self, batch: InfoBatch, found: Mapping[Place, Found]) -> pa.RecordBatch | None:
        """The rows of the table's objects among those that were found in a batch."""
        own = found.get(self._table.place)
        return None if own is None else self._rows(batch, own)

    def _rows(self, batch: InfoBatch, found: Found) -> pa.RecordBatch:
        rests = Rests()
        columns = self._shared.of(batch.rows, found.rows)
        levels: dict[Path, list[Object]] = {(): found.objects}
        for column in self._table.columns:
            columns[column.name] = self._column(column, batch, found, levels, rests)
        if not self._table.is_complete:
            for row, one in enumerate(found.objects):
                _keep_unknown(one, self._known, (), row, rests)
        columns[EXTRA] = rests.column(len(found.rows))
        rows = pa.RecordBatch.from_arrays(
            [columns[name] for name in self._schema.names], schema=self._schema
        )
        self.report.rows_written += rows.num_rows
        return rows

    def _column(
        self,
        column: ValueColumn,
        batch: InfoBatch,
        found: Found,
        levels: dict[Path, list[Object]],
        rests: Rests,
    ) -> pa.Array:
        level = self._level(column.path[:-1], levels, rests)
        key = column.path[-1]

        def spelled(row: int) -> Any:
            return _spelled_at(
                batch.spelled(found.rows[row]), (*self._table.place.path, *column.path)
            )

        def misfit(row: int, rest: Any, counted: bool) -> None:
            rests.keep(row, _named(column.path), rest)
            if counted:
                self.report.count([column.name], ())

        return make_column(column, list(map(dict.get, level, repeat(key))), spelled, misfit)

    def _level(self, path: Path, levels: dict[Path, list[Object]], rests: Rests) -> list[Object]:
        """The objects at a path, empty ones where there are none; what else is there is kept."""
        if path in levels:
            return levels[path]
        level = []
        for row, one in enumerate(self._level(path[:-1], levels, rests)):
            value = one.get(path[-1])
            if type(value) is dict:
                level.append(value)
                continue
            level.append(_EMPTY)
            if value is not None:
                rests.keep(row, _named(path), value)
                self.report.count([".".join(_named(path))], ())
        levels[path] = level
        return level


_EMPTY: Object = {}


def _named(path: Path) -> tuple[str, ...]:
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
                rests.keep(row, _named((*path, key)), value)
        elif known[key] is not None and type(value) is dict:
            _keep_unknown(value, known[key], (*path, key), row, rests)
