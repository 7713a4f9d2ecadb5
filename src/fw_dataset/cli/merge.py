"""``fw-dataset merge``: add tables of another dataset."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from fw_dataset.cli.failures import say
from fw_dataset.cli.options import (
    Command,
    as_text,
    json_option,
    verbose_option,
    version_option,
)
from fw_dataset.cli.places import (
    dataset_argument,
    given_api_key,
    is_project,
    opened,
    read_credentials,
)
from fw_dataset.cli.streams import write_line, write_lines
from fw_dataset.cli.table import count_lines

__all__ = ["merge"]


def _read_source_credentials(ctx: click.Context, param: click.Parameter, file: Path | None) -> Any:
    return None if file is None else read_credentials(ctx, param, file)


def _split(ctx: click.Context, param: click.Parameter, text: str | None) -> list[str] | None:
    text = as_text(ctx, param, text)
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise click.BadParameter("separate the names by single commas", ctx, param)
    return names


@click.command(
    cls=Command,
    examples=[
        ("Add all tables of another dataset:", "fw-dataset merge my-dataset other-dataset"),
        (
            "Only some of them, and to an older version:",
            "fw-dataset merge my-dataset other-dataset --tables scores --version base",
        ),
    ],
)
@dataset_argument
@click.argument("source", type=click.Path(file_okay=False))
@click.option(
    "--tables",
    callback=_split,
    metavar="NAMES",
    help="The tables to add, as a,b,c; else all that SOURCE shows.",
)
@version_option
@click.option(
    "--source-version",
    callback=as_text,
    default="latest",
    show_default=True,
    metavar="VERSION",
    help="The version of SOURCE, by id or label.",
)
@click.option(
    "--source-credentials",
    "credentials",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_read_source_credentials,
    help="What the store of SOURCE asks for, as --credentials; else what the environment gives.",
)
@click.option(
    "--discard-claim",
    is_flag=True,
    help="Take over from a writer of the version that is gone for good.",
)
@json_option
@verbose_option
def merge(
    dataset: str,
    source: str,
    tables: list[str] | None,
    version: str,
    source_version: str,
    credentials: Any,
    discard_claim: bool,
    as_json: bool,
) -> None:
    """Add tables of another dataset, SOURCE, to DATASET.

    No table of these names may exist in that version of DATASET. All is checked before anything is
    copied, each table appears when it is whole, and after an interruption the same command goes
    on.
    """
    from fw_dataset.cli.progress import ProgressBars

    at_hand = opened(dataset)
    with _opened_source(source, credentials) as other, ProgressBars() as progress:
        added = at_hand.merge(
            other,
            tables,
            version,
            source_version=source_version,
            progress=progress,
            discard_claim=discard_claim,
        )
    info = at_hand.get_version_info(version)
    rows = at_hand.row_counts(version)
    if as_json:
        summary = {
            "version": info["version"],
            "location": at_hand.location,
            "source": other.location,
            "tables": {name: rows[name] for name in added},
        }
        write_line(json.dumps(summary, indent=2, ensure_ascii=False))
        return
    write_lines(count_lines({name: rows[name] for name in added}))
    noun = "table" if len(added) == 1 else "tables"
    say(f"{len(added)} {noun} added to version {info['label']}")


def _opened_source(place: str, credentials: Any) -> Any:
    from fw_dataset.dataset import Dataset

    if not is_project(place):
        return Dataset.open(place, credentials)
    from fw_dataset.client import FWDatasetClient

    with FWDatasetClient(given_api_key()) as client:
        return client.get_dataset(path=place, credentials=credentials)
