"""The primary tables: which snapshot table each comes from, and where its columns' values stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.schema import DataModel

__all__ = ["EXTRA", "INFO", "PRIMARY_CONTAINERS", "PrimaryColumn", "PrimaryTable", "primary_table"]

INFO = "info"
EXTRA = "extra"

PRIMARY_CONTAINERS: Mapping[str, str] = MappingProxyType(
    {
        "projects": "project",
        "subjects": "subject",
        "sessions": "session",
        "acquisitions": "acquisition",
        "analyses": "analysis",
        "files": "file",
    }
)
"""Each primary table and the table of the snapshot that it is rendered from, parents first."""

_FILE_PATHS = {"id": ("uuid",), "file_id": ("_id", "file_id"), "version": ("_id", "version")}
# The order that keeps a subject's and a session's rows together; a level's own id comes last.
_TREE = ("subject", "session", "acquisition", "analysis")


@dataclass(frozen=True)
class PrimaryColumn:
    """One column of a primary table.

    Attributes:
        name: the column's name, dotted.
        path: the keys that lead to its value in a record: one, or two below a nested object.
        type: its type.
    """

    name: str
    path: tuple[str, ...]
    type: ColumnType


@dataclass(frozen=True)
class PrimaryTable:
    """One primary table.

    Attributes:
        name: the table's name in the dataset, such as ``"subjects"``.
        container: the snapshot's table, such as ``"subject"``.
        model: its schema.
        columns: its columns in order, without ``extra``.
    """

    name: str
    container: str
    model: DataModel
    columns: tuple[PrimaryColumn, ...]

    @property
    def order(self) -> tuple[str, ...]:
        """The ``parents.*`` keys that its rows are ordered by, before their own ids."""
        return tuple(level for level in _TREE if f"parents.{level}" in self.model.properties)

    @property
    def identifying(self) -> tuple[str, ...]:
        """The columns that every choice of columns keeps: ids and ``parents.*``."""
        ids = ("id", "file_id", "version")
        return tuple(
            column.name
            for column in self.columns
            if column.name in ids or column.name.startswith("parents.")
        )


@cache
def primary_table(name: str) -> PrimaryTable:
    """The primary table ``name``.

    Raises:
        KeyError: there is no primary table of that name.
    """
    container = PRIMARY_CONTAINERS[name]
    text = files("fw_dataset.format").joinpath(f"primary/{name}.schema.json").read_bytes()
    model = DataModel.from_json(text, name)
    columns = tuple(
        PrimaryColumn(column, _source_path(name, column), model.column_type(column))
        for column in model.properties
        if column != EXTRA
    )
    return PrimaryTable(name, container, model, columns)


def _source_path(table: str, column: str) -> tuple[str, ...]:
    if table == "files" and column in _FILE_PATHS:
        return _FILE_PATHS[column]
    if column == "id":
        return ("_id",)
    return tuple(column.split("."))
