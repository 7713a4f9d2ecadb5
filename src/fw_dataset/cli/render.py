"""``fw-dataset render``: from a snapshot to a version of a dataset."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fw_dataset.cli.derived_options import derived_options, say_what_is_not_made, taken_out
from fw_dataset.cli.failures import say, say_error
from fw_dataset.cli.options import Command, as_text, json_option, verbose_option
from fw_dataset.cli.places import (
    api_key_option,
    credentials_option,
    given_api_key,
    given_credentials,
    is_project,
)
from fw_dataset.cli.render_project import OF_PROJECTS, render_project, wrong_usage
from fw_dataset.cli.streams import write_line, write_lines
from fw_dataset.cli.table import count_lines

if TYPE_CHECKING:
    from fw_dataset.dataset import Dataset

__all__ = ["control_columns_option", "render"]


def _read_columns(ctx: click.Context, param: click.Parameter, file: Path | None) -> Any:
    """The control columns of a JSON file; what they name is checked where they are used."""
    if file is None:
        return None
    try:
        columns = json.loads(file.read_bytes())
    except OSError as error:
        reason = f"{file}: {error.strerror or error}"
    except ValueError as error:
        reason = f"{file} is not JSON: {error}"
    except RecursionError:
        reason = f"{file} is nested too deeply"
    else:
        if isinstance(columns, dict):
            return columns
        reason = f'{file} must hold an object such as {{"subjects": ["label", "sex"]}}'
    raise click.BadParameter(reason, ctx, param)


control_columns_option = click.option(
    "--control-columns",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_read_columns,
    help="A JSON file with the columns to keep, per table; ids and parents always stay.",
)


def _check_instant(ctx: click.Context, param: click.Parameter, text: str | None) -> str | None:
    from fw_dataset.format.instants import parse_instant

    if text is not None:
        try:
            parse_instant(text)
        except ValueError as error:
            raise click.BadParameter(str(error), ctx, param) from None
    return text


@click.command(
    cls=Command,
    examples=[
        ("Make a dataset, or add a version to it:", "fw-dataset render snapshot.db.gz my-dataset"),
        (
            "Give the version a name and the date of its snapshot:",
            "fw-dataset render snapshot.db.gz my-dataset --version freeze-1 \\\n"
            '        --label "Data freeze 1" --created 2024-06-01T00:00:00Z',
        ),
        (
            "Render a project of a Flywheel site, to where it has its dataset:",
            "fw-dataset render fw://lab/study --label freeze-2",
        ),
        (
            "Leave all columns of subjects out but these, and no copy of the snapshot:",
            'echo \'{"subjects": ["label", "sex", "age"]}\' > columns.json\n'
            "    $ fw-dataset render snapshot.db.gz shared-dataset --control-columns columns.json",
        ),
        (
            "Make tables of DICOM headers, quality control and CSV files, too:",
            "fw-dataset render snapshot.db.gz my-dataset --headers --qc --tabular-files files/",
        ),
    ],
)
@click.argument("snapshot", metavar="SNAPSHOT|PROJECT", type=click.Path(dir_okay=False))
@click.argument("destination", metavar="[DEST]", required=False, type=click.Path(file_okay=False))
@click.option("--version", metavar="ID", help="The version's id; else made of the snapshot.")
@click.option(
    "--label", callback=as_text, metavar="TEXT", help="The version's name for people; else its id."
)
@click.option(
    "--created",
    metavar="INSTANT",
    callback=_check_instant,
    help="When the snapshot was made, such as 2024-06-01T12:00:00Z; else now.",
)
@control_columns_option
@click.option(
    "--on-error",
    type=click.Choice(["raise", "skip"]),
    default="raise",
    show_default=True,
    help="Stop at a record that cannot be read, or leave it out, report it and exit with 1.",
)
@click.option(
    "--keep-source/--no-keep-source",
    default=None,
    help="Keep the snapshot in the version; the default unless --control-columns is given.",
)
@click.option(
    "--workdir",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="A folder with room for the unpacked snapshot; else DEST, if it is a folder.",
)
@click.option(
    "--workers",
    metavar="N",
    type=click.IntRange(min=1),
    help="The most processes that share a large table (1: none); else as fits the machine.",
)
@click.option(
    "--discard-claim",
    is_flag=True,
    help="Take over from a writer of this version that is gone for good.",
)
@click.option("--storage", metavar="LABEL", help="Of a PROJECT: the site's storage to render into.")
@click.option("--storage-id", metavar="ID", help="The same, by the storage's id.")
@click.option(
    "--root",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="Of a PROJECT: a folder to render into, below which the dataset gets its place.",
)
@click.option("--relocate", is_flag=True, help="Of a PROJECT: the place named counts from now on.")
@click.option("--force-new", is_flag=True, help="Of a PROJECT: have the site make a new snapshot.")
@click.option(
    "--snapshot-timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    help="How long to wait for it; else SNAPSHOT_TIMEOUT, else 1800.",
)
@derived_options
@api_key_option
@credentials_option
@json_option
@verbose_option
def render(snapshot: str, destination: str | None, as_json: bool, **choices: Any) -> None:
    """Render a snapshot, or a site's project, into a dataset.

    SNAPSHOT, a project's snapshot.db or snapshot.db.gz, becomes a version of DEST, which is a
    folder, made if need be, or a URL such as s3://bucket/prefix, gs://bucket/prefix or az://container/prefix.
    PROJECT is a project of a Flywheel site, as fw://group/project: its newest snapshot is rendered
    to where the project says its dataset is, or to what --storage, --root or --credentials name.
    The version appears only when it is whole, and rendering the same snapshot again finds it
    there.
    """
    choices["derived"] = taken_out(choices)
    custom_info = choices["derived"]["custom_info"]
    began = time.monotonic()
    if is_project(snapshot):
        dataset, rendered = render_project(snapshot, destination, choices)
    else:
        dataset, rendered = _rendered(snapshot, destination, choices)
    seconds = time.monotonic() - began
    skipped = _skipped(dataset) if choices["on_error"] == "skip" else {}
    summary = _summary(dataset, rendered, seconds, skipped)
    if as_json:
        write_line(json.dumps(summary, indent=2, ensure_ascii=False))
    else:
        write_lines(_lines(summary))
        say(
            f"rendered in {seconds:.1f} s"
            if rendered
            else "the version was there already; nothing was rendered"
        )
    say_what_is_not_made(dataset, custom_info)
    if skipped:
        say_error(_say_skipped(skipped, summary["location"]))
        raise click.exceptions.Exit(1)


def _rendered(
    snapshot: str, destination: str | None, choices: dict[str, Any]
) -> tuple[Dataset, bool]:
    from fw_dataset.cli.progress import ProgressBars
    from fw_dataset.pipeline import render_snapshot

    given = [_option(name) for name in OF_PROJECTS if choices.pop(name)]
    if given or given_api_key() is not None:
        named = given[0] if given else "--api-key"
        raise click.UsageError(f"{named} is for a project, such as fw://group/project")
    if destination is None:
        raise click.UsageError("Missing argument 'DEST'.", click.get_current_context())
    derived = choices.pop("derived")
    if derived["tabular_files"] is True:
        raise click.UsageError("--tabular-files needs a folder here: there is no site to ask")
    choices |= derived | {name: bool(derived[name]) for name in ("headers", "qc")}
    with wrong_usage(), ProgressBars() as progress:
        dataset = render_snapshot(
            snapshot,
            destination,
            progress=progress,
            credentials=given_credentials(),
            **choices,
        )
    return dataset, progress.rendered


def _skipped(dataset: Dataset) -> dict[str, int]:
    """Per table the records that were left out, where there are any."""
    tables = dataset.report()["tables"]
    counts = {name: int(table.get("rows_skipped", 0)) for name, table in tables.items()}
    return {name: count for name, count in counts.items() if count}


def _summary(
    dataset: Dataset, rendered: bool, seconds: float, skipped: dict[str, int]
) -> dict[str, Any]:
    info = dataset.get_version_info()
    return {
        "version": dataset.version,
        "label": dataset.version_label,
        "created": info["created"],
        "location": f"{dataset.location}/versions/{dataset.version}",
        "rendered": rendered,
        "seconds": round(seconds, 3),
        "tables": dataset.row_counts(),
        "rows": info["rows"],
        "bytes": info["bytes"],
        "skipped": skipped,
    }


def _lines(summary: dict[str, Any]) -> list[str]:
    label = summary["label"]
    named = f" ({label})" if label != summary["version"] else ""
    return [
        f"version {summary['version']}{named}",
        summary["location"],
        "",
        *count_lines(summary["tables"]),
        "",
        f"{summary['rows']:,} rows, {summary['bytes'] / 1e6:,.1f} MB",
    ]


def _say_skipped(skipped: dict[str, int], location: str) -> str:
    total = sum(skipped.values())
    noun = "record" if total == 1 else "records"
    places = ", ".join(f"{count:,} of {name}" for name, count in skipped.items())
    return (
        f"{total:,} {noun} could not be read and stayed out: {places};"
        f" named in {location}/provenance/rendering_report.json"
    )


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
