"""The pages of the tree: subjects, and each record with what is below it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.names import quote_literal
from fw_dataset.serve.pages.asking import Row
from fw_dataset.serve.pages.layout import Crumb, Frame, page, pager
from fw_dataset.serve.pages.levels import LONGEST_VALUE, Level, Listing
from fw_dataset.serve.pages.markup import Html, Node, tag
from fw_dataset.serve.pages.shown import ShownColumn, ShownDataset, ShownTable, in_sql
from fw_dataset.serve.pages.table import table_trail
from fw_dataset.serve.pages.wording import count, plural, short_instant, size

__all__ = ["Found", "Section", "record_page", "tree_page"]

_Address = Callable[..., str]
_NOUNS = {
    "subjects": "Subjects",
    "sessions": "Sessions",
    "acquisitions": "Acquisitions",
    "analyses": "Analyses",
    "files": "Files",
}


@dataclass(frozen=True)
class Section:
    """A list of records with its rows: of one page, and one more if there are others."""

    listing: Listing
    rows: Sequence[Row]


@dataclass(frozen=True)
class Found:
    """A record of the tree.

    Attributes:
        values: as many as the table has columns.
        above: the levels, ids and labels of the records that it is in, from the top.
    """

    level: Level
    table: ShownTable
    key: str
    values: Row
    above: Sequence[tuple[Level, str, str]] = ()

    @property
    def label(self) -> str:
        """How people know it."""
        return self.value(self.level.label) or self.key

    def value(self, name: str) -> str | None:
        """The value of a column, None if it has none."""
        for column, value in zip(self.table.columns, self.values, strict=True):
            if column.name == name:
                return value
        return None


def tree_page(
    frame: Frame, dataset: ShownDataset, section: Section | None, *, number: int, length: int
) -> str:
    """The subjects of a dataset."""
    return page(
        frame,
        "Subjects",
        tag("h1", "Subjects"),
        _section(frame, dataset, section, number, length, frame.to.tree)
        if section
        else tag("p", "This dataset has no table of subjects with ids and labels."),
        trail=table_trail(frame, dataset),
    )


def record_page(
    frame: Frame,
    dataset: ShownDataset,
    record: Found,
    lists: Sequence[Section],
    *,
    number: int,
    length: int,
) -> str:
    """A record: what is below it, and all of its values."""

    def address(_: str, **choice: str | int | None) -> str:
        return frame.to.record(dataset.name, record.level.table, record.key, **choice)

    below = [
        tag(
            "section",
            tag("h2", _NOUNS[section.listing.level.table]),
            _section(frame, dataset, section, number, length, address),
        )
        for section in lists
        if section.rows or section is lists[0]
    ]
    return page(
        frame,
        record.label,
        tag("p", record.level.one.capitalize(), class_="kind"),
        tag("h1", record.label),
        _actions(frame, record),
        below,
        _details(record),
        trail=_trail(frame, dataset, record),
    )


def _trail(frame: Frame, dataset: ShownDataset, record: Found) -> list[Crumb]:
    steps = [
        (label, frame.to.record(dataset.name, level.table, key))
        for level, key, label in record.above
    ]
    return [*table_trail(frame, dataset), ("Subjects", frame.to.tree(dataset.name)), *steps]


def _actions(frame: Frame, record: Found) -> Html:
    """The record itself in SQL, and what can be asked about the files below it."""
    key = quote_literal(record.key)
    query = f"SELECT *\nFROM {record.table.sql}\nWHERE id = {key}"
    if record.level.table != "files":
        files = ".".join(in_sql(part) for part in (*record.table.path[:-1], "files"))
        query = (
            f"SELECT type, count(*) AS files, sum(size) AS bytes\nFROM {files}\n"
            f'WHERE "{record.level.parent}" = {key}\nGROUP BY type\nORDER BY files DESC'
        )
    return tag(
        "p", tag("a", "Ask in SQL", href=frame.to.query(query), class_="button"), class_="actions"
    )


def _section(
    frame: Frame,
    dataset: ShownDataset,
    section: Section,
    number: int,
    length: int,
    address: _Address,
) -> list[Node]:
    listing, shown = section.listing, section.rows[:length]
    noun = _NOUNS[listing.level.table].lower()
    if not shown:
        return [tag("p", f"No {noun} here.", class_="soft")]
    heads = [
        tag("th", _head(column), scope="col", class_="n" if column.is_numeric else None)
        for column in listing.columns
    ]
    rows = [_line(frame, dataset, listing, row) for row in shown]
    is_paged = len(section.rows) > length or number > 1
    first = (number - 1) * length
    said = f"{count(first + 1)} – {count(first + len(shown))}"
    return [
        tag("p", f"{noun.capitalize()} {said}", class_="soft") if is_paged else None,
        tag(
            "table",
            tag("caption", f"{noun.capitalize()}", class_="unseen"),
            tag("thead", tag("tr", heads)),
            tag("tbody", rows),
            class_="list tree",
        ),
        pager(
            noun,
            address(dataset.name, page=number - 1) if number > 1 else None,
            address(dataset.name, page=number + 1) if len(section.rows) > length else None,
        ),
    ]


def _head(column: ShownColumn) -> str:
    spelled = {"gear_info.name": "gear"}.get(column.name, column.name)
    return spelled.replace("_", " ").capitalize()


def _line(frame: Frame, dataset: ShownDataset, listing: Listing, row: Row) -> Html:
    key, label, *values = row
    to = frame.to.record(dataset.name, listing.level.table, key or "")
    cells = [
        tag(
            "td",
            _short(column, value),
            class_="n" if column.is_numeric else None,
            data_label=_noun(column, value),
        )
        for column, value in zip(listing.columns[1:], values, strict=True)
    ]
    return tag("tr", tag("th", tag("a", label or "(no label)", href=to), scope="row"), cells)


def _noun(column: ShownColumn, value: str | None) -> str | None:
    """What a count is of, for a narrow window, in which no head stands above it."""
    if not column.is_numeric or column.name == "size":
        return None
    return column.name.removesuffix("s") if value == "1" else column.name


def _short(column: ShownColumn, value: str | None) -> Node:
    if value is None:
        return tag("span", "–", class_="soft", aria_hidden="true")
    if column.name == "size":
        return size(int(value)) if int(value) else tag("span", "–", class_="soft")
    if column.type is ColumnType.INSTANT:
        return short_instant(value)
    return count(int(value)) if column.type is ColumnType.INTEGER else value


def _details(record: Found) -> Html:
    """All values: short ones as a list, those of JSON to be unfolded."""
    short, long = [], []
    for column, value in zip(record.table.columns, record.values, strict=True):
        if value is None:
            continue
        if column.type is ColumnType.JSON:
            long.append(_unfolded(column, value))
        else:
            name = tag("dt", tag("code", column.name), title=column.description or None)
            short.append(tag("div", name, tag("dd", _whole(column, value))))
    return tag(
        "section",
        tag("h2", "All values"),
        tag("dl", short, class_="values-of"),
        long,
    )


def _whole(column: ShownColumn, value: str) -> Node:
    if column.type is ColumnType.INSTANT:
        return short_instant(value)
    if column.name == "size" and value.isdigit():
        return [plural(int(value), "byte"), tag("span", f" ({size(int(value))})", class_="soft")]
    return value


def _unfolded(column: ShownColumn, value: str) -> Html:
    text = value
    if len(value) > LONGEST_VALUE:
        text = f"{value[:LONGEST_VALUE]}…"
    else:
        with suppress(ValueError, RecursionError):  # what is no JSON is shown as it is
            text = json.dumps(json.loads(value), indent=2, ensure_ascii=False)
    summary = tag("summary", tag("code", column.name), " ", tag("span", column.description))
    return tag("details", summary, tag("pre", text, tabindex="0"))
