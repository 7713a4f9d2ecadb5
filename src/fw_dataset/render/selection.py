"""Which columns of which primary tables are rendered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fw_dataset.errors import ControlColumnsError, naming
from fw_dataset.format.schema import DataModel
from fw_dataset.format.tables import EXTRA, PRIMARY_CONTAINERS, PrimaryTable, primary_table

__all__ = ["ControlColumns", "Selection", "select_columns"]

ControlColumns = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Selection:
    """The part of one primary table that is rendered.

    Attributes:
        table: the whole table.
        kept: the columns that are rendered.
    """

    table: PrimaryTable
    kept: frozenset[str]

    @property
    def keeps_extra(self) -> bool:
        """Whether what no column holds is kept."""
        return EXTRA in self.kept

    @property
    def model(self) -> DataModel:
        """The schema of the rendered part."""
        return self.table.model.keeping(self.kept)


def select_columns(control_columns: ControlColumns | None) -> dict[str, Selection]:
    """The selection of every primary table.

    Without ``control_columns`` all columns of all tables are kept. With them, a table that is
    named keeps the named and the identifying columns; the other tables keep all columns but
    ``extra``, where copies of left-out values can stand (a session's record holds its subject).

    Raises:
        ControlColumnsError: a table or column does not exist, or the value is not such a mapping.
    """
    tables = [primary_table(name) for name in PRIMARY_CONTAINERS]
    if control_columns is None:
        return {t.name: Selection(t, frozenset(t.model.properties)) for t in tables}
    _check(control_columns)
    return {table.name: Selection(table, _kept(table, control_columns)) for table in tables}


def _check(control_columns: ControlColumns) -> None:
    if not isinstance(control_columns, Mapping):
        raise ControlColumnsError(
            'control_columns: give a mapping such as {"subjects": ["id", "label"]}'
        )
    for name, columns in control_columns.items():
        if name not in PRIMARY_CONTAINERS:
            raise ControlColumnsError(
                f"control_columns: there is no table {name!r}; {naming(PRIMARY_CONTAINERS, name)}"
            )
        if isinstance(columns, str) or not isinstance(columns, Sequence):
            raise ControlColumnsError(f"control_columns: {name!r} needs a list of column names")
        known = primary_table(name).model.properties
        for column in columns:
            if column not in known:
                raise ControlColumnsError(
                    f"control_columns: table {name!r} has no column {column!r};"
                    f" {naming(known, str(column))}"
                )


def _kept(table: PrimaryTable, control_columns: ControlColumns) -> frozenset[str]:
    if table.name not in control_columns:
        return frozenset(table.model.properties) - {EXTRA}
    return frozenset((*table.identifying, *control_columns[table.name]))
