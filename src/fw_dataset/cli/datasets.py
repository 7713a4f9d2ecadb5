"""``fw-dataset datasets``: the datasets of a Flywheel site."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from fw_dataset.cli.failures import say, say_error
from fw_dataset.cli.options import Command, json_option, verbose_option
from fw_dataset.cli.places import api_key_option, given_api_key
from fw_dataset.cli.streams import terminal_width, write_line, write_lines
from fw_dataset.cli.table import Column, lay_out

if TYPE_CHECKING:
    from fw_dataset.client import FoundDataset

__all__ = ["datasets"]


@click.command(
    cls=Command,
    examples=[
        ("Which projects have a dataset, and where:", "fw-dataset datasets"),
        (
            "Ask one of them:",
            'fw-dataset query fw://lab/study "SELECT count(*) FROM files"',
        ),
    ],
)
@api_key_option
@json_option
@verbose_option
def datasets(as_json: bool) -> None:
    """List the datasets of a Flywheel site.

    The site's address and the API key come from FW_HOSTNAME and FW_WS_API_KEY, or from the login
    of Flywheel's own command line. A dataset that cannot be opened is told on stderr, with exit
    code 1; the others are listed.
    """
    from fw_dataset.client import FWDatasetClient
    from fw_dataset.flywheel import each_done

    with FWDatasetClient(given_api_key()) as client:
        # Their versions are read side by side, too.
        found = list(each_done(_line, client.find_datasets()))
    good = [line for line in found if line["error"] is None]
    if as_json:
        write_line(json.dumps(found, indent=2, ensure_ascii=False))
    elif good:
        write_lines(lay_out(_columns(good), terminal_width()).lines)
    elif not found:
        say("no project of this site that you may read has a dataset")
    broken = [line for line in found if line["error"] is not None]
    for line in broken:
        say_error(f"{line['project']}: {line['error']}")
    if broken:
        raise click.exceptions.Exit(1)


def _line(found: FoundDataset) -> dict[str, Any]:
    from fw_dataset.errors import FWDatasetError

    line: dict[str, Any] = {
        "project": found.project,
        "project_id": found.project_id,
        "location": found.location,
        "versions": None,
        "latest": None,
        "rows": None,
        "error": None if found.error is None else str(found.error),
    }
    if found.dataset is None:
        return line
    try:
        with found.dataset as dataset:
            versions = dataset.list_versions()
    except FWDatasetError as error:
        return line | {"error": str(error)}
    latest = versions[0]
    return line | {
        "versions": len(versions),
        "latest": latest["label"],
        "rows": latest["rows"],
    }


def _columns(lines: list[dict[str, Any]]) -> list[Column]:
    def numbers(name: str) -> list[str]:
        return ["?" if line[name] is None else f"{line[name]:,}" for line in lines]

    return [
        Column("project", [line["project"] for line in lines], firm=True),
        Column("location", [str(line["location"]) for line in lines]),
        Column("versions", numbers("versions"), right=True, firm=True),
        Column("latest", [line["latest"] for line in lines]),
        Column("rows", numbers("rows"), right=True, firm=True),
    ]
