"""The pages of datasets: all of them, and one with its tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fw_dataset.format.tables import PRIMARY_CONTAINERS
from fw_dataset.serve.pages.layout import Frame, facts, page
from fw_dataset.serve.pages.markup import Html, tag
from fw_dataset.serve.pages.shown import ShownDataset, ShownTable
from fw_dataset.serve.pages.wording import count, day

__all__ = ["dataset_page", "home_page"]


def home_page(frame: Frame, datasets: Sequence[ShownDataset]) -> str:
    """All datasets, each in the version that stands for it."""
    cards = [_card(frame, dataset) for dataset in datasets]
    return page(
        frame,
        "Datasets",
        tag("h1", "Datasets"),
        tag("ul", cards, class_="cards") if cards else tag("p", "No dataset is served."),
    )


def _card(frame: Frame, dataset: ShownDataset) -> Html:
    others = [one for one in dataset.versions if one.dataset != dataset.name]
    further = [tag("li", tag("a", one.label, href=frame.to.dataset(one.dataset))) for one in others]
    link = tag("a", dataset.title or dataset.name, href=frame.to.dataset(dataset.name))
    return tag(
        "li",
        tag("h2", link),
        tag("p", dataset.description, class_="lead") if dataset.description else None,
        _facts(dataset),
        tag("p", "Other versions", class_="label") if others else None,
        tag("ul", further, class_="inline") if others else None,
        class_="card",
    )


def _facts(dataset: ShownDataset) -> Html:
    made = dataset.version.created
    return facts(
        ("In SQL", tag("code", dataset.schema) if dataset.schema else None),
        ("Version", dataset.version.label + (" (latest)" if dataset.version.is_latest else "")),
        ("Made", day(made) if made else None),
        ("Tables", count(len(dataset.tables))),
        ("Rows", count(dataset.rows)),
    )


def dataset_page(frame: Frame, dataset: ShownDataset) -> str:
    """A dataset: what it is, its versions and its tables."""
    primary = [dataset.tables[name] for name in PRIMARY_CONTAINERS if name in dataset.tables]
    others = sorted(
        (table for name, table in dataset.tables.items() if name not in PRIMARY_CONTAINERS),
        key=lambda table: table.name,
    )
    # Of a view nobody knows the rows without a query.
    derived = [table for table in others if table.rows is not None]
    joined = [table for table in others if table.rows is None]
    walk = frame.to.tree(dataset.name) if dataset.table("subjects", "id") else None
    return page(
        frame,
        dataset.title or dataset.name,
        tag("h1", dataset.title or dataset.name),
        tag("p", dataset.description, class_="lead") if dataset.description else None,
        _facts(dataset),
        tag(
            "p",
            tag("a", "Browse subjects", href=walk, class_="button strong") if walk else None,
            tag("a", "Ask in SQL", href=frame.to.query(_first_query(dataset)), class_="button"),
            class_="actions",
        ),
        _tables(frame, "Tables of the project", primary),
        _tables(frame, "Tables made from headers, checks and files", derived),
        _tables(frame, "Tables joined for you", joined),
        _versions(frame, dataset),
        trail=[("Datasets", frame.to.home)],
    )


def _first_query(dataset: ShownDataset) -> str:
    files = dataset.table("files", "type", "size")
    if files is not None:
        return (
            f"SELECT type, count(*) AS files, sum(size) AS bytes\nFROM {files.sql}\n"
            "GROUP BY type\nORDER BY files DESC"
        )
    some = next(iter(dataset.tables.values()), None)
    return f"FROM {some.sql}\nLIMIT 100" if some else ""


def _tables(frame: Frame, title: str, tables: Iterable[ShownTable]) -> Html | None:
    rows = [_table_row(frame, table) for table in tables]
    if not rows:
        return None
    heads = ("Table", "", "Columns", "Rows")
    texts = [
        tag("th", text or "What its rows are", scope="col", class_="n" if place > 1 else None)
        for place, text in enumerate(heads)
    ]
    return tag(
        "section",
        tag("h2", title),
        tag(
            "table",
            tag("thead", tag("tr", texts)),
            tag("tbody", rows),
            class_="list",
            aria_label=title,
        ),
    )


def _table_row(frame: Frame, table: ShownTable) -> Html:
    name = tag("a", table.name, href=frame.to.table(table.dataset, table.name))
    return tag(
        "tr",
        tag("th", tag("code", name), scope="row"),
        tag("td", table.description),
        tag("td", count(len(table.columns)), class_="n soft", data_label="columns"),
        tag("td", _rows(table), class_="n", data_label=None if table.rows is None else "rows"),
    )


def _rows(table: ShownTable) -> Html | str:
    # A view has as many as a query finds.
    return tag("span", "–", class_="soft") if table.rows is None else count(table.rows)


def _versions(frame: Frame, dataset: ShownDataset) -> Html | None:
    if len(dataset.versions) < 2:
        return None
    items = []
    for version in dataset.versions:
        here = version.dataset == dataset.name
        link = tag(
            "a",
            version.label,
            href=frame.to.dataset(version.dataset),
            aria_current="true" if here else None,
        )
        made = f" made {day(version.created)}" if version.created else ""
        note = tag("span", made, ", the latest" if version.is_latest else "", class_="soft")
        items.append(tag("li", link, " ", note))
    return tag("section", tag("h2", "Versions"), tag("ul", items, class_="versions"))
