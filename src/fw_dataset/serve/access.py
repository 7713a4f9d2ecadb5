"""Who may ask: tokens, the names by which a server may be called, and pages of other sites."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.requests import Request

from fw_dataset.errors import InvalidArgumentError
from fw_dataset.serve.answers import ApiError
from fw_dataset.serve.pages.sessions import Sessions
from fw_dataset.serve.settings import Settings

__all__ = ["OPEN_PATHS", "Access", "is_loopback", "read_tokens"]

OPEN_PATHS = frozenset({"/healthz", "/login", "/logout", "/openapi.json", "/service-info"})
"""What anybody may ask: nothing of the datasets is in it."""

_OPEN_FOLDER = "/static/"
_SHORTEST_TOKEN = 16
_READING = ("GET", "HEAD", "OPTIONS")


def read_tokens(text: str) -> tuple[str, ...]:
    """The tokens in a text: one a line, or with blanks or commas between; ``#`` begins a comment.

    Raises:
        InvalidArgumentError: there is none, or one is too short or not plain ASCII.
    """
    lines = (line.partition("#")[0] for line in text.splitlines())
    tokens = tuple(dict.fromkeys(" ".join(lines).replace(",", " ").split()))
    if not tokens:
        raise InvalidArgumentError("there is no token: write one a line")
    for number, token in enumerate(tokens, 1):
        if len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
            raise InvalidArgumentError(
                f"token {number} cannot be used: take {_SHORTEST_TOKEN} or more plain characters,"
                " such as those that `openssl rand -hex 32` prints"
            )
    return tokens


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Access:
    """What is asked of each request before anything else.

    Attributes:
        sessions: of people, who have given a token to a form and come with a cookie since.
        is_secure: people come by HTTPS.

    Raises:
        InvalidArgumentError: others could reach the server, and it has no token.
    """

    def __init__(self, settings: Settings) -> None:
        if not settings.tokens and not is_loopback(settings.host):
            raise InvalidArgumentError(
                f"{settings.host} can be reached from other machines: give a token (--token-file,"
                " FW_DATASET_TOKENS), or listen on 127.0.0.1"
            )
        self._digests = [_digest(token) for token in settings.tokens]
        self._public = urlsplit(settings.public_url or "")
        self.is_secure = self._public.scheme == "https" or settings.certificate is not None
        self.sessions = Sessions(prefix=self._cookie_prefix())
        self._origins = frozenset(origin.rstrip("/") for origin in settings.origins)
        names = {"localhost", settings.host, *settings.hosts, *_own_names()}
        if self._public.hostname:
            names.add(self._public.hostname)
        self._names = frozenset(name.casefold().strip("[]") for name in names)

    def check(self, request: Request) -> str:
        """Let a request in.

        Returns:
            Who asks: the same text for the same token; empty where none are needed.

        Raises:
            ApiError: it is not let in.
        """
        self._check_host(request.headers.get("host", ""))
        self._check_origin(request)
        path = request.url.path
        if path in OPEN_PATHS or path.startswith(_OPEN_FOLDER) or not self._digests:
            return ""
        return self._owner(request)

    def base_url(self, request: Request) -> str:
        """Where the client finds this server, without a slash at the end."""
        if self._public.hostname:
            return self._public.geturl().rstrip("/")
        return f"{request.url.scheme}://{request.headers.get('host', '')}"

    @property
    def needs_token(self) -> bool:
        """Whether one has to have a token to ask."""
        return bool(self._digests)

    def has_session(self, request: Request) -> bool:
        """Whether somebody has signed in in this browser."""
        return self.sessions.owner(request.cookies.get(self.sessions.cookie)) is not None

    def _cookie_prefix(self) -> str:
        """What has browsers take the cookie from this host alone, and only by HTTPS."""
        if not self.is_secure:
            return ""
        return "__Secure-" if self._public.path.strip("/") else "__Host-"

    def _check_host(self, host: str) -> None:
        """A page elsewhere can have its own name lead here, but not this server's name."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
            _ = urlsplit(f"//{host}").port
        except ValueError:
            name = ""
        if any(char in host for char in "/@?#\\ "):
            name = ""
        if name.casefold() not in self._names and not _is_address(name):
            raise ApiError(
                421, "unknown host", "this server is not called so; --allow-host NAME makes it"
            )

    def _check_origin(self, request: Request) -> None:
        """What a browser sends for a page of another site may read nothing and change nothing."""
        origin = request.headers.get("origin")
        if origin is None or request.method in _READING or origin in self._origins:
            return
        if origin != self.base_url(request) and urlsplit(origin).netloc != request.headers["host"]:
            raise ApiError(403, "another origin", "pages of other sites may not ask this server")

    def owner_of_token(self, token: str) -> str | None:
        """Who comes with a token; None if it is none of those that let in."""
        digest = _digest(token)
        # All are compared, always: how long it takes tells nothing.
        found = [hmac.compare_digest(digest, known) for known in self._digests]
        return digest.hex() if token and any(found) else None

    def _owner(self, request: Request) -> str:
        if "authorization" not in request.headers:
            owner = self.sessions.owner(request.cookies.get(self.sessions.cookie))
            if owner is not None:
                return owner
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        token = given.strip()
        if scheme.casefold() == "basic":
            token = _password(token)
        elif scheme.casefold() != "bearer":
            token = ""
        owner = self.owner_of_token(token)
        if owner is None:
            # A browser asks its user for a name, which is ignored, and a password, the token.
            scheme = "Basic" if "text/html" in request.headers.get("accept", "") else "Bearer"
            header = {"WWW-Authenticate": f'{scheme} realm="fw-dataset"'}
            raise ApiError(401, "a token is needed", "send Authorization: Bearer <token>", header)
        return owner


def _password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (ValueError, binascii.Error):
        return ""


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _own_names() -> Iterable[str]:
    name = socket.gethostname()
    return (name, f"{name}.local") if name else ()


def _is_address(name: str) -> bool:
    # No name that somebody else controls leads here then.
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
