"""Files, and bytes in whole and in part."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.flywheel_server import FlywheelServer, ProjectState, Site
from tests.flywheel_server.asking import ask, told_by
from tests.support.datasets import identifier
from tests.support.shared_data import STUDIES, shared

DATA = bytes(range(256)) * 1000
NAME = "a b/c%ü+?#.tsv"


@pytest.fixture
def path(project: ProjectState) -> str:
    """Where a file of known bytes is."""
    return f"/api/files/{project.add_file(NAME, DATA)}/download"


@pytest.mark.parametrize("study", STUDIES)
def test_the_files_of_a_study(site: Site, server: FlywheelServer, study: str) -> None:
    folder = shared("data", study, "files")
    site.add_project(snapshot=shared("data", study, "snapshot.db.gz"), files=folder)
    kept = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in (*kept[:5], kept[-1]):
        record = told_by(server, f"/api/files/{path.parent.name}")
        assert (record["file_id"], record["name"]) == (path.parent.name, path.name)
        assert record["_id"].count("-") == 4
        by_id = ask(server, "GET", f"/api/files/{path.parent.name}/download")
        reference = record["parent_ref"]
        kinds = {"analysis": "analyses"}
        plural = kinds.get(reference["type"], f"{reference['type']}s")
        own = f"{reference['id']}/files/{quote(path.name, safe='')}"
        assert ask(server, "GET", f"/api/{plural}/{own}").body == path.read_bytes() == by_id.body
        assert ask(server, "GET", f"/api/containers/{own}").body == by_id.body


def test_files_in_containers(server: FlywheelServer, project: ProjectState) -> None:
    acquisition = identifier(4 << 32)
    found = project.add_file(NAME, DATA, parent=("acquisition", acquisition))
    assert told_by(server, f"/api/files/{found}")["parent_ref"]["id"] == acquisition
    name = quote(NAME, safe="")
    for kind, status in (("acquisitions", 200), ("containers", 200), ("sessions", 404)):
        reply = ask(server, "GET", f"/api/{kind}/{acquisition}/files/{name}")
        assert reply.status == status
        assert (reply.body == DATA) == (status == 200)
    assert ask(server, "GET", f"/api/projects/{project.id}/files/{name}").status == 404
    assert ask(server, "GET", f"/api/acquisitions/{acquisition}/files/other").status == 404


def test_versions(server: FlywheelServer, project: ProjectState) -> None:
    found = project.add_file("x", b"one", info={"n": 1})
    project.add_file("x", b"two", file_id=found, version=2, info={"n": 2})
    cases: list[tuple[dict[str, Any], bytes]] = [
        ({}, b"two"),
        ({"version": 1}, b"one"),
        ({"version": 2}, b"two"),
    ]
    for version, data in cases:
        number = int(data == b"two") + 1
        assert told_by(server, f"/api/files/{found}", **version)["info"] == {"n": number}
        for path in (f"/api/files/{found}/download", f"/api/projects/{project.id}/files/x"):
            assert ask(server, "GET", path, **version).body == data
    for path in (f"/api/files/{found}", f"/api/projects/{project.id}/files/x"):
        assert ask(server, "GET", path, version=3).status == 404
        assert ask(server, "GET", path, version="last").status == 400


def test_bytes_in_a_folder(server: FlywheelServer, project: ProjectState, tmp_path: Path) -> None:
    project.files = tmp_path
    found = project.add_file("x", None, size=3)
    project.add_file("x", None, file_id=found, version=2, size=3)
    path = f"/api/files/{found}/download"
    assert ask(server, "GET", path).status == 404
    (tmp_path / found / "1").mkdir(parents=True)
    (tmp_path / found / "x").write_bytes(b"new")
    (tmp_path / found / "1" / "x").write_bytes(b"old")
    assert ask(server, "GET", path).body == b"new"
    assert ask(server, "GET", path, version=1).body == b"old"
    empty = project.add_file("image.nii.gz", None)
    assert ask(server, "GET", f"/api/files/{empty}/download").body == b""
    outside = project.add_file("../../x", None, size=1)
    assert ask(server, "GET", f"/api/files/{outside}/download").status == 404


def test_files_that_others_delete(server: FlywheelServer, project: ProjectState) -> None:
    found = project.add_file("x", b"one")
    project.add_file("x", b"two", file_id=found, version=2)
    project.delete_file(found)
    by_name = f"/api/projects/{project.id}/files/x"
    for path in (f"/api/files/{found}", f"/api/files/{found}/download", by_name):
        assert ask(server, "GET", path).status == 404
    again = project.add_file("x", b"three")
    assert ask(server, "GET", by_name).body == b"three"
    files = told_by(server, f"/api/projects/{project.id}")["files"]
    assert [file["file_id"] for file in files] == [again]


def test_files_of_others(site: Site, server: FlywheelServer, path: str) -> None:
    site.add_key("none", read=())
    assert ask(server, "GET", path, key="none").status == 403


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("bytes=0-", 0, 256_000),
        ("bytes=255999-", 255_999, 256_000),
        ("bytes=70000-", 70_000, 256_000),
        ("bytes=10-19", 10, 20),
        ("bytes=255990-999999", 255_990, 256_000),
        ("bytes=-5", 255_995, 256_000),
        ("bytes=-999999", 0, 256_000),
    ],
)
@pytest.mark.parametrize("told", [True, False])
def test_ranges(
    site: Site, server: FlywheelServer, path: str, wanted: str, start: int, stop: int, told: bool
) -> None:
    site.sends_length = told
    reply = ask(server, "GET", path, headers={"Range": wanted})
    assert reply.status == 206
    assert reply.body == DATA[start:stop]
    assert reply.headers["content-range"] == f"bytes {start}-{stop - 1}/256000"
    assert ("content-length" in reply.headers) == told
    assert ("transfer-encoding" in reply.headers) != told


@pytest.mark.parametrize(
    "wanted", ["bytes=", "bytes=-", "lines=1-", "bytes=5-1", "bytes=a-b", "5-"]
)
def test_ranges_that_make_no_sense_are_ignored(
    server: FlywheelServer, path: str, wanted: str
) -> None:
    reply = ask(server, "GET", path, headers={"Range": wanted})
    assert (reply.status, reply.body) == (200, DATA)


def test_ranges_beyond_the_end(server: FlywheelServer, path: str) -> None:
    reply = ask(server, "GET", path, headers={"Range": "bytes=256000-"})
    assert (reply.status, reply.headers["content-range"]) == (416, "bytes */256000")


def test_a_range_of_what_is_still_the_same(
    server: FlywheelServer, project: ProjectState, path: str
) -> None:
    etag = ask(server, "GET", path).headers["etag"]
    resumed = {"Range": "bytes=9-", "If-Range": etag}
    assert ask(server, "GET", path, headers=resumed).status == 206
    project.add_file(NAME, DATA[::-1], file_id=path.split("/")[3])
    changed = ask(server, "GET", path, headers=resumed)
    assert (changed.status, changed.body) == (200, DATA[::-1])
    assert changed.headers["etag"] != etag


def test_sites_without_ranges(site: Site, server: FlywheelServer, path: str) -> None:
    site.supports_ranges = False
    reply = ask(server, "GET", path, headers={"Range": "bytes=9-"})
    assert (reply.status, reply.body) == (200, DATA)
    assert not {"etag", "accept-ranges", "content-range"} & reply.headers.keys()


def test_ranges_of_snapshots(site: Site, server: FlywheelServer, project: ProjectState) -> None:
    path = f"/snapshot/projects/{project.id}/snapshots/{project.add_snapshot()}"
    whole = ask(server, "GET", path)
    headers: Mapping[str, str] = {"Range": "bytes=100-", "If-Range": whole.headers["etag"]}
    assert ask(server, "GET", path, headers=headers).body == whole.body[100:]
    site.sends_length = False
    reply = ask(server, "GET", path)
    assert "content-length" not in reply.headers
    assert reply.body == whole.body


def test_heads_have_no_bodies(server: FlywheelServer, path: str) -> None:
    reply = ask(server, "HEAD", path)
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["content-length"] == "256000"
