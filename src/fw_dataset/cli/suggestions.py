"""What a dataset has, as suggestions for the shell's completion."""

from __future__ import annotations

import click

__all__ = ["table_names", "version_names"]


def version_names(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The versions that could be meant: ids, labels and ``latest``."""
    try:
        from fw_dataset.dataset import Dataset

        found = Dataset.open(_dataset(ctx)).list_versions()
    except Exception:  # noqa: BLE001 - whatever it is, a prompt is no place to tell
        return []
    names = ["latest"]
    for version in found:
        names += [version["version"], version["label"]]
    return [name for name in dict.fromkeys(names) if name.startswith(incomplete)]


def table_names(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The tables that could be meant."""
    try:
        from fw_dataset.dataset import Dataset

        dataset = Dataset.open(_dataset(ctx))
        names = dataset.row_counts(ctx.params.get("version") or "latest")
    except Exception:  # noqa: BLE001 - whatever it is, a prompt is no place to tell
        return []
    return [name for name in names if name.startswith(incomplete)]


def _dataset(ctx: click.Context) -> str:
    """The dataset that the line names so far.

    Where the line ends in an option that still lacks its value, click has sorted nothing yet.
    """
    return str(ctx.params.get("dataset") or ctx.args[0])
