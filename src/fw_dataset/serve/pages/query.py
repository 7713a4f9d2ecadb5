"""The page of the SQL editor; its script fills it."""

from __future__ import annotations

import json
from collections.abc import Iterable

from fw_dataset.serve.pages.layout import Frame, page
from fw_dataset.serve.pages.markup import Html, tag
from fw_dataset.serve.pages.shown import ShownColumn, ShownDataset
from fw_dataset.serve.pages.wording import plural

__all__ = ["names_document", "query_page"]

_DOWNLOADS = (("csv", "CSV"), ("parquet", "Parquet"))
_COPIES = (("python", "Python"), ("r", "R"), ("curl", "curl"))


def query_page(frame: Frame, datasets: Iterable[ShownDataset]) -> str:
    """The editor, and where the answer will stand.

    All parts are in the page from the start, so that the regions that are read aloud when they
    change are known to a screen reader before they do.
    """
    return page(
        frame,
        "Query",
        tag("h1", "Query"),
        tag(
            "noscript",
            tag("p", "The editor needs JavaScript; the other pages do without.", class_="notice"),
        ),
        _form(frame),
        tag("div", id="problem", role="alert"),
        _result(),
        _tables(datasets),
        section="query",
        script="app.js",
    )


def _form(frame: Frame) -> Html:
    # The script finds all addresses here, so that it need not know where the service is mounted.
    return tag(
        "form",
        tag("div", id="editor", class_="editor"),
        tag(
            "div",
            tag(
                "button",
                "Run",
                tag("kbd", "Ctrl ↵", aria_hidden="true"),
                id="run",
                class_="button strong",
                aria_keyshortcuts="Control+Enter Meta+Enter",
            ),
            tag("button", "Cancel", id="cancel", type="button", class_="button", hidden=True),
            tag("span", role="status", id="status"),
            class_="bar",
        ),
        id="query",
        aria_label="Query",
        data_search=f"{frame.to.base}/search",
        data_names=f"{frame.to.base}/query/names",
        data_sign_in=frame.to.sign_in,
    )


def _result() -> Html:
    def buttons(kind: str, entries: tuple[tuple[str, str], ...]) -> list[Html]:
        return [
            tag("button", text, type="button", class_="button small", **{f"data_{kind}": value})
            for value, text in entries
        ]

    views = [
        tag(
            "button",
            text,
            type="button",
            class_="button small",
            data_view=value,
            aria_pressed="true" if value == "table" else "false",
        )
        for value, text in (("table", "Table"), ("chart", "Chart"))
    ]
    return tag(
        "section",
        tag("h2", "Result", id="result-title", tabindex="-1"),
        tag(
            "div",
            tag("div", views, role="group", aria_label="View"),
            tag(
                "div",
                tag("span", "Download"),
                buttons("download", _DOWNLOADS),
                role="group",
                aria_label="Download",
            ),
            tag(
                "div",
                tag("span", "Copy as"),
                buttons("copy", _COPIES),
                role="group",
                aria_label="Copy as",
            ),
            class_="bar tools",
        ),
        tag("p", "This is the answer to the query before.", id="stale", class_="soft", hidden=True),
        tag("div", id="table"),
        tag("div", id="chart", hidden=True),
        id="result",
        hidden=True,
        aria_labelledby="result-title",
    )


def _tables(datasets: Iterable[ShownDataset]) -> Html:
    """What there is to ask, to be read without JavaScript and to be clicked with it."""
    groups: list[Html] = []
    for dataset in datasets:
        items = [
            tag(
                "li",
                tag(
                    "button",
                    tag("code", table.sql),
                    type="button",
                    data_table=table.sql,
                    class_="plain",
                ),
                tag(
                    "span",
                    "" if table.rows is None else plural(table.rows, "row"),
                    class_="soft small",
                ),
            )
            for table in dataset.tables.values()
        ]
        groups.append(
            tag(
                "details",
                tag(
                    "summary",
                    dataset.title or dataset.name,
                    " ",
                    tag("span", dataset.version.label, class_="soft"),
                ),
                tag("ul", items),
                open=not groups,
            )
        )
    return tag("section", tag("h2", "Tables"), groups, class_="names")


def names_document(datasets: Iterable[ShownDataset]) -> str:
    """The names of tables and columns, for completion, as JSON."""
    tables = [
        {
            "path": list(table.path),
            "description": table.description,
            "rows": "" if table.rows is None else plural(table.rows, "row"),
            "columns": [_named(column) for column in table.columns],
        }
        for dataset in datasets
        for table in dataset.tables.values()
    ]
    return json.dumps({"tables": tables}, ensure_ascii=False)


def _named(column: ShownColumn) -> dict[str, str]:
    is_json = column.type.value == "json"
    return {
        "name": column.name,
        "type": "json" if is_json else column.type.sql,
        "description": column.description,
    }
