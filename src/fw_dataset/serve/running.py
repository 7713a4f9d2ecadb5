"""Queries as requests see them: what goes wrong becomes an answer, who leaves ends theirs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import Request

from fw_dataset.serve.answers import ApiError
from fw_dataset.serve.queries import BusyError, Page, Query, QueryFailedError
from fw_dataset.serve.service import asker_of, owner_of, service_of

__all__ = ["failing", "page_of", "started", "while_there"]

_Value = TypeVar("_Value")
_LOOK_SECONDS = 0.25


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


async def while_there(request: Request, awaited: Awaitable[_Value]) -> _Value:
    """What is awaited, for as long as the client is there; it is cancelled otherwise.

    Raises:
        ApiError: the client is gone.
    """
    task = asyncio.ensure_future(awaited)
    try:
        while True:
            await asyncio.wait({task}, timeout=_LOOK_SECONDS)
            if task.done():
                return task.result()
            if await request.is_disconnected():
                raise ApiError(499, "the client is gone")
    finally:
        if not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def started(request: Request, sql: str, parameters: list[object], form: str) -> Query:
    """A query that a request asks.

    Raises:
        ApiError: too many run.
    """
    queries = service_of(request).queries
    asked = queries.start(
        sql, parameters, owner=owner_of(request), asker=asker_of(request), form=form
    )
    return await failing(asked)


async def page_of(request: Request, query: Query, number: int = 0) -> Page:
    """A page of a query; it may be empty, if none is there in time.

    Who goes away meanwhile ends the query, unless another request waits for it.

    Raises:
        ApiError: the query failed, or nobody waits any more.
    """
    try:
        return await while_there(request, failing(query.page(number)))
    except ApiError as error:
        if error.status == _GONE and not (query.asking or query.is_over):
            await service_of(request).queries.drop(query)
        raise


_GONE = 499
