"""What is asked and what is answered, apart from how it travels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.flywheel_server.content import Content
from tests.flywheel_server.site import Key, Site

__all__ = ["Answer", "Call", "RefusedError", "Request", "as_json", "download"]

_REASONS = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    416: "range_not_satisfiable",
    500: "internal_error",
}


class RefusedError(Exception):
    """The request gets an error for an answer."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})

    def answer(self, number: int) -> Answer:
        """The answer to the request of that number."""
        reason = _REASONS.get(self.status, "error")
        told = {"status_code": self.status, "message": self.message, "reason": reason}
        return as_json({**told, "request_id": f"{number:032x}"}, self.status, self.headers)


@dataclass
class Request:
    """A request.

    Attributes:
        method: as ``GET``.
        path: percent-encoded as it came, without the query.
        query: the last value of each parameter.
        headers: by their names in lower case.
        body: its bytes.
    """

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def features(self) -> frozenset[str]:
        """What the client says it can deal with, in lower case."""
        told = self.headers.get("x-accept-feature", "").lower().split(",")
        return frozenset(feature.strip() for feature in told if feature.strip())

    def json_object(self) -> dict[str, Any]:
        """The body, which must be a JSON object; no body is an empty one."""
        try:
            found = json.loads(self.body or b"{}")
        except ValueError:
            raise RefusedError(400, "the body is not JSON") from None
        if not isinstance(found, dict):
            raise RefusedError(400, "the body is not a JSON object")
        return found

    def number(self, name: str) -> int | None:
        """A parameter that is a number, not below zero; None when it is not given."""
        text = self.query.get(name)
        if text is None:
            return None
        if not text.isascii() or not text.isdigit():
            raise RefusedError(400, f"{name} is not a number: {text}")
        return int(text)


@dataclass
class Answer:
    """An answer: its body is the content between two offsets.

    Attributes:
        status: as 200.
        content: what the body is taken from.
        headers: beyond those of the content.
        start: where the body begins.
        stop: where it ends.
        chunked: whether its length is not told.
    """

    status: int
    content: Content
    headers: dict[str, str] = field(default_factory=dict)
    start: int = 0
    stop: int = 0
    chunked: bool = False


@dataclass(frozen=True)
class Call:
    """A request to a site by the owner of a key; anybody's key is None."""

    site: Site
    request: Request
    key: Key | None = None


def as_json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer with a value as JSON."""
    # A lone surrogate has no bytes of its own, but an escape.
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")
    content = Content(text, "application/json; charset=utf-8")
    return Answer(status, content, dict(headers or {}), stop=len(text))


def download(call: Call, content: Content) -> Answer:
    """An answer with the content, or with the range of it that is asked for."""
    site, headers = call.site, call.request.headers
    length = content.length
    answer = Answer(200, content, stop=length, chunked=not site.sends_length)
    if not site.supports_ranges:
        return answer
    answer.headers = {"Accept-Ranges": "bytes", "ETag": content.etag}
    wanted = headers.get("range")
    if wanted is None or headers.get("if-range", content.etag) != content.etag:
        return answer
    bounds = _bounds(wanted, length)
    if bounds is None:
        return answer
    answer.start, answer.stop = bounds
    if answer.start >= length:
        raise RefusedError(416, "nothing is there", {"Content-Range": f"bytes */{length}"})
    answer.status = 206
    answer.headers["Content-Range"] = f"bytes {answer.start}-{answer.stop - 1}/{length}"
    return answer


def _bounds(wanted: str, length: int) -> tuple[int, int] | None:
    """Where a range begins and ends; None for what is not understood, which is to be ignored."""
    unit, _, text = wanted.partition("=")
    first, dash, last = (part.strip() for part in text.partition("-"))
    known = all(not part or (part.isascii() and part.isdigit()) for part in (first, last))
    if unit.strip() != "bytes" or not dash or not known or not first + last:
        return None
    if not first:
        return max(0, length - int(last)), length
    start, stop = int(first), min(int(last) + 1, length) if last else length
    return (start, stop) if start < stop or start >= length else None
