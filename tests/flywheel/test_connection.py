"""Requests: repeated where that may help, never where it cannot, and never a key in a message."""

from __future__ import annotations

import pickle
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest

from fw_dataset.errors import FlywheelDeniedError, FlywheelError, FlywheelUnreachableError
from fw_dataset.flywheel import ApiKey, Connection, list_projects
from fw_dataset.flywheel.connection import address
from tests.flywheel_server import Drop, FlywheelServer, Respond, Site, Stall, Truncate
from tests.support.flywheel_sites import (
    KEY,
    Asked,
    Told,
    answering,
    connected,
    new_site,
    quick,
    run_python,
    serving,
    told_json,
)

VERSION = "/api/version"


@pytest.fixture
def site() -> Site:
    return new_site()


@pytest.fixture
def server(site: Site) -> Iterator[FlywheelServer]:
    with serving(site) as server:
        yield server


@pytest.fixture
def connection(server: FlywheelServer) -> Iterator[Connection]:
    with connected(server) as connection:
        yield connection


def ask(connection: Connection, method: str = "GET", path: str = VERSION, **options: Any) -> Any:
    return connection.ask(method, path, what="the thing", **options)


# -------------------------------------------------------------------------------------- repetition


@pytest.mark.parametrize(
    "fault",
    [
        *(Respond(status, path=VERSION, times=6) for status in (429, 500, 502, 503, 504)),
        Drop(path=VERSION, times=6),
        Truncate(5, path=VERSION, times=6),
        Truncate(0, path=VERSION, times=6),
    ],
    ids=str,
)
def test_what_passes_is_waited_for(
    server: FlywheelServer, connection: Connection, fault: Respond | Drop | Truncate
) -> None:
    fault.hits = 0
    server.faults.append(fault)
    assert ask(connection)
    assert (len(server.requests), fault.hits) == (7, 6)
    fault.hits, fault.times = 0, 7
    with pytest.raises(FlywheelUnreachableError, match="the thing: ") as caught:
        ask(connection)
    assert "\n" not in str(caught.value)
    assert len(server.requests) == 14
    assert caught.value.status == (fault.status if isinstance(fault, Respond) else None)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 422, 501])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_what_does_not_pass_is_not_asked_again(
    server: FlywheelServer, connection: Connection, status: int, method: str
) -> None:
    server.faults.append(Respond(status, {"Retry-After": "0"}, times=None))
    with pytest.raises(
        FlywheelError, match=f"the thing: .*{status}: as the test wants it"
    ) as caught:
        ask(connection, method)
    assert caught.value.status == status
    assert isinstance(caught.value, FlywheelDeniedError) == (status in (401, 403))
    assert len(server.requests) == 1


def test_what_must_not_be_done_twice(server: FlywheelServer, connection: Connection) -> None:
    once = [Drop(), Truncate(3), Respond(500), Respond(502), Respond(504)]
    for fault in once:
        server.forget()
        server.faults = [fault]
        with pytest.raises(FlywheelUnreachableError):
            ask(connection, repeat=False)
        assert len(server.requests) == 1
    for fault in (Respond(429), Respond(503)):
        server.forget()
        server.faults = [fault]
        assert ask(connection, repeat=False)
        assert len(server.requests) == 2


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("as_date", [False, True])
def test_the_site_says_when(server: FlywheelServer, status: int, as_date: bool) -> None:
    moment = datetime.now(timezone.utc) + timedelta(seconds=3)
    told = format_datetime(moment, usegmt=True) if as_date else "2"
    server.faults.append(Respond(status, {"Retry-After": told}))
    with connected(server) as connection:
        ask(connection)
    first, second = server.requests
    # A date has no fractions of a second.
    assert second.began - first.ended >= (1.5 if as_date else 1.99)
    assert second.began - first.ended < 6


def test_the_site_wants_too_much_patience(server: FlywheelServer, connection: Connection) -> None:
    server.faults.append(Respond(429, {"Retry-After": "3600"}, times=None))
    with pytest.raises(FlywheelUnreachableError, match="the site asks to wait 3,600 s") as caught:
        ask(connection)
    assert caught.value.status == 429
    assert len(server.requests) == 1


def test_nobody_waits_long_for_a_wrong_address() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    for host in (f"127.0.0.1:{port}", "nosuch.invalid"):
        connection = Connection(ApiKey.parse(f"http://{host}:{KEY}"))
        began = time.monotonic()
        with closing(connection), pytest.raises(FlywheelUnreachableError, match=host) as caught:
            ask(connection)
        assert not caught.value.sent
        assert time.monotonic() - began < 10


def test_three_connections_to_who_hangs_up_at_once() -> None:
    """A wrong port may well be somebody else's."""
    accepted = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            while True:
                try:
                    other, _ = listener.accept()
                except OSError:
                    return
                accepted.append(other)
                other.close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        with (
            connected(f"127.0.0.1:{listener.getsockname()[1]}:{KEY}") as connection,
            pytest.raises(FlywheelUnreachableError),
        ):
            ask(connection)
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()
    assert len(accepted) == 3


@pytest.mark.parametrize(
    "host", ["a..b", f"{'a' * 70}.org", f"{'a.' * 150}org", "[::1]:9", "[::zz]"]
)
def test_hosts_that_cannot_be(host: str) -> None:
    with pytest.raises(FlywheelError) as caught, connected(f"http://{host}:{KEY}") as connection:
        ask(connection)
    assert KEY not in "".join(traceback.format_exception(caught.value))


# --------------------------------------------------------------------------------------- encryption


ASK = """
import sys
from fw_dataset.flywheel import ApiKey, Connection
connection = Connection(ApiKey.parse(sys.argv[1]))
try:
    print(connection.ask("GET", "/api/auth/status", what="the thing")["user_is_admin"])
except Exception as error:
    print(type(error).__name__, error)
"""


def test_certificates(site: Site) -> None:
    with serving(site, tls=True) as server:
        key = server.api_key(KEY)
        trusted = {"SSL_CERT_FILE": str(server.certificate)}
        assert run_python(ASK, key, environment=trusted)[1] == "True\n"
        assert len(server.requests) == 1
        began = time.monotonic()
        _, said, _ = run_python(ASK, key, environment={"SSL_CERT_FILE": ""})
        assert time.monotonic() - began < 20
        assert said.startswith("FlywheelError the thing: the certificate of https://127.0.0.1:")
        assert "SSL_CERT_FILE" in said
        _, said, _ = run_python(ASK, f"http://{key}", environment=trusted)
        assert said.startswith("FlywheelError the thing: the site refuses (400")


# ------------------------------------------------------------------------------------------ answers


@pytest.mark.parametrize("body", [b"<html>Log in</html>", b'{"a": ', b"\xff", b"[" * 100_000])
def test_answers_that_are_not_json(body: bytes) -> None:
    with (
        answering(lambda _: (200, {}, body)) as (key, requests),
        connected(key) as connection,
        pytest.raises(FlywheelError, match="is not JSON; is this the address of a Flywheel"),
    ):
        ask(connection)
    assert len(requests) == 1


def test_no_answer_is_none() -> None:
    with answering(lambda _: (204, {}, b"")) as (key, _), connected(key) as connection:
        assert ask(connection, "PATCH") is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
@pytest.mark.parametrize(
    "body",
    [
        f'{{"message": "key {KEY} is bad"}}'.encode(),
        f'{{"message": "{KEY[:5]}\\u{ord(KEY[5]):04x}{KEY[6:]}\\n{"x" * 5000}"}}'.encode(),
        f"<html>{KEY}</html>".encode(),
        b'{"message": 5}',
        b"[1]",
        b"",
    ],
)
def test_messages_are_short_and_hold_no_key(status: int, body: bytes) -> None:
    with (
        answering(lambda _: (status, {}, body)) as (key, _),
        connected(key, times=0) as connection,
        pytest.raises(FlywheelError, match="the thing") as caught,
    ):
        ask(connection)
    shown = "".join(traceback.format_exception(caught.value))
    assert KEY not in shown
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_it_shows_no_key(server: FlywheelServer, connection: Connection) -> None:
    assert repr(connection) == f"Connection('http://127.0.0.1:{server.port}')"
    assert connection.host == "127.0.0.1"
    with pytest.raises(TypeError, match="not pickled") as caught:
        pickle.dumps(connection)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("secret", ["\x01hush", "hüsh", "hush\x7f", "hush\u2028"])
def test_keys_that_no_header_holds(server: FlywheelServer, secret: str) -> None:
    """The HTTP client quotes such a header in its own error."""
    with (
        pytest.raises(FlywheelError) as caught,
        connected(f"{server.url}:{secret}") as connection,
    ):
        ask(connection, path="/api/auth/status")
    shown = "".join(traceback.format_exception(caught.value))
    assert not any(part in shown for part in ("hush", "hüsh", repr(secret)))


def test_keys_of_both_kinds(site: Site, server: FlywheelServer) -> None:
    site.add_key("k" * 57)
    with connected(server, "k" * 57) as connection:
        assert ask(connection, path="/api/auth/status")
    with connected(server) as connection:
        assert ask(connection, path="/api/auth/status")


def test_addresses() -> None:
    assert address("api", "a/b c%", "é") == "/api/a%2Fb%20c%25/%C3%A9"


# -------------------------------------------------------------------------------------------- pages


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 200, 250])
def test_pages(site: Site, server: FlywheelServer, connection: Connection, count: int) -> None:
    ids = [site.add_project("lab", f"p{number}").id for number in range(count)]
    assert [project.id for project in list_projects(connection)] == ids
    assert len(server.requests) == max(1, -(-count // 100))


class Pages:
    """A list as one site or another gives it."""

    def __init__(self, count: int, *, paged: bool, total: bool, obeys: bool, cap: int) -> None:
        self.records = [{"_id": f"{number:05}"} for number in range(count)]
        self.paged, self.total, self.obeys, self.cap = paged, total, obeys, cap

    def __call__(self, asked: Asked) -> Told:
        after = asked.query.get("after_id", "") if self.obeys else ""
        skip = int(asked.query.get("skip", 0)) + 100 * (int(asked.query.get("page", 1)) - 1)
        found = [record for record in self.records if record["_id"] > after][skip:][: self.cap]
        if not self.paged:
            return told_json(found)
        total = {"total": len(self.records)} if self.total else {}
        return told_json({"count": len(found), **total, "results": found})


@pytest.mark.parametrize("count", [0, 1, 100, 101, 250])
@pytest.mark.parametrize("cap", [30, 100, 1000], ids="cap{}".format)
@pytest.mark.parametrize(
    ("paged", "total"), [(True, True), (True, False), (False, False)], ids=["total", "page", "bare"]
)
def test_pages_of_other_sites(count: int, cap: int, paged: bool, total: bool) -> None:
    pages = Pages(count, paged=paged, total=total, obeys=True, cap=cap)
    with answering(pages) as (key, requests), connected(key) as connection:
        found = list(connection.pages("/any", what="the list"))
    assert found == pages.records
    assert len(requests) <= count // min(cap, 100) + 2


@pytest.mark.parametrize("count", [0, 1, 100, 101, 250])
@pytest.mark.parametrize("cap", [100, 1000], ids="cap{}".format)
@pytest.mark.parametrize("paged", [True, False])
def test_sites_that_ignore_where_to_go_on(count: int, cap: int, paged: bool) -> None:
    """They are not asked for ever, and what they keep back is not lost in silence."""
    pages = Pages(count, paged=paged, total=paged, obeys=False, cap=cap)
    with answering(pages) as (key, requests), connected(key) as connection:
        try:
            found = list(connection.pages("/any", what="the list"))
        except FlywheelError:
            assert count > cap
        else:
            assert found == pages.records[: None if paged else cap]
    assert len(requests) <= 4


@pytest.mark.parametrize("answer", [None, 5, "x", {}, {"results": 5}, [1], [{}], [{"_id": 5}]])
def test_lists_that_are_none(answer: object) -> None:
    with (
        answering(lambda _: told_json(answer)) as (key, _),
        connected(key) as connection,
        pytest.raises(FlywheelError, match="the list: the answer is not a list of records"),
    ):
        list(connection.pages("/any", what="the list"))


# ------------------------------------------------------------------------------------ many at once


def test_ten_at_once(server: FlywheelServer, connection: Connection) -> None:
    server.faults.append(Stall(0.05, times=None))
    with ThreadPoolExecutor(40) as executor:
        done = list(executor.map(lambda _: ask(connection), range(80)))
    assert len(done) == 80
    assert 8 <= server.most_at_once() <= 10


def test_closing_ends_a_pause(server: FlywheelServer) -> None:
    server.faults.append(Respond(503, {"Retry-After": "60"}, times=None))
    connection = Connection(ApiKey.parse(server.api_key(KEY)), quick())
    with ThreadPoolExecutor(1) as executor:
        waiting = executor.submit(ask, connection)
        deadline = time.monotonic() + 30
        while not server.requests:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(0.1)
        began = time.monotonic()
        connection.close()
        with pytest.raises(FlywheelError, match="closed"):
            waiting.result(30)
    assert time.monotonic() - began < 5
    connection.close()
    with pytest.raises(FlywheelError, match="closed"):
        ask(connection)
