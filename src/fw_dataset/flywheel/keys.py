"""API keys: where they come from and what they are made of. A key is never shown."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fw_dataset.errors import ApiKeyError

__all__ = ["ApiKey", "find_api_key"]

_WAYS = (
    "give an API key such as site.flywheel.io:…, set FW_HOSTNAME and FW_WS_API_KEY,"
    " or log in with the Flywheel command line"
)
_FORM = re.compile(
    r"(?:(?:bearer|scitran-user)\s+)?"
    r"(?P<scheme>https?://)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253})"
    r"(?::(?P<port>\d{1,5}))?"
    # The official SDK's way to ask for plain http.
    r"(?P<insecure>:__force_insecure)?"
    # What an HTTP header can hold.
    r":(?P<secret>[!-.0-9;-~]+)",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"(?:bearer|scitran-user)\s+", re.IGNORECASE)
_LONGEST_PART = 63
_INSECURE = "__force_insecure"


@dataclass(frozen=True)
class ApiKey:
    """A key to a site.

    Attributes:
        host: the site's host, such as ``"site.flywheel.io"``.
        port: the port, or None for the scheme's own.
        scheme: ``"https"``, or ``"http"`` where the key says so.
        secret: the key itself; not in the repr.
    """

    host: str
    port: int | None
    scheme: str
    secret: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> ApiKey:
        """Read ``[https://]host[:port]:key``; ``http://`` before it asks for plain http.

        Raises:
            ApiKeyError: it has another form; what was given is not repeated.
        """
        found = _FORM.fullmatch(text.strip()) if isinstance(text, str) else None
        if found is None or found["secret"] == _INSECURE or not _is_host(found["host"]):
            raise ApiKeyError(f"the API key is not of the form host:key; {_WAYS}")
        plain = found["insecure"] or (found["scheme"] or "").lower() == "http://"
        port = int(found["port"]) if found["port"] else None
        if port is not None and not 0 < port < 65_536:
            raise ApiKeyError("the API key names a port that cannot be")
        return cls(found["host"].lower(), port, "http" if plain else "https", found["secret"])

    def __reduce__(self) -> Any:
        raise TypeError("an API key is not pickled; read it where it is used")

    def __deepcopy__(self, _: object) -> ApiKey:
        return self

    def __copy__(self) -> ApiKey:
        return self

    @property
    def url(self) -> str:
        """The site's address, without the secret."""
        return f"{self.scheme}://{self.host}" + (f":{self.port}" if self.port else "")


def find_api_key(api_key: str | None = None, *, login_file: Path | None = None) -> ApiKey:
    """The key that is given, or else the workspace's, or else that of the Flywheel CLI's login.

    A workspace sets ``FW_HOSTNAME`` and ``FW_WS_API_KEY``. The Flywheel command line leaves its
    key in ``~/.config/flywheel/user.json``, where the official SDK reads it, too.

    Raises:
        ApiKeyError: there is none, or it has no form that is known.
    """
    if api_key is not None:
        return _with_host(api_key)
    from_workspace = os.environ.get("FW_WS_API_KEY", "").strip()
    if from_workspace:
        return _with_host(from_workspace)
    return _from_login(login_file or Path("~/.config/flywheel/user.json").expanduser())


def _is_host(name: str) -> bool:
    """Whether each part of a name is one that can be looked up."""
    return name.startswith("[") or all(
        0 < len(part) <= _LONGEST_PART and not (part[0] == "-" or part[-1] == "-")
        for part in name.split(".")
    )


def _with_host(text: str) -> ApiKey:
    """A key that stands alone belongs to the host of the environment."""
    host = os.environ.get("FW_HOSTNAME", "").strip().rstrip("/").removesuffix("/api")
    if isinstance(text, str) and text.strip() and ":" not in text:
        if not host:
            raise ApiKeyError(
                "the API key names no site: write it as site.flywheel.io:…, or set FW_HOSTNAME"
            )
        text = f"{host}:{_SCHEME.sub('', text.strip())}"
    return ApiKey.parse(text)


def _from_login(file: Path) -> ApiKey:
    try:
        login = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise ApiKeyError(f"there is no API key: {_WAYS}") from None
    except OSError as error:
        raise ApiKeyError(f"{file}: {error.strerror or error}; {_WAYS}") from None
    except (ValueError, RecursionError):
        # What the parser says could hold a part of the key.
        raise ApiKeyError(f"{file} is not JSON; {_WAYS}") from None
    key = login.get("key") if isinstance(login, dict) else None
    if not key:
        raise ApiKeyError(f"{file} holds no API key; {_WAYS}")
    return ApiKey.parse(key)
