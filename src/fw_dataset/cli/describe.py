"""``tables``, ``schema`` and ``versions``: what a dataset has."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from fw_dataset.cli.failures import say
from fw_dataset.cli.options import (
    Command,
    as_text,
    json_option,
    verbose_option,
    version_option,
)
from fw_dataset.cli.places import dataset_argument, opened
from fw_dataset.cli.streams import terminal_width, write_line, write_lines
from fw_dataset.cli.suggestions import table_names
from fw_dataset.cli.table import Column, lay_out

if TYPE_CHECKING:
    from fw_dataset.dataset import Dataset
    from fw_dataset.format.schema import DataModel
    from fw_dataset.versions.catalog import VersionInfo

__all__ = ["schema", "tables", "version_columns", "versions"]

_LOGGER = logging.getLogger(__name__)


@click.command(
    cls=Command,
    examples=[
        ("What can be asked of the latest version:", "fw-dataset tables my-dataset"),
        (
            "The same of another version, for a program:",
            "fw-dataset tables my-dataset --version freeze-1 --json",
        ),
    ],
)
@dataset_argument
@version_option
@json_option
@verbose_option
def tables(dataset: str, version: str, as_json: bool) -> None:
    """List the tables of DATASET.

    With each come its rows, its columns and what its rows mean.
    """
    at_hand = _opened(dataset, version)
    rows = at_hand.row_counts()
    found = [
        {
            "name": name,
            "rows": rows[name],
            "columns": len(table.data_model.properties),
            "description": table.description,
        }
        for name, table in at_hand.tables.items()
    ]
    if as_json:
        _write_json(found)
        return
    _write_columns(
        Column("table", [str(table["name"]) for table in found], firm=True),
        _numbers("rows", [table["rows"] for table in found]),
        _numbers("columns", [table["columns"] for table in found]),
        Column("description", [str(table["description"]) for table in found], wrapped=True),
    )


@click.command(
    cls=Command,
    examples=[
        ("What the columns of a table mean:", "fw-dataset schema my-dataset sessions"),
        (
            "The table's JSON Schema, for a program:",
            "fw-dataset schema my-dataset sessions --json > sessions.schema.json",
        ),
    ],
)
@dataset_argument
@click.argument("table", callback=as_text, shell_complete=table_names)
@version_option
@json_option
@verbose_option
def schema(dataset: str, table: str, version: str, as_json: bool) -> None:
    """Show the columns of a TABLE of DATASET.

    With each come its SQL type, whether it can be null and what it means; with --json it is
    the table's JSON Schema instead.
    """
    found = _opened(dataset, version)
    document = found.get_table_schema(table)  # says which tables there are, if it is none
    if as_json:
        _write_json(document)
        return
    model = found.tables[table].data_model
    if not model.properties:
        say(f'the schema names no columns; ask the data: DESCRIBE "{table}" in a query')
        return
    names = list(model.properties)
    _write_columns(
        Column("column", names, firm=True),
        Column("type", [_type(model, name) for name in names], firm=True),
        Column("null", ["no" if name in model.required else "yes" for name in names]),
        Column("description", [_meaning(prop) for prop in _properties(model)], wrapped=True),
    )


@click.command(
    cls=Command,
    examples=[
        ("Which versions there are, the newest first:", "fw-dataset versions my-dataset"),
        ("The same for a program:", "fw-dataset versions my-dataset --json"),
    ],
)
@dataset_argument
@json_option
@verbose_option
def versions(dataset: str, as_json: bool) -> None:
    """List the versions of DATASET, newest first.

    Other commands take a version's id or label as --version.
    """
    found = opened(dataset).list_versions()
    if as_json:
        _write_json(found)
        return
    _write_columns(*version_columns(found))


def version_columns(found: Sequence[VersionInfo]) -> list[Column]:
    """Versions as columns of a text table; the last says which is the latest."""
    return [
        Column("version", [info["version"] for info in found], firm=True),
        Column("label", [_label(info["label"], info["version"]) for info in found]),
        Column("created", [_moment(info["created"]) for info in found], firm=True),
        _numbers("rows", [info["rows"] for info in found]),
        Column("size", [_size(info["bytes"]) for info in found], right=True, firm=True),
        Column("latest", ["yes" if info["latest"] else "" for info in found]),
    ]


def _opened(place: str, version: str) -> Dataset:
    """The dataset at one of its versions, with no data file opened."""
    dataset = opened(place)
    if version != "latest":
        with dataset:
            dataset.connect(version, fully_populate=False)
    _LOGGER.info("version %s of %s", dataset.version, dataset.location)
    return dataset


def _write_json(value: Any) -> None:
    write_line(json.dumps(value, indent=2, ensure_ascii=False))


def _write_columns(*columns: Column) -> None:
    write_lines(lay_out(columns, terminal_width()).lines)


def _numbers(name: str, numbers: Iterable[object]) -> Column:
    cells = [f"{number:,}" if isinstance(number, int) else "?" for number in numbers]
    return Column(name, cells, right=True, firm=True)


def _properties(model: DataModel) -> Sequence[dict[str, Any]]:
    return list(model.properties.values())


def _meaning(prop: dict[str, Any]) -> str:
    return str(prop.get("description") or prop.get("title") or "")


def _type(model: DataModel, column: str) -> str:
    from fw_dataset.format.column_types import ColumnType

    kind = model.column_type(column)
    return "VARCHAR (JSON)" if kind is ColumnType.JSON else kind.sql


def _label(label: str, version: str) -> str:
    return "" if label == version else label


def _moment(created: str) -> str:
    """An instant to the second, as people read it; all instants of datasets are UTC."""
    return f"{created[:10]} {created[11:19]} UTC"


def _size(size: int) -> str:
    if size < 1000:
        return f"{size} B"
    amount, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 999.95:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:,.1f} {unit}"
