"""``fw-dataset render-site``: every project of a Flywheel site that matches."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fw_dataset.cli.derived_options import derived_options, taken_out
from fw_dataset.cli.failures import Terminated, say, say_error
from fw_dataset.cli.options import Command, as_text, json_option, verbose_option
from fw_dataset.cli.places import (
    api_key_option,
    credentials_option,
    given_api_key,
    given_credentials,
)
from fw_dataset.cli.render import control_columns_option
from fw_dataset.cli.render_project import check_places, wrong_usage
from fw_dataset.cli.streams import check_output, output, terminal_width, write_line, write_lines
from fw_dataset.cli.table import Column, lay_out

if TYPE_CHECKING:
    from fw_dataset.scale.site_report import ProjectOutcome, SiteReport

__all__ = ["render_site"]


@click.command(
    "render-site",
    cls=Command,
    examples=[
        ("What there is to do:", "fw-dataset render-site --group lab --dry-run"),
        (
            "Render a group's studies, but for the pilots, and keep the report:",
            'fw-dataset render-site --match "lab/study*" --exclude "*pilot*" \\\n'
            '        --label "Freeze 1" --report report.json',
        ),
    ],
)
@click.option(
    "--group", "groups", metavar="GLOB", multiple=True, help="Only projects of such groups."
)
@click.option(
    "--match",
    metavar="GLOB",
    multiple=True,
    help="Only projects with such a label or, with a slash, such a group/label.",
)
@click.option("--exclude", metavar="GLOB", multiple=True, help="No such project.")
@click.option(
    "--workers",
    metavar="N",
    type=click.IntRange(min=1),
    default=4,
    show_default=True,
    help="How many projects are under way at once.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and make nothing.")
@click.option(
    "--report",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the report as JSON into FILE, too.",
)
@click.option(
    "--label", callback=as_text, metavar="TEXT", help="Of each version, for people; else its id."
)
@control_columns_option
@click.option(
    "--on-error",
    type=click.Choice(["raise", "skip"]),
    default="raise",
    show_default=True,
    help="A record that cannot be read fails its project, or is left out and reported.",
)
@click.option(
    "--keep-source/--no-keep-source",
    default=None,
    help="Keep the snapshots; the default unless --control-columns is given.",
)
@click.option(
    "--workdir",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="A folder with room for as many unpacked snapshots as there are workers.",
)
@click.option(
    "--discard-claim", is_flag=True, help="Take over from writers that are gone for good."
)
@click.option(
    "--storage", metavar="LABEL", help="The site's storage to render into; else each project's own."
)
@click.option("--storage-id", metavar="ID", help="The same, by the storage's id.")
@click.option(
    "--root",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="A folder to render into, below which each dataset gets its place.",
)
@click.option("--relocate", is_flag=True, help="The place named counts from now on.")
@click.option(
    "--force-new", is_flag=True, help="Have a new snapshot made of each project, every time."
)
@click.option(
    "--snapshot-timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    help="How long to wait for each; else SNAPSHOT_TIMEOUT, else 1800.",
)
@derived_options
@api_key_option
@credentials_option
@json_option
@verbose_option
def render_site(as_json: bool, report: Path | None, **choices: Any) -> None:
    """Render every project of a Flywheel site that matches.

    Each goes where the project says its dataset is, or into what --storage, --root or
    --credentials name. A project whose newest snapshot is rendered already is left as it is, so
    that the same command goes on where it was interrupted or killed. One that fails does not stop
    the others; it is told at the end, with exit code 1. An API key that the site does not know
    stops all at once.

    GLOB is a pattern with *, ? and [], in which upper and lower case differ.
    """
    from fw_dataset.scale.site_report import SiteReport

    if report is not None:
        check_output(report)
    began = time.monotonic()
    told: list[ProjectOutcome] = []
    try:
        found = _rendered(choices, told)
    except (KeyboardInterrupt, Terminated):
        if told:
            in_order = tuple(sorted(told, key=lambda one: (one.project, one.project_id)))
            so_far = SiteReport(in_order, time.monotonic() - began, "it was interrupted")
            _write(so_far, report, as_json=as_json)
        raise
    _write(found, report, as_json=as_json)
    if not found.is_well:
        ill = sum(not one.is_well for one in found.projects)
        # What stopped all of it is not told for one project alone.
        say_error(found.stopped or f"{ill:,} of {len(found.projects):,} projects failed")
        raise click.exceptions.Exit(1)


def _rendered(choices: dict[str, Any], told: list[ProjectOutcome]) -> SiteReport:
    from fw_dataset.scale.site import render_site as render_all

    check_places(choices)
    shown = sys.stderr.isatty()

    def tell(outcome: ProjectOutcome) -> None:
        told.append(outcome)
        if shown:
            say(f"{outcome.project}: {outcome.happened} ({outcome.seconds:.1f} s)")

    derived = taken_out(choices)
    with wrong_usage():
        return render_all(
            given_api_key(),
            storage_label=choices.pop("storage"),
            root_path=choices.pop("root"),
            version_label=choices.pop("label"),
            credentials=given_credentials(),
            told=tell,
            **derived,
            **choices,
        )


def _write(found: SiteReport, file: Path | None, *, as_json: bool) -> None:
    text = json.dumps(found.to_dict(), indent=2, ensure_ascii=False)
    if file is not None:
        with output(file) as whole:
            whole.write(f"{text}\n".encode("utf-8", "surrogatepass"))
    if as_json:
        write_line(text)
        return
    write_lines(lay_out(_columns(found.projects), terminal_width()).lines)
    counts = ", ".join(f"{count:,} {happened}" for happened, count in found.counts.items())
    say(f"{counts}; {found.seconds:.1f} s")


def _columns(outcomes: tuple[ProjectOutcome, ...]) -> list[Column]:
    rows = ["" if one.rows is None else f"{one.rows:,}" for one in outcomes]
    return [
        Column("project", [one.project for one in outcomes], firm=True),
        Column("what happened", [one.happened for one in outcomes], firm=True),
        Column("version", [one.label or one.version or "" for one in outcomes]),
        Column("rows", rows, right=True, firm=True),
        Column("seconds", [f"{one.seconds:.1f}" for one in outcomes], right=True, firm=True),
        Column("why", [one.why for one in outcomes], wrapped=True),
    ]
