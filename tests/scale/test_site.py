"""All projects of a site: what becomes of each, again and again, and when it ends early."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from fw_dataset import Dataset, render_site
from fw_dataset.errors import (
    ApiKeyError,
    ControlColumnsError,
    FlywheelDeniedError,
    InvalidArgumentError,
    InvalidNameError,
    ProjectNotFoundError,
)
from fw_dataset.scale.site_report import ProjectOutcome
from tests.flywheel_server import FlywheelServer, ProjectState, Respond, Site, SnapshotPlan
from tests.support.datasets import small_study
from tests.support.flywheel_sites import KEY, Probe, new_site, serving, start_python
from tests.support.snapshots import write_snapshot

CREATED = "2024-05-06T07:08:09.010+00:00"


@pytest.fixture
def site() -> Site:
    return new_site()


@pytest.fixture
def server(site: Site) -> Iterator[FlywheelServer]:
    with serving(site) as server:
        yield server


def add(site: Site, folder: Path, group: str, label: str, subjects: int = 2) -> ProjectState:
    """A project with a complete snapshot of its own."""
    project_id = site.new_id()
    study = small_study(subjects, label=label)
    (_, record), *_ = study["project"]
    study["project"] = [(project_id, {**record, "_id": project_id, "parents": {"group": group}})]  # type: ignore[dict-item]
    snapshot = write_snapshot(folder / f"{group}-{label}.db.gz", study)
    project = site.add_project(group, label, snapshot=snapshot)
    project.add_snapshot(status="complete", created=CREATED)
    return project


@pytest.fixture
def lab(site: Site, tmp_path: Path) -> dict[str, ProjectState]:
    """Three projects of a group, and one of another."""
    places = [("lab", "one"), ("lab", "two"), ("lab", "three"), ("other", "one")]
    return {f"{group}/{label}": add(site, tmp_path, group, label) for group, label in places}


def happened(report: Any) -> dict[str, str]:
    return {one.project.removeprefix("fw://"): one.happened for one in report.projects}


def versions(folder: Path) -> list[str]:
    return sorted(path.parents[1].name for path in folder.rglob("dataset_description.json"))


def test_all_are_rendered_and_the_next_time_they_are_there(
    lab: dict[str, ProjectState], server: FlywheelServer, tmp_path: Path
) -> None:
    told: list[ProjectOutcome] = []
    render = partial(render_site, server.api_key(KEY), root_path=tmp_path / "data")

    first = render(version_label="Freeze 1", told=told.append)

    assert first.is_well
    assert first.counts == {"rendered": 4}
    assert [one.project for one in first.projects] == sorted(f"fw://{path}" for path in lab)
    assert sorted(told, key=lambda one: one.project) == list(first.projects)
    for one in first.projects:
        (version,) = lab[one.project.removeprefix("fw://")].snapshots
        assert (one.version, one.label, one.rows) == (version, "Freeze 1", 10)
        assert Dataset.open(str(one.location)).version == version
    before = versions(tmp_path / "data")
    assert len(before) == 4
    again = render()
    assert again.counts == {"already there": 4}
    assert [replace(one, happened="rendered", seconds=0.0) for one in again.projects] == [
        replace(one, seconds=0.0) for one in first.projects
    ]
    assert versions(tmp_path / "data") == before


def test_a_new_snapshot_is_rendered(
    lab: dict[str, ProjectState], server: FlywheelServer, tmp_path: Path
) -> None:
    render_site(server.api_key(KEY), root_path=tmp_path / "data")
    lab["lab/two"].add_snapshot(status="complete", created="2024-06-01T00:00:00Z")

    report = render_site(server.api_key(KEY))

    assert report.counts == {"already there": 3, "rendered": 1}
    assert happened(report)["lab/two"] == "rendered"


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ({}, {"lab/one", "lab/two", "lab/three", "other/one"}),
        ({"groups": "lab"}, {"lab/one", "lab/two", "lab/three"}),
        ({"groups": ["o*", "nothing"]}, {"other/one"}),
        ({"match": "one"}, {"lab/one", "other/one"}),
        ({"match": ["fw://lab/t*", "other/*"]}, {"lab/two", "lab/three", "other/one"}),
        ({"match": "*", "exclude": ["lab/*"]}, {"other/one"}),
        ({"groups": "lab", "match": "t*", "exclude": "t??"}, {"lab/three"}),
    ],
)
@pytest.mark.usefixtures("lab")
def test_which_projects_are_meant(
    server: FlywheelServer, tmp_path: Path, choices: dict[str, Any], expected: set[str]
) -> None:
    report = render_site(server.api_key(KEY), root_path=tmp_path, dry_run=True, **choices)

    assert happened(report) == dict.fromkeys(expected, "would be rendered")


def test_what_would_be_done_is_said_and_nothing_is_done(
    site: Site, lab: dict[str, ProjectState], server: FlywheelServer, tmp_path: Path
) -> None:
    root = tmp_path / "data"
    render_site(server.api_key(KEY), match="lab/one", root_path=root)
    site.add_project("lab", "without")
    coming = site.add_project("lab", "coming")
    coming.snapshot_plan = SnapshotPlan(("in_progress",))
    coming.order_snapshot()
    before, asked = versions(root), len(server.requests)

    report = render_site(server.api_key(KEY), root_path=root, dry_run=True)

    said = {one.project: (one.happened, one.why) for one in report.projects}
    assert said["fw://lab/one"] == ("already there", "")
    assert said["fw://lab/two"] == ("would be rendered", "")
    assert said["fw://lab/without"] == ("would be rendered", "a snapshot would be made first")
    assert said["fw://lab/coming"] == ("would be rendered", "its snapshot is being made")
    assert versions(root) == before
    changing = {"POST", "PATCH", "PUT", "DELETE"}
    assert [one for one in server.requests[asked:] if one.method in changing] == []
    assert lab["lab/two"].info == {}


def test_one_that_fails_does_not_stop_the_others(
    site: Site, lab: dict[str, ProjectState], server: FlywheelServer, tmp_path: Path
) -> None:
    site.add_project("lab", "broken").add_snapshot(data=b"no database")
    site.add_project("lab", "failing").snapshot_plan = SnapshotPlan(("pending", "failed"))
    site.add_project("lab", "elsewhere", info={"dataset": {"type": "s3", "bucket": "b"}})
    forbidden = add(site, tmp_path, "lab", "forbidden")
    server.faults.append(Respond(403, path=f"^/snapshot/projects/{forbidden.id}", times=None))

    report = render_site(server.api_key(KEY), root_path=tmp_path / "data", workers=3)

    assert not report.is_well
    assert report.stopped == ""
    assert report.counts == {"rendered": 4, "failed": 4}
    why = {one.project: one.why for one in report.projects if one.happened == "failed"}
    assert "snapshot" in why["fw://lab/broken"]
    assert "failed on" in why["fw://lab/failing"]
    assert "may not do this" in why["fw://lab/forbidden"]
    assert "relocate" in why["fw://lab/elsewhere"]
    assert len(versions(tmp_path / "data")) == len(lab)


def test_projects_that_the_key_may_not_read_are_not_there(
    site: Site, lab: dict[str, ProjectState], server: FlywheelServer, tmp_path: Path
) -> None:
    readable = [lab["lab/one"].id, lab["lab/two"].id]
    site.add_key("some" * 6, read=readable, write=readable[:1])

    report = render_site(server.api_key("some" * 6), root_path=tmp_path / "data")

    assert happened(report) == {"lab/one": "rendered", "lab/two": "failed"}
    (failed,) = (one for one in report.projects if one.happened == "failed")
    # It stands, and what it is lacking is told.
    assert (failed.rows, "could not be told" in failed.why) == (10, True)


def test_a_key_that_is_not_known_any_more_stops_all(
    lab: dict[str, ProjectState], server: FlywheelServer, tmp_path: Path
) -> None:
    first = min(lab, key=lambda path: f"fw://{path}")
    server.faults.append(Respond(401, path=f"^/api/projects/{lab[first].id}", times=None))

    report = render_site(server.api_key(KEY), root_path=tmp_path / "data", workers=1)

    assert "refuses the API key" in report.stopped
    assert happened(report)[first] == "failed"
    assert report.counts["failed"] == 1
    assert report.counts["not begun"] >= 2
    assert not report.is_well
    resumed = render_site(server.api_key(KEY), root_path=tmp_path / "data", exclude=first)
    assert resumed.is_well


@pytest.mark.usefixtures("lab")
def test_what_is_wrong_for_all_is_told_before_the_first(
    server: FlywheelServer, tmp_path: Path
) -> None:
    wrong: list[tuple[type[Exception], dict[str, Any]]] = [
        (ControlColumnsError, {"control_columns": {"nothing": ["a"]}}),
        (InvalidNameError, {"version_label": "a\n"}),
        (InvalidArgumentError, {"snapshot_timeout": -1}),
        (InvalidArgumentError, {"custom_info": ["nonsense"]}),
        (InvalidArgumentError, {"workers": 0}),
        (InvalidArgumentError, {"match": ""}),
        (ProjectNotFoundError, {"match": "nothing"}),
    ]
    for error, choices in wrong:
        with pytest.raises(error):
            render_site(server.api_key(KEY), root_path=tmp_path / "data", **choices)
    assert not (tmp_path / "data").exists()
    with pytest.raises(FlywheelDeniedError):
        render_site(server.api_key("another"), root_path=tmp_path)
    with pytest.raises(ApiKeyError):
        render_site("no key")


def test_an_executor_of_processes(
    lab: dict[str, ProjectState], server: FlywheelServer, tmp_path: Path
) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("forkserver")) as executor:
        report = render_site(
            server.api_key(KEY), groups="lab", root_path=tmp_path / "data", executor=executor
        )

    assert report.counts == {"rendered": 3}
    assert len(versions(tmp_path / "data")) == 3
    assert len(lab) == 4


def test_interrupted_it_tells_all_and_goes_on_the_next_time(
    site: Site, lab: dict[str, ProjectState], server: FlywheelServer, tmp_path: Path
) -> None:
    waiting = site.add_project("lab", "a waiting one")
    waiting.snapshot_plan = SnapshotPlan(("pending",))
    told: list[ProjectOutcome] = []

    def tell(outcome: ProjectOutcome) -> None:
        told.append(outcome)
        if len(told) == 1:
            raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        render_site(server.api_key(KEY), root_path=tmp_path / "data", workers=2, told=tell)

    assert time.monotonic() - began < 20
    assert len({one.project for one in told}) == len(told) == 5
    became = {one.project: one.happened for one in told}
    assert became["fw://lab/a waiting one"] == "interrupted"
    assert "not begun" in became.values()
    assert set(became.values()) <= {"rendered", "interrupted", "not begun"}
    site.delete_project(waiting.id)
    resumed = render_site(server.api_key(KEY), root_path=tmp_path / "data")
    assert resumed.is_well
    assert len(versions(tmp_path / "data")) == len(lab)
    assert {one.happened for one in resumed.projects} <= {"rendered", "already there"}


_RENDER = """
import sys
from fw_dataset import render_site
render_site(sys.argv[1], root_path=sys.argv[2], workers=1)
"""


def test_killed_it_goes_on_the_next_time(
    lab: dict[str, ProjectState], server: FlywheelServer, tmp_path: Path
) -> None:
    last = max(lab, key=lambda path: f"fw://{path}")
    killed: list[int] = []

    def kill() -> None:
        killed.append(process.pid)
        process.send_signal(signal.SIGKILL)

    server.faults.append(Probe(kill, path=rf"^/snapshot/projects/{lab[last].id}/snapshots/\w+$"))
    process = start_python(_RENDER, server.api_key(KEY), tmp_path / "data")
    process.communicate(timeout=100)

    assert (process.returncode, len(killed)) == (-signal.SIGKILL, 1)
    server.faults.clear()
    assert len(versions(tmp_path / "data")) == 3
    report = render_site(server.api_key(KEY), root_path=tmp_path / "data")
    assert report.counts == {"already there": 3, "rendered": 1}
    assert happened(report)[last] == "rendered"
    assert len(versions(tmp_path / "data")) == 4
