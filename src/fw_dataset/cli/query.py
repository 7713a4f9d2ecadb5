"""``fw-dataset query``: SQL over versions, in a table or in a format for other programs."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fw_dataset.cli.failures import CommandError, say
from fw_dataset.cli.options import (
    Command,
    as_text,
    verbose_option,
    version_option,
)
from fw_dataset.cli.places import dataset_argument, name_of_place, opened
from fw_dataset.cli.streams import check_output, output, terminal_width, write_lines

if TYPE_CHECKING:
    import duckdb

    from fw_dataset.cli.result import Result

__all__ = ["query"]

_LOGGER = logging.getLogger(__name__)
_FORMATS = ("table", "csv", "json", "ndjson", "parquet", "arrow")
_BINARY = ("parquet", "arrow")
# No option has a blank in it, unless its value follows after "=".
_COMMENT = re.compile(r"--[^=\s]*\s")
_SUFFIXES = {
    ".csv": "csv",
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}


class _SqlCommand(Command):
    """A command that takes an argument which begins with a comment for SQL, not an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, [f"\n{a}" if _COMMENT.match(a) else a for a in args])


@click.command(
    cls=_SqlCommand,
    examples=[
        (
            "Count files by type:",
            'fw-dataset query my-dataset "SELECT type, count(*) FROM files GROUP BY ALL"',
        ),
        (
            "Take a table to another program; the name says the format:",
            'fw-dataset query my-dataset "FROM sessions" -o sessions.parquet',
        ),
        (
            "Names with a dot stand in double quotes, so single ones go around:",
            "fw-dataset query my-dataset 'SELECT \"parents.subject\", age FROM sessions'",
        ),
        (
            "Look into the JSON of a column, a line a row:",
            "fw-dataset query my-dataset --format ndjson \\\n"
            "        \"SELECT label, info->>'$.site' AS site FROM subjects\" | head -n 5",
        ),
        (
            "Run what a file holds:",
            "fw-dataset query my-dataset - --format csv < question.sql",
        ),
        (
            "Ask several datasets at once; each is a schema, and everything is all of them:",
            "fw-dataset query my-dataset other-dataset \\\n"
            '        "SELECT dataset, count(*) FROM everything.files GROUP BY dataset"',
        ),
    ],
)
@dataset_argument
@click.argument("more", nargs=-1, type=click.Path(file_okay=False))
@click.argument("sql", callback=as_text)
@version_option
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    help="How to write the rows; else as the name of FILE ends, else a table.",
)
@click.option(
    "-o",
    "--output",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write to FILE, which appears only when it is whole.",
)
@click.option(
    "--max-rows",
    type=click.IntRange(min=0),
    default=40,
    metavar="N",
    help="How many rows a table shows, 40 if not said; 0 shows all.",
)
@verbose_option
def query(
    dataset: str,
    more: tuple[str, ...],
    sql: str,
    version: str,
    form: str | None,
    file: Path | None,
    max_rows: int,
) -> None:
    """Run SQL on DATASET, or on several, and print the rows.

    SQL is DuckDB's dialect, and - reads it from standard input. Rows are written while they
    are computed, so large results need little memory; only a table shows just the first and is cut
    to the terminal's width. CSV and JSON are UTF-8. Of several statements, each that gives rows is
    shown as a table; the other formats and FILE hold the rows of one.

    Of several datasets, each is a schema that is called like its folder, as in "site-a".files, and
    everything.files is the files of all, with the columns dataset and dataset_version.
    """
    file = None if file is None or str(file) == "-" else file
    form = form or _form_of(file)
    if form in _BINARY and file is None and sys.stdout.isatty():
        raise click.UsageError(f"{form} is not for a terminal; name a file with -o FILE")
    if file is not None:
        check_output(file)
    statement = _read_sql(sql)

    from fw_dataset.cli.result import run_queries

    shows = form == "table" and file is None
    connection = _connected([dataset, *more], version, statement)
    with run_queries(connection, statement, most=None if shows else 1) as results:
        for place, result in enumerate(results):
            if result is None:
                _say_nothing(file)
            elif shows:
                if place:
                    write_lines([""])
                _show(result, max_rows)
            else:
                _write(result, form, file, max_rows)


def _connected(places: Sequence[str], version: str, sql: str) -> duckdb.DuckDBPyConnection:
    if len(places) == 1:
        dataset = opened(places[0])
        connection = dataset.connect(version)
        _LOGGER.info("querying version %s of %s", dataset.version, dataset.location)
        return connection
    from fw_dataset.federation import connect_all
    from fw_dataset.query import distinct_names

    names = distinct_names(name_of_place(place) for place in places)
    datasets = {name: opened(place) for name, place in zip(names, places, strict=True)}
    for name, dataset in datasets.items():
        _LOGGER.info("schema %s is %s of %s", name, version, dataset.location)
    return connect_all(datasets, version, sql=sql)


def _form_of(file: Path | None) -> str:
    if file is None or file.suffix.lower() in ("", ".txt"):
        return "table"
    try:
        return _SUFFIXES[file.suffix.lower()]
    except KeyError:
        raise click.UsageError(
            f"no format is called like {file.name!r}: name one with --format, or end it with"
            f" {', '.join(_SUFFIXES)} or .txt"
        ) from None


def _read_sql(sql: str) -> str:
    if sql == "-":
        try:
            sql = sys.stdin.buffer.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise CommandError("the SQL on standard input is not UTF-8") from None
    if not sql.strip():
        raise click.UsageError("the SQL is empty")
    return sql


def _say_nothing(file: Path | None) -> None:
    if file is not None:
        raise CommandError(f"the statement gives no rows, so {file} is not written")
    say("done; the statement gives no rows")


def _write(result: Result, form: str, file: Path | None, max_rows: int) -> None:
    from fw_dataset.cli.writers import WRITERS

    with output(file) as sink:
        if form == "table":
            lines, notes = _table(result, max_rows, None)
            sink.write("".join(f"{line}\n" for line in lines).encode())
        else:
            notes = [_counted(WRITERS[form](result, sink))]
    if file is not None:
        say(f"{notes[0]} in {file}")


def _show(result: Result, max_rows: int) -> None:
    lines, notes = _table(result, max_rows, terminal_width())
    write_lines(lines)
    for note in notes:
        say(note)


def _table(result: Result, max_rows: int, width: int | None) -> tuple[list[str], list[str]]:
    """The lines of a table, and what to say of it."""
    from fw_dataset.cli.preview import preview

    seen = preview(result, max_rows, width)
    notes = [_counted(seen.rows)]
    if seen.rows_shown < seen.rows:
        notes[0] += f", the first {seen.rows_shown:,} shown (--max-rows 0 shows all)"
    if seen.columns_shown < seen.columns:
        notes.append(
            f"{seen.columns} columns, the first {seen.columns_shown} shown"
            " (name those that you want, or use --format csv)"
        )
    return seen.lines, notes


def _counted(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows:,} rows"
