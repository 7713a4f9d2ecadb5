"""The server as such: connections, what it records, TLS, the proxy, its end, and no bugs."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.flywheel_server import FlywheelServer, ProjectState, Site, Stall, StallBody
from tests.flywheel_server.asking import KEY, ask, connect
from tests.support.datasets import small_snapshot

CHECKOUT = Path(__file__).parents[2]


def test_what_came_is_recorded(server: FlywheelServer, project: ProjectState) -> None:
    ask(server, "GET", "/api/projects", limit=3, filter="label=a b")
    ask(server, "PATCH", f"/api/projects/{project.id}/info", body={"set": {"a": 1}})
    ask(server, "GET", "/xfer/storages/1")
    first, second, third = server.requests
    assert (first.number, first.method, first.path) == (1, "GET", "/api/projects")
    assert first.query == {"limit": "3", "filter": "label=a b"}
    assert first.headers["authorization"] == f"scitran-user {KEY}"
    assert first.began <= first.ended <= second.began
    assert (second.body, second.status) == (b'{"set": {"a": 1}}', 200)
    assert (third.number, third.status) == (3, 404)
    counts = [
        server.count(),
        server.count("GET"),
        server.count("GET", "/xfer/storages"),
        server.count("", "/api/projects"),
        server.count("", r"/api/projects/\w{24}/info$"),
        server.count("POST"),
    ]
    assert counts == [3, 2, 1, 2, 1, 0]
    server.forget()
    assert (server.requests, server.count(), server.most_at_once()) == ([], 0, 0)


def test_how_many_are_under_way_at_once(server: FlywheelServer, project: ProjectState) -> None:
    # More than the system takes for a client that does not read.
    path = f"/api/files/{project.add_file('data', bytes(40_000_000))}/download"
    with ExitStack() as stack:
        for number in range(1, 6):
            connection = stack.enter_context(closing(connect(server)))
            connection.request("GET", path, headers={"Authorization": f"scitran-user {KEY}"})
            while server.count() < number:
                time.sleep(0.01)
        assert server.most_at_once() == 5


def test_requests_in_a_row_are_not_at_once(server: FlywheelServer) -> None:
    for _ in range(50):
        ask(server, "GET", "/api/version")
        ask(server, "HEAD", "/api/version")
    assert server.most_at_once() == 1


def test_one_connection_serves_many_requests(server: FlywheelServer, project: ProjectState) -> None:
    headers = {"Authorization": f"scitran-user {KEY}"}
    with closing(connect(server)) as connection:
        ports = set()
        for path in ("/api/projects", "/nowhere", "/api/version"):
            connection.request("GET", path, headers=headers)
            connection.getresponse().read()
            assert connection.sock is not None
            ports.add(connection.sock.getsockname())
        # A body without a length that is told.
        path = f"/api/projects/{project.id}/info"
        connection.request("PATCH", path, iter([b'{"set": ', b'{"a": 1}}']), headers=headers)
        assert connection.getresponse().read() == b'{"modified": 1}'
        assert len(ports) == 1
    assert project.info == {"a": 1}


def comes_to_an_end(connection: socket.socket) -> bool:
    try:
        while connection.recv(1000):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass  # an end, though not in order
    return True


@pytest.mark.parametrize("tls", [False, True])
def test_the_end_waits_for_nobody(site: Site, tls: bool) -> None:
    began = time.monotonic()
    with FlywheelServer(site, tls=tls) as server:
        server.faults += [Stall(60), StallBody(1, 60)]
        waiting = [connect(server) for _ in range(3)]
        for connection in waiting[:2]:
            connection.request("GET", "/api/version")
        waiting[2].connect()
        while server.count() < 2:
            time.sleep(0.01)
    assert time.monotonic() - began < 30
    for connection in waiting:
        with closing(connection):
            assert comes_to_an_end(connection.sock)
    assert server.errors == []
    assert not [one for one in threading.enumerate() if one.name == "flywheel-server"]


def test_clients_that_go_away_are_no_error(server: FlywheelServer, project: ProjectState) -> None:
    path = f"/api/files/{project.add_file('data', bytes(10_000_000))}/download"
    for _ in range(3):
        with closing(connect(server)) as connection:
            connection.request("GET", path, headers={"Authorization": f"scitran-user {KEY}"})
            connection.getresponse().read(10)
    with socket.create_connection((server.host, server.port)) as silent:
        silent.sendall(b"GET /api/ver")
    assert ask(server, "GET", "/api/version").status == 200


@pytest.mark.parametrize("length", ["-1", "x", "1x"])
def test_bodies_of_no_length(server: FlywheelServer, length: str) -> None:
    reply = ask(server, "POST", "/api/lookup", headers={"Content-Length": length})
    assert reply.status == 400


_TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="?#"))
_PATHS = st.sampled_from(
    [
        "/api/projects",
        "/api/projects/{id}",
        "/api/projects/{id}/info",
        "/api/containers/{id}",
        "/api/lookup",
        "/api/files/{id}",
        "/api/files/{id}/download",
        "/api/projects/{id}/files/{id}",
        "/snapshot/projects/{id}/snapshots",
        "/snapshot/projects/{id}/snapshots/{id}/access_log",
        "/xfer/storages",
        "/xfer/storage-creds/{id}",
    ]
)
_QUERIES = st.dictionaries(
    st.sampled_from(["filter", "sort", "limit", "skip", "page", "after_id", "version"]),
    st.text() | st.integers(-1, 10) | st.sampled_from(["label=a", "tags=x", "created>1", "_id=~a"]),
)
_BODIES = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
) | st.fixed_dictionaries(
    {},
    optional={
        "set": st.dictionaries(st.text(), st.text()) | st.none(),
        "delete": st.lists(st.text() | st.lists(st.none())),
        "path": st.lists(st.text()),
    },
)


def test_nothing_that_is_asked_finds_a_bug(site: Site, tmp_path: Path) -> None:
    project = site.add_project("lab", "study", snapshot=small_snapshot(tmp_path))
    project.add_snapshot()

    @given(
        method=st.sampled_from(["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"]),
        path=_PATHS | _TEXT.map(lambda text: f"/{text}"),
        own=st.just(project.id) | st.sampled_from(sorted(project.study.files)),
        query=_QUERIES,
        body=_BODIES,
        wanted=st.text(st.characters(max_codepoint=126, min_codepoint=32)),
    )
    def asked(
        method: str, path: str, own: str, query: dict[str, Any], body: Any, wanted: str
    ) -> None:
        target = path.replace("{id}", own)
        reply = ask(server, method, target, body=body, headers={"Range": wanted}, **query)
        assert reply.status < 500

    with FlywheelServer(site) as server:
        asked()
        assert server.errors == []


def test_a_bug_is_recorded(site: Site) -> None:
    project = site.add_project("lab", "study")
    project.record["info"] = {"not": object()}
    with FlywheelServer(site) as server:
        assert ask(server, "GET", f"/api/projects/{project.id}").status == 500
        assert ask(server, "GET", "/api/version").status == 200
        assert len(server.errors) == 1


# ------------------------------------------------------------------------------------- TLS


def test_tls(site: Site, project: ProjectState) -> None:
    with FlywheelServer(site, tls=True) as server:
        assert server.url == f"https://127.0.0.1:{server.port}"
        assert ask(server, "GET", f"/api/projects/{project.id}").json["label"] == "study"
        # Who does not trust the certificate goes away; who speaks no TLS is told so.
        stranger = http.client.HTTPSConnection(
            server.host, server.port, context=ssl.create_default_context()
        )
        with closing(stranger), pytest.raises(ssl.SSLCertVerificationError):
            stranger.request("GET", "/api/version")
        plain = http.client.HTTPConnection(server.host, server.port)
        with closing(plain):
            plain.request("GET", "/api/version")
            assert plain.getresponse().status == 400
        assert server.count() == 1
        assert server.errors == []


@pytest.mark.parametrize(("name", "status"), [("flywheel.test", 200), ("example.org", 502)])
def test_the_proxy(site: Site, name: str, status: int) -> None:
    with FlywheelServer(site, tls=True) as server:
        context = ssl.create_default_context(cafile=str(server.certificate))
        tunnel = http.client.HTTPSConnection(server.host, server.port, context=context)
        tunnel.set_tunnel(name, 443)
        with closing(tunnel):
            if status == 200:
                for _ in range(2):
                    tunnel.request("GET", "/api/version")
                    assert tunnel.getresponse().read()
            else:
                with pytest.raises(OSError, match=str(status)):
                    tunnel.request("GET", "/api/version")
        assert server.tunnels == [f"{name}:443"]
        assert server.errors == []


# ------------------------------------------------------------------------------------ by hand


@pytest.mark.parametrize("tls", [False, True])
def test_by_hand(tmp_path: Path, tls: bool) -> None:
    snapshot, root = small_snapshot(tmp_path), tmp_path / "a root"
    command = [sys.executable, "-m", "tests.flywheel_server", str(snapshot)]
    options = ["--storage-root", str(root), "--key", "mine", *(["--tls"] if tls else [])]
    running = subprocess.Popen(
        [*command, *options], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    try:
        said = ""
        while "key for the SDK" not in said:
            line = running.stdout.readline()
            assert line, said
            said += line
        address = re.search(r"listens on (https?)://127\.0\.0\.1:(\d+)\n", said)
        assert address is not None
        assert address[1] == ("https" if tls else "http")
        socket.create_connection(("127.0.0.1", int(address[2]))).close()
    finally:
        running.terminate()
        running.communicate(timeout=60)
    assert running.returncode == 0
    assert ("SSL_CERT_FILE" in said) == tls
    assert f"storage at {root}" in said
