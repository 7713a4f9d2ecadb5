"""``relabel``, ``delete``, ``prune``, ``hide`` and ``unhide``: the keeper's commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fw_dataset.cli.describe import version_columns
from fw_dataset.cli.failures import say
from fw_dataset.cli.options import (
    Command,
    as_text,
    json_option,
    verbose_option,
    version_option,
)
from fw_dataset.cli.places import dataset_argument, opened
from fw_dataset.cli.streams import terminal_width, write_line, write_lines
from fw_dataset.cli.suggestions import table_names, version_names
from fw_dataset.cli.table import lay_out, visible

if TYPE_CHECKING:
    from fw_dataset.dataset import Dataset

__all__ = ["delete", "discard_claim_option", "hide", "prune", "relabel", "unhide"]

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])


def discard_claim_option(command: _Decorated) -> _Decorated:
    """Add the way past a writer that is gone for good."""
    return click.option(
        "--discard-claim",
        is_flag=True,
        help="Take over from a writer that is gone for good, though this cannot be proved.",
    )(command)


def _texts(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> list[str]:
    """Read each of several arguments as UTF-8."""
    return [as_text(ctx, param, value) or "" for value in values]


@click.command(
    cls=Command,
    examples=[
        (
            "Give a version a name for people:",
            'fw-dataset relabel my-dataset freeze-1 "Data freeze 1"',
        ),
        ("Rename the latest version:", "fw-dataset relabel my-dataset latest autumn"),
    ],
)
@dataset_argument
@click.argument("version", callback=as_text, shell_complete=version_names)
@click.argument("label", callback=as_text)
@json_option
@verbose_option
def relabel(dataset: str, version: str, label: str, as_json: bool) -> None:
    """Give a VERSION of DATASET another LABEL.

    No two versions have the same one. The version keeps its id.
    """
    info = opened(dataset).relabel(version, label)
    if as_json:
        write_line(json.dumps(info, indent=2, ensure_ascii=False))
    else:
        write_line(visible(f"version {info['version']} ({info['label']})"))


@click.command(
    cls=Command,
    examples=[("Delete a version, by its id or label:", "fw-dataset delete my-dataset base")],
)
@dataset_argument
@click.argument("version", required=False, callback=as_text, shell_complete=version_names)
@click.option("--latest", is_flag=True, help="Delete the newest; the one before it is latest then.")
@discard_claim_option
@verbose_option
def delete(dataset: str, version: str | None, latest: bool, discard_claim: bool) -> None:
    """Delete a VERSION of DATASET.

    The latest version stays unless --latest says that it is meant; the only one stays in any case
    (see fw-dataset remove). Interrupted, the same command with the version's id ends it.
    """
    if latest == (version is not None):
        raise click.UsageError("name one version to delete, or give --latest")
    at_hand = opened(dataset)
    if version is None:
        write_line(f"deleted version {at_hand.delete_latest(discard_claim=discard_claim)}")
    else:
        at_hand.delete_version(version, discard_claim=discard_claim)
        write_line(visible(f"deleted version {version}"))


@click.command(
    cls=Command,
    examples=[
        ("What would go if only the newest stays:", "fw-dataset prune my-dataset --keep-last 1"),
        (
            "Keep what is young or has a name, delete the rest:",
            "fw-dataset prune my-dataset --keep-since 2024-06-01 --keep-label freeze-1 --delete",
        ),
    ],
)
@dataset_argument
@click.option("--keep-last", type=click.IntRange(1), metavar="N", help="Keep the N newest.")
@click.option(
    "--keep-since",
    metavar="DATE",
    help="Keep those made on that day (UTC) or later, or since an instant.",
)
@click.option(
    "--keep-label",
    "keep_labels",
    multiple=True,
    callback=_texts,
    metavar="LABEL",
    shell_complete=version_names,
    help="Keep the version of this label or id; may be given several times.",
)
@click.option("--delete", "is_meant", is_flag=True, help="Delete them; else they are only listed.")
@json_option
@verbose_option
def prune(
    dataset: str,
    keep_last: int | None,
    keep_since: str | None,
    keep_labels: list[str],
    is_meant: bool,
    as_json: bool,
) -> None:
    """Delete old versions of DATASET.

    A version stays if any of the options keeps it; the latest stays in any case. Without --delete
    nothing is deleted: what would be is listed.
    """
    if keep_last is None and keep_since is None and not keep_labels:
        raise click.UsageError("say what to keep: --keep-last, --keep-since or --keep-label")
    chosen = opened(dataset).prune(keep_last, keep_since, keep_labels, dry_run=not is_meant)
    if as_json:
        write_line(json.dumps(chosen, indent=2, ensure_ascii=False))
    elif chosen:
        write_lines(lay_out(version_columns(chosen)[:-1], terminal_width()).lines)
    count = f"{len(chosen)} version{'' if len(chosen) == 1 else 's'}"
    say(f"deleted {count}" if is_meant else f"{count} would be deleted; --delete does it")


@click.command(
    cls=Command,
    examples=[
        ("Keep tables, but show them to nobody:", "fw-dataset hide my-dataset analyses files"),
        ("Which tables are hidden:", "fw-dataset hide my-dataset"),
    ],
)
@dataset_argument
@click.argument("tables", nargs=-1, callback=_texts, shell_complete=table_names)
@version_option
@discard_claim_option
@json_option
@verbose_option
def hide(dataset: str, tables: list[str], version: str, discard_claim: bool, as_json: bool) -> None:
    """Hide TABLES of DATASET, or list those that are hidden.

    Their data stays in the version; readers do not see them until they are shown again. Whoever
    may read the files can still read it: leave columns out when you render what nobody must see.
    """
    at_hand = opened(dataset)
    if tables:
        at_hand.hide_tables(tables, version, discard_claim=discard_claim)
    _write_hidden(at_hand, version, as_json)


@click.command(
    cls=Command,
    examples=[
        (
            "Show a hidden table again:",
            "fw-dataset hide my-dataset files && fw-dataset unhide my-dataset files",
        )
    ],
)
@dataset_argument
@click.argument("tables", nargs=-1, required=True, callback=_texts)
@version_option
@discard_claim_option
@json_option
@verbose_option
def unhide(
    dataset: str, tables: list[str], version: str, discard_claim: bool, as_json: bool
) -> None:
    """Show hidden TABLES of DATASET again.

    What is hidden still is listed then.
    """
    at_hand = opened(dataset)
    at_hand.unhide_tables(tables, version, discard_claim=discard_claim)
    _write_hidden(at_hand, version, as_json)


def _write_hidden(dataset: Dataset, version: str, as_json: bool) -> None:
    hidden = dataset.list_hidden_tables(version)
    if as_json:
        write_line(json.dumps(hidden, indent=2, ensure_ascii=False))
    elif hidden:
        write_lines(visible(name) for name in hidden)
    else:
        say("no table is hidden")
