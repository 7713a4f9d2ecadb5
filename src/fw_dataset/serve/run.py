"""A server from its start to its end."""

from __future__ import annotations

import asyncio
import logging
import socket
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import uvicorn

from fw_dataset.dataset import Dataset
from fw_dataset.errors import InvalidArgumentError
from fw_dataset.serve.access import Access
from fw_dataset.serve.app import create_app
from fw_dataset.serve.copies import LocalFiles
from fw_dataset.serve.queries import Queries
from fw_dataset.serve.served import ServedTables
from fw_dataset.serve.settings import Settings
from fw_dataset.versions.workspace import workspace

__all__ = ["serve"]

_LOGGER = logging.getLogger("fw_dataset.serve")
_GRACE_SECONDS = 3
_SHORT_SECONDS = 1.5


def serve(
    datasets: Mapping[str, Dataset],
    settings: Settings,
    *,
    version: str | None = None,
    all_versions: bool = False,
    cache: Path | None = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve datasets until the process is asked to end.

    Args:
        datasets: the datasets by the names that they are to have.
        settings: how the server is to be.
        version: an id, a label or ``"latest"``; else the version at hand of each.
        all_versions: serve each version of theirs under a name of its own, too.
        cache: a folder that keeps data files of object stores; else they go when the server ends.
        ready: called with the server's address, once it listens.

    Raises:
        InvalidArgumentError: the settings do not go together, or the address is taken.
        FWDatasetError: a dataset cannot be read.
    """
    Access(settings)  # before anything is opened
    served = ServedTables.of(datasets, version=version, all_versions=all_versions)
    with ExitStack() as stack:
        listening = stack.enter_context(_listen(settings))
        if cache is None:
            # What a server that was killed left there goes when the next one begins.
            folder = stack.enter_context(workspace(Path(tempfile.gettempdir())))
        else:
            folder = cache.absolute() / "served"
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        app = create_app(served, LocalFiles(folder), settings)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=True,
            lifespan="on",
            ssl_certfile=settings.certificate,
            ssl_keyfile=settings.key,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            proxy_headers=False,
        )
        address = _address(listening, settings)
        queries = app.state.service.queries
        server = _Server(config, lambda: ready(address) if ready is not None else None, queries)
        server.run(sockets=[listening])
        if not server.started:
            raise InvalidArgumentError("the server did not start; its log says why")


class _Server(uvicorn.Server):
    """A server that says when it listens, and at its end to those who wait that it ends."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], queries: Queries) -> None:
        super().__init__(config)
        self._ready, self._queries = ready, queries

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets=sockets)
        if self.started:
            _LOGGER.info("serving")
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End, in a while that is enough for short queries."""
        ending = asyncio.create_task(self._end_queries())
        await super().shutdown(sockets=sockets)
        ending.cancel()

    async def _end_queries(self) -> None:
        await asyncio.sleep(_SHORT_SECONDS)
        await self._queries.end()


def _listen(settings: Settings) -> socket.socket:
    host = settings.host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, settings.port), family=family, backlog=256)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidArgumentError(
            f"cannot listen on {settings.host}, port {settings.port}: {reason}"
        ) from None


def _address(listening: socket.socket, settings: Settings) -> str:
    if settings.public_url:
        return settings.public_url.rstrip("/")
    host, port = listening.getsockname()[:2]
    scheme = "https" if settings.certificate else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
