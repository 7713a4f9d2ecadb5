"""Several tables in one option."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from fw_dataset.cli.options import as_text

__all__ = ["tables_option"]

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])


def tables_option(meaning: str) -> Callable[[_Decorated], _Decorated]:
    """Add ``--tables``, which names tables with commas between them.

    Args:
        meaning: its help.
    """
    return click.option("--tables", metavar="TABLES", callback=_names, help=meaning)


def _names(ctx: click.Context, param: click.Parameter, text: str | None) -> list[str] | None:
    read = as_text(ctx, param, text)
    if read is None:
        return None
    names = [name.strip() for name in read.split(",")]
    if not all(names):
        raise click.BadParameter("separate the names by single commas", ctx, param)
    return names
