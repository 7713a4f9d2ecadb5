"""What the tests ask of every emulated store."""

from __future__ import annotations

import http.client
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tests.support.emulators.server_process import ServerProcess

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Emulator", "EmulatorMissingError"]


class EmulatorMissingError(Exception):
    """The server is not installed here."""


class Emulator(ABC):
    """An object store on loopback, of one account, empty at first, lost at its end.

    It is started when it is made without a port; ``S3Emulator(port)`` speaks to one that runs, and
    so does what comes out of a pickle in another process.

    Attributes:
        kind: the type of storage, as ``s3``.
        port: the server's port on loopback.
    """

    kind: str

    def __init__(self, port: int | None = None) -> None:
        self._server = None if port is not None else self._start()
        self.port = port if port is not None else self._server_port()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.port,)

    def at(self, port: int) -> Self:
        """The same store, spoken to by way of another port: a proxy's."""
        return type(self)(port)

    def stop(self) -> None:
        """End the server, if it was started here."""
        if self._server is not None:
            self._server.stop()

    @property
    def endpoint(self) -> str:
        """The address that clients are given."""
        return f"http://127.0.0.1:{self.port}"

    @abstractmethod
    def _start(self) -> ServerProcess: ...

    @abstractmethod
    def make_bucket(self, name: str) -> None:
        """Create a bucket; names have three lower-case letters or more."""

    @abstractmethod
    def drop_bucket(self, name: str) -> None:
        """Remove a bucket and all that is in it."""

    @abstractmethod
    def make_folder(self, bucket: str, key: str) -> None:
        """Create an empty object whose key ends with a slash, as consoles of clouds do."""

    @abstractmethod
    def store(
        self,
        bucket: str,
        prefix: str = "",
        *,
        client_options: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> Any:
        """The store of obstore, below the prefix.

        Args:
            bucket: one that is there, or not.
            prefix: the place in it.
            client_options: beyond those that are needed.
            settings: others, as ``retry_config``.
        """

    @abstractmethod
    def url(self, bucket: str, prefix: str = "") -> str:
        """The place, as people write it."""

    @property
    @abstractmethod
    def credentials(self) -> Mapping[str, Any]:
        """What opens it, by the names that people use."""

    def _server_port(self) -> int:
        assert self._server is not None
        return self._server.port

    def _request(self, method: str, target: str, headers: Mapping[str, str] | None = None) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, target, headers=dict(headers or {}))
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {target}: {answer.status} {text}")


def plain_http(client_options: Mapping[str, Any] | None) -> Any:
    """The settings of an HTTP client that may do without encryption."""
    return {"allow_http": True, **(client_options or {})}
