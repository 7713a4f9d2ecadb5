"""The server itself: a port on loopback, and what came to it."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import sys
import tempfile
import threading
import time
import traceback
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.flywheel_server.faults import BrokenError, Fault
from tests.flywheel_server.handler import Connection
from tests.flywheel_server.messages import Request
from tests.flywheel_server.received import Received
from tests.flywheel_server.site import Site
from tests.flywheel_server.tls import PROXIED, make_context

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["FlywheelServer", "Listener"]

_HOST = "127.0.0.1"
# Newer clients, the SDK and older clients each have a variable of their own.
_TRUST = ("SSL_CERT_FILE", "FW_SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


class Listener(ThreadingHTTPServer):
    """Listens, and knows all connections.

    Attributes:
        site: what it tells of.
        context: what it needs for TLS; None to do without.
        faults: what it does wrong, in turn.
        requests: what came, in order.
        errors: the tracebacks of its own bugs.
        tunnels: where clients wanted a way to, as a proxy is asked.
        open_connections: those that are there.
        most_at_once: the requests that were under way at once, at most.
    """

    request_queue_size = 128
    daemon_threads = True

    def __init__(self, site: Site, context: ssl.SSLContext | None, port: int) -> None:
        self.site = site
        self.context = context
        self.faults: list[Fault] = []
        self.requests: list[Received] = []
        self.errors: list[str] = []
        self.tunnels: list[str] = []
        self.open_connections: set[socket.socket] = set()
        self.most_at_once = 0
        self._under_way = 0
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._running: set[threading.Thread] = set()
        super().__init__((_HOST, port), Connection)

    def begin(self, request: Request) -> Received:
        """Record a request that comes."""
        with self._lock:
            received = Received(
                len(self.requests) + 1,
                request.method,
                request.path,
                request.query,
                request.headers,
            )
            self.requests.append(received)
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
            return received

    def end(self, received: Received) -> None:
        """Record that nothing more is sent; again is not wrong."""
        with self._lock:
            if received.ended == float("inf"):
                received.ended = time.monotonic()
                self._under_way -= 1

    def forget(self) -> None:
        """Count anew."""
        with self._lock:
            self.requests, self.tunnels, self.most_at_once = [], [], self._under_way

    def fault_for(self, request: Request) -> Fault | None:
        """The fault that hits a request."""
        with self._lock:
            return next(
                (fault for fault in self.faults if fault.takes(request.method, request.path)), None
            )

    def wait(self, seconds: float) -> None:
        """Do nothing for so long; the connection breaks when the server stops meanwhile."""
        if self._stopping.wait(seconds):
            raise BrokenError

    def replace(self, plain: socket.socket, secured: socket.socket) -> None:
        """Know a connection by the socket that has taken it over."""
        self.open_connections.discard(plain)
        self.open_connections.add(secured)
        # Else a server that stops meanwhile would wait for it.
        if self._stopping.is_set():
            secured.close()
            raise ConnectionAbortedError

    def stop(self) -> None:
        """Break all connections and wait for their ends."""
        self._stopping.set()
        self.shutdown()
        self.server_close()
        for connection in list(self.open_connections):
            # It may have ended by itself. Not the method of TLS: another thread may be in the
            # middle of a message.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in list(self._running):
            thread.join()

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(
            target=self._run, args=(request, client_address), name="flywheel-server", daemon=True
        )
        self._running.add(thread)
        self.open_connections.add(request)
        thread.start()

    def _run(self, request: Any, client_address: Any) -> None:
        try:
            self.process_request_thread(request, client_address)
        finally:
            self.open_connections.discard(request)
            self._running.discard(threading.current_thread())

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """A client that is gone, or does not like the certificate, is no error of ours."""
        if not isinstance(sys.exc_info()[1], OSError):
            self.errors.append(traceback.format_exc())


class FlywheelServer:
    """A site on loopback, while the block lasts.

    Attributes:
        site: what it tells of; it may be changed at any time.
    """

    host = _HOST

    def __init__(self, site: Site, *, tls: bool = False, port: int = 0) -> None:
        self.site = site
        self._folder = tempfile.TemporaryDirectory() if tls else None
        context = make_context(self.certificate) if tls else None
        self._listener = Listener(site, context, port)
        self._thread = threading.Thread(
            target=self._listener.serve_forever, args=(0.02,), name="flywheel-server", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.stop()
        self._thread.join()
        if self._folder is not None:
            self._folder.cleanup()

    # -------------------------------------------------------------------------- addresses

    @property
    def port(self) -> int:
        """Its port, for TLS and for the proxy too."""
        return int(self._listener.server_address[1])

    @property
    def tls(self) -> bool:
        """Whether it speaks TLS."""
        return self._folder is not None

    @property
    def url(self) -> str:
        """Its address."""
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"

    @property
    def certificate(self) -> Path:
        """The file (PEM) with the certificate to trust; with TLS only."""
        if self._folder is None:
            raise RuntimeError("this server speaks plain HTTP")
        return Path(self._folder.name) / "authority.pem"

    def api_key(self, key: str) -> str:
        """A key with the host, as fw-client takes it."""
        return f"{self.host}:{self.port}:{key}" if self.tls else f"{self.url}:{key}"

    def sdk_key(self, key: str) -> str:
        """A key with the host, as the SDK takes it."""
        scheme = "" if self.tls else "__force_insecure:"
        return f"{self.host}:{self.port}:{scheme}{key}"

    def proxied_key(self, key: str) -> str:
        """A key with the host for which the server is the proxy; with TLS only."""
        return f"{PROXIED}:{key}"

    def tls_environment(self) -> dict[str, str]:
        """The variables by which the clients trust the certificate; none without TLS."""
        if not self.tls:
            return {}
        return dict.fromkeys(_TRUST, str(self.certificate))

    def proxy_environment(self) -> dict[str, str]:
        """Those by which they find the server for its other name, and trust it."""
        proxy = f"http://{self.host}:{self.port}"
        names = {"HTTPS_PROXY": proxy, "NO_PROXY": "127.0.0.1,localhost"}
        lower = {name.lower(): value for name, value in names.items()}
        return {**names, **lower, **dict.fromkeys(_TRUST, str(self.certificate))}

    # ----------------------------------------------------------------------------- records

    @property
    def faults(self) -> list[Fault]:
        """What it does wrong, to be changed at any time."""
        return self._listener.faults

    @faults.setter
    def faults(self, faults: list[Fault]) -> None:
        self._listener.faults = faults

    @property
    def requests(self) -> list[Received]:
        """What came, in order."""
        return list(self._listener.requests)

    @property
    def errors(self) -> list[str]:
        """The tracebacks of the server's own bugs: there should be none."""
        return self._listener.errors

    @property
    def tunnels(self) -> list[str]:
        """Where clients wanted a way to, when it was their proxy."""
        return list(self._listener.tunnels)

    def count(self, method: str = "", path: str = "") -> int:
        """How many requests came of a method whose paths begin with a text, or match it."""
        return sum(
            method in ("", one.method)
            and (one.path.startswith(path) or re.match(path, one.path) is not None)
            for one in self.requests
        )

    def most_at_once(self) -> int:
        """How many requests were under way at once, at most."""
        return self._listener.most_at_once

    def forget(self) -> None:
        """Count anew."""
        self._listener.forget()
