"""`/api`: who one is, and what the site is."""

from __future__ import annotations

from collections.abc import Callable

from tests.flywheel_server.access import key_of
from tests.flywheel_server.messages import Answer, Call, as_json

__all__ = ["ROUTES"]

_USER = "curator@example.org"
_RELEASE = "20.6.0"


def _auth_status(call: Call) -> Answer:
    key = key_of(call)
    return as_json(
        {
            "origin": {"type": "user", "id": _USER, "via": None},
            "user_id": _USER,
            "user_is_admin": key.admin,
            "is_admin": key.admin,
            "is_device": False,
            "roles": ["site_admin" if key.admin else "user"],
        }
    )


def _version(_: Call) -> Answer:
    told = {"_id": "version", "database": 1, "release": _RELEASE, "flywheel_release": _RELEASE}
    return as_json(told)


def _config(call: Call) -> Answer:
    url = f"https://{call.request.headers.get('host', '')}"
    site = {"name": "Emulated", "api_url": f"{url}/api", "redirect_url": url, "central_url": url}
    features = {"multipart_signed_url": False, "snapshot": True}
    return as_json({"site": site, "features": features, "signed_url": False, "auth": {}})


def _user(call: Call) -> Answer:
    roles = ["site_admin" if key_of(call).admin else "user"]
    name = {"firstname": "Test", "lastname": "Curator", "email": _USER}
    return as_json({"_id": _USER, **name, "roles": roles, "disabled": False})


ROUTES: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("GET", "/api/auth/status", _auth_status),
    ("GET", "/api/version", _version),
    ("GET", "/api/config", _config),
    ("GET", "/api/users/self", _user),
)
