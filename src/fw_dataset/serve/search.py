"""Data Connect's search: SQL in, pages of rows out, or the rows in another format."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from fw_dataset.serve.answers import ApiError, table_data
from fw_dataset.serve.queries import Page, Queries, Query
from fw_dataset.serve.results import PAGES
from fw_dataset.serve.running import failing, page_of, started, while_there
from fw_dataset.serve.service import owner_of, service_of

__all__ = ["MEDIA_TYPES", "ROUTES"]

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
}
"""What each format is called in ``Accept`` and ``Content-Type``."""

_ALIASES = {"application/ndjson": "ndjson", "application/jsonl": "ndjson"}
_SUFFIXES = {"arrow": "arrows"}


async def search(request: Request) -> Response:
    """Run a query and answer with its first rows, or with all in another format."""
    sql, parameters = await _asked(request)
    form = _form(request)
    query = await started(request, sql, parameters, form)
    if form != PAGES:
        return await _download(request, query)
    page = await page_of(request, query)
    return _page(request, query, page)


async def next_page(request: Request) -> Response:
    """A further page of a result."""
    service = service_of(request)
    query = _found(request)
    number = service.tickets.read(query.id, request.path_params["page"])
    if number is None or query.form != PAGES:
        raise ApiError(404, "no such page", "this is not an address that this server has given")
    page = await page_of(request, query, number)
    return _page(request, query, page)


async def cancel(request: Request) -> Response:
    """End a query, and let its result vanish."""
    await service_of(request).queries.drop(_found(request))
    return Response(status_code=204)


def _found(request: Request) -> Query:
    query = service_of(request).queries.find(request.path_params["id"], owner_of(request))
    if query is None:
        raise ApiError(404, "no such query", "it is too old, was cancelled, or is somebody else's")
    return query


def _page(request: Request, query: Query, page: Page) -> Response:
    response = table_data(page.data, query.data_model, _next_url(request, query, page.next))
    response.headers["X-Query-Id"] = query.id
    return response


def _next_url(request: Request, query: Query, number: int | None) -> str | None:
    if number is None:
        return None
    service = service_of(request)
    ticket = service.tickets.write(query.id, number)
    return f"{service.access.base_url(request)}/search/{query.id}/{ticket}"


async def _asked(request: Request) -> tuple[str, list[Any]]:
    """The query and its parameters."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
    if kind != "application/json":
        # A page of another site can send other types without asking the browser first.
        raise ApiError(415, "JSON is needed", "send Content-Type: application/json")
    try:
        content = json.loads(await _body(request), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise ApiError(400, "the request is not JSON") from None
    sql = content.get("query") if isinstance(content, dict) else None
    if not isinstance(sql, str) or not sql.strip() or "\0" in sql or not _is_unicode(sql):
        raise ApiError(400, "no query", 'send {"query": "SELECT …", "parameters": [ … ]}')
    parameters = content.get("parameters")
    if not isinstance(parameters, list | None):
        raise ApiError(400, "wrong parameters", "parameters is a list: one value for each ?")
    return sql, [_parameter(value) for value in parameters or ()]


async def _body(request: Request) -> bytes:
    most = service_of(request).settings.limits.request_bytes
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise ApiError(413, "the request is too large", f"at most {most:,} bytes")
    return bytes(body)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _parameter(value: Any, depth: int = 0) -> Any:
    """A value as SQL gets it: every number is a DOUBLE, whatever it looks like."""
    if (isinstance(value, str) and not _is_unicode(value)) or depth > 50:
        raise ApiError(400, "wrong parameters", "a parameter is no text, or nested too deeply")
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise ApiError(400, "wrong parameters", "a number is too large") from None
    if isinstance(value, list):
        return [_parameter(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {_parameter(key): _parameter(item, depth + 1) for key, item in value.items()}
    return value


# --------------------------------------------------------------------------------- other formats


def _form(request: Request) -> str:
    """The format that is asked for: in the address, or else by ``Accept``."""
    asked = request.query_params.get("format")
    if asked is not None:
        if asked not in (*MEDIA_TYPES, "json"):
            names = ", ".join(["json", *MEDIA_TYPES])
            raise ApiError(400, "unknown format", f"format is one of: {names}")
        return PAGES if asked == "json" else asked
    known = {media.partition(";")[0]: form for form, media in MEDIA_TYPES.items()} | _ALIASES
    for accepted in request.headers.get("accept", "").split(","):
        media = accepted.partition(";")[0].strip().casefold()
        if media in known:
            return known[media]
        if media in ("application/json", "*/*"):
            return PAGES
    return PAGES


class _Download(StreamingResponse):
    """A whole result, which vanishes once it is sent or nobody takes it any more.

    A failure on the way breaks the connection off: what came is not the whole.
    """

    def __init__(self, queries: Queries, query: Query, headers: dict[str, str]) -> None:
        self._queries, self._query = queries, query
        super().__init__(query.pieces(), headers=headers, media_type=MEDIA_TYPES[query.form])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._queries.drop(self._query)


async def _download(request: Request, query: Query) -> Response:
    service = service_of(request)
    try:
        await while_there(request, failing(query.wait_for_first()))
    except ApiError:
        await service.queries.drop(query)
        raise
    headers = {
        "Content-Disposition": f'attachment; filename="result.{_suffix(query.form)}"',
        "X-Query-Id": query.id,
    }
    if query.is_over and query.failure is None:
        headers["Content-Length"] = str(query.size)

    return _Download(service.queries, query, headers)


def _suffix(form: str) -> str:
    return _SUFFIXES.get(form, form)


ROUTES = (
    Route("/search", search, methods=["POST"]),
    Route("/search/{id}", cancel, methods=["DELETE"]),
    Route("/search/{id}/{page}", next_page),
)
