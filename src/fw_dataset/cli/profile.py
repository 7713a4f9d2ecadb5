"""``fw-dataset profile`` and ``find``: what is in the columns of a dataset, and where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fw_dataset.cli.failures import say
from fw_dataset.cli.interrupts import ending_when_asked
from fw_dataset.cli.options import (
    Command,
    as_text,
    json_option,
    verbose_option,
    version_option,
)
from fw_dataset.cli.places import dataset_argument, opened
from fw_dataset.cli.streams import check_output, output, terminal_width, write_line, write_lines
from fw_dataset.cli.suggestions import table_names
from fw_dataset.cli.table import Column, lay_out

if TYPE_CHECKING:
    from fw_dataset.dataset import Dataset
    from fw_dataset.format.profile import TableProfile
    from fw_dataset.query.finding import Match

__all__ = ["find", "profile"]


@click.command(
    cls=Command,
    examples=[
        ("What is in the columns of a table:", "fw-dataset profile my-dataset sessions"),
        ("All tables as a page for the browser:", "fw-dataset profile my-dataset --html page.html"),
        (
            "A page to show around, with nothing in it of what stands in rows:",
            "fw-dataset profile my-dataset --no-values --html columns.html",
        ),
        (
            "All figures, for a program:",
            "fw-dataset profile my-dataset files --json > files.json",
        ),
    ],
)
@dataset_argument
@click.argument("table", required=False, callback=as_text, shell_complete=table_names)
@version_option
@click.option(
    "--html",
    "page",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write a page for the browser, which needs no other file and no network.",
)
@click.option(
    "--no-values",
    is_flag=True,
    help="Only types, nulls, distinct values and keys of JSON: nothing that stands in a row.",
)
@json_option
@verbose_option
def profile(
    dataset: str, table: str | None, version: str, page: Path | None, no_values: bool, as_json: bool
) -> None:
    """Show what is in the columns of DATASET.

    Of a TABLE, or else of all tables: types, nulls, distinct values, ranges, frequent values and
    keys of JSON. Profiles that were stored with the version are shown; for tables that have none,
    all rows are read. A number of distinct values with ~ before it is an estimate.
    """
    if page is not None:
        if as_json:
            raise click.UsageError("--html and --json are given: name one of them")
        check_output(page)
    at_hand = opened(dataset)
    with at_hand, ending_when_asked():
        found = at_hand.profile(table, version, values=not no_values)
        if page is not None:
            _write_page(page, at_hand, version, found)
    if page is not None:
        write_line(str(page))
    elif as_json:
        documents = [one.to_dict() for one in found.values()]
        document = documents if table is None else documents[0]
        write_line(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        _write_text(found)


@click.command(
    cls=Command,
    examples=[
        (
            "Which tables and columns have something to do with age:",
            "fw-dataset find my-dataset age",
        ),
        ("The same for a program:", "fw-dataset find my-dataset age --json"),
    ],
)
@dataset_argument
@click.argument("text", callback=as_text)
@version_option
@json_option
@verbose_option
def find(dataset: str, text: str, version: str, as_json: bool) -> None:
    """Find where a TEXT is in DATASET.

    It is looked for, whatever its case, in the names, titles and descriptions of tables and
    columns, in the keys of JSON columns such as info, and among the most frequent values; not in
    all values, which is what queries are for. What is nothing but the text comes first.
    """
    at_hand = opened(dataset)
    with at_hand, ending_when_asked():
        found = at_hand.find(text, version)
    if as_json:
        write_line(json.dumps([one.to_dict() for one in found], indent=2, ensure_ascii=False))
    elif found:
        write_lines(lay_out(_columns(found), terminal_width()).lines)
    noun = "place" if len(found) == 1 else "places"
    say(f"{len(found):,} {noun}" if found else "found nowhere; values that are rare need a query")


def _columns(found: list[Match]) -> list[Column]:
    return [
        Column("table", [one.table for one in found], firm=True),
        Column("column", [one.column or "" for one in found], firm=True),
        Column("where", [one.where for one in found], firm=True),
        Column("rows", [f"{one.rows:,}" for one in found], right=True, firm=True),
        Column("match", [one.match for one in found], wrapped=True),
    ]


def _write_text(found: dict[str, TableProfile]) -> None:
    from fw_dataset.cli.profile_text import profile_columns
    from fw_dataset.render.profile_page.figures import size

    for place, (name, one) in enumerate(found.items()):
        if len(found) > 1:
            write_lines([""] if place else [])
            write_line(f"{name}: {size(one.rows, len(one.columns))}")
        if one.columns:
            write_lines(lay_out(profile_columns(one), terminal_width()).lines)
        if len(found) == 1:
            say(size(one.rows, len(one.columns)))


def _write_page(page: Path, dataset: Dataset, version: str, found: dict[str, TableProfile]) -> None:
    from fw_dataset.render.profile_page import profile_page

    info = dataset.get_version_info(version)
    models = {name: dataset.get_table_schema(name, version) for name in found}
    label = f"version {info['label']}, of {info['created'][:10]}"
    text = profile_page(dataset.name or dataset.location, label, found, models)
    with output(page) as sink:
        sink.write(text.encode())
