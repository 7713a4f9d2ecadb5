"""Queries: each runs once, in a process of its own, and its result is kept for its next pages."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fw_dataset.errors import FWDatasetError
from fw_dataset.serve.copies import LocalFiles
from fw_dataset.serve.result_pages import Failure, Page, Query, QueryFailedError
from fw_dataset.serve.results import PAGES
from fw_dataset.serve.served import ServedTable, ServedTables
from fw_dataset.serve.settings import Limits
from fw_dataset.serve.turns import BusyError, Turn, Turns
from fw_dataset.serve.workers import Setup, Worker, WorkerLostError

__all__ = ["FORMS", "BusyError", "Failure", "Page", "Queries", "Query", "QueryFailedError"]

FORMS = ("pages", "csv", "ndjson", "arrow", "parquet")
"""What a result can be written as; ``pages`` are of JSON."""

_LOGGER = logging.getLogger("fw_dataset.serve")
_QUERIES_OF_A_WORKER = 500
_SWEEP_SECONDS = 2.0
_CANCELLED = Failure("the query was cancelled", "nobody waits for it")
_CLOSING = Failure("the server ends", "ask again when it is back", 503)


class Queries:
    """All queries of a server, and the processes that run them.

    Args:
        served: the tables.
        files: where their data files are.
        limits: of queries.
    """

    def __init__(self, served: ServedTables, files: LocalFiles, limits: Limits) -> None:
        self.served, self.files, self.limits = served, files, limits
        self.counts = dict.fromkeys(("done", "failed", "cancelled", "refused"), 0)
        self.rows = self.bytes = 0
        self.landlock: int | None = None
        self._queries: dict[str, Query] = {}
        self._turns = _turns(limits.queries, limits)
        # What the pages ask has room of its own, so that they answer whatever others ask.
        self._turns_of_pages = _turns(limits.pages, limits)
        self._is_closing = False
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._setup = b""
        self._sweeper: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start a first process, so that a machine on which none runs is found at the start.

        Raises:
            WorkerLostError: none starts.
        """
        self._setup = await asyncio.to_thread(self._prepared)
        worker = await Worker.start(self._setup)
        self.landlock = worker.landlock
        self._idle.append(worker)
        self._sweeper = asyncio.create_task(self._sweep())

    async def end(self) -> None:
        """End all queries, and start no more: who waits for one is told why."""
        self._is_closing = True
        for query in list(self._queries.values()):
            query.become("cancelled", _CLOSING)
            await self.drop(query)

    async def close(self) -> None:
        """End all queries and processes."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        await self.end()
        for worker in [*self._idle, *self._busy]:
            await worker.end()
        self._idle.clear()

    @property
    def running(self) -> int:
        """How many queries run."""
        return sum(query.state == "running" for query in self._queries.values())

    @property
    def waiting(self) -> int:
        """How many queries wait for their turn."""
        return sum(query.state == "waiting" for query in self._queries.values())

    @property
    def kept_bytes(self) -> int:
        """The size of all results that are kept."""
        return sum(query.size for query in self._queries.values())

    async def start(
        self,
        sql: str,
        parameters: Sequence[Any] = (),
        *,
        owner: str = "",
        asker: str = "",
        form: str = PAGES,
        is_of_page: bool = False,
    ) -> Query:
        """Start a query; it is under way when this returns.

        Args:
            sql: one SELECT, with ``?`` for each parameter.
            parameters: JSON values.
            owner: whose it is: who may have its result.
            asker: with whom others share the places: who asks much waits for themselves alone.
            form: one of :data:`FORMS`.
            is_of_page: a page of the site asks, and not a person's own SQL.

        Raises:
            BusyError: too many run and wait.
            QueryFailedError: the server ends.
        """
        if self._is_closing:
            raise QueryFailedError(_CLOSING)
        turns = self._turns_of_pages if is_of_page else self._turns
        try:
            turn = turns.take(asker)
        except BusyError:
            self.counts["refused"] += 1
            raise
        digest = hashlib.sha256(sql.encode("utf-8", "replace")).hexdigest()[:16]
        query = Query(owner, form, self.limits, digest)
        self._queries[query.id] = query
        query.task = asyncio.create_task(self._run(query, turn, self._job(sql, parameters, form)))
        # Not within the task: one that is cancelled before it began would keep its place.
        query.task.add_done_callback(lambda _: self._ended(query, turns, turn))
        return query

    def find(self, query_id: str, owner: str = "") -> Query | None:
        """A query of an id and owner, or None."""
        query = self._queries.get(query_id)
        return query if query is not None and query.owner == owner else None

    async def drop(self, query: Query) -> None:
        """End a query if it runs, and let its result vanish."""
        self._queries.pop(query.id, None)
        if query.task is not None and not query.task.done():
            query.become("cancelled", _CANCELLED)
            query.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await query.task
        query.close()

    # --------------------------------------------------------------------------------- running

    def _job(self, sql: str, parameters: Sequence[Any], form: str) -> dict[str, Any]:
        limits = self.limits
        bounds = {
            "rows": limits.rows,
            "bytes": limits.bytes,
            "page_rows": limits.page_rows,
            "page_bytes": limits.page_bytes,
        }
        return {"sql": sql, "parameters": list(parameters), "form": form, "bounds": bounds}

    async def _run(self, query: Query, turn: Turn, job: Mapping[str, Any]) -> None:
        try:
            await turn.has_come.wait()
            query.become("running")
            worker = await self._worker()
            query.started = time.monotonic()
            await asyncio.wait_for(self._work(worker, query, job), self.limits.seconds)
        except (asyncio.TimeoutError, TimeoutError):
            text = f"it ran for {self.limits.seconds:g} seconds, which is the limit here"
            query.become("failed", Failure("the query took too long", text))
        except (WorkerLostError, OSError, FWDatasetError) as error:
            _LOGGER.warning("query lost", extra={"query": query.digest, "reason": str(error)})
            lost = "it needs more memory than one may use here, or broke the engine"
            query.become("failed", Failure("the query could not be run", lost, 500))

    def _ended(self, query: Query, turns: Turns, turn: Turn) -> None:
        query.become("cancelled", _CANCELLED)
        turns.end(turn)
        self._note(query)

    async def _work(self, worker: Worker, query: Query, job: Mapping[str, Any]) -> None:
        is_whole = False
        try:
            async for message in worker.run(job, query.descriptor):
                if "tables" in message:
                    worker.tell(await self._wanted(message))
                elif "failed" in message:
                    status = 500 if message.get("ours") else 400
                    query.become("failed", Failure(**message["failed"], status=status))
                    is_whole = "spent" not in message
                elif "done" in message:
                    query.become("done")
                    is_whole = True
                else:
                    query.take(message)
        finally:
            # One that was interrupted still works on: it is ended, and the next gets another.
            self._busy.discard(worker)
            if is_whole and worker.is_alive and worker.queries < _QUERIES_OF_A_WORKER:
                self._idle.append(worker)
            else:
                worker.kill()
                await asyncio.shield(worker.end())

    async def _worker(self) -> Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive:
                break
            await worker.end()
        else:
            worker = await Worker.start(self._setup)
        self._busy.add(worker)
        return worker

    async def _wanted(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Which tables are to be made, with their files brought here."""
        named = [self.served.tables[name] for name in message["tables"]]
        needed = [self.served.tables[name] for table in named for name in table.needs]
        wanted = {table.name: table for table in (*named, *needed)}
        if any(not self.files.is_here(table) for table in wanted.values()):
            await asyncio.to_thread(self.files.bring, list(wanted.values()))
        if not message["lists"]:
            return {"make": [table.name for table in named], "absent": []}
        absent = [table.name for table in self.served if not self._has_all(table)]
        return {"make": list(self.served.tables), "absent": absent}

    def _has_all(self, table: ServedTable) -> bool:
        needed = (self.served.tables[name] for name in table.needs)
        return all(self.files.is_here(one) for one in (table, *needed))

    def _prepared(self) -> bytes:
        tables = list(self.served)
        files = self.files
        paths = {str(files.path(table, file)) for table in tables for file in table.files}
        folders = {str(Path(path).parent) for path in paths}
        definitions = [files.definition(table) for table in tables]
        return Setup(definitions, sorted(paths), sorted(folders), self.limits).to_json()

    def _note(self, query: Query) -> None:
        self.counts[query.state] += 1
        self.rows += query.rows
        self.bytes += query.size
        _LOGGER.info(
            "query",
            extra={
                "query": query.digest,
                "state": query.state,
                "form": query.form,
                "rows": query.rows,
                "bytes": query.size,
                "seconds": round(time.monotonic() - query.started, 3),
            },
        )

    async def _sweep(self) -> None:
        """Again and again: let go of what nobody asks for any more."""
        limits = self.limits
        while True:
            await asyncio.sleep(min(_SWEEP_SECONDS, limits.kept_seconds, limits.grace_seconds))
            oldest_first = sorted(self._queries.values(), key=lambda query: query.used)
            now, kept = time.monotonic(), self.kept_bytes
            for query in oldest_first:
                unused = now - query.used
                is_old = not query.asking and unused > limits.kept_seconds
                is_left = query.is_unread and unused > limits.grace_seconds
                if is_old or is_left or (kept > limits.kept_bytes and query.is_over):
                    kept -= query.size
                    await self.drop(query)


def _turns(places: int, limits: Limits) -> Turns:
    """A quarter of the queue is left to others, however much one asks: many may be one to us."""
    return Turns(places, limits.waiting, limits.waiting - limits.waiting // 4)
