"""Snapshots: listed, made once, waited for, and taken up after an interruption."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import pytest

from fw_dataset.errors import (
    DownloadError,
    FlywheelDeniedError,
    FlywheelError,
    FlywheelNotFoundError,
    FlywheelUnreachableError,
    SnapshotCreationError,
    SnapshotTimeoutError,
)
from fw_dataset.flywheel import (
    Connection,
    SnapshotRecord,
    create_snapshot,
    download_snapshot,
    list_snapshots,
    wait_until_complete,
)
from tests.flywheel_server import (
    Drop,
    FlywheelServer,
    ProjectState,
    Respond,
    Site,
    SnapshotPlan,
    Truncate,
)
from tests.support.datasets import small_snapshot, tree
from tests.support.flywheel_sites import (
    KEY,
    Asked,
    Probe,
    Told,
    answering,
    connected,
    new_site,
    serving,
    start_python,
    told_json,
)

PLACE = "^/snapshot/projects/[^/]+/snapshots$"


@pytest.fixture
def site() -> Site:
    return new_site()


@pytest.fixture
def project(site: Site, tmp_path: Path) -> ProjectState:
    return site.add_project("lab", "study", snapshot=small_snapshot(tmp_path / "in"))


@pytest.fixture
def server(site: Site) -> Iterator[FlywheelServer]:
    with serving(site) as server:
        yield server


@pytest.fixture
def connection(server: FlywheelServer) -> Iterator[Connection]:
    with connected(server) as connection:
        yield connection


def wait(
    connection: Connection, project: ProjectState, snapshot: SnapshotRecord, timeout: float = 60
) -> tuple[SnapshotRecord, list[str]]:
    """What became of a snapshot, and what was told meanwhile."""
    told: list[str] = []
    done = wait_until_complete(connection, project.id, snapshot, timeout=timeout, told=told.append)
    return done, told


# --------------------------------------------------------------------------------------- the list


CREATED = {
    "c": "2024-03-01T00:00:00.000+00:00",
    "b": "2024-03-01T00:00:00Z",
    "a": "2024-02-29T23:00:00.123456-02:00",
    "e": "2024-02-01T00:00:00",
    "f": None,
    "d": "nonsense",
}


@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("paged", [True, False])
def test_the_newest_first_however_they_are_listed(turn: int, paged: bool) -> None:
    names = ["abcdef", "fedcba", "dbfaec", "cafebd"][turn]
    records = [{"_id": name, "status": "complete", "created": CREATED[name]} for name in names]
    page = {"count": 6, "total": 6, "results": records}
    with (
        answering(lambda _: told_json(page if paged else records)) as (key, _),
        connected(key) as connection,
    ):
        found = list_snapshots(connection, "p")
    assert [one.id for one in found] == ["a", "c", "b", "e", "f", "d"]
    assert found[0].created == datetime(2024, 3, 1, 1, 0, 0, 123456, timezone.utc)
    assert found[-1].created is None
    assert found[0].record == {"_id": "a", "status": "complete", "created": CREATED["a"]}


def test_a_great_many(connection: Connection, project: ProjectState) -> None:
    ids = {project.add_snapshot(created=f"2024-01-01T00:00:{n % 60:02}Z") for n in range(250)}
    assert {one.id for one in list_snapshots(connection, project.id)} == ids


def test_what_can_be_used() -> None:
    now = datetime.now(timezone.utc)

    def record(status: str, age: timedelta) -> SnapshotRecord:
        created = (now - age).isoformat()
        return SnapshotRecord.from_record({"_id": "s", "status": status, "created": created})

    hour, days = timedelta(hours=1), timedelta(days=3)
    assert record("complete", days).is_complete
    assert not record("failed", hour).is_complete
    assert record("pending", hour).is_coming
    assert record("in_progress", hour).is_coming
    assert not record("pending", days).is_coming, "it is stuck"
    assert SnapshotRecord.from_record({"_id": "s", "status": "pending"}).is_coming
    assert not record("failed", hour).is_coming
    assert not record("complete", hour).is_coming


# -------------------------------------------------------------------------------------- making one


def orders(server: FlywheelServer) -> int:
    return server.count("POST", "/snapshot")


@pytest.mark.parametrize(
    ("fault", "posts"),
    [
        (Drop(method="POST", path=PLACE, performed=True), 1),
        (Respond(502, method="POST", path=PLACE, performed=True), 1),
        (Respond(504, method="POST", path=PLACE, performed=True), 1),
        (Truncate(10, method="POST", path=PLACE), 1),
        (Drop(method="POST", path=PLACE), 2),
        (Respond(503, method="POST", path=PLACE), 2),
        (Respond(429, {"Retry-After": "0"}, method="POST", path=PLACE), 2),
        (Respond(500, method="POST", path=PLACE), 2),
        (Drop(method="GET", path=PLACE), 1),
    ],
)
def test_one_is_made_whatever_happens(
    server: FlywheelServer,
    connection: Connection,
    project: ProjectState,
    fault: Drop | Respond | Truncate,
    posts: int,
) -> None:
    old = project.add_snapshot()
    fault.hits = 0
    server.faults.append(fault)
    made = create_snapshot(connection, project.id)
    assert set(project.snapshots) == {old, made.id}
    assert orders(server) == posts
    assert fault.hits == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
def test_a_site_that_makes_none(
    server: FlywheelServer, connection: Connection, project: ProjectState, status: int
) -> None:
    """Nobody asks for a snapshot fifty times."""
    server.faults.append(Respond(status, method="POST", times=None))
    with pytest.raises(FlywheelUnreachableError, match=f"a new snapshot of.*{status}"):
        create_snapshot(connection, project.id)
    assert orders(server) == 7
    assert project.snapshots == {}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_a_site_that_refuses_one(
    server: FlywheelServer, connection: Connection, project: ProjectState, status: int
) -> None:
    server.faults.append(Respond(status, method="POST", times=None))
    with pytest.raises(FlywheelError, match=str(status)) as caught:
        create_snapshot(connection, project.id)
    assert caught.value.status == status
    assert isinstance(caught.value, FlywheelDeniedError) == (status in (401, 403))
    assert orders(server) == 1


@pytest.mark.parametrize("body", [b"null", b"[]", b"{}", b'"s"', b"", b"<html>", b'{"_id": 5}'])
def test_answers_that_are_no_record(
    server: FlywheelServer, connection: Connection, project: ProjectState, body: bytes
) -> None:
    server.faults.append(Respond(200, body=body, method="POST"))
    with pytest.raises(FlywheelError, match="a new snapshot"):
        create_snapshot(connection, project.id)


# ----------------------------------------------------------------------------------------- waiting


@pytest.mark.parametrize("has_detail", [True, False])
def test_until_it_is_complete(
    site: Site,
    server: FlywheelServer,
    connection: Connection,
    project: ProjectState,
    has_detail: bool,
) -> None:
    site.has_detail = has_detail
    made = create_snapshot(connection, project.id)
    server.forget()
    done, told = wait(connection, project, made)
    assert told == ["pending", "in_progress", "complete"]
    assert (done.id, done.status, done.created) == (made.id, "complete", made.created)
    details = server.count("GET", r".*/detail$")
    assert (details, len(server.requests) - details) == ((2, 0) if has_detail else (1, 2))


def test_a_complete_one_is_not_asked_for(
    server: FlywheelServer, connection: Connection, project: ProjectState
) -> None:
    project.add_snapshot()
    (known,) = list_snapshots(connection, project.id)
    server.forget()
    assert wait(connection, project, known, timeout=0) == (known, ["complete"])
    assert server.requests == []


def test_one_that_fails(connection: Connection, project: ProjectState) -> None:
    project.snapshot_plan = SnapshotPlan(("pending", "failed"))
    made = create_snapshot(connection, project.id)
    with pytest.raises(SnapshotCreationError, match=f"'{made.id}'.*failed.*force_new") as caught:
        wait(connection, project, made)
    assert not isinstance(caught.value, TimeoutError)


@pytest.mark.parametrize("has_detail", [True, False])
def test_one_that_is_deleted(
    site: Site,
    server: FlywheelServer,
    connection: Connection,
    project: ProjectState,
    has_detail: bool,
) -> None:
    site.has_detail = has_detail
    made = create_snapshot(connection, project.id)
    server.faults.append(Probe(project.snapshots.clear, path="/snapshots"))
    with pytest.raises(SnapshotCreationError, match=r"is there no more.*deleted.*force_new"):
        wait(connection, project, made)


def test_one_that_takes_too_long(connection: Connection, project: ProjectState) -> None:
    project.snapshot_plan = SnapshotPlan(("pending", "in_progress"))
    made = create_snapshot(connection, project.id)
    began = time.monotonic()
    with pytest.raises(SnapshotTimeoutError) as caught:
        wait(connection, project, made, timeout=1.2)
    assert 1.2 <= time.monotonic() - began < 4
    said = str(caught.value)
    for part in (made.id, project.id, "'in_progress' after 1 s", "127.0.0.1", "SNAPSHOT_TIMEOUT"):
        assert part in said


def test_pauses_grow(server: FlywheelServer, connection: Connection, project: ProjectState) -> None:
    project.snapshot_plan = SnapshotPlan(("pending", "complete"), polls_each=4)
    made = create_snapshot(connection, project.id)
    server.forget()
    wait(connection, project, made)
    began = [one.began for one in server.requests]
    pauses = [later - sooner for sooner, later in pairwise(began)]
    assert len(pauses) == 3
    assert pauses[0] < pauses[1] < pauses[2] < 5


def test_a_site_that_fails_meanwhile(
    server: FlywheelServer, connection: Connection, project: ProjectState
) -> None:
    made = create_snapshot(connection, project.id)
    server.faults += [Respond(503, path="detail$", times=3), Drop(path="detail$")]
    assert wait(connection, project, made)[0].is_complete
    server.faults.append(Respond(403, path="detail$"))
    with pytest.raises(FlywheelDeniedError):
        wait(connection, project, made)


def test_a_site_that_knows_details_of_some_only(project: ProjectState) -> None:
    """A detail that is missing once is looked for in the list, and is no end."""
    calls: list[str] = []

    def answer(asked: Asked) -> Told:
        calls.append(asked.path.rpartition("/")[2])
        status = "complete" if len(calls) > 4 else "pending"
        record = {"_id": "s", "status": status}
        if calls[-1] == "detail":
            return told_json({"message": "no such page"}, 404)
        return told_json([record])

    with answering(answer) as (key, _), connected(key) as connection:
        pending = SnapshotRecord.from_record({"_id": "s", "status": "pending"})
        assert wait(connection, project, pending)[0].is_complete
    assert (calls[0], calls.count("detail")) == ("detail", 1)


# ---------------------------------------------------------------------------------------- fetching


def test_fetching(connection: Connection, project: ProjectState, tmp_path: Path) -> None:
    project.add_snapshot()
    (known,) = list_snapshots(connection, project.id)
    received = download_snapshot(connection, project.id, known, tmp_path / "taken")
    sent = project.snapshot_content(project.snapshots[known.id])
    assert received.path.read_bytes() == b"".join(sent.pieces())


def test_what_cannot_be_fetched(
    server: FlywheelServer, connection: Connection, project: ProjectState, tmp_path: Path
) -> None:
    project.add_snapshot("pending")
    (pending,) = list_snapshots(connection, project.id)
    with pytest.raises(FlywheelError, match=f"snapshot '{pending.id}'.*409"):
        download_snapshot(connection, project.id, pending, tmp_path / "taken")
    project.delete_snapshot(pending.id)
    with pytest.raises(FlywheelNotFoundError, match=f"snapshot '{pending.id}'.*404"):
        download_snapshot(connection, project.id, pending, tmp_path / "taken")
    server.faults.append(Respond(200, body=b"<html>", times=None))
    with pytest.raises(DownloadError, match=f"snapshot '{pending.id}'"):
        download_snapshot(connection, project.id, pending, tmp_path / "taken")


# ------------------------------------------------------------------------------------ interruption


RENDER = """
import sys
from fw_dataset import DatasetBuilder
key, project, root, work = sys.argv[1:]
with DatasetBuilder(key, project, root_path=root, workdir=work) as builder:
    print(builder.render_dataset().version)
"""


def test_an_interruption_while_it_waits(
    server: FlywheelServer, project: ProjectState, tmp_path: Path
) -> None:
    project.snapshot_plan = SnapshotPlan(("pending", "complete"), polls_each=10_000)
    before = tree(tmp_path)
    given = (server.api_key(KEY), project.id, tmp_path / "root", tmp_path / "work")
    with start_python(RENDER, *given) as process:
        deadline = time.monotonic() + 60
        while server.count("GET", r".*/detail$") == 0:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        out, err = process.communicate(timeout=60)
    assert time.monotonic() - began < 5
    assert process.returncode == -signal.SIGINT, err
    assert "KeyboardInterrupt" in err
    assert (out, KEY in err) == ("", False)
    assert tree(tmp_path) == before
    assert project.info == {}

    (pending,) = project.snapshots.values()
    pending.polls = 10_000
    with start_python(RENDER, *given) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out.strip()) == (0, pending.id), err
    assert orders(server) == 1
    assert list(project.snapshots) == [pending.id]
