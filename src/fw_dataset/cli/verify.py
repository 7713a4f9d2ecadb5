"""``fw-dataset verify``: whether a version is whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from fw_dataset.cli.failures import fold, say
from fw_dataset.cli.options import Command, as_text, json_option, verbose_option
from fw_dataset.cli.places import dataset_argument, opened
from fw_dataset.cli.streams import write_line, write_lines
from fw_dataset.cli.suggestions import version_names

if TYPE_CHECKING:
    from fw_dataset.versions.verification import Verification

__all__ = ["verify"]


@click.command(
    cls=Command,
    examples=[
        ("Whether all files of the latest version are there:", "fw-dataset verify my-dataset"),
        (
            "Read every file of another version, too:",
            "fw-dataset verify my-dataset --version freeze-1 --deep",
        ),
        ("All versions, for a program:", "fw-dataset verify my-dataset --all --json"),
    ],
)
@dataset_argument
@click.option(
    "--version",
    callback=as_text,
    metavar="VERSION",
    shell_complete=version_names,
    help="The version's id or label; else the latest.",
)
@click.option("--all", "is_all", is_flag=True, help="Check all versions.")
@click.option("--deep", is_flag=True, help="Read all files: their hashes, rows, columns and types.")
@json_option
@verbose_option
def verify(dataset: str, version: str | None, is_all: bool, deep: bool, as_json: bool) -> None:
    """Check whether a version of DATASET is whole.

    Every file of the manifest must be there and of its size, nothing foreign among the tables, and
    tables, schemas and description must tell the same. Each problem is one line; the exit code is
    1 if there are any. Versions of the 0.3 and 0.4 releases have no manifest and are checked as
    far as they can be.
    """
    from fw_dataset.cli.progress import ProgressBars

    if is_all and version is not None:
        raise click.UsageError("--all and --version are given: name one of them")
    at_hand = opened(dataset)
    names = [info["version"] for info in at_hand.list_versions()] if is_all else [version]
    found = []
    for name in names:
        with ProgressBars() as progress:
            found.append(at_hand.verify(name or "latest", deep, progress=progress))
    if as_json:
        documents = [one.to_dict() for one in found]
        write_line(json.dumps(documents if is_all else documents[0], indent=2, ensure_ascii=False))
    else:
        write_lines(_lines(found))
    for one in found:
        say(_summary(one))
        for what in one.unchecked:
            say(f"not checked: {fold(what)}")
    if not all(one.ok for one in found):
        raise click.exceptions.Exit(1)


def _lines(found: list[Verification]) -> list[str]:
    return [
        fold(f"{problem.kind}: {problem.path}: {problem.message}")
        for one in found
        for problem in one.problems
    ]


def _summary(one: Verification) -> str:
    how = "read" if one.deep else "looked at"
    size = f"{one.files:,} files, {one.bytes / 1e6:,.1f} MB"
    if one.ok:
        return f"version {one.version}: {size} {how}, all is well"
    count = len(one.problems)
    noun = "problem" if count == 1 else "problems"
    return f"version {one.version}: {size} {how}, {count:,} {noun}"
