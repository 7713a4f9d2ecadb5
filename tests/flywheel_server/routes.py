"""Which answer is for which request, and for whose key."""

from __future__ import annotations

import re
from urllib.parse import unquote

from tests.flywheel_server import account, files, projects, snapshots, storages
from tests.flywheel_server.messages import Answer, Call, RefusedError, Request
from tests.flywheel_server.site import Key, Site

__all__ = ["answer_to"]

_ROUTES = [
    (method, re.compile(path.replace("{}", "([^/]+)")), handler)
    for method, path, handler in (
        *account.ROUTES,
        *projects.ROUTES,
        *files.ROUTES,
        *snapshots.ROUTES,
        *storages.ROUTES,
    )
]
# What tells nothing about anybody.
_PUBLIC = frozenset({"/api/version", "/api/config"})


def answer_to(site: Site, request: Request) -> Answer:
    """The answer to a request.

    Raises:
        RefusedError: it is an error.
    """
    key = _key(site, request)
    path = request.path.rstrip("/")
    if key is None and path not in _PUBLIC:
        raise RefusedError(401, "no API key, or not a valid one")
    # An answer to HEAD is one to GET without its body.
    method = "GET" if request.method == "HEAD" else request.method
    for of_method, pattern, handler in _ROUTES:
        parts = pattern.fullmatch(path)
        if parts and of_method == method:
            with site.lock:
                call = Call(site, request, key)
                return handler(call, *(unquote(part) for part in parts.groups()))
    raise RefusedError(404, f"nothing is at {request.method} {path}")


def _key(site: Site, request: Request) -> Key | None:
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    with site.lock:
        key = site.keys.get(text)
    # The platform tells the kinds of keys apart by the scheme, to the letter.
    return key if key is not None and key.scheme == scheme else None
