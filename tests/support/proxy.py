"""A proxy before an HTTP server on loopback, which slows it down, counts, and does harm.

What passes is passed as it came, its ``Host`` too: signatures stay right.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support.http_messages import Head, body_of, read_head

__all__ = [
    "Answer",
    "Cut",
    "Fault",
    "Hang",
    "Harm",
    "Lose",
    "Proxy",
    "Request",
    "Reset",
    "always",
    "every",
    "once",
    "proxy_before",
    "sometimes",
]


@dataclass
class Request:
    """A request that came.

    Attributes:
        number: its number, from 1.
        method: as ``GET``.
        target: the path and query, percent-encoded as it came.
        began: when it came, in seconds of the monotonic clock.
        ended: when its answer was sent, or was not.
        status: the server's answer, or the proxy's own; None for none.
        harm: what was done to it.
    """

    number: int
    method: str
    target: str
    began: float = field(default_factory=time.monotonic)
    ended: float = float("inf")
    status: int | None = None
    harm: Harm | None = None


@dataclass(frozen=True)
class Answer:
    """The proxy answers, and the server is not asked."""

    status: int = 503
    body: bytes = b"<Error><Code>SlowDown</Code></Error>"
    content_type: str = "application/xml"


@dataclass(frozen=True)
class Reset:
    """The connection breaks, and the server is not asked."""


@dataclass(frozen=True)
class Lose:
    """The server does as it is asked, and the connection breaks instead of its answer."""


@dataclass(frozen=True)
class Cut:
    """The connection breaks after so many bytes of the answer's body."""

    after: int = 0


@dataclass(frozen=True)
class Hang:
    """No answer comes while the proxy is there; the server is not asked."""


Harm = Answer | Reset | Lose | Cut | Hang
Fault = Callable[[Request], Harm | None]


def always(harm: Harm, method: str = "", marker: str = "") -> Fault:
    """Harm to each request of a method whose target holds a text."""
    return lambda request: harm if _is_meant(request, method, marker) else None


def once(harm: Harm, method: str = "", marker: str = "", *, times: int = 1) -> Fault:
    """Harm to the first such requests."""
    return _counted(lambda number: harm if number <= times else None, method, marker)


def every(nth: int, harm: Harm, method: str = "", marker: str = "") -> Fault:
    """Harm to each ``nth`` such request: with 2, to the second, the fourth …"""
    return _counted(lambda number: harm if number % nth == 0 else None, method, marker)


def sometimes(share: float, harms: Sequence[Harm], seed: int) -> Fault:
    """Harm of one kind or another to a share of the requests, the same ones for a seed."""
    chance = random.Random(seed)
    return lambda _: chance.choice(harms) if chance.random() < share else None


class Proxy:
    """The proxy, on an event loop in a thread of its own.

    Attributes:
        port: its port on loopback.
        latency: the seconds before an answer begins.
        bandwidth: the bytes of an answer in a second, on each connection; None for no limit.
        faults: asked in turn about each request, the first harm counts. All these may be changed
            at any time.
        requests: what came, in order.
        most_at_once: the requests that were under way at once, at most.
    """

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self.latency = 0.0
        self.bandwidth: float | None = None
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.most_at_once = 0
        self._under_way = 0
        self._target_port = target_port
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._main(),))

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Break all connections, hanging ones too."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._loop.close()

    def forget(self) -> None:
        """Count anew."""
        self.requests, self.most_at_once = [], 0

    def count(self, method: str = "", marker: str = "") -> int:
        """How many requests of a method came, whose target holds a text."""
        return sum(_is_meant(request, method, marker) for request in self.requests)

    def depth(self) -> int:
        """The longest row of requests of which each began after the one before it had ended."""
        deep, last = 0, float("-inf")
        for request in sorted(self.requests, key=lambda request: request.ended):
            if request.began >= last:
                deep, last = deep + 1, request.ended
        return deep

    # ------------------------------------------------------------------------ in its thread

    async def _main(self) -> None:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=1 << 20)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopping.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (head := await read_head(reader)) is not None:
                method, target, _ = head.first.split(" ", 2)
                request = Request(len(self.requests) + 1, method, target)
                self.requests.append(request)
                self._under_way += 1
                self.most_at_once = max(self.most_at_once, self._under_way)
                try:
                    goes_on = await self._handle(request, head, reader, writer)
                finally:
                    request.ended = time.monotonic()
                    self._under_way -= 1
                if not goes_on:
                    return
        except (OSError, EOFError):
            pass  # the client is gone
        finally:
            writer.transport.abort()

    async def _handle(
        self,
        request: Request,
        head: Head,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        """Answer a request, or do not; False when the connection is to be broken."""
        harms = (fault(request) for fault in list(self.faults))
        request.harm = harm = next((harm for harm in harms if harm is not None), None)
        if isinstance(harm, (Reset, Lose)):
            _reset_at_end(writer)
        if isinstance(harm, Reset):
            return False
        if head.get("expect"):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if isinstance(harm, (Answer, Hang)):
            async for _ in body_of(head, reader):
                pass
            if isinstance(harm, Hang):
                await self._stopping.wait()
                return False
            await asyncio.sleep(self.latency)
            request.status = harm.status
            writer.write(_as_bytes(harm, request.method))
            await writer.drain()
            return True
        return await self._forward(request, head, reader, writer)

    async def _forward(
        self,
        request: Request,
        head: Head,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        # A connection for each request: one that is kept may be closed by the server meanwhile.
        theirs, to_server = await asyncio.open_connection(
            "127.0.0.1", self._target_port, limit=1 << 20
        )
        try:
            to_server.write(head.raw)
            async for chunk in body_of(head, reader):
                to_server.write(chunk)
                await to_server.drain()
            answer = await read_head(theirs)
            while answer is not None and answer.status == 100:
                answer = await read_head(theirs)
            await asyncio.sleep(self.latency)
            if answer is None or isinstance(request.harm, Lose):
                return False
            request.status = answer.status
            return await self._pass_on(request, answer, theirs, writer)
        finally:
            to_server.transport.abort()

    async def _pass_on(
        self,
        request: Request,
        answer: Head,
        theirs: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        writer.write(answer.raw)
        left = request.harm.after if isinstance(request.harm, Cut) else None
        began, sent = time.monotonic(), 0
        async for chunk in body_of(answer, theirs, to=request.method):
            if left is not None and len(chunk) > left:
                writer.write(chunk[:left])
                writer.close()
                await writer.wait_closed()  # what was written must arrive
                return False
            left = left and left - len(chunk)
            writer.write(chunk)
            await writer.drain()
            sent += len(chunk)
            if self.bandwidth is not None:
                await asyncio.sleep(began + sent / self.bandwidth - time.monotonic())
        await writer.drain()
        return answer.keeps_open and left is None


@contextmanager
def proxy_before(port: int) -> Iterator[Proxy]:
    """A running proxy before a port."""
    proxy = Proxy(port)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()


def _reset_at_end(writer: asyncio.StreamWriter) -> None:
    """Let the client be told of a broken connection (RST) rather than of an end."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _is_meant(request: Request, method: str, marker: str) -> bool:
    return request.method.startswith(method) and marker in request.target


def _counted(choose: Callable[[int], Harm | None], method: str, marker: str) -> Fault:
    met = 0

    def fault(request: Request) -> Harm | None:
        nonlocal met
        if not _is_meant(request, method, marker):
            return None
        met += 1
        return choose(met)

    return fault


def _as_bytes(answer: Answer, method: str) -> bytes:
    lines = [
        f"HTTP/1.1 {answer.status} of the proxy",
        f"content-type: {answer.content_type}",
        f"content-length: {len(answer.body)}",
    ]
    body = b"" if method == "HEAD" else answer.body
    return "\r\n".join([*lines, "", ""]).encode() + body
