"""Where a dataset is, and how to get in: the argument and options that say so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from fw_dataset.dataset import Dataset

__all__ = ["credentials_option", "dataset_argument", "given_credentials", "opened"]

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])
_CACHE = "fw_dataset.cache"
_CREDENTIALS = "fw_dataset.credentials"


def dataset_argument(command: _Decorated) -> _Decorated:
    """Add the dataset to read, which :func:`opened` opens, and what it takes to get there."""
    command = click.argument("dataset", type=click.Path(file_okay=False))(command)
    command = click.option(
        "--cache",
        metavar="DIR",
        type=click.Path(file_okay=False),
        expose_value=False,
        callback=_keep_cache,
        help="Keep data files of object stores in DIR, for the next time.",
    )(command)
    return credentials_option(command)


def credentials_option(command: _Decorated) -> _Decorated:
    """Add the file with the credentials of a store."""
    return click.option(
        "--credentials",
        metavar="FILE",
        type=click.Path(dir_okay=False, path_type=Path),
        expose_value=False,
        callback=_read_credentials,
        help="What an object store asks for, as JSON or as a URL; else what the environment gives.",
    )(command)


def opened(place: str) -> Dataset:
    """Open the dataset that the command line names."""
    from fw_dataset.dataset import Dataset

    meta = click.get_current_context().meta
    return Dataset.open(place, meta.get(_CREDENTIALS), cache=meta.get(_CACHE))


def given_credentials() -> Any:
    """The credentials that the command line names, or None."""
    return click.get_current_context().meta.get(_CREDENTIALS)


def _keep_cache(ctx: click.Context, _: click.Parameter, folder: str | None) -> None:
    ctx.meta[_CACHE] = folder


def _read_credentials(ctx: click.Context, param: click.Parameter, file: Path | None) -> None:
    if file is None:
        return
    try:
        text = file.read_text("utf-8").strip()
    except OSError as error:
        raise click.BadParameter(f"{file}: {error.strerror or error}", ctx, param) from None
    except UnicodeError:
        raise click.BadParameter(f"{file}: it is not text", ctx, param) from None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = text  # a URL, a connection string
    if not isinstance(found, (dict, str)) or not found:
        raise click.BadParameter(f"{file}: it holds neither an object nor a URL", ctx, param)
    ctx.meta[_CREDENTIALS] = found
