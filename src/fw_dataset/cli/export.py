"""``fw-dataset export`` and ``download``: tables of a version as files for other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fw_dataset.cli.failures import say
from fw_dataset.cli.interrupts import ending_when_asked
from fw_dataset.cli.options import Command, json_option, verbose_option, version_option
from fw_dataset.cli.places import dataset_argument, opened
from fw_dataset.cli.streams import write_line
from fw_dataset.cli.tables_option import tables_option

if TYPE_CHECKING:
    from fw_dataset.dataset import Dataset
    from fw_dataset.render.progress import Progress

__all__ = ["download", "export"]

_FORMATS = ("parquet", "csv", "duckdb", "sqlite")
_SUFFIXES = {".duckdb": "duckdb", ".sqlite": "sqlite", ".sqlite3": "sqlite"}
# Who gives a name that ends so wants one file, of a kind that is not written, or of one table.
_OF_ONE_TABLE = (".arrow", ".csv", ".feather", ".json", ".ndjson", ".parquet", ".tsv", ".txt")
_OF_ONE_FILE = frozenset((*_OF_ONE_TABLE, ".db", ".ods", ".xls", ".xlsx", ".zip"))


@click.command(
    cls=Command,
    examples=[
        (
            "Every table as a CSV file in a folder:",
            "fw-dataset export my-dataset tables --format csv",
        ),
        (
            "Some tables of a version as a SQLite database; the name says the format:",
            "fw-dataset export my-dataset study.sqlite --tables subjects,sessions \\\n"
            "        --version freeze-1",
        ),
        (
            "As Parquet, and again when there is a newer version:",
            "fw-dataset export my-dataset parquet --force",
        ),
    ],
)
@dataset_argument
@click.argument("dest", type=click.Path())
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    help="What to write; else as the name of DEST ends, else parquet.",
)
@tables_option("The tables to write, as a,b,c; else all.")
@version_option
@click.option("--force", is_flag=True, help="Replace what an export has left at DEST.")
@json_option
@verbose_option
def export(
    dataset: str,
    dest: str,
    form: str | None,
    tables: list[str] | None,
    version: str,
    force: bool,
    as_json: bool,
) -> None:
    """Write tables of DATASET to DEST, for other programs.

    DEST becomes a folder with a file for each table (parquet, csv), or one file with all of them
    (duckdb, sqlite). It appears when it is whole.
    """
    from fw_dataset.cli.progress import ProgressBars

    form = form or _form_of(Path(dest))
    at_hand = opened(dataset)
    rows: dict[str, int] = {}
    with ProgressBars() as bars:

        def progress(moment: Progress) -> None:
            rows[str(moment.table)] = moment.rows
            bars(moment)

        with ending_when_asked():
            path = at_hand.export(dest, form, tables, version, force=force, progress=progress)
    if as_json:
        write_line(json.dumps({"path": str(path), "format": form, "tables": rows}, indent=2))
        return
    write_line(str(path))
    noun = "table" if len(rows) == 1 else "tables"
    say(f"{len(rows):,} {noun}, {sum(rows.values()):,} rows, as {form}")


def _form_of(dest: Path) -> str:
    """What the name of a file says; folders may be called as one likes."""
    suffix = dest.suffix.lower()
    if suffix in _OF_ONE_FILE and not dest.is_dir():
        raise click.UsageError(
            f"no format is called like {dest.name!r}: name one with --format, or end DEST with"
            f" {', '.join(_SUFFIXES)}; without an ending it is a folder of Parquet files"
        )
    return _SUFFIXES.get(suffix, "parquet")


@click.command(
    cls=Command,
    examples=[
        (
            "Everything in one DuckDB database, copy/dataset.db:",
            "fw-dataset download my-dataset copy",
        ),
        (
            "Another version in its place:",
            "fw-dataset download my-dataset copy --version freeze-1 --force",
        ),
    ],
)
@dataset_argument
@click.argument("dest", type=click.Path(file_okay=False))
@version_option
@click.option("--force", is_flag=True, help="Replace a dataset.db that is there.")
@verbose_option
def download(dataset: str, dest: str, version: str, force: bool) -> None:
    """Write all tables to one DuckDB database.

    It is the file dataset.db in the folder DEST, and appears when it is whole.
    """
    at_hand = _at(opened(dataset), version)
    with ending_when_asked():
        for told in at_hand.download(dest, force):
            say(told)


def _at(dataset: Dataset, version: str) -> Dataset:
    if version != "latest":
        with dataset:
            dataset.connect(version, fully_populate=False)
    return dataset
