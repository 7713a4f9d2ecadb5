"""The options that ask for derived tables and profiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fw_dataset.cli.failures import say
from fw_dataset.cli.options import as_text

if TYPE_CHECKING:
    from fw_dataset.dataset import Dataset

__all__ = ["FROM_SITE", "derived_options", "say_what_is_not_made", "taken_out"]

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])

FROM_SITE = "\0site"
"""What ``--tabular-files`` stands for without a folder."""


def _as_texts(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    return tuple(as_text(ctx, param, value) or "" for value in values)


_OPTIONS = (
    click.option(
        "--headers/--no-headers",
        default=None,
        help="Derive a table header_* from each kind of header of the files, as header_dicom.",
    ),
    click.option(
        "--qc/--no-qc",
        default=None,
        help="Derive the tables qc and qc_* from the results of quality control.",
    ),
    click.option(
        "--custom-info",
        metavar="KEY",
        multiple=True,
        callback=_as_texts,
        help="Derive a table of a key of info, as subjects.demographics, or sessions.* for all"
        " but header and qc of files, which have tables of their own;"
        " may be given several times.",
    ),
    click.option(
        "--tabular-files",
        metavar="[DIR]",
        is_flag=False,
        flag_value=FROM_SITE,
        default=None,
        help="Make tables of CSV and TSV files, whose bytes DIR holds as {file_id}/{name};"
        " without DIR, they come from the project's site.",
    ),
    click.option("--profiles", is_flag=True, help="Make statistics of every column."),
    click.option(
        "--no-values",
        is_flag=True,
        help="Keep values out of these: no examples, extremes or frequent values.",
    ),
)


def derived_options(command: _Decorated) -> _Decorated:
    """Add the options that ask for derived tables and profiles."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def taken_out(choices: dict[str, Any]) -> dict[str, Any]:
    """What of a command's choices is about derived tables, as the functions want it.

    Raises:
        click.UsageError: they do not go together.
    """
    no_values, profiles = choices.pop("no_values"), choices.pop("profiles")
    if no_values and not profiles:
        raise click.UsageError("--no-values is about --profiles, which is not given")
    tabular_files = choices.pop("tabular_files")
    if tabular_files == "":
        raise click.UsageError("--tabular-files is empty")
    return {
        "headers": choices.pop("headers"),
        "qc": choices.pop("qc"),
        "custom_info": list(choices.pop("custom_info")) or None,
        "tabular_files": True if tabular_files == FROM_SITE else tabular_files,
        "profiles": profiles,
        "profile_values": not no_values,
    }


def say_what_is_not_made(
    dataset: Dataset, custom_info: Sequence[str] | None, version: str | None = None
) -> None:
    """Say why there is no table of a key that was asked for."""
    if custom_info:
        for table in dataset.report(version)["tables"].values():
            if "not_made" in table:
                say(f"no table: {table['not_made']}")
