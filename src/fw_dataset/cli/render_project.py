"""``fw-dataset render fw://group/project``: the same, from a Flywheel site."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from fw_dataset.cli.places import given_api_key, given_credentials

if TYPE_CHECKING:
    from fw_dataset.dataset import Dataset

__all__ = ["OF_PROJECTS", "check_places", "render_project", "wrong_usage"]

OF_PROJECTS = ("storage", "storage_id", "root", "relocate", "force_new", "snapshot_timeout")
"""The options that only a project has."""
_OF_SNAPSHOTS = ("version", "created")


@contextmanager
def wrong_usage() -> Iterator[None]:
    """What was typed is wrong, and nothing has been done yet: that is wrong usage."""
    from fw_dataset.errors import ControlColumnsError, InvalidArgumentError, InvalidNameError

    try:
        yield
    except (ControlColumnsError, InvalidArgumentError, InvalidNameError) as error:
        raise click.UsageError(str(error)) from None


def check_places(choices: Mapping[str, Any]) -> None:
    """Refuse a place that is named by nothing.

    Raises:
        click.UsageError: an option is empty.
    """
    for name in ("storage", "storage_id", "root"):
        if choices[name] == "":
            raise click.UsageError(f"--{name.replace('_', '-')} is empty")


def render_project(
    project: str, destination: str | None, choices: dict[str, Any]
) -> tuple[Dataset, bool]:
    """Render a project; whether anything was rendered is returned, too."""
    from fw_dataset.builder import DatasetBuilder
    from fw_dataset.cli.progress import ProgressBars

    if destination is not None:
        raise click.UsageError(
            "a project has a place of its own: name it by --storage, --root or --credentials,"
            " not as DEST"
        )
    check_places(choices)
    for name in _OF_SNAPSHOTS:
        if choices.pop(name) is not None:
            raise click.UsageError(f"--{name} is the snapshot's own, for a project")
    with wrong_usage(), ProgressBars() as progress:
        builder = DatasetBuilder(
            given_api_key(),
            project_path=project,
            storage_id=choices["storage_id"],
            storage_label=choices["storage"],
            root_path=choices["root"],
            credentials=given_credentials(),
            control_columns=choices["control_columns"],
            snapshot_timeout=choices["snapshot_timeout"],
            workdir=choices["workdir"],
            relocate=choices["relocate"],
            progress=progress,
        )
        with builder:
            dataset = builder.render_dataset(
                version_label=choices["label"],
                force_new=choices["force_new"],
                on_error=choices["on_error"],
                keep_source=choices["keep_source"],
                discard_claim=choices["discard_claim"],
                workers=choices["workers"],
                **choices["derived"],
            )
    return dataset, progress.rendered
