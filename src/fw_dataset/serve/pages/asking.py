"""What the pages ask the engine: SQL made of names from schemas, with all values as parameters.

Every value comes back as text, or as None, so that a page does not depend on how a connection
or a process carries numbers and instants.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.names import quote_identifier
from fw_dataset.serve.pages.shown import ShownColumn, ShownTable

__all__ = ["Ask", "Choice", "Question", "Row", "as_text", "from_table", "rows_question"]

Row = tuple["str | None", ...]
"""The values of a row as text."""

LONGEST_CELL = 160
_STEADY = ("id", "parents.file", "file.id", "parents.session", "row")


@dataclass(frozen=True)
class Question:
    """A query and its parameters."""

    sql: str
    parameters: tuple[str | int, ...] = ()


Ask = Callable[[Question], Awaitable[Sequence[Row]]]
"""Runs a question and gives all of its rows."""


@dataclass(frozen=True)
class Choice:
    """Which rows of a table are shown.

    Attributes:
        page: from 1.
        size: rows of a page.
        sort: the column that they are sorted by; None for the order in which they are kept.
        descending: the greatest first.
        column, value: only rows whose value in this column reads so.
    """

    page: int = 1
    size: int = 50
    sort: str | None = None
    descending: bool = False
    column: str | None = None
    value: str | None = None

    @property
    def offset(self) -> int:
        """Rows before the page."""
        return (self.page - 1) * self.size


def from_table(table: ShownTable) -> str:
    """The table for a FROM, quoted whatever it is called."""
    return ".".join(quote_identifier(part) for part in table.path)


def as_text(column: ShownColumn, longest: int = LONGEST_CELL) -> str:
    """An expression for the column's value as text, cut to one character more than is shown."""
    name = quote_identifier(column.name)
    if column.type in (ColumnType.TEXT, ColumnType.JSON):
        return f"left(CAST({name} AS VARCHAR), {longest + 1})"
    if column.type.item is not None:
        return f"left(array_to_string(CAST({name} AS VARCHAR[]), ', '), {longest + 1})"
    return f"CAST({name} AS VARCHAR)"


_SUBJECT = '"parents.subject"'


def rows_question(
    table: ShownTable,
    columns: Sequence[ShownColumn],
    choice: Choice,
    subjects: ShownTable | None = None,
    longest: int = LONGEST_CELL,
) -> Question:
    """The rows of one page, and one more if there is a next page.

    Args:
        table: the table.
        columns: what is wanted of it.
        choice: which rows.
        subjects: the table with the labels of subjects, if each row is to end with the label and
            the id of its subject.
        longest: characters of a value.
    """
    terms = [as_text(column, longest) for column in columns]
    if subjects is not None:
        labels = f"SELECT any_value(s.label) FROM {from_table(subjects)} AS s"
        terms += [f"({labels} WHERE s.id = t.{_SUBJECT})", f"t.{_SUBJECT}"]
    wanted = ", ".join(terms)
    where, parameters = _where(table, choice)
    sql = (
        f"SELECT {wanted} FROM {from_table(table)} AS t{where}{_order(table, choice)}"
        f" LIMIT {choice.size + 1} OFFSET {choice.offset}"
    )
    return Question(sql, parameters)


def _where(table: ShownTable, choice: Choice) -> tuple[str, tuple[str, ...]]:
    column = table.column(choice.column)
    if column is None or choice.value is None:
        return "", ()
    return f" WHERE CAST({quote_identifier(column.name)} AS VARCHAR) = ?", (choice.value,)


def _order(table: ShownTable, choice: Choice) -> str:
    column = table.column(choice.sort)
    if column is None:
        return ""
    direction = "DESC" if choice.descending else "ASC"
    # Rows that are equal there need an order, too, or pages would overlap.
    ties = [quote_identifier(name) for name in _STEADY if table.has(name) and name != column.name]
    terms = [f"{quote_identifier(column.name)} {direction} NULLS LAST", *ties]
    return f" ORDER BY {', '.join(terms)}"
