"""Where a dataset is, and how to get in: the argument and options that say so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from fw_dataset.dataset import Dataset

__all__ = [
    "api_key_option",
    "credentials_option",
    "dataset_argument",
    "given_api_key",
    "given_cache",
    "given_credentials",
    "is_project",
    "name_of_place",
    "opened",
    "read_credentials",
]

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])
_CACHE = "fw_dataset.cache"
_CREDENTIALS = "fw_dataset.credentials"
_API_KEY = "fw_dataset.api_key"


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
    return api_key_option(credentials_option(command))


def api_key_option(command: _Decorated) -> _Decorated:
    """Add the key to a Flywheel site, for those who insist on the command line."""
    return click.option(
        "--api-key",
        metavar="KEY",
        expose_value=False,
        callback=_keep_api_key,
        help="A key to a Flywheel site, seen by all on this machine; better: FW_HOSTNAME and"
        " FW_WS_API_KEY in the environment, or the login of Flywheel's own command line.",
    )(command)


def is_project(place: str) -> bool:
    """Whether a place is a project of a Flywheel site."""
    return place.lower().startswith("fw://")


def credentials_option(command: _Decorated) -> _Decorated:
    """Add the file with the credentials of a store."""
    return click.option(
        "--credentials",
        metavar="FILE",
        type=click.Path(dir_okay=False, path_type=Path),
        expose_value=False,
        callback=_keep_credentials,
        help="What an object store asks for, as JSON or as a URL; else what the environment gives.",
    )(command)


def opened(place: str) -> Dataset:
    """Open the dataset that the command line names."""
    from fw_dataset.dataset import Dataset

    meta = click.get_current_context().meta
    if is_project(place):
        from fw_dataset.client import FWDatasetClient

        with FWDatasetClient(given_api_key()) as client:
            return client.get_dataset(
                path=place, credentials=given_credentials(), cache=meta.get(_CACHE)
            )
    return Dataset.open(place, given_credentials(), cache=meta.get(_CACHE))


def given_api_key() -> str | None:
    """The API key that the command line names, or None."""
    key: str | None = click.get_current_context().meta.get(_API_KEY)
    return key


def given_credentials() -> Any:
    """The credentials that the command line names, or None."""
    return click.get_current_context().meta.get(_CREDENTIALS)


def given_cache() -> str | None:
    """The folder for data files that the command line names, or None."""
    folder: str | None = click.get_current_context().meta.get(_CACHE)
    return folder


def name_of_place(place: str) -> str:
    """The name of the folder, or of the project, that a place is."""
    if "://" not in place:
        place = str(Path(place).absolute())
    return place.rstrip("/").rpartition("/")[2]


def _keep_api_key(ctx: click.Context, _: click.Parameter, key: str | None) -> None:
    ctx.meta[_API_KEY] = key


def _keep_cache(ctx: click.Context, _: click.Parameter, folder: str | None) -> None:
    ctx.meta[_CACHE] = folder


def _keep_credentials(ctx: click.Context, param: click.Parameter, file: Path | None) -> None:
    if file is not None:
        ctx.meta[_CREDENTIALS] = read_credentials(ctx, param, file)


def read_credentials(ctx: click.Context, param: click.Parameter, file: Path) -> Any:
    """What a file with credentials holds.

    Raises:
        click.BadParameter: it cannot be read, or holds none.
    """
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
    return found
