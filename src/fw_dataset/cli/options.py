"""What the commands share: their class, their common options, their state."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from fw_dataset.cli.suggestions import version_names

__all__ = [
    "PROGRAM",
    "Command",
    "Settings",
    "as_text",
    "json_option",
    "verbose_option",
    "version_option",
    "write_examples",
]

PROGRAM = "fw-dataset"


_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])
_LOGGER = logging.getLogger("fw_dataset")


@dataclass
class Settings:
    """The state of one run.

    Attributes:
        verbose: tell on stderr what is being done.
    """

    verbose: bool = False


class Command(click.Command):
    """A command whose help ends with examples.

    Args:
        examples: pairs of what it is for and what to type.
    """

    def __init__(self, *args: Any, examples: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they are to be typed, never wrapped."""
        super().format_epilog(ctx, formatter)
        write_examples(formatter, self.examples)


def write_examples(formatter: click.HelpFormatter, examples: Sequence[tuple[str, str]]) -> None:
    """Write the section of a help text that shows examples."""
    if examples:
        with formatter.section("Examples"):
            blocks = (f"  {purpose}\n    $ {typed}\n" for purpose, typed in examples)
            formatter.write("\n".join(blocks))


def as_text(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Read an argument as UTF-8, whatever the locale says; paths are left to the system.

    Raises:
        click.BadParameter: it is not UTF-8.
    """
    if value is None or not _LONE_SURROGATE.search(value):
        return value
    try:
        # Bytes that the locale could not read stand as lone surrogates until here.
        return os.fsencode(value).decode()
    except UnicodeError:
        raise click.BadParameter("it is not UTF-8", ctx, param) from None


def _be_verbose(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    settings = ctx.find_root().obj
    if not value or not isinstance(settings, Settings) or settings.verbose:
        return
    settings.verbose = True
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    _LOGGER.addHandler(handler)
    _LOGGER.setLevel(logging.DEBUG)


def verbose_option(command: _Decorated) -> _Decorated:
    """Add ``-v``, which may stand before and after the command's name."""
    return click.option(
        "-v",
        "--verbose",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_be_verbose,
        help="Say on stderr what is being done, and where an unexpected error arose.",
    )(command)


def version_option(command: _Decorated) -> _Decorated:
    """Add the version to read."""
    return click.option(
        "--version",
        callback=as_text,
        default="latest",
        show_default=True,
        metavar="VERSION",
        shell_complete=version_names,
        help="The version's id or label.",
    )(command)


def json_option(command: _Decorated) -> _Decorated:
    """Add the choice of JSON instead of text."""
    return click.option("--json", "as_json", is_flag=True, help="Write JSON.")(command)
