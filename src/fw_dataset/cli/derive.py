"""``fw-dataset derive``: add derived tables and profiles to a version that stands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from fw_dataset.cli.derived_options import derived_options, say_what_is_not_made, taken_out
from fw_dataset.cli.failures import say
from fw_dataset.cli.options import Command, json_option, verbose_option, version_option
from fw_dataset.cli.places import dataset_argument, given_api_key, is_project, opened
from fw_dataset.cli.render_project import wrong_usage
from fw_dataset.cli.streams import write_line, write_lines
from fw_dataset.cli.table import count_lines

__all__ = ["derive"]


@click.command(
    cls=Command,
    examples=[
        (
            "Tables of DICOM headers and of quality control:",
            "fw-dataset derive my-dataset --headers --qc",
        ),
        (
            "A table of what stands under BIDS in the info of files:",
            "fw-dataset derive my-dataset --custom-info files.BIDS",
        ),
    ],
)
@dataset_argument
@derived_options
@version_option
@click.option(
    "--discard-claim",
    is_flag=True,
    help="Take over from a writer of the version that is gone for good.",
)
@json_option
@verbose_option
def derive(dataset: str, version: str, discard_claim: bool, as_json: bool, **choices: Any) -> None:
    """Add derived tables or profiles to a version of DATASET.

    What the version has already is not made again. Each table appears when it is whole, and after
    an interruption the same command goes on.
    """
    from fw_dataset.cli.progress import ProgressBars
    from fw_dataset.derivation.adding import add_derived

    wanted = taken_out(choices)
    wanted |= {name: bool(wanted[name]) for name in ("headers", "qc")}
    if not any(wanted[name] for name in wanted if name != "profile_values"):
        raise click.UsageError("nothing is asked for: see the options")
    at_hand = opened(dataset)
    with _site_of(dataset, wanted), wrong_usage(), ProgressBars() as progress:
        added = add_derived(
            at_hand, version=version, progress=progress, discard_claim=discard_claim, **wanted
        )
    info = at_hand.get_version_info(version)
    counts = at_hand.row_counts(version)
    rows = {name: counts[name] for name in added}
    if as_json:
        summary = {"version": info["version"], "location": at_hand.location, "tables": rows}
        write_line(json.dumps(summary, indent=2, ensure_ascii=False))
        return
    if rows:
        write_lines(count_lines(rows))
    noun = "table" if len(added) == 1 else "tables"
    profiled = ", all tables profiled" if wanted["profiles"] else ""
    say(f"{len(added)} {noun} added to version {info['label']}{profiled}")
    say_what_is_not_made(at_hand, wanted["custom_info"], version)


@contextmanager
def _site_of(place: str, wanted: dict[str, Any]) -> Iterator[None]:
    """Where tabular files come from their site, it is in their place."""
    if wanted["tabular_files"] is not True:
        yield
        return
    if not is_project(place):
        raise click.UsageError(
            "--tabular-files needs a folder here: there is no site to ask, as of fw://group/project"
        )
    from fw_dataset.client import FWDatasetClient

    with FWDatasetClient(given_api_key()) as client:
        wanted["tabular_files"] = client.tabular_files()
        yield
