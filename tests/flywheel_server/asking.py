"""Requests of the tests, by the standard library alone."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.flywheel_server.server import FlywheelServer

__all__ = ["KEY", "Reply", "ask", "connect", "told_by"]

KEY = "KEY"


@dataclass(frozen=True)
class Reply:
    """An answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def connect(server: FlywheelServer) -> http.client.HTTPConnection:
    """A connection to the server."""
    if not server.tls:
        return http.client.HTTPConnection(server.host, server.port, timeout=60)
    context = ssl.create_default_context(cafile=str(server.certificate))
    return http.client.HTTPSConnection(server.host, server.port, timeout=60, context=context)


def ask(
    server: FlywheelServer,
    method: str,
    path: str,
    *,
    key: str | None = KEY,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    **query: Any,
) -> Reply:
    """Send one request on a connection of its own."""
    sent = dict(headers or {})
    if key is not None:
        sent.setdefault("Authorization", f"scitran-user {key}")
    target = f"{path}?{urlencode(query)}" if query else path
    data = None if body is None else json.dumps(body).encode()
    with closing(connect(server)) as connection:
        connection.request(method, target, body=data, headers=sent)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, found, answer.read())


def told_by(server: FlywheelServer, path: str, **query: Any) -> Any:
    """What a GET that succeeds tells, as JSON."""
    reply = ask(server, "GET", path, **query)
    assert reply.status == 200, reply
    return reply.json
