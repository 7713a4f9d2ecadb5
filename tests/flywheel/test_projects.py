"""Projects of a site: found by id and by path, listed, and told where their dataset is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fw_dataset.errors import (
    FlywheelDeniedError,
    FlywheelError,
    FlywheelNotFoundError,
    InvalidArgumentError,
    ProjectNotFoundError,
)
from fw_dataset.flywheel import (
    Connection,
    Project,
    list_projects,
    project_at,
    project_by_id,
    save_directives,
)
from tests.flywheel_server import Drop, FlywheelServer, Respond, Site
from tests.support.flywheel_sites import connected, new_site, serving

DIRECTIVES = {"type": "s3", "bucket": "b", "prefix": "p", "storage_id": None, "label": None}


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


def test_by_id(site: Site, connection: Connection) -> None:
    info = {"a": {"b": [1]}}
    state = site.add_project("lab", "study", info=info, description="what it is")
    found = project_by_id(connection, state.id)
    assert found == Project(state.id, "study", "lab", "what it is", info)
    assert found.path == "fw://lab/study"
    assert "'a'" not in repr(found), "info may be long, and may hold people's data"


@pytest.mark.parametrize("wrong", ["0" * 24, "x", "a/b", "a b", "ü", "%2e%2e", "a?b=c#d"])
def test_ids_of_nothing(server: FlywheelServer, connection: Connection, wrong: str) -> None:
    with pytest.raises(ProjectNotFoundError, match=r"127\.0\.0\.1 has no such project") as caught:
        project_by_id(connection, wrong)
    assert caught.value.status == 404
    assert isinstance(caught.value, FlywheelNotFoundError)
    (request,) = server.requests
    assert request.path.startswith("/api/projects/")
    assert request.query == {}


@pytest.mark.parametrize("wrong", ["", ".", ".."])
def test_ids_that_lead_elsewhere(
    server: FlywheelServer, connection: Connection, wrong: str
) -> None:
    with pytest.raises(InvalidArgumentError):
        project_by_id(connection, wrong)
    assert server.requests == []


@pytest.mark.parametrize(
    "label", ["study", "A study of 100%", "a/b/c", "Stüdie 日本", "a%20b", "50 ?"]
)
@pytest.mark.parametrize(
    "form", ["fw://lab/{}", "FW://lab/{}", "lab/{}", "/lab/{}/", "fw://lab/{}/"]
)
def test_by_path(site: Site, connection: Connection, label: str, form: str) -> None:
    state = site.add_project("lab", label, info={"a": 1})
    site.add_project("lab", "another")
    found = project_at(connection, form.format(label))
    assert (found.id, found.label, found.group) == (state.id, label, "lab")
    assert found.info == {"a": 1}, "a lookup leaves it out"


@pytest.mark.parametrize("path", ["", "lab", "fw://", "fw://lab", "fw://lab/", "//", "/lab//"])
def test_paths_that_name_no_project(
    server: FlywheelServer, connection: Connection, path: str
) -> None:
    with pytest.raises(InvalidArgumentError, match="write it as fw://group/project"):
        project_at(connection, path)
    assert server.requests == []


def test_paths_of_nothing(connection: Connection) -> None:
    with pytest.raises(ProjectNotFoundError, match="project fw://lab/nosuch"):
        project_at(connection, "lab/nosuch")


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ({"info": None}, {"info": {}}),
        ({"info": []}, {"info": {}}),
        ({"description": None}, {"description": ""}),
        ({"label": None}, {"label": ""}),
        ({"group": None}, {"group": "lab"}),
        ({"group": None, "parents": None}, {"group": ""}),
        ({"parents": None}, {"group": "lab"}),
    ],
)
def test_what_may_be_missing(missing: dict[str, object], expected: dict[str, object]) -> None:
    whole = {
        "_id": "p",
        "label": "study",
        "group": "lab",
        "parents": {"group": "lab"},
        "description": "d",
        "info": {"a": 1},
    }
    absent = {key: value for key, value in whole.items() if key not in missing}
    for record in ({**whole, **missing}, absent):
        found = Project.from_record(record)
        assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("record", "has_info"),
    [
        ({"info_exists": True}, True),
        ({"info_exists": False}, False),
        ({}, True),
        ({"info_exists": None}, True),
        ({"info": {"a": 1}, "info_exists": False}, True),
    ],
)
def test_whether_it_is_worth_asking(record: dict[str, object], has_info: bool) -> None:
    assert Project.from_record({"_id": "p", **record}).has_info == has_info


def test_the_list(site: Site, server: FlywheelServer, connection: Connection) -> None:
    states = [site.add_project("lab", f"p{n}", info={"a": n} if n % 2 else None) for n in range(5)]
    found = list(list_projects(connection))
    assert [project.id for project in found] == [state.id for state in states]
    assert [project.has_info for project in found] == [False, True, False, True, False]
    assert all(project.info == {} for project in found)
    (request,) = server.requests
    assert "pagination" in request.headers["x-accept-feature"].lower()


def test_the_list_is_lazy(site: Site, server: FlywheelServer, connection: Connection) -> None:
    for number in range(150):
        site.add_project("lab", f"p{number}")
    found = list_projects(connection)
    assert server.requests == []
    next(found)
    assert len(server.requests) == 1


@pytest.mark.parametrize("body", [b"null", b"[]", b"{}", b'"x"', b"5", b'{"_id": null}', b""])
def test_answers_that_are_no_project(
    site: Site, server: FlywheelServer, connection: Connection, body: bytes
) -> None:
    state = site.add_project("lab", "study")
    server.faults.append(Respond(200, body=body, times=None))
    with pytest.raises(FlywheelError):
        project_by_id(connection, state.id)
    with pytest.raises(FlywheelError):
        project_at(connection, "lab/study")


# ------------------------------------------------------------------------------------ info.dataset


def test_other_keys_stay(site: Site, server: FlywheelServer, connection: Connection) -> None:
    others = {"a": {"b": [1, None]}, "dataset2": "x"}
    state = site.add_project("lab", "study", info={**others, "dataset": {"type": "gcs"}})
    project = project_by_id(connection, state.id)
    state.record["info"]["meanwhile"] = "written by somebody else"

    saved = save_directives(connection, project, DIRECTIVES)

    assert state.info == {**others, "meanwhile": "written by somebody else", "dataset": DIRECTIVES}
    assert saved.info["dataset"] == DIRECTIVES
    assert (saved.id, saved.path, saved.info["a"]) == (state.id, "fw://lab/study", others["a"])
    (patch,) = [one for one in server.requests if one.method == "PATCH"]
    assert patch.path == f"/api/projects/{state.id}/info"


def test_what_people_wrote_beside_it_stays(site: Site, connection: Connection) -> None:
    said = {"type": "s3", "bucket": "old", "note": "ours"}
    state = site.add_project("lab", "study", info={"dataset": said})
    save_directives(connection, project_by_id(connection, state.id), DIRECTIVES)
    assert state.info == {"dataset": {**DIRECTIVES, "note": "ours"}}


def test_it_is_written_in_spite_of_a_bad_line(
    site: Site, server: FlywheelServer, connection: Connection
) -> None:
    state = site.add_project("lab", "study")
    project = project_by_id(connection, state.id)
    server.faults += [Drop(method="PATCH", performed=True), Respond(503, method="PATCH")]
    save_directives(connection, project, DIRECTIVES)
    assert state.info == {"dataset": DIRECTIVES}


def test_keys_that_may_not(site: Site, server: FlywheelServer) -> None:
    state = site.add_project("lab", "study")
    site.add_key("reader", write=[])
    site.add_key("blind", read=[])
    with connected(server, "reader") as connection:
        project = project_by_id(connection, state.id)
        with pytest.raises(FlywheelDeniedError, match=r"info\.dataset of project fw://lab/study"):
            save_directives(connection, project, DIRECTIVES)
    with connected(server, "blind") as connection:
        with pytest.raises(FlywheelDeniedError) as by_id:
            project_by_id(connection, state.id)
        with pytest.raises(PermissionError) as by_path:
            project_at(connection, "lab/study")
    assert by_id.value.status == 403
    assert isinstance(by_path.value, FlywheelDeniedError)
    assert state.info == {}
