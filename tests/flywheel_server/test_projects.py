"""Keys, projects, their lists and their info."""

from __future__ import annotations

from typing import Any

import pytest

from tests.flywheel_server import FlywheelServer, ProjectState, Site
from tests.flywheel_server.asking import ask, told_by
from tests.support.datasets import identifier

LONG_KEY = "k" * 57
PAGES = {"X-Accept-Feature": "pagination, Safe-Redirect"}


@pytest.fixture
def many(site: Site) -> list[str]:
    """Ids of projects in the order of lists: of two groups, with info and without."""
    return [
        site.add_project(f"lab{number % 2}", f"p{number}", info={"n": 1} if number < 3 else {}).id
        for number in range(7)
    ]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (None, 401),
        ("scitran-user KEY", 200),
        ("Bearer KEY", 401),
        ("scitran-user", 401),
        ("scitran-user other", 401),
        (f"Bearer {LONG_KEY}", 200),
        (f"bearer {LONG_KEY}", 401),
        (f"scitran-user {LONG_KEY}", 401),
    ],
)
def test_keys_come_with_the_scheme_of_their_kind(
    site: Site, server: FlywheelServer, sent: str | None, status: int
) -> None:
    site.add_key(LONG_KEY)
    headers = {} if sent is None else {"Authorization": sent}
    reply = ask(server, "GET", "/api/auth/status", key=None, headers=headers)
    assert reply.status == status
    if status == 401:
        assert set(reply.json) == {"status_code", "message", "reason", "request_id"}


def test_version_and_config_ask_for_no_key(server: FlywheelServer) -> None:
    for path in ("/api/version", "/api/config"):
        assert ask(server, "GET", path, key=None).status == 200


def test_admin_is_told(site: Site, server: FlywheelServer) -> None:
    site.add_key("user", admin=False)
    found = [
        ask(server, "GET", "/api/auth/status", key=key).json["user_is_admin"]
        for key in ("KEY", "user")
    ]
    assert found == [True, False]


def test_a_project_that_may_not_be_read(
    site: Site, server: FlywheelServer, many: list[str]
) -> None:
    site.add_key("some", read={many[2], many[4]}, write={many[0], many[2]})
    listed = ask(server, "GET", "/api/projects", key="some").json
    assert [one["_id"] for one in listed] == [many[2], many[4]]
    for path in ("/api/projects/{}", "/api/containers/{}", "/snapshot/projects/{}/snapshots"):
        assert ask(server, "GET", path.format(many[1]), key="some").status == 403
        assert ask(server, "GET", path.format(many[2]), key="some").status == 200
        assert ask(server, "GET", path.format("0" * 24), key="some").status == 404
    hidden = {"path": ["lab1", "p1"]}
    assert ask(server, "POST", "/api/lookup", key="some", body=hidden).status == 403
    change = {"set": {"a": 1}}
    changed = [
        ask(server, "PATCH", f"/api/projects/{one}/info", key="some", body=change).status
        for one in many[:5]
    ]
    assert changed == [403, 403, 200, 403, 403]


def test_lists_are_slim(server: FlywheelServer, many: list[str]) -> None:
    bare = told_by(server, "/api/projects")
    assert [one["_id"] for one in bare] == many
    assert [one["info_exists"] for one in bare] == [True] * 3 + [False] * 4
    assert not any("info" in one for one in bare)
    assert told_by(server, "/api/projects", include_all_info="true")[0]["info"] == {"n": 1}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [0, 1, 2, 3, 4, 5, 6]),
        ({"limit": 3}, [0, 1, 2]),
        ({"limit": 0}, [0, 1, 2, 3, 4, 5, 6]),
        ({"limit": 3, "page": 1}, [0, 1, 2]),
        ({"limit": 3, "page": 3}, [6]),
        ({"limit": 2, "skip": 5}, [5, 6]),
        ({"limit": 2, "sort": "label:desc"}, [6, 5]),
        ({"limit": 3, "sort": "group,label:desc"}, [6, 4, 2]),
        ({"filter": "label=p4"}, [4]),
        ({"filter": "group=lab1"}, [1, 3, 5]),
        ({"filter": "parents.group=lab1,label!=p3"}, [1, 5]),
        ({"filter": "info_exists=true"}, [0, 1, 2]),
        ({"filter": "label=~^p[56]"}, [5, 6]),
        ({"filter": "label>p4"}, [5, 6]),
        ({"filter": r"label=a\,b"}, []),
    ],
)
def test_what_lists_are_asked_for(
    server: FlywheelServer, many: list[str], query: dict[str, Any], expected: list[int]
) -> None:
    ids = [many[number] for number in expected]
    assert [one["_id"] for one in told_by(server, "/api/projects", **query)] == ids
    page = told_by(server, "/api/projects", headers=PAGES, **query)
    assert [one["_id"] for one in page["results"]] == ids
    assert page["count"] == len(ids)
    assert page["total"] >= len(ids)


@pytest.mark.parametrize(
    "query",
    [
        {"filter": "colour=red"},
        {"filter": "label"},
        {"filter": "label=~["},
        {"sort": "label:up"},
        {"limit": "many"},
        {"limit": "-1"},
        {"after_id": "0", "sort": "label"},
        {"after_id": "0", "skip": 1},
    ],
)
def test_what_lists_do_not_understand(server: FlywheelServer, query: dict[str, Any]) -> None:
    assert ask(server, "GET", "/api/projects", **query).status == 400


def test_pages_after_an_id_find_each_once(
    site: Site, server: FlywheelServer, many: list[str]
) -> None:
    found: list[str] = []
    while True:
        after = {"after_id": found[-1]} if found else {}
        page = told_by(server, "/api/projects", headers=PAGES, limit=2, **after)
        assert page["total"] == len(site.projects)
        if not page["results"]:
            break
        found += [one["_id"] for one in page["results"]]
        # One that is gone is a place in the order still.
        site.projects.pop(found[0], None)
    assert found == many


def test_pages_have_a_hundred_unless_told(site: Site, server: FlywheelServer) -> None:
    for number in range(103):
        site.add_project("lab", f"p{number}")
    page = told_by(server, "/api/projects", headers=PAGES)
    assert (page["count"], page["total"]) == (100, 103)
    assert len(told_by(server, "/api/projects")) == 103


def test_one_project(site: Site, server: FlywheelServer, project: ProjectState) -> None:
    project.add_file("notes.txt", b"text", info={"a": 1})
    found = told_by(server, f"/api/projects/{project.id}")
    assert (found["group"], found["label"], found["info"]) == ("lab", "study", {})
    assert [file["name"] for file in found["files"]] == ["notes.txt"]
    assert "info" not in found["files"][0]
    light = {"X-Accept-Feature": "Slim-Containers,Exclude-Files"}
    assert "files" not in told_by(server, f"/api/projects/{project.id}", headers=light)
    container = told_by(server, f"/api/containers/{project.id}")
    assert container["container_type"] == "project"
    site.tells_files = False
    assert "files" not in told_by(server, f"/api/projects/{project.id}")


def test_containers_below_a_project(server: FlywheelServer, project: ProjectState) -> None:
    assert project.study.files
    for level, kind in enumerate(("subject", "session", "acquisition"), 2):
        own = identifier(level << 32 | 1)
        found = told_by(server, f"/api/{kind}s/{own}")
        assert (found["_id"], found["label"], found["info"]) == (own, f"{kind}-1", {"number": 1})
        assert len(found["files"]) == (kind == "acquisition")
        assert told_by(server, f"/api/containers/{own}")["container_type"] == kind
        assert ask(server, "GET", f"/api/analyses/{own}").status == 404
        assert ask(server, "GET", f"/api/projects/{own}").status == 404


def test_the_record_comes_from_the_snapshot_unless_given(site: Site, project: ProjectState) -> None:
    again = site.add_project(snapshot=project.study.snapshot, description="another", info={"a": 1})
    assert (again.group, again.label, again.id) == ("lab", "study", project.id)
    assert (again.record["description"], again.info) == ("another", {"a": 1})


def test_missing_keys_can_be_told(server: FlywheelServer, project: ProjectState) -> None:
    project.record["info"] = None
    del project.record["description"]
    found = told_by(server, f"/api/projects/{project.id}")
    assert found["info"] is None
    assert "description" not in found
    assert told_by(server, "/api/projects")[0]["info_exists"] is False


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"path": ["lab", "study"]}, 200),
        ({"path": ["lab", "<id:63b0cd00f4df741e50442fa4>"]}, 200),
        ({"path": ["lab", "other"]}, 404),
        ({"path": ["lab"]}, 404),
        ({"path": "lab/study"}, 400),
        ({"path": [1]}, 400),
        ([], 400),
        ({}, 400),
    ],
)
def test_lookup(site: Site, server: FlywheelServer, body: Any, status: int) -> None:
    site.add_project("lab", "study", project_id="63b0cd00f4df741e50442fa4", info={"a": 1})
    reply = ask(server, "POST", "/api/lookup", body=body)
    assert reply.status == status
    if status == 200:
        assert reply.json["label"] == "study"
        assert reply.json["container_type"] == "project"
        assert "info" not in reply.json


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"set": {"a": {"x": 1}}}, {"a": {"x": 1}, "b": 2}),
        ({"set": {"c": 3}, "delete": ["a", "z"]}, {"b": 2, "c": 3}),
        ({"replace": {"c": 3}}, {"c": 3}),
        ({"set": {"c.d": [{"$e": 1}]}}, {"a": {"y": 1}, "b": 2, "c_d": [{"-e": 1}]}),
        ({}, None),
        ({"put": {}}, None),
        ({"set": 1}, None),
        ({"replace": {}, "set": {}}, None),
    ],
)
def test_changes_of_info(
    site: Site, server: FlywheelServer, body: Any, expected: dict[str, Any] | None
) -> None:
    project = site.add_project("lab", "study", info={"a": {"y": 1}, "b": 2})
    reply = ask(server, "PATCH", f"/api/projects/{project.id}/info", body=body)
    if expected is None:
        assert reply.status == 400
        assert project.info == {"a": {"y": 1}, "b": 2}
    else:
        assert reply.json == {"modified": 1}
        assert told_by(server, f"/api/projects/{project.id}")["info"] == expected
