"""What a hostile or broken site, and a forked process, cannot make of a connection."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from multiprocessing.connection import Connection as Pipe

import pytest

from fw_dataset.errors import FlywheelDeniedError, FlywheelError
from fw_dataset.flywheel import (
    ApiKey,
    Connection,
    project_by_id,
    save_directives,
    storage_credentials,
)
from fw_dataset.flywheel.answers import failure
from tests.flywheel_server import FlywheelServer, Respond, Site
from tests.support.flywheel_sites import KEY, Told, answering, connected, new_site, serving


@pytest.fixture
def site() -> Site:
    site = new_site()
    for number in range(40):
        site.add_project("lab", f"p{number}", project_id=f"{number:024x}")
    return site


@pytest.fixture
def server(site: Site) -> Iterator[FlywheelServer]:
    with serving(site) as server:
        yield server


def labels(connection: Connection, first: int) -> list[str]:
    return [project_by_id(connection, f"{n:024x}").label for n in range(first, 40, 2)]


def tell_labels(connection: Connection, first: int, pipe: Pipe) -> None:
    pipe.send(labels(connection, first))


def test_forked_processes_get_their_own_answers(server: FlywheelServer) -> None:
    with connected(server) as connection:
        labels(connection, 0)
        context = multiprocessing.get_context("fork")
        ends = [context.Pipe(duplex=False) for _ in range(2)]
        workers = [
            context.Process(target=tell_labels, args=(connection, first, end[1]))
            for first, end in enumerate(ends)
        ]
        for worker in workers:
            worker.start()
        told = [end[0].recv() for end in ends]
        for worker in workers:
            worker.join(60)
        assert told == [[f"p{n}" for n in range(first, 40, 2)] for first in (0, 1)]
        assert labels(connection, 0) == told[0], "the parent's connection works on"


@pytest.mark.parametrize("status", [302, 304, 301])
def test_what_saves_nothing_is_a_failure(site: Site, server: FlywheelServer, status: int) -> None:
    server.faults.append(Respond(status, body=b"", method="PATCH", path="/info"))
    with connected(server) as connection:
        project = project_by_id(connection, f"{3:024x}")
        with pytest.raises(FlywheelError, match=r"info\.dataset") as caught:
            save_directives(connection, project, {"type": "fs"})
    assert caught.value.status == status
    assert site.projects[project.id].record["info"] == {}


@pytest.mark.parametrize("body", [b"", b'{"modified": 0}'])
def test_what_was_said_to_be_saved_is_looked_at(server: FlywheelServer, body: bytes) -> None:
    server.faults.append(Respond(200, body=body, method="PATCH", path="/info"))
    with connected(server) as connection:
        project = project_by_id(connection, f"{3:024x}")
        with pytest.raises(FlywheelError, match="does not have it"):
            save_directives(connection, project, {"type": "fs"})
        saved = save_directives(connection, project, {"type": "fs"})
        again = save_directives(connection, saved, {"type": "fs"})
    assert again.info == saved.info == {"dataset": {"type": "fs"}}


def test_a_secret_is_hidden_before_the_message_is_cut() -> None:
    for before in range(250, 310):
        said = f'{{"message": "{"x" * before}{KEY}"}}'.encode()
        assert "hush" not in str(failure(400, said, "a thing", secret=KEY))


def test_nothing_is_told_of_what_is_private(server: FlywheelServer) -> None:
    for status in (400, 403, 500):
        body = b'{"message": "no: secret_access_key=hush"}'
        server.faults.append(Respond(status, body=body, path="/xfer/storage-creds", times=9))
        with (
            connected(server, times=1) as connection,
            pytest.raises(FlywheelError) as caught,
        ):
            storage_credentials(connection, "0" * 24)
        assert "hush" not in str(caught.value)
        assert str(status) in str(caught.value)
        assert isinstance(caught.value, FlywheelDeniedError) == (status == 403)
        server.faults.clear()


@pytest.mark.parametrize("place", ["ftp://elsewhere/x", "http://[", "https://a b/"])
def test_redirects_to_nowhere(place: str) -> None:
    def answer(_: object) -> Told:
        return 302, {"Location": place}, b""

    with (
        answering(answer) as (key, _),
        connected(key, times=1) as connection,
        pytest.raises(FlywheelError),
    ):
        connection.ask("GET", "/api/version", what="the version")


def test_names_that_have_no_bytes(server: FlywheelServer) -> None:
    with connected(server) as connection:
        with pytest.raises(FlywheelError, match="no such project"):
            project_by_id(connection, "\udfff")
        project = project_by_id(connection, f"{1:024x}")
        saved = save_directives(connection, project, {"type": "fs", "label": "\ud800"})
    assert saved.info["dataset"]["label"] == "\ud800"


def test_keys_as_a_workspace_may_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from fw_dataset.flywheel import find_api_key

    for host in ("https://site.org", "https://site.org/api", " site.org/ ", "site.org"):
        for key in ("hush", "Bearer hush", "scitran-user hush", "site.org:hush"):
            monkeypatch.setenv("FW_HOSTNAME", host)
            monkeypatch.setenv("FW_WS_API_KEY", key)
            assert find_api_key() == ApiKey("site.org", None, "https", "hush")
