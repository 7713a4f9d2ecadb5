"""Data Connect's tables: what there are, what is in one, and its rows."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fw_dataset.serve.answers import ApiError, json_response, table_data
from fw_dataset.serve.results import PAGES
from fw_dataset.serve.running import page_of, started
from fw_dataset.serve.served import ServedTable
from fw_dataset.serve.service import owner_of, service_of

__all__ = ["ROUTES"]

# A table is read in stretches: each is a query that ends soon and is kept for a while.
_STRETCH = 50_000


async def list_tables(request: Request) -> Response:
    """All tables, each with the address of its schema."""
    service = service_of(request)
    base = service.access.base_url(request)
    tables = [
        {
            "name": table.name,
            "description": table.description,
            "data_model": {"$ref": f"{base}/table/{quote(table.name, safe='')}/info"},
        }
        for table in service.served
    ]
    return json_response({"tables": tables})


async def table_info(request: Request) -> Response:
    """A table's schema and description, and how many rows it has."""
    table = service_of(request).table(request.path_params["name"])
    return json_response(await asyncio.to_thread(_info, table))


def _info(table: ServedTable) -> dict[str, Any]:
    info: dict[str, Any] = {
        "name": table.name,
        "description": table.description,
        "data_model": table.data_model,
    }
    return info if table.rows is None else {**info, "rows": table.rows}


async def read_table(request: Request) -> Response:
    """A page of a table's rows, in the order of its files."""
    service = service_of(request)
    table = service.table(request.path_params["name"])
    start = _start(request, table)
    sql = f"SELECT * FROM {table.quoted}"
    if table.rows is not None:
        sql += f" LIMIT {_STRETCH} OFFSET {start}"
    query = await started(request, sql, [], PAGES)
    model = await asyncio.to_thread(lambda: table.data_model)
    page = await page_of(request, query)
    next_url = None
    if page.next is not None:
        place = start if table.rows is not None else 0
        next_url = _page_url(request, query.id, page.next, table, place)
    elif table.rows is not None and start + _STRETCH < table.rows:
        next_url = _stretch_url(request, table, start + _STRETCH)
    return table_data(page.data, model, next_url)


async def read_on(request: Request) -> Response:
    """A further page of a table's rows."""
    service = service_of(request)
    table = service.table(request.path_params["name"])
    query = service.queries.find(request.path_params["id"], owner_of(request))
    purpose = _purpose(request.path_params["id"], table)
    packed = service.tickets.read(purpose, request.path_params["page"])
    if query is None or packed is None:
        raise ApiError(404, "no such page", "it is too old, or somebody else's")
    start, number = packed >> 32, packed & 0xFFFFFFFF
    page = await page_of(request, query, number)
    next_url = None
    if page.next is not None:
        next_url = _page_url(request, query.id, page.next, table, start)
    elif table.rows is not None and start + _STRETCH < table.rows:
        next_url = _stretch_url(request, table, start + _STRETCH)
    model = await asyncio.to_thread(lambda: table.data_model)
    return table_data(page.data, model, next_url)


def _start(request: Request, table: ServedTable) -> int:
    ticket = request.query_params.get("from")
    if ticket is None:
        return 0
    start = service_of(request).tickets.read(f"rows of {table.name}", ticket)
    if start is None:
        raise ApiError(404, "no such page", "the server that made this address is gone")
    return start


def _stretch_url(request: Request, table: ServedTable, start: int) -> str:
    service = service_of(request)
    ticket = service.tickets.write(f"rows of {table.name}", start)
    base = service.access.base_url(request)
    return f"{base}/table/{quote(table.name, safe='')}/data?from={ticket}"


def _page_url(request: Request, query_id: str, number: int, table: ServedTable, start: int) -> str:
    service = service_of(request)
    ticket = service.tickets.write(_purpose(query_id, table), start << 32 | number)
    base = service.access.base_url(request)
    return f"{base}/table/{quote(table.name, safe='')}/data/{query_id}/{ticket}"


def _purpose(query_id: str, table: ServedTable) -> str:
    return f"{query_id} of {table.name}"


ROUTES = (
    Route("/tables", list_tables),
    Route("/table/{name}/info", table_info),
    Route("/table/{name}/data", read_table),
    Route("/table/{name}/data/{id}/{page}", read_on),
)
