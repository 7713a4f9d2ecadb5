"""What a server does wrong when it is told to."""

from __future__ import annotations

import http.client
import time
from contextlib import closing

import pytest

from tests.flywheel_server import (
    Corrupt,
    Drop,
    Fault,
    FlywheelServer,
    ProjectState,
    Respond,
    Site,
    Stall,
    StallBody,
    Truncate,
)
from tests.flywheel_server.asking import KEY, ask, connect

DATA = bytes(range(256)) * 1000
PATH = "/api/files/{}/download"


@pytest.fixture
def path(project: ProjectState) -> str:
    return PATH.format(project.add_file("data", DATA))


def statuses(server: FlywheelServer, path: str, number: int) -> list[int]:
    return [ask(server, "GET", path).status for _ in range(number)]


def test_another_answer(server: FlywheelServer) -> None:
    server.faults.append(Respond(429, {"Retry-After": "3"}))
    reply = ask(server, "GET", "/api/version")
    assert (reply.status, reply.headers["retry-after"]) == (429, "3")
    assert reply.json["status_code"] == 429
    assert ask(server, "GET", "/api/version").status == 200


def test_another_body(server: FlywheelServer) -> None:
    server.faults.append(Respond(200, {"content-type": "text/html"}, b"<html>"))
    reply = ask(server, "GET", "/api/version")
    assert (reply.body, reply.headers["content-type"]) == (b"<html>", "text/html")


def test_faults_hit_what_they_are_meant_for(server: FlywheelServer) -> None:
    fault = Respond(503, method="GET", path=r"^/api/(version|config)$", times=2, after=1)
    server.faults.append(fault)
    assert ask(server, "HEAD", "/api/version").status == 200
    assert statuses(server, "/api/auth/status", 2) == [200, 200]
    assert statuses(server, "/api/version", 4) == [200, 503, 503, 200]
    assert fault.hits == 2
    assert [one.status for one in server.requests if one.fault is fault] == [503, 503]


def test_faults_come_one_after_another(server: FlywheelServer) -> None:
    server.faults += [Respond(502, times=2), Respond(504, path="version"), Respond(500, times=None)]
    assert statuses(server, "/api/version", 6) == [502, 502, 504, 500, 500, 500]
    server.faults.clear()
    assert statuses(server, "/api/version", 1) == [200]


@pytest.mark.parametrize("fault", [Drop(), Respond(504), Drop(performed=True)])
def test_what_is_asked_may_be_done_or_not(
    server: FlywheelServer, project: ProjectState, fault: Fault
) -> None:
    performed = isinstance(fault, Drop) and fault.performed
    server.faults.append(fault)
    path = f"/snapshot/projects/{project.id}/snapshots"
    if isinstance(fault, Drop):
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            ask(server, "POST", path)
        assert server.requests[-1].status is None
    else:
        assert ask(server, "POST", path).status == 504
    assert len(project.snapshots) == performed


@pytest.mark.parametrize("kept", [0, 1, 100_000, 255_999])
@pytest.mark.parametrize("told", [True, False])
def test_truncated(site: Site, server: FlywheelServer, path: str, kept: int, told: bool) -> None:
    site.sends_length = told
    server.faults.append(Truncate(kept))
    with closing(connect(server)) as connection:
        connection.request("GET", path, headers={"Authorization": f"scitran-user {KEY}"})
        answer = connection.getresponse()
        assert answer.getheader("Content-Length") == ("256000" if told else None)
        with pytest.raises(http.client.IncompleteRead) as caught:
            answer.read()
    if told:
        assert caught.value.partial == DATA[:kept]
    assert ask(server, "GET", path).body == DATA


def test_late(server: FlywheelServer) -> None:
    server.faults.append(Stall(0.3))
    began = time.monotonic()
    assert ask(server, "GET", "/api/version").status == 200
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize("after", [0, 1, 65_536, 100_000])
def test_late_in_the_middle(server: FlywheelServer, path: str, after: int) -> None:
    server.faults.append(StallBody(after, 0.3))
    began = time.monotonic()
    with closing(connect(server)) as connection:
        connection.request("GET", path, headers={"Authorization": f"scitran-user {KEY}"})
        assert connection.getresponse().read() == DATA
    assert time.monotonic() - began >= 0.3
    # What is before comes before.
    server.faults.append(StallBody(after, 600))
    with closing(connect(server)) as connection:
        connection.request("GET", path, headers={"Authorization": f"scitran-user {KEY}"})
        assert connection.getresponse().read(after) == DATA[:after]


@pytest.mark.parametrize("at", [0, 65_536, 255_999, 256_000])
def test_one_wrong_byte(server: FlywheelServer, path: str, at: int) -> None:
    server.faults.append(Corrupt(at))
    reply = ask(server, "GET", path)
    assert len(reply.body) == len(DATA)
    assert [n for n in range(len(DATA)) if reply.body[n] != DATA[n]] == (
        [at] if at < 256_000 else []
    )


def test_connections_go_on_after_a_fault_that_leaves_them(server: FlywheelServer) -> None:
    server.faults += [Respond(503), Corrupt(0)]
    with closing(connect(server)) as connection:
        for _ in range(3):
            connection.request("GET", "/api/version")
            connection.getresponse().read()
            assert connection.sock is not None
