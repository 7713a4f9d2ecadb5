"""Answers as Data Connect spells them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

__all__ = ["ApiError", "error_response", "json_response", "table_data"]

_JSON = "application/json"


class ApiError(Exception):
    """A request that is answered with an error.

    Attributes:
        status: as HTTP numbers it.
        title: in a few words.
        detail: in a sentence; nothing secret is in it.
        headers: that the answer has.
        source: the table that is at fault, if one is.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str = "",
        headers: Mapping[str, str] | None = None,
        source: str | None = None,
    ) -> None:
        self.status, self.title, self.detail = status, title, detail or title
        self.headers, self.source = dict(headers or {}), source
        super().__init__(title)


def json_response(content: Any, status: int = 200, **headers: str) -> Response:
    """An answer in JSON."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    # An unpaired surrogate becomes the escape that JSON has for it.
    return Response(text.encode("utf-8", "backslashreplace"), status, headers, _JSON)


def error_response(error: ApiError) -> Response:
    """An error; some clients read ``details``, others ``detail``."""
    one: dict[str, Any] = {
        "title": error.title,
        "detail": error.detail,
        "details": error.detail,
        "status": error.status,
    }
    if error.source is not None:
        one["source"] = error.source
    response = json_response({"errors": [one]}, error.status)
    response.headers.update(error.headers)
    return response


def table_data(rows: bytes, model: Mapping[str, Any] | None, next_url: str | None) -> Response:
    """A page of rows.

    Args:
        rows: as the text of JSON objects with commas between.
        model: the JSON Schema of a row; while it is not known, there are no rows. Clients keep
            the first that says something.
        next_url: of the next page; None on the last.
    """
    parts = [b'{"data":[', rows, b'],"data_model":', json.dumps(model or {}).encode()]
    if next_url is not None:
        parts += [b',"pagination":', json.dumps({"next_page_url": next_url}).encode()]
    return Response(b"".join([*parts, b"}"]), media_type=_JSON)
