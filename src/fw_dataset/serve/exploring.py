"""The pages over a running service: what they show comes from its tables and its queries."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from fw_dataset import __version__
from fw_dataset.errors import FWDatasetError
from fw_dataset.format.instants import parse_instant
from fw_dataset.serve.answers import ApiError, error_response
from fw_dataset.serve.pages.asking import Question, Row
from fw_dataset.serve.pages.assets import static_route
from fw_dataset.serve.pages.shown import ShownDataset, ShownTable, ShownVersion, shown_column
from fw_dataset.serve.pages.signing_in import SignIn
from fw_dataset.serve.pages.site import Site
from fw_dataset.serve.queries import Queries
from fw_dataset.serve.running import failing, while_there
from fw_dataset.serve.served import MAIN, ServedDataset, ServedTable, ServedTables, ServedVersion
from fw_dataset.serve.service import Service, asker_of

__all__ = ["Exploring", "wants_page"]

_OWNER = "pages"
"""Whose queries the pages' own are: nobody else can ask for their results."""
_ASKER: ContextVar[str] = ContextVar("asker")
"""Who looks at the page that is being made."""
_NOTHING_MORE = "perhaps it is mistyped, or what was here is served no more"


def wants_page(request: Request) -> bool:
    """Whether somebody looks at the answer in a browser."""
    return request.method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", "")


@dataclass
class Exploring:
    """The pages of one service."""

    service: Service
    _shown: Mapping[str, ShownDataset] | None = None
    _profiles: dict[tuple[str, str], Mapping[str, Any] | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        public = urlsplit(self.service.settings.public_url or "")
        base = public.path.rstrip("/")
        access = self.service.access
        self.site = Site(
            self._datasets, self._profile, self._ask, access.has_session, __version__, base
        )
        self.sign_in = SignIn(
            access.owner_of_token,
            access.sessions,
            __version__,
            base,
            is_secure=access.is_secure,
            is_needed=access.needs_token,
        )

    def routes(self) -> Iterator[BaseRoute]:
        """All routes for people."""
        for route in self.site.routes():
            yield Route(route.path, self._answering(route.endpoint), methods=["GET"])
        yield from self.sign_in.routes()
        yield static_route

    def covers(self, path: str) -> bool:
        """Whether a page is at this path, of which one has to sign in to see it."""
        return path in ("/", "/query") or path.startswith(("/query/", "/datasets/"))

    def refusal(self, request: Request, error: ApiError) -> Response:
        """An error as a page."""
        if error.status == 401:
            # At other addresses programs ask, and browsers have a form of their own.
            is_page = self.covers(request.url.path)
            return self.sign_in.redirect(request) if is_page else error_response(error)
        detail = error.detail if error.detail != error.title else _NOTHING_MORE
        response = self.site.problem(
            request, error.title.capitalize(), _sentence(detail), error.status
        )
        response.headers.update(error.headers)
        return response

    def _answering(
        self, endpoint: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            _ASKER.set(asker_of(request))
            try:
                return await while_there(request, endpoint(request))
            except ApiError as error:
                return self.refusal(request, error)
            except HTTPException as error:
                gone = "There is no such dataset, table or record here."
                return self.refusal(request, ApiError(error.status_code, "not found", gone))

        return answer

    async def _datasets(self) -> Mapping[str, ShownDataset]:
        if self._shown is None:
            # The columns of tables may have to be read out of files.
            self._shown = await asyncio.to_thread(shown_datasets, self.service.served)
        return self._shown

    async def _profile(self, table: ShownTable) -> Mapping[str, Any] | None:
        key = (table.dataset, table.name)
        if key not in self._profiles:
            served = self.service.served.find(".".join(table.path))
            try:
                self._profiles[key] = await asyncio.to_thread(served.profile)
            except FWDatasetError:  # figures are good to have; the page does without
                return None
        return self._profiles[key]

    async def _ask(self, question: Question) -> Sequence[Row]:
        return await failing(_rows(self.service.queries, question))


async def _rows(queries: Queries, question: Question) -> Sequence[Row]:
    query = await queries.start(
        question.sql, question.parameters, owner=_OWNER, asker=_ASKER.get(), is_of_page=True
    )
    try:
        rows: list[Row] = []
        number: int | None = 0
        while number is not None:
            page = await query.page(number)
            rows += (tuple(row.values()) for row in json.loads(b"[" + page.data + b"]"))
            number = page.next
        return rows
    finally:
        await queries.drop(query)


def shown_datasets(served: ServedTables) -> Mapping[str, ShownDataset]:
    """What is served, as the pages show it: each version by its name in addresses.

    Raises:
        DatasetFormatError: a data file is damaged.
        StorageError: a storage refuses access, or cannot be reached.
    """
    shown: dict[str, ShownDataset] = {}
    for dataset in served.datasets.values():
        known = _versions(dataset)
        # The version at hand may be a schema of its own, too: a page, but no entry of the list.
        first = dataset.versions[0].id
        listed = tuple(
            one for place, (version, one) in enumerate(known) if not place or version.id != first
        )
        for version, one in known:
            schema = None if version.schema == MAIN else version.schema
            tables = {name: _table(one.dataset, table) for name, table in version.tables.items()}
            shown[one.dataset] = ShownDataset(
                one.dataset, schema, dataset.title, dataset.description, one, listed, tables
            )
    return shown


def _versions(dataset: ServedDataset) -> list[tuple[ServedVersion, ShownVersion]]:
    newest = max(version.created for version in dataset.versions)
    several = len(dataset.versions) > 1
    found = []
    for place, version in enumerate(dataset.versions):
        # Of one that is served alone nobody says whether there are newer ones.
        is_latest = several and version.created == newest
        name = version.schema if place else dataset.name
        created = parse_instant(version.created)
        found.append((version, ShownVersion(name, version.label, created, is_latest)))
    return found


def _table(dataset: str, served: ServedTable) -> ShownTable:
    described = served.model.properties
    columns = (shown_column(name, sql, described.get(name)) for name, sql in served.columns.items())
    path = (served.table,) if served.schema == MAIN else (served.schema, served.table)
    return ShownTable(dataset, served.table, path, served.description, served.rows, tuple(columns))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"
