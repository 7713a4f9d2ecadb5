"""Snapshots: ordered, looked at, taken, gone."""

from __future__ import annotations

import gzip
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.flywheel_server import FlywheelServer, ProjectState, Site, SnapshotPlan
from tests.flywheel_server.asking import Reply, ask, told_by
from tests.support.datasets import small_study
from tests.support.snapshots import write_database


def place(project: ProjectState, *parts: str) -> str:
    return "/".join((f"/snapshot/projects/{project.id}/snapshots", *parts))


def order(server: FlywheelServer, project: ProjectState) -> str:
    record = ask(server, "POST", place(project)).json
    assert record["parents"] == {"group": "lab", "project": project.id}
    return str(record["_id"])


def take(server: FlywheelServer, project: ProjectState, snapshot: str) -> Reply:
    return ask(server, "GET", place(project, snapshot))


def test_a_snapshot_moves_on_with_each_look(server: FlywheelServer, project: ProjectState) -> None:
    snapshot = order(server, project)
    assert project.snapshots[snapshot].status == "pending"
    assert take(server, project, snapshot).status == 409
    assert told_by(server, place(project, snapshot, "detail"))["status"] == "in_progress"
    assert told_by(server, place(project))[0]["status"] == "complete"
    reply = take(server, project, snapshot)
    assert project.study.snapshot is not None
    assert reply.body == project.study.snapshot.read_bytes()
    assert reply.headers["content-type"] == "application/gzip"
    assert reply.headers["content-length"] == str(len(reply.body))


@pytest.mark.parametrize(
    ("plan", "seen"),
    [
        (SnapshotPlan(("pending", "failed")), ["failed"] * 4),
        (SnapshotPlan(("pending",)), ["pending"] * 4),
        (SnapshotPlan(polls_each=2), ["pending", "in_progress", "in_progress", "complete"]),
        (SnapshotPlan(("complete",)), ["complete"] * 4),
    ],
)
def test_plans(
    site: Site, server: FlywheelServer, project: ProjectState, plan: SnapshotPlan, seen: list[str]
) -> None:
    site.snapshot_behaviour = SnapshotPlan(("failed",))
    project.snapshot_plan = plan
    detail = place(project, order(server, project), "detail")
    assert [told_by(server, detail)["status"] for _ in seen] == seen


def test_a_plan_by_the_clock(site: Site, server: FlywheelServer, project: ProjectState) -> None:
    seconds = [100.0]
    site.clock = lambda: seconds[0]
    site.snapshot_behaviour = SnapshotPlan(seconds_each=10)
    detail = place(project, order(server, project), "detail")
    seen = []
    for seconds[0] in (100.0, 109.9, 110.0, 120.0, 1000.0):
        seen.append(told_by(server, detail)["status"])
    assert seen == ["pending", "pending", "in_progress", "complete", "complete"]


def test_lists_begin_with_the_oldest(server: FlywheelServer, project: ProjectState) -> None:
    created = [f"202{year}-01-01T00:00:00.000+00:00" for year in (4, 2, 3)]
    late, early, middle = (project.add_snapshot(created=one) for one in created)
    failed = project.add_snapshot("failed", "2021-01-01T00:00:00.000+00:00")
    cases: tuple[tuple[dict[str, Any], list[str]], ...] = (
        ({}, [failed, early, middle, late]),
        ({"filter": "status=complete"}, [early, middle, late]),
        ({"filter": "status=complete", "sort": "created:desc", "limit": 1}, [late]),
        ({"skip": 1, "limit": 2}, [early, middle]),
        ({"after_id": early}, [middle, late]),
    )
    for query, expected in cases:
        assert [one["_id"] for one in told_by(server, place(project), **query)] == expected
    headers = {"X-Accept-Feature": "pagination"}
    page = told_by(server, place(project), headers=headers, limit=3)
    assert (page["count"], page["total"]) == (3, 4)


def test_sites_without_details(site: Site, server: FlywheelServer, project: ProjectState) -> None:
    snapshot = project.add_snapshot()
    site.has_detail = False
    assert ask(server, "GET", place(project, snapshot, "detail")).status == 404
    assert told_by(server, place(project))[0]["_id"] == snapshot


def test_a_snapshot_that_others_delete(server: FlywheelServer, project: ProjectState) -> None:
    snapshot = project.add_snapshot()
    assert take(server, project, snapshot).status == 200
    project.delete_snapshot(snapshot)
    assert take(server, project, snapshot).status == 404
    assert ask(server, "GET", place(project, snapshot, "detail")).status == 404
    assert ask(server, "POST", place(project, snapshot, "access_log"), body={}).status == 404
    assert told_by(server, place(project)) == []


def test_the_use_is_logged(server: FlywheelServer, project: ProjectState) -> None:
    snapshot = project.add_snapshot()
    use = {"origin": "here", "destination": "there"}
    assert ask(server, "POST", place(project, snapshot, "access_log"), body=use).status == 200
    assert project.snapshots[snapshot].access_log == [use]


def test_data_of_its_own(
    site: Site, server: FlywheelServer, project: ProjectState, tmp_path: Path
) -> None:
    plain = write_database(tmp_path / "other.db", small_study(3))
    packed = gzip.compress(b"no database")
    cases = ((plain, plain.read_bytes()), (packed, b"no database"), (b"raw", b"raw"))
    for data, expected in cases:
        snapshot = project.add_snapshot(data=data)
        assert gzip.decompress(take(server, project, snapshot).body) == expected
    site.snapshot_behaviour = SnapshotPlan(("complete",), bytes=b"planned")
    ordered = order(server, project)
    assert gzip.decompress(take(server, project, ordered).body) == b"planned"


def test_a_project_without_a_snapshot_gets_an_empty_one(
    site: Site, server: FlywheelServer, tmp_path: Path
) -> None:
    project = site.add_project("lab", "empty")
    reply = take(server, project, project.add_snapshot())
    path = tmp_path / "taken.db"
    path.write_bytes(gzip.decompress(reply.body))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("select id from project").fetchall() == [(project.id,)]
        assert connection.execute("select count(*) from file").fetchone() == (0,)
