"""Storages of a site: where they are, which one is meant, and what opens them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fw_dataset.errors import FlywheelDeniedError, FlywheelError, StorageNotFoundError
from fw_dataset.flywheel import (
    Connection,
    Project,
    StorageRecord,
    list_storages,
    storage_by_id,
    storage_by_label,
    storage_credentials,
)
from tests.flywheel_server import FlywheelServer, Respond, Site
from tests.support.flywheel_sites import connected, new_site, serving

PROJECT = Project("p1", "study", "lab")


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


@pytest.mark.parametrize(
    ("kind", "config", "bucket", "prefix"),
    [
        ("s3", {"bucket": "b", "prefix": "a/b", "region": "r"}, "b", "a/b"),
        ("s3", {"bucket": "b", "prefix": "/a/b/"}, "b", "a/b"),
        ("s3", {"bucket": "b", "prefix": None}, "b", ""),
        ("gs", {"bucket": "b"}, "b", ""),
        ("az", {"account": "acc", "container": "c", "prefix": "x"}, "c", "x"),
        ("fs", {"path": "/data/x"}, "/data/x", ""),
        ("s3", {}, "", ""),
    ],
)
def test_where_they_are(
    site: Site, connection: Connection, kind: str, config: dict[str, Any], bucket: str, prefix: str
) -> None:
    state = site.add_storage("box", type=kind, config=config, url="hush")
    found = storage_by_id(connection, state.id)
    assert found == StorageRecord(state.id, "box", kind, bucket, prefix)
    assert list(list_storages(connection)) == [found]
    assert storage_by_label(connection, "box", PROJECT) == found
    assert "hush" not in repr(found)


def test_records_that_lack_almost_all() -> None:
    for record in ({"_id": "s"}, {"_id": "s", "config": None, "label": None, "refs": None}):
        assert StorageRecord.from_record(record) == StorageRecord("s", "", "", "", "")


# ---------------------------------------------------------------------------------------- by label


OF_LAB, OF_PROJECT = {"group": "lab"}, {"group": "lab", "project": "p1"}
OF_OTHERS = {"group": "other", "project": "p2"}


@pytest.mark.parametrize(
    ("refs", "wanted"),
    [
        ([None], 0),
        ([OF_OTHERS], 0),
        ([None, OF_LAB], 1),
        ([OF_LAB, OF_PROJECT, None], 1),
        ([OF_OTHERS, {"project": "p1"}, OF_LAB], 1),
        ([OF_OTHERS, OF_LAB], 1),
    ],
)
def test_the_nearest_of_a_label(
    site: Site, connection: Connection, refs: list[dict[str, str] | None], wanted: int
) -> None:
    site.add_storage("another", type="fs", url="x", refs=OF_PROJECT)
    ids = [site.add_storage("box", type="fs", url="x", refs=one).id for one in refs]
    assert storage_by_label(connection, "box", PROJECT).id == ids[wanted]


@pytest.mark.parametrize("refs", [[None, None], [OF_LAB, OF_LAB, None], [OF_PROJECT, OF_PROJECT]])
def test_several_that_fit_alike(
    site: Site, connection: Connection, refs: list[dict[str, str] | None]
) -> None:
    ids = [site.add_storage("box", type="fs", url="x", refs=one).id for one in refs]
    alike = [own for own, one in zip(ids, refs, strict=True) if one == refs[0]]
    with pytest.raises(StorageNotFoundError, match="name one by its id") as caught:
        storage_by_label(connection, "box", PROJECT)
    assert f"{len(alike)} storages" in str(caught.value)
    assert [own for own in ids if own in str(caught.value)] == alike


def test_labels_of_nothing(site: Site, connection: Connection) -> None:
    with pytest.raises(StorageNotFoundError, match=r"127\.0\.0\.1 has none; there are none"):
        storage_by_label(connection, "box", PROJECT)
    for label in ("Box One", "tape"):
        site.add_storage(label, type="fs", url="x")
    with pytest.raises(StorageNotFoundError, match=r"did you mean 'Box One'.*Box One, tape"):
        storage_by_label(connection, "box one", PROJECT)


def test_a_label_on_the_third_page(
    site: Site, server: FlywheelServer, connection: Connection
) -> None:
    ids = [site.add_storage(f"s{number}", type="fs", url="x").id for number in range(250)]
    assert storage_by_label(connection, "s249", PROJECT).id == ids[249]
    assert len(server.requests) == 3


# -------------------------------------------------------------------------------------- credentials


def test_credentials(site: Site, connection: Connection) -> None:
    url = "s3://box/p?access_key_id=A%2FB&secret_access_key=c%3D"
    state = site.add_storage("box", type="s3", url=url)
    assert storage_credentials(connection, state.id) == {"url": url}


def test_credentials_that_are_refused(site: Site, connection: Connection) -> None:
    state = site.add_storage("box", type="s3", url="hush", credentials_status=403)
    with pytest.raises(FlywheelDeniedError, match="ask the site's admin") as caught:
        storage_credentials(connection, state.id, "storage 'box' (s3://b/p)")
    assert "credentials of storage 'box' (s3://b/p): 127.0.0.1 refuses" in str(caught.value)
    assert caught.value.status == 403
    state.credentials_status = 401
    with pytest.raises(FlywheelDeniedError, match="make a new one"):
        storage_credentials(connection, state.id)


def test_a_storage_that_is_deleted(site: Site, connection: Connection) -> None:
    state = site.add_storage("box", type="s3", url="hush")
    site.delete_storage(state.id)
    with pytest.raises(StorageNotFoundError, match=f"'{state.id}'.*may have been deleted") as one:
        storage_by_id(connection, state.id)
    with pytest.raises(StorageNotFoundError, match="may have been deleted") as other:
        storage_credentials(connection, state.id)
    assert one.value.status == other.value.status == 404


@pytest.mark.parametrize(
    "body", [b"{}", b'{"url": ""}', b'{"url": null}', b'{"url": ["hush"]}', b'["hush"]', b""]
)
def test_credentials_without_a_url(
    server: FlywheelServer, connection: Connection, body: bytes
) -> None:
    server.faults.append(Respond(200, body=body))
    with pytest.raises(FlywheelError, match="gives none") as caught:
        storage_credentials(connection, "s")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("body", [b"null", b"[]", b'{"_id": 5}', b'{"_id": "s", "config": "x"}'])
def test_answers_that_are_no_storage(
    server: FlywheelServer, connection: Connection, body: bytes
) -> None:
    server.faults.append(Respond(200, body=body))
    with pytest.raises(FlywheelError):
        storage_by_id(connection, "s")


def test_a_strange_storage_among_others(server: FlywheelServer, connection: Connection) -> None:
    """It does not hide the others."""
    body = b'[{"_id": "a", "config": "x"}, {"_id": "b", "label": "box", "config": {"type": "fs"}}]'
    server.faults.append(Respond(200, body=b'{"total": 2, "results": ' + body + b"}"))
    assert storage_by_label(connection, "box", PROJECT).id == "b"
