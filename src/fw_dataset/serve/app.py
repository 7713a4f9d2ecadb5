"""The web application: routes, what stands around them, and what begins and ends with them."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fw_dataset.errors import FWDatasetError
from fw_dataset.serve import data_files, search, status, tables
from fw_dataset.serve.access import Access
from fw_dataset.serve.answers import ApiError, error_response
from fw_dataset.serve.copies import LocalFiles
from fw_dataset.serve.exploring import Exploring, wants_page
from fw_dataset.serve.queries import Queries
from fw_dataset.serve.served import ServedTables
from fw_dataset.serve.service import Service
from fw_dataset.serve.settings import Settings

__all__ = ["API_ROUTES", "create_app"]

_LOGGER = logging.getLogger("fw_dataset.serve")

API_ROUTES: tuple[BaseRoute, ...] = (
    *tables.ROUTES,
    *data_files.ROUTES,
    *search.ROUTES,
    *status.ROUTES,
)
"""The routes for programs."""


def create_app(
    served: ServedTables,
    files: LocalFiles,
    settings: Settings,
    routes: Sequence[BaseRoute] = API_ROUTES,
) -> Starlette:
    """The application; ``app.state.service`` is what its routes share.

    Args:
        served: the tables.
        files: where their data files are.
        settings: how the server is to be.
        routes: what there is for programs to ask; the pages come on top.

    Raises:
        InvalidArgumentError: others could reach the server, and it has no token.
    """
    queries = Queries(served, files, settings.limits)
    service = Service(served, queries, settings, Access(settings))
    exploring = Exploring(service)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            await queries.open()
            _tell_of_landlock(queries.landlock)
            yield
        finally:
            await queries.close()

    app = Starlette(
        routes=[*routes, *exploring.routes()],
        middleware=_middleware(service, exploring),
        exception_handlers={
            ApiError: _answer_error,
            HTTPException: _answer_http,
            FWDatasetError: _answer_own,
            Exception: _answer_unexpected,
        },
        lifespan=lifespan,
    )
    app.state.service, app.state.exploring = service, exploring
    return app


def _tell_of_landlock(version: int | None) -> None:
    if not version:
        _LOGGER.warning(
            "this system has no Landlock: that queries write no files rests on the gate and on"
            " DuckDB's own settings alone"
        )


def _middleware(service: Service, exploring: Exploring) -> list[Middleware]:
    found = [Middleware(_Watched, service=service)]
    if service.settings.origins:
        found.append(
            Middleware(
                CORSMiddleware,
                allow_origins=list(service.settings.origins),
                allow_methods=["GET", "POST", "DELETE"],
                allow_headers=["Authorization", "Content-Type", "Range"],
                expose_headers=["Content-Range", "Retry-After", "X-Query-Id"],
            )
        )
    return [*found, Middleware(_Guarded, service=service, exploring=exploring)]


class _Watched:
    """Counts requests and logs each; the route's pattern stands for the address."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, answered = time.monotonic(), 500

        async def watched(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = message["status"]
                _harden(message)
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            self._note(scope, answered, time.monotonic() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = _pattern(scope)
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self._service.requests[method, route, status] += 1
        self._service.seconds[route] += seconds
        facts = {"method": method, "route": route, "status": status}
        _LOGGER.info("request", extra={**facts, "seconds": round(seconds, 4)})


_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "POST"})


def _pattern(scope: Scope) -> str:
    """The pattern of the route that was taken; not every release of Starlette notes it."""
    endpoint = scope.get("endpoint")
    for route in getattr(scope.get("app"), "routes", ()):
        if endpoint is not None and getattr(route, "endpoint", None) is endpoint:
            return str(route.path)
    return "other"


def _harden(message: Message) -> None:
    """No answer is kept by others, or taken for something else than it says."""
    headers: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
    names = {name.lower() for name, _ in headers}
    for name, value in _HEADERS:
        if name not in names:
            headers.append((name, value))
    message["headers"] = headers


_HEADERS = (
    (b"cache-control", b"private, no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)


class _Guarded:
    """Lets in who may ask, and notes who it is."""

    def __init__(self, app: ASGIApp, service: Service, exploring: Exploring) -> None:
        self._app, self._service, self._exploring = app, service, exploring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            scope["fw_dataset.owner"] = self._service.access.check(Request(scope))
        except ApiError as error:
            await _refusal(self._exploring, Request(scope), error)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _refusal(exploring: Exploring, request: Request, error: ApiError) -> Response:
    """An error, for people or for programs."""
    return exploring.refusal(request, error) if wants_page(request) else error_response(error)


def _answer_error(request: Request, error: Any) -> Response:
    return _refusal(request.app.state.exploring, request, error)


def _answer_http(request: Request, error: Any) -> Response:
    """What Starlette itself refuses: an unknown address, a method that is not there."""
    titles = {404: "no such address", 405: "not possible at this address"}
    title = titles.get(error.status_code, "the request is wrong")
    return _answer_error(request, ApiError(error.status_code, title, headers=error.headers))


def _answer_own(request: Request, error: Any) -> Response:
    """A dataset that is damaged or cannot be reached; where it is concerns nobody outside."""
    _LOGGER.error("dataset failed", extra={"reason": str(error)})
    why, table = "the server's log says why", request.path_params.get("name")
    return _answer_error(request, ApiError(500, "the dataset cannot be read", why, source=table))


def _answer_unexpected(request: Request, error: Any) -> Response:
    """What nobody thought of; its text could hold data."""
    _LOGGER.error("unexpected", exc_info=error)
    why = "the server's log says where"
    return _answer_error(request, ApiError(500, "the server failed", why))
