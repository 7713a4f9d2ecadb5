"""``remove`` and ``migrate``: what is done to a dataset as a whole."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from fw_dataset.cli.failures import fold, say
from fw_dataset.cli.manage import discard_claim_option
from fw_dataset.cli.options import Command, verbose_option
from fw_dataset.cli.places import dataset_argument, given_credentials, is_project, opened
from fw_dataset.cli.streams import write_line
from fw_dataset.cli.table import visible

__all__ = ["migrate", "remove"]

# Of the files that stay.
_MOST_NAMED = 10


@click.command(
    cls=Command,
    examples=[
        (
            "Remove a dataset without being asked, in a script:",
            "fw-dataset remove my-dataset --yes",
        )
    ],
)
@dataset_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@discard_claim_option
@verbose_option
def remove(dataset: str, yes: bool, discard_claim: bool) -> None:
    """Remove the whole DATASET, all its versions.

    What is not of the dataset stays where it is. Interrupted, the same command ends it.
    """
    what, do = _removal(dataset, discard_claim)
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError(f"{what} To remove it without being asked, say --yes")
        if not click.confirm(visible(f"{what} Remove it?"), err=True):
            say("nothing was removed")
            raise click.exceptions.Exit(1)
    left = do()
    write_line("removed")
    if left:
        names = ", ".join(left[:_MOST_NAMED]) + (", …" if len(left) > _MOST_NAMED else "")
        stays = "it stays" if len(left) == 1 else f"these {len(left)} stay"
        say(fold(f"not of the dataset, so {stays}: {names}"))


def _removal(place: str, discard_claim: bool) -> tuple[str, Callable[[], list[str]]]:
    """What is there to be removed, in words, and the removal."""
    from fw_dataset.errors import DatasetNotFoundError

    try:
        at_hand = opened(place)
    except DatasetNotFoundError:
        if is_project(place):
            raise
        from fw_dataset.storage import open_storage
        from fw_dataset.versions.removal import is_anything_left
        from fw_dataset.versions.removal import remove as remove_rest

        storage = open_storage(place, given_credentials())
        if not is_anything_left(storage):
            raise
        what = f"At {storage.url} is what an interrupted removal left of a dataset."
        return what, lambda: remove_rest(storage, discard_claim=discard_claim)
    count = len(at_hand.list_versions())
    what = (
        f"The dataset at {at_hand.location} has {count} version{'' if count == 1 else 's'}:"
        " they would be gone for good."
    )
    return what, lambda: at_hand.remove(discard_claim=discard_claim)


@click.command(
    cls=Command,
    examples=[
        (
            "Bring a dataset of a 0.1 or 0.2 release to today's tree:",
            "fw-dataset migrate my-dataset",
        )
    ],
)
@dataset_argument
@discard_claim_option
@verbose_option
def migrate(dataset: str, discard_claim: bool) -> None:
    """Bring a DATASET of 0.1 or 0.2 to today's tree.

    These kept the newest version in latest/, where today's readers do not look. Nothing is lost
    when this is interrupted: the same command ends it. A dataset of today is left as it is.
    """
    from fw_dataset.cli.progress import ProgressBars
    from fw_dataset.dataset import Dataset
    from fw_dataset.storage import open_storage
    from fw_dataset.versions.migration import migrate as bring

    storage = open_storage(dataset, given_credentials())
    with ProgressBars() as progress:
        moved = bring(storage, progress, discard_claim=discard_claim)
    with Dataset(storage) as at_hand:
        label = at_hand.get_version_info(moved)["label"] if moved is not None else None
    if moved is None:
        write_line("nothing to do: the dataset has today's tree")
    else:
        write_line(f"version {moved}" + ("" if label == moved else f" ({label})"))
