"""The page of a table's rows, and the grid that shows rows anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from fw_dataset.format.column_types import ColumnType
from fw_dataset.serve.pages.asking import LONGEST_CELL, Choice, Row
from fw_dataset.serve.pages.layout import Frame, page, pager
from fw_dataset.serve.pages.levels import LEVELS
from fw_dataset.serve.pages.markup import Html, Node, tag
from fw_dataset.serve.pages.shown import ShownColumn, ShownDataset, ShownTable
from fw_dataset.serve.pages.table import table_head, table_trail
from fw_dataset.serve.pages.wording import count, short_instant

__all__ = ["cell", "record_key", "rows_page", "shown_columns"]

_COLUMNS_SHOWN = 24


def shown_columns(table: ShownTable, *, every: bool) -> tuple[ShownColumn, ...]:
    """The columns of the grid, ids last, which only programs read.

    Of a wide table it is not all of them: left out first are those without values, and then ids.
    """
    ordered = sorted(table.columns, key=lambda column: column.is_for_programs)
    if every or len(ordered) <= _COLUMNS_SHOWN:
        return tuple(ordered)
    filled = [one for one in ordered if one.figures is None or one.figures.nulls != table.rows]
    return tuple(filled[:_COLUMNS_SHOWN])


def record_key(table: ShownTable) -> tuple[ShownColumn, ...]:
    """The column by which a row's record is found in the tree, if its table is a level of it.

    It is asked for behind the columns that are shown.
    """
    level = LEVELS.get(table.name)
    column = table.column("id")
    return (column,) if level and column and table.has(level.label) else ()


def rows_page(
    frame: Frame,
    dataset: ShownDataset,
    table: ShownTable,
    columns: Sequence[ShownColumn],
    choice: Choice,
    rows: Sequence[Row],
    *,
    has_subjects: bool = False,
) -> str:
    """Rows of a table.

    Args:
        frame: what surrounds the page.
        dataset: that the table is of.
        table: the table.
        columns: those that are shown, in the order of the rows' values; one more value is the
            key of the row's record, where the table has one.
        choice: which rows these are.
        rows: of the page, and the first one of the next page if there is one.
        has_subjects: each row ends with the label and the id of its subject.
    """
    shown = rows[: choice.size]
    before = _address(frame, table, columns, replace(choice, page=choice.page - 1))
    after = _address(frame, table, columns, replace(choice, page=choice.page + 1))
    return page(
        frame,
        f"Rows of {table.name}",
        table_head(frame, table, "rows"),
        tag("h2", "Rows", class_="unseen"),
        _chosen(frame, table, choice),
        *(
            [
                tag(
                    "p",
                    _range(table, choice, len(shown)),
                    " ",
                    *_width(frame, table, columns, choice),
                ),
                _grid(frame, table, columns, choice, shown, has_subjects=has_subjects),
                pager(
                    "rows",
                    before if choice.page > 1 else None,
                    after if len(rows) > choice.size else None,
                ),
            ]
            if shown
            else [_nothing(frame, table, columns, choice)]
        ),
        trail=[
            *table_trail(frame, dataset),
            (table.name, frame.to.table(dataset.name, table.name)),
        ],
    )


def _nothing(
    frame: Frame, table: ShownTable, columns: Sequence[ShownColumn], choice: Choice
) -> Html:
    if choice.page == 1:
        return tag("p", "No rows here.")
    first = _address(frame, table, columns, replace(choice, page=1))
    return tag("p", "There are not so many rows. ", tag("a", "To the first page", href=first))


def _range(table: ShownTable, choice: Choice, shown: int) -> str:
    of = "" if table.rows is None or choice.column else f" of {count(table.rows)}"
    return f"Rows {count(choice.offset + 1)} – {count(choice.offset + shown)}{of}"


def _chosen(frame: Frame, table: ShownTable, choice: Choice) -> Html | None:
    if choice.column is None:
        return None
    every = tag("a", "Show all rows", href=frame.to.rows(table.dataset, table.name))
    what = ["Only rows where ", tag("code", choice.column), " is ", tag("q", choice.value)]
    return tag("p", what, ". ", every, class_="notice")


def _width(
    frame: Frame, table: ShownTable, columns: Sequence[ShownColumn], choice: Choice
) -> list[Node]:
    if len(table.columns) <= _COLUMNS_SHOWN:
        return []
    every = len(columns) == len(table.columns)
    other = () if every else table.columns
    said = "all" if every else f"{len(columns)} of"
    link = tag(
        "a",
        "Show fewer" if every else "Show all columns",
        href=_address(frame, table, other, choice),
    )
    return [tag("span", f"with {said} {len(table.columns)} columns. ", class_="soft"), link]


def _address(
    frame: Frame, table: ShownTable, columns: Sequence[ShownColumn], choice: Choice
) -> str:
    every = len(columns) == len(table.columns) > _COLUMNS_SHOWN
    return frame.to.rows(
        table.dataset,
        table.name,
        column=choice.column,
        value=choice.value,
        sort=choice.sort,
        order="desc" if choice.sort and choice.descending else None,
        columns="all" if every else None,
        page=choice.page if choice.page > 1 else None,
    )


def _grid(
    frame: Frame,
    table: ShownTable,
    columns: Sequence[ShownColumn],
    choice: Choice,
    rows: Sequence[Row],
    *,
    has_subjects: bool,
) -> Html:
    heads = [_head(frame, table, columns, choice, column) for column in columns]
    cells = [list(_cells(frame, table, columns, row)) for row in rows]
    if has_subjects:
        place = _place_of_subjects(table, columns)
        heads.insert(place, tag("th", "subject", scope="col"))
        for found, row in zip(cells, rows, strict=True):
            found.insert(place, _subject(frame, table, *row[-2:]))
    body = [tag("tr", found) for found in cells]
    grid = tag(
        "table",
        tag("caption", f"Rows of {table.name}", class_="unseen"),
        tag("thead", tag("tr", heads)),
        tag("tbody", body),
        class_="grid",
    )
    # It scrolls by itself, and so the keyboard must reach it.
    return tag(
        "div",
        grid,
        class_="scroll",
        role="region",
        tabindex="0",
        aria_label=f"Rows of {table.name}",
    )


def _head(
    frame: Frame,
    table: ShownTable,
    columns: Sequence[ShownColumn],
    choice: Choice,
    column: ShownColumn,
) -> Html:
    is_sorted = choice.sort == column.name
    turned = replace(
        choice, page=1, sort=column.name, descending=is_sorted and not choice.descending
    )
    order = ("descending" if choice.descending else "ascending") if is_sorted else None
    arrow = {"ascending": "▲", "descending": "▼"}.get(order or "")
    link = tag(
        "a",
        column.name,
        tag("span", arrow, aria_hidden="true", class_="arrow") if arrow else None,
        href=_address(frame, table, columns, turned),
        title=column.description or None,
    )
    return tag("th", link, scope="col", aria_sort=order, class_="n" if column.is_numeric else None)


def _place_of_subjects(table: ShownTable, columns: Sequence[ShownColumn]) -> int:
    """Behind what people know a row by."""
    label = LEVELS[table.name].label if table.name in LEVELS else None
    return next((n for n, column in enumerate(columns, 1) if column.name == label), 0)


def _subject(frame: Frame, table: ShownTable, label: str | None, key: str | None) -> Html:
    if label is None or key is None:
        return tag("td", tag("span", "null", class_="null"))
    return tag("td", tag("a", _cut(label), href=frame.to.record(table.dataset, "subjects", key)))


def _cells(
    frame: Frame, table: ShownTable, columns: Sequence[ShownColumn], row: Row
) -> Iterator[Html]:
    """The cells of a row; the one that people know it by leads to its place in the tree."""
    level = LEVELS.get(table.name)
    key = row[len(columns)] if len(row) > len(columns) else None
    for column, value in zip(columns, row, strict=False):
        if level is not None and key is not None and value and column.name == level.label:
            href = frame.to.record(table.dataset, table.name, key)
            yield tag("td", tag("a", _cut(value), href=href))
        else:
            yield cell(column, value)


def _cut(value: str) -> str:
    return value if len(value) <= LONGEST_CELL else f"{value[:LONGEST_CELL]}…"


def cell(column: ShownColumn, value: str | None) -> Html:
    """A value in its cell; a long one is cut."""
    if value is None:
        return tag("td", tag("span", "null", class_="null"))
    if column.type is ColumnType.INSTANT:
        value = short_instant(value)
    value = _cut(value)
    if column.type is ColumnType.JSON:
        return tag("td", tag("code", value), class_="json")
    return tag("td", value, class_="n" if column.is_numeric else None)
