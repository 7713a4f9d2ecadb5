"""Queries as requests see them: what goes wrong becomes an answer, who leaves ends theirs."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import Request

from fw_dataset.serve.answers import ApiError
from fw_dataset.serve.queries import BusyError, Page, Query, QueryFailedError
from fw_dataset.serve.service import service_of

__all__ = ["failing", "first_page"]

_Value = TypeVar("_Value")
_LOOK_SECONDS = 0.5


async def failing(awaited: Awaitable[_Value]) -> _Value:
    """What is awaited.

    Raises:
        ApiError: the query failed, or too many run.
    """
    try:
        return await awaited
    except QueryFailedError as error:
        failure = error.failure
        raise ApiError(failure.status, failure.title, failure.detail) from None
    except BusyError as error:
        header = {"Retry-After": str(error.retry_after)}
        raise ApiError(429, str(error), "come back a little later", header) from None


async def first_page(request: Request, query: Query) -> Page:
    """The first page of a query; it may be empty, if none is there in time.

    Raises:
        ApiError: the query failed, or nobody waits any more.
    """
    service = service_of(request)
    left = service.settings.limits.held_seconds
    while True:
        wait = min(_LOOK_SECONDS, left)
        page = await failing(query.page(0, wait))
        left -= wait
        if page.rows or page.next is None or left <= 0:
            return page
        if await request.is_disconnected():
            await service.queries.drop(query)
            raise ApiError(499, "the client is gone")
