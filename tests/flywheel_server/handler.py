"""One connection to the server: it reads requests and sends answers, or does not."""

from __future__ import annotations

import socket
import ssl
import traceback
from collections.abc import Callable, Iterable
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from tests.flywheel_server.content import Content
from tests.flywheel_server.faults import BodyFault, BrokenError, Drop, Fault, Respond, Stall
from tests.flywheel_server.messages import Answer, RefusedError, Request
from tests.flywheel_server.received import Received
from tests.flywheel_server.routes import answer_to
from tests.flywheel_server.tls import PROXIED

if TYPE_CHECKING:
    from tests.flywheel_server.server import Listener

__all__ = ["Connection"]

_TLS_HANDSHAKE = b"\x16"
_WITHOUT_BODY = (204, 304)


class Connection(BaseHTTPRequestHandler):
    """A connection, in a thread of its own."""

    server: Listener
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    # ----------------------------------------------------------------------- its beginning

    def setup(self) -> None:
        # The same port is the proxy's: a client that speaks no TLS yet wants a way through.
        if self.server.context is not None and self._peek() == _TLS_HANDSHAKE:
            self.request = self._secured(self.request)
        super().setup()

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.server.open_connections.discard(self.connection)
            self.connection.close()

    def _peek(self) -> bytes:
        found: bytes = self.request.recv(1, socket.MSG_PEEK)
        return found

    def _secured(self, plain: socket.socket) -> ssl.SSLSocket:
        assert self.server.context is not None
        secured = self.server.context.wrap_socket(
            plain, server_side=True, do_handshake_on_connect=False
        )
        self.server.replace(plain, secured)
        try:
            secured.do_handshake()
        except BaseException:
            self.server.open_connections.discard(secured)
            secured.close()
            raise
        return secured

    def do_CONNECT(self) -> None:
        """Be a proxy for one name: the connection goes on, with TLS."""
        self.server.tunnels.append(self.path)
        host = self.path.rpartition(":")[0]
        secured = isinstance(self.connection, ssl.SSLSocket)
        if self.server.context is None or secured or host != PROXIED:
            self._refuse(502, f"no way to {self.path}")
            return
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.rfile.close()
        self.request = self._secured(self.connection)
        super().setup()
        self.close_connection = False

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the requests are recorded."""

    # ------------------------------------------------------------------------ one request

    def _serve(self) -> None:
        if self.server.context is not None and not isinstance(self.connection, ssl.SSLSocket):
            self._refuse(400, "a plain request to a port of TLS")
            return
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        parameters = dict(parse_qsl(query, keep_blank_values=True))
        request = Request(self.command, path, parameters, headers)
        received = self.server.begin(request)
        try:
            request.body = received.body = self._read_body()
            self._handle(request, received)
        except RefusedError as error:
            received.status = error.status
            self._refuse(error.status, error.message, partial(self.server.end, received))
        except BrokenError:
            self.server.end(received)
            self._break()
        finally:
            self.server.end(received)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815 - the base class asks for these names

    def _handle(self, request: Request, received: Received) -> None:
        fault = self.server.fault_for(request)
        received.fault = fault
        if isinstance(fault, Stall):
            self.server.wait(fault.seconds)
        performed = not isinstance(fault, (Respond, Drop)) or fault.performed
        answer = self._answer(request, received) if performed else None
        if isinstance(fault, Drop):
            raise BrokenError
        if isinstance(fault, Respond):
            answer = _response(fault, received.number)
        assert answer is not None
        received.status = answer.status
        self._send(answer, fault, partial(self.server.end, received))

    def _answer(self, request: Request, received: Received) -> Answer:
        try:
            return answer_to(self.server.site, request)
        except RefusedError as error:
            return error.answer(received.number)
        except Exception:  # noqa: BLE001 - a bug here must be seen, and end no connection
            self.server.errors.append(traceback.format_exc())
            return RefusedError(500, "the emulated site has a bug").answer(received.number)

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(_size(self.headers.get("Content-Length", "0"), 10))
        chunks = []
        while size := _size(self.rfile.readline().partition(b";")[0].decode("latin-1"), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline() not in (b"\r\n", b""):
            pass  # what may follow the last chunk
        return b"".join(chunks)

    # ------------------------------------------------------------------------- its answer

    def _send(self, answer: Answer, fault: Fault | None, sent: Callable[[], None]) -> None:
        """Send an answer; ``sent`` is called before its last bytes go.

        Were it called after them, a client could come again before this request has ended.
        """
        self.send_response(answer.status)
        has_body = answer.status not in _WITHOUT_BODY
        if has_body:
            self.send_header("Content-Type", answer.content.media_type)
            if answer.chunked:
                self.send_header("Transfer-Encoding", "chunked")
            else:
                self.send_header("Content-Length", str(answer.stop - answer.start))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if not has_body or self.command == "HEAD" or answer.start == answer.stop:
            sent()
        self.end_headers()
        if not has_body or self.command == "HEAD":
            return
        pieces: Iterable[bytes] = answer.content.pieces(answer.start, answer.stop)
        if isinstance(fault, BodyFault):
            pieces = fault.disturbed(pieces, self.server.wait)
        send = self._send_chunks if answer.chunked else self._send_pieces
        send(pieces, answer.stop - answer.start, sent)

    def _send_pieces(self, pieces: Iterable[bytes], left: int, sent: Callable[[], None]) -> None:
        for piece in pieces:
            left -= len(piece)
            if left <= 0:
                sent()
            self.wfile.write(piece)

    def _send_chunks(self, pieces: Iterable[bytes], _: int, sent: Callable[[], None]) -> None:
        for piece in pieces:
            if piece:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        sent()
        self.wfile.write(b"0\r\n\r\n")

    def _refuse(self, status: int, message: str, sent: Callable[[], None] = lambda: None) -> None:
        self.close_connection = True
        self.command = self.command or "GET"
        self._send(RefusedError(status, message).answer(0), None, sent)

    def _break(self) -> None:
        # Neither a farewell of TLS nor an end in order that clients could take for one.
        self.close_connection = True
        socket.socket.shutdown(self.connection, socket.SHUT_RDWR)


def _size(text: str, base: int) -> int:
    # Where the end of the body is not told, nothing can follow on this connection.
    try:
        size = int(text, base)
    except ValueError:
        size = -1
    if size < 0:
        raise RefusedError(400, "the length of the body is not told")
    return size


def _response(fault: Respond, number: int) -> Answer:
    if fault.body is None:
        return RefusedError(fault.status, "as the test wants it", fault.headers).answer(number)
    kind = next(
        (value for name, value in fault.headers.items() if name.lower() == "content-type"), ""
    )
    headers = {name: v for name, v in fault.headers.items() if name.lower() != "content-type"}
    content = Content(fault.body, kind or "text/plain; charset=utf-8")
    return Answer(fault.status, content, headers, stop=len(fault.body))
