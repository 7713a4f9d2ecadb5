"""The routes of the pages: what is asked for, read, and shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from fw_dataset.serve.pages.addresses import Addresses
from fw_dataset.serve.pages.asking import Ask, Choice, rows_question
from fw_dataset.serve.pages.catalogue import dataset_page, home_page
from fw_dataset.serve.pages.layout import Frame
from fw_dataset.serve.pages.levels import (
    LEVELS,
    Level,
    labels_question,
    listing,
    record_question,
    sections,
)
from fw_dataset.serve.pages.notices import problem_page
from fw_dataset.serve.pages.query import names_document, query_page
from fw_dataset.serve.pages.rows import record_key, rows_page, shown_columns
from fw_dataset.serve.pages.shown import ShownDataset, ShownTable, with_figures
from fw_dataset.serve.pages.table import columns_page
from fw_dataset.serve.pages.tree import Found, Section, record_page, tree_page

__all__ = ["HEADERS", "Site", "html"]

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    # With "no-referrer" browsers do not tell where a form comes from, and it would be refused.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    # Pages show people's data, which no cache is to keep.
    "Cache-Control": "no-store",
}
"""The headers of each page."""

_LIST_LENGTH = 100
_LAST_PAGE = 10_000_000


def html(text: str, status: int = 200) -> Response:
    """A page with its headers."""
    return HTMLResponse(text, status, headers=dict(HEADERS))


@dataclass(frozen=True)
class Site:
    """The pages over what is served.

    Attributes:
        datasets: what there is, by the names that addresses have; asked for each time.
        profile: the profile of a table as it stands on disk, or None.
        ask: runs the pages' questions.
        has_session: whether somebody has signed in, and so can sign out.
        release: of this package.
        base: the path at which people reach the service, without a slash at its end.
    """

    datasets: Callable[[], Awaitable[Mapping[str, ShownDataset]]]
    profile: Callable[[ShownTable], Awaitable[Mapping[str, Any] | None]]
    ask: Ask
    has_session: Callable[[Request], bool]
    release: str = ""
    base: str = ""

    def routes(self) -> list[Route]:
        """The routes, to be put behind whatever checks who asks."""
        pages: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "/": self.home,
            "/datasets/{dataset}": self.dataset,
            "/datasets/{dataset}/tables/{table}": self.table,
            "/datasets/{dataset}/tables/{table}/rows": self.rows,
            "/datasets/{dataset}/tree": self.tree,
            "/datasets/{dataset}/tree/{kind}/{key}": self.record,
            "/query": self.query,
            "/query/names": self.names,
        }
        return [Route(path, endpoint, methods=["GET"]) for path, endpoint in pages.items()]

    def frame(self, request: Request) -> Frame:
        """What surrounds the page that answers a request."""
        return Frame(Addresses(self.base), self.release, self.has_session(request))

    def problem(self, request: Request, title: str, text: str, status: int) -> Response:
        """A page that says what went wrong."""
        return html(problem_page(self.frame(request), title, text), status)

    async def home(self, request: Request) -> Response:
        """All datasets, each in one version."""
        shown = (await self.datasets()).values()
        first = {one.versions[0].dataset if one.versions else one.name for one in shown}
        return html(home_page(self.frame(request), [one for one in shown if one.name in first]))

    async def dataset(self, request: Request) -> Response:
        """A dataset."""
        return html(dataset_page(self.frame(request), await self._dataset(request)))

    async def table(self, request: Request) -> Response:
        """The columns of a table."""
        dataset, table = await self._table(request)
        return html(columns_page(self.frame(request), dataset, table))

    async def rows(self, request: Request) -> Response:
        """Rows of a table."""
        dataset, table = await self._table(request)
        chosen = request.query_params.get("column")
        if chosen is not None and table.column(chosen) is None:
            # All rows would look like those that were asked for.
            text = f"The table {table.name} has no column {chosen}, so no rows can be chosen by it."
            return self.problem(request, "No such column", text, 400)
        choice = _choice(request, table)
        columns = shown_columns(table, every=request.query_params.get("columns") == "all")
        hidden = record_key(table)
        subjects = dataset.table("subjects", "id", "label")
        if not table.has("parents.subject") or table.has("subject"):
            subjects = None
        rows = await self.ask(rows_question(table, (*columns, *hidden), choice, subjects))
        frame, has_subjects = self.frame(request), subjects is not None
        return html(
            rows_page(frame, dataset, table, columns, choice, rows, has_subjects=has_subjects)
        )

    async def tree(self, request: Request) -> Response:
        """The subjects."""
        dataset, number = await self._dataset(request), _page(request)
        found = listing(dataset, LEVELS["subjects"], None, size=_LIST_LENGTH, page=number)
        section = Section(found, await self.ask(found.question)) if found else None
        frame = self.frame(request)
        return html(tree_page(frame, dataset, section, number=number, length=_LIST_LENGTH))

    async def record(self, request: Request) -> Response:
        """A record of the tree."""
        dataset, number = await self._dataset(request), _page(request)
        level = LEVELS.get(request.path_params["kind"])
        table = dataset.table(level.table, "id", level.label) if level else None
        if level is None or table is None:
            raise HTTPException(404)
        found = await self._found(dataset, level, table, request.path_params["key"])
        lists = [
            Section(below, await self.ask(below.question))
            for below in sections(dataset, level, found.key, size=_LIST_LENGTH, page=number)
        ]
        frame = self.frame(request)
        return html(record_page(frame, dataset, found, lists, number=number, length=_LIST_LENGTH))

    async def query(self, request: Request) -> Response:
        """The editor."""
        return html(query_page(self.frame(request), (await self.datasets()).values()))

    async def names(self, _: Request) -> Response:
        """The names of tables and columns."""
        text = names_document((await self.datasets()).values())
        return Response(text, media_type="application/json", headers=dict(HEADERS))

    async def _dataset(self, request: Request) -> ShownDataset:
        found = (await self.datasets()).get(request.path_params["dataset"])
        if found is None:
            raise HTTPException(404)
        return found

    async def _table(self, request: Request) -> tuple[ShownDataset, ShownTable]:
        dataset = await self._dataset(request)
        table = dataset.table(request.path_params["table"])
        if table is None:
            raise HTTPException(404)
        return dataset, with_figures(table, await self.profile(table))

    async def _found(
        self, dataset: ShownDataset, level: Level, table: ShownTable, key: str
    ) -> Found:
        rows = await self.ask(record_question(table, key))
        if not rows:
            raise HTTPException(404)
        record = Found(level, table, key, rows[0])
        return Found(level, table, key, rows[0], await self._above(dataset, record))

    async def _above(
        self, dataset: ShownDataset, record: Found
    ) -> Sequence[tuple[Level, str, str]]:
        """The records that it is in, from the top; those that are not in the dataset are not."""
        steps = [
            (table, level, key)
            for level in LEVELS.values()
            if level is not record.level
            and (key := record.value(level.parent)) is not None
            and (table := dataset.table(level.table, "id", level.label)) is not None
        ]
        if not steps:
            return []
        [labels] = await self.ask(labels_question(steps))
        return [
            (level, key, label)
            for (_, level, key), label in zip(steps, labels, strict=True)
            if label is not None
        ]


def _choice(request: Request, table: ShownTable) -> Choice:
    given = request.query_params
    column = table.column(given.get("column"))
    is_chosen = column is not None and "value" in given
    sort = table.column(given.get("sort"))
    return Choice(
        page=_page(request),
        sort=sort.name if sort else None,
        descending=given.get("order") == "desc",
        column=column.name if column and is_chosen else None,
        value=given["value"] if is_chosen else None,
    )


def _page(request: Request) -> int:
    text = request.query_params.get("page", "1")
    plain = text.isascii() and text.isdigit() and len(text) < 9
    return min(max(int(text), 1), _LAST_PAGE) if plain else 1
