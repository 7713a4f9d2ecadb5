"""The pages of a table: its columns with their figures, and its rows."""

from __future__ import annotations

from collections.abc import Sequence

from fw_dataset.serve.pages.layout import Crumb, Frame, facts, page, tabs
from fw_dataset.serve.pages.markup import Html, Node, tag
from fw_dataset.serve.pages.shown import ColumnFigures, ShownColumn, ShownDataset, ShownTable
from fw_dataset.serve.pages.spread import edge, histogram, share, top_values
from fw_dataset.serve.pages.wording import count, percent

__all__ = ["columns_page", "table_head", "table_trail"]

_HEADS = {"Filled": "filled", "Different": "n distinct", "Values": "values"}
_FEW = 5


def table_trail(frame: Frame, dataset: ShownDataset) -> list[Crumb]:
    """The way back from a table."""
    here = frame.to.dataset(dataset.name)
    return [("Datasets", frame.to.home), (dataset.title or dataset.name, here)]


def table_head(frame: Frame, table: ShownTable, here: str) -> list[Html]:
    """The heading of a table's pages: what it is, what one can do, and its two sides."""
    sides = (
        ("Columns", frame.to.table(table.dataset, table.name), here == "columns"),
        ("Rows", frame.to.rows(table.dataset, table.name), here == "rows"),
    )
    query = f"SELECT *\nFROM {table.sql}\nLIMIT 100"
    return [
        tag("h1", tag("code", table.name)),
        tag("p", table.description, class_="lead"),
        tag(
            "div",
            facts(
                ("In SQL", tag("code", table.sql)),
                ("Rows", None if table.rows is None else count(table.rows)),
                ("Columns", count(len(table.columns))),
            ),
            tag("a", "Ask in SQL", href=frame.to.query(query), class_="button"),
            class_="beside",
        ),
        tabs(f"Sides of {table.name}", sides),
    ]


def columns_page(frame: Frame, dataset: ShownDataset, table: ShownTable) -> str:
    """The columns of a table, with what the profile knows of them."""
    known = any(column.figures is not None for column in table.columns)
    heads = ("Column", "Filled", "Different", "Values") if known else ("Column", "Type")
    texts = [tag("th", text, scope="col", class_=_HEADS.get(text)) for text in heads]
    head = tag("thead", tag("tr", texts))
    rows = [
        _with_figures(frame, table, column) if known else _plain(column) for column in table.columns
    ]
    return page(
        frame,
        table.name,
        table_head(frame, table, "columns"),
        tag("h2", "Columns", class_="unseen"),
        tag(
            "table",
            head,
            tag("tbody", rows),
            class_="list columns" if known else "list",
            aria_label=f"Columns of {table.name}",
        ),
        trail=table_trail(frame, dataset),
    )


def _column_head(column: ShownColumn, *, with_type: bool) -> Html:
    return tag(
        "th",
        tag("code", column.name),
        tag(
            "span",
            column.type.sql.lower() if column.type.value != "json" else "json",
            class_="type",
        )
        if with_type
        else None,
        tag("p", column.description) if column.description else None,
        scope="row",
    )


def _plain(column: ShownColumn) -> Html:
    return tag("tr", _column_head(column, with_type=False), tag("td", column.type.sql.lower()))


def _with_figures(frame: Frame, table: ShownTable, column: ShownColumn) -> Html:
    head = _column_head(column, with_type=True)
    figures, rows = column.figures, table.rows
    if figures is None or rows is None:
        return tag("tr", head, tag("td"), tag("td"), tag("td"))
    return tag(
        "tr",
        head,
        tag("td", _filled(figures.nulls, rows), class_="filled"),
        tag(
            "td",
            _distinct(figures),
            class_="n distinct",
            data_label="value" if figures.distinct == 1 else "different values",
        ),
        tag("td", _values(frame, table, column, figures), class_="values"),
    )


def _filled(nulls: int, rows: int) -> Sequence[Node]:
    if not rows:
        return [tag("span", "no rows", class_="soft")]
    missing = f"{count(nulls)} without a value" if nulls else None
    return [
        tag("span", percent(rows - nulls, rows), data_label="filled"),
        share(rows - nulls, rows),
        tag("span", missing, class_="soft small") if missing else None,
    ]


def _distinct(figures: ColumnFigures) -> Node:
    if figures.distinct is None:
        return tag("span", "not counted", class_="unseen")
    said = count(figures.distinct)
    if not figures.is_approximate:
        return said
    return [tag("span", "about ", class_="soft"), said]


def _values(frame: Frame, table: ShownTable, column: ShownColumn, figures: ColumnFigures) -> Node:
    rows = table.rows or 0
    if column.is_for_programs and (figures.distinct or 0) > _FEW:
        return tag("span", "identifiers", class_="soft small")
    if figures.top:
        # Keys of JSON are no values that rows could be chosen by.
        is_key = column.type.value == "json"
        top: list[tuple[Node, int]] = [
            (value if is_key else _chosen(frame, table, column, value), amount)
            for value, amount in figures.top
        ]
        return top_values(top, rows, unlisted=figures.unlisted)
    if figures.counts and len(figures.edges) > len(figures.counts):
        return histogram(column.name, figures.edges, figures.counts)
    if figures.low is not None and figures.high is not None:
        same = figures.low == figures.high
        return edge(figures.low) if same else f"{edge(figures.low)} to {edge(figures.high)}"
    return tag("span", "–", class_="soft", aria_hidden="true")


def _chosen(frame: Frame, table: ShownTable, column: ShownColumn, value: str) -> Html | str:
    """A value that leads to its rows, unless it was cut or stands in a list."""
    if column.type.item is not None or value.endswith("…"):
        return value or "(empty)"
    address = frame.to.rows(table.dataset, table.name, column=column.name, value=value)
    return tag("a", value or "(empty)", href=address)
