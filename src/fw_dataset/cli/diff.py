"""``fw-dataset diff``: what differs between two versions."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import click

from fw_dataset.cli.failures import say
from fw_dataset.cli.interrupts import ending_when_asked
from fw_dataset.cli.options import Command, as_text, json_option, verbose_option
from fw_dataset.cli.places import dataset_argument, opened
from fw_dataset.cli.streams import output, terminal_width, write_line, write_lines
from fw_dataset.cli.suggestions import table_names, version_names
from fw_dataset.cli.table import Column, lay_out
from fw_dataset.cli.tables_option import tables_option

if TYPE_CHECKING:
    from fw_dataset.query.differences import Difference, TableDifference

__all__ = ["diff"]

_LOGGER = logging.getLogger(__name__)


@click.command(
    cls=Command,
    examples=[
        ("What has changed since a data freeze:", "fw-dataset diff my-dataset freeze-1 latest"),
        (
            "The same of two tables, for a program:",
            "fw-dataset diff my-dataset freeze-1 latest --tables subjects,sessions --json",
        ),
        (
            "Each value that changed in a table:",
            "fw-dataset diff my-dataset freeze-1 latest --rows subjects",
        ),
        (
            "In a script, go on only where nothing has changed:",
            "fw-dataset diff my-dataset base freeze-1 --exit-code",
        ),
    ],
)
@dataset_argument
@click.argument("old", callback=as_text, shell_complete=version_names)
@click.argument("new", callback=as_text, shell_complete=version_names)
@tables_option("The tables to compare, as a,b,c; else all.")
@click.option(
    "--rows",
    "table",
    metavar="TABLE",
    callback=as_text,
    shell_complete=table_names,
    help="Show what changed in TABLE, a row for each value.",
)
@click.option(
    "--max-rows",
    type=click.IntRange(min=0),
    default=40,
    metavar="N",
    help="How many of these rows to show, 40 if not said; 0 shows all, and so does --json.",
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 where anything differs, like git.")
@json_option
@verbose_option
def diff(
    dataset: str,
    old: str,
    new: str,
    tables: list[str] | None,
    table: str | None,
    max_rows: int,
    exit_code: bool,
    as_json: bool,
) -> None:
    """Say what differs between OLD and NEW of DATASET.

    Tables and columns that were added, removed or got another type; rows that were added, removed
    or changed, and in which columns. Rows are told by their id, those of files by file_id and
    version; a table without an id is compared by whole rows. Only tables that differ are shown.
    """
    if table is not None and tables is not None:
        raise click.UsageError("--rows and --tables are given: name one of them")
    at_hand = opened(dataset)
    _LOGGER.info("comparing %s and %s of %s", old, new, at_hand.location)
    with ending_when_asked():
        difference = at_hand.diff(old, new, tables if table is None else [table])
    with difference:
        is_equal = difference.is_equal
        if table is not None:
            _write_rows(difference, table, max_rows, as_json)
        elif as_json:
            write_line(json.dumps(difference.to_dict(), indent=2, ensure_ascii=False))
        else:
            _write_summary(difference)
    if exit_code and not is_equal:
        raise click.exceptions.Exit(1)


def _write_summary(difference: Difference) -> None:
    rows = _rows(difference)
    if rows:
        names, added, removed, changed, what = zip(*rows, strict=True)
        columns = (
            Column("table", names, firm=True),
            Column("added", added, right=True, firm=True),
            Column("removed", removed, right=True, firm=True),
            Column("changed", changed, right=True, firm=True),
            Column("what", what, wrapped=True),
        )
        write_lines(lay_out(columns, terminal_width()).lines)
    alone = len(difference.tables_added) + len(difference.tables_removed)
    total = len(difference.tables) + alone
    between = f"between versions {difference.old} and {difference.new}"
    if rows:
        say(f"{len(rows):,} of {_counted(total, 'table')} differ {between}")
    else:
        say(f"nothing differs {between}, in {_counted(total, 'table')}")


def _rows(difference: Difference) -> list[tuple[str, str, str, str, str]]:
    """The cells of each table that differs, in the order of the tables' names."""
    rows = [
        (name, f"{table.added:,}", f"{table.removed:,}", f"{table.changed:,}", _what(table))
        for name, table in difference.tables.items()
        if not table.is_equal
    ]
    rows += [
        (name, f"{count:,}", "", "", "table added")
        for name, count in difference.tables_added.items()
    ]
    rows += [
        (name, "", f"{count:,}", "", "table removed")
        for name, count in difference.tables_removed.items()
    ]
    return sorted(rows)


def _what(table: TableDifference) -> str:
    parts = [f"{name} {count:,}" for name, count in table.columns.items()]
    parts += [f"+{name} {kind}" for name, kind in table.columns_added.items()]
    parts += [f"-{name} {kind}" for name, kind in table.columns_removed.items()]
    parts += [f"{name} {old} → {new}" for name, (old, new) in table.columns_retyped.items()]
    if any(table.ambiguous):
        old, new = table.ambiguous
        parts.append(f"by whole rows, for want of a key of their own: {old:,} and {new:,} rows")
    elif not table.key:
        parts.append("by whole rows")
    return ", ".join(parts)


def _write_rows(difference: Difference, table: str, max_rows: int, as_json: bool) -> None:
    from fw_dataset.cli.preview import preview
    from fw_dataset.cli.result import run_query
    from fw_dataset.cli.writers import WRITERS
    from fw_dataset.format.names import quote_identifier

    sql = f"FROM changes.{quote_identifier(table)} ORDER BY ALL"
    with run_query(difference.connection, sql) as result:
        if result is None:
            return
        if as_json:
            with output(None) as sink:
                WRITERS["json"](result, sink)
            return
        seen = preview(result, max_rows, terminal_width())
    write_lines(seen.lines)
    more = f", the first {seen.rows_shown:,} shown" if seen.rows_shown < seen.rows else ""
    say(f"{_counted(seen.rows, 'row')}{more}")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
