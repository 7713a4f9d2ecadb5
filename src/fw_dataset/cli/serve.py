"""``fw-dataset serve``: datasets for colleagues, by HTTP."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fw_dataset.cli.failures import say
from fw_dataset.cli.options import Command, verbose_option, version_option
from fw_dataset.cli.places import dataset_argument, given_cache, name_of_place, opened
from fw_dataset.cli.streams import write_line
from fw_dataset.serve.settings import Limits

if TYPE_CHECKING:
    from fw_dataset.dataset import Dataset

__all__ = ["serve"]

_TOKENS = "FW_DATASET_TOKENS"
_MEGABYTE = 1 << 20
_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])


def _limit(
    name: str, kind: Any, unit: str, default: float, text: str
) -> Callable[[_Decorated], _Decorated]:
    """An option for a bound, whose default its help tells."""
    return click.option(
        name, type=kind, metavar=unit, default=default, show_default=True, help=text
    )


@click.command(
    cls=Command,
    examples=[
        ("For yourself, at http://127.0.0.1:8000:", "fw-dataset serve my-dataset"),
        (
            "For colleagues, who need one of the tokens in the file:",
            "openssl rand -hex 32 > tokens\n"
            "    $ fw-dataset serve my-dataset other-dataset --host 0.0.0.0 --token-file tokens",
        ),
        (
            "Behind a proxy that speaks TLS:",
            "fw-dataset serve my-dataset --token-file tokens \\\n"
            "        --public-url https://data.example.org",
        ),
    ],
)
@dataset_argument
@click.argument("more", nargs=-1, type=click.Path(file_okay=False))
@version_option
@click.option("--all-versions", is_flag=True, help="Serve each version as a schema, too.")
@click.option("--host", metavar="H", default="127.0.0.1", show_default=True, help="Listen there.")
@click.option(
    "--port",
    metavar="P",
    type=click.IntRange(0, 65_535),
    default=8000,
    show_default=True,
    help="The port; 0 takes a free one.",
)
@click.option(
    "--token-file",
    metavar="F",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"Let in who has one of the tokens in F, one a line; else those in {_TOKENS}.",
)
@click.option("--public-url", metavar="U", help="Where clients find it, if a proxy is in front.")
@click.option("--allow-host", "hosts", metavar="NAME", multiple=True, help="It is called so, too.")
@click.option(
    "--cors-origin", "origins", metavar="URL", multiple=True, help="Pages from there may ask."
)
@click.option("--cert", type=click.Path(dir_okay=False, exists=True), help="For TLS, with --key.")
@click.option("--key", type=click.Path(dir_okay=False, exists=True), help="For TLS, with --cert.")
@click.option(
    "--max-queries",
    type=click.IntRange(1, 256),
    metavar="N",
    show_default="as many as cores, 3 to 8",
    help="Queries that run at once.",
)
@_limit(
    "--max-waiting", click.IntRange(0), "N", Limits.waiting, "Queries that wait for their turn."
)
@_limit(
    "--max-seconds", click.FloatRange(0.1), "S", Limits.seconds, "Seconds that a query may take."
)
@_limit(
    "--max-memory",
    click.IntRange(64),
    "MB",
    Limits.memory // _MEGABYTE,
    "MB that a query may need.",
)
@_limit("--max-rows", click.IntRange(1), "N", Limits.rows, "Rows that a result may have.")
@_limit(
    "--max-bytes", click.IntRange(1), "MB", Limits.bytes // _MEGABYTE, "MB that a result may have."
)
@_limit("--keep", click.FloatRange(1), "S", Limits.kept_seconds, "Seconds that results are kept.")
@click.option("--hold", type=click.FloatRange(0.1, 60), metavar="S", hidden=True)
@click.option("--grace", type=click.FloatRange(0.1), metavar="S", hidden=True)
@verbose_option
def serve(dataset: str, more: tuple[str, ...], version: str, **options: Any) -> None:
    """Serve DATASET, or several, by GA4GH Data Connect.

    Colleagues ask in SQL, and take rows as JSON, CSV, Parquet or Arrow. They can change nothing,
    and read nothing but the tables. Other machines are let in only with a token. Ctrl-C ends it.
    """
    _import_web()
    from fw_dataset.serve.run import serve as run
    from fw_dataset.serve.settings import Settings

    if bool(options["cert"]) != bool(options["key"]):
        raise click.UsageError("TLS needs both --cert and --key")
    settings = Settings(
        host=options["host"],
        port=options["port"],
        public_url=_checked_url(options["public_url"]),
        tokens=_tokens(options["token_file"]),
        hosts=options["hosts"],
        origins=options["origins"],
        certificate=options["cert"],
        key=options["key"],
        limits=_limits(options),
    )
    datasets: dict[str, Dataset] = {}
    for place in (dataset, *more):
        datasets[_free(name_of_place(place), datasets)] = opened(place)
    _log_json()
    cache = given_cache()
    run(
        datasets,
        settings,
        version=version,
        all_versions=options["all_versions"],
        cache=None if cache is None else Path(cache),
        ready=lambda address: _say_ready(address, bool(settings.tokens)),
    )


def _import_web() -> None:
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        from fw_dataset.errors import MissingExtraError

        raise MissingExtraError(
            "serving needs a web server: pip install 'fw-dataset[serve]'"
            f" ({error.name or error} is missing)"
        ) from None


def _tokens(file: Path | None) -> tuple[str, ...]:
    text = os.environ.get(_TOKENS, "")
    if file is not None:
        try:
            text = file.read_text("utf-8")
        except UnicodeError:
            raise click.BadParameter(f"{file}: it is not text") from None
    elif not text.strip():
        return ()
    from fw_dataset.serve.access import read_tokens

    return read_tokens(text)


def _checked_url(url: str | None) -> str | None:
    if url is not None and not url.startswith(("http://", "https://")):
        raise click.BadParameter(f"{url!r} is no URL; it begins with https://", param_hint="URL")
    return url


def _limits(options: dict[str, Any]) -> Limits:
    asked = {
        "queries": options["max_queries"],
        "waiting": options["max_waiting"],
        "seconds": options["max_seconds"],
        "memory": options["max_memory"] * _MEGABYTE,
        "rows": options["max_rows"],
        "bytes": options["max_bytes"] * _MEGABYTE,
        "kept_seconds": options["keep"],
        "held_seconds": options["hold"],
        "grace_seconds": options["grace"],
    }
    return Limits(**{name: value for name, value in asked.items() if value is not None})


def _free(name: str, taken: dict[str, Any]) -> str:
    from fw_dataset.format.names import free_name

    return free_name(name or "dataset", {one.casefold() for one in taken})


def _log_json() -> None:
    """Write what the server logs to stderr, a JSON object a line."""
    from fw_dataset.serve.logs import JsonFormatter

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    for name, level in (("fw_dataset.serve", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False


def _say_ready(address: str, has_tokens: bool) -> None:
    write_line(f"serving at {address}")
    sys.stdout.flush()
    if not has_tokens:
        say("anybody on this machine can ask, for there is no token (--token-file)")
