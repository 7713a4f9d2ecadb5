"""The files that pages need: style, scripts and the icon, out of the package."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

__all__ = ["asset", "static_route"]

_TYPES = {
    "app.js": "text/javascript",
    "editor.js": "text/javascript",
    "icon.svg": "image/svg+xml",
    "sign_in.js": "text/javascript",
    "style.css": "text/css",
}


@cache
def asset(name: str) -> tuple[bytes, str]:
    """The content of a file and its ETag.

    Raises:
        KeyError: there is no such file.
    """
    if name not in _TYPES:
        raise KeyError(name)
    content = files("fw_dataset.serve").joinpath(f"static/{name}").read_bytes()
    return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'


async def _serve(request: Request) -> Response:
    try:
        content, mark = asset(request.path_params["name"])
    except KeyError:
        return Response("not found", 404, media_type="text/plain")
    # Asked for again with each page, answered in one line: a new release is seen at once.
    headers = {"ETag": mark, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    if request.headers.get("If-None-Match") == mark:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=_TYPES[request.path_params["name"]])


static_route = Route("/static/{name}", _serve, methods=["GET"])
"""The files need no token: the form that asks for one needs them, too."""
