"""Storages and their credentials."""

from __future__ import annotations

from tests.flywheel_server import FlywheelServer, Site
from tests.flywheel_server.asking import ask, told_by


def test_storages_and_credentials(site: Site, server: FlywheelServer) -> None:
    url = "s3://box/prefix?access_key_id=a%2Fb&secret_access_key=c"
    config = {"bucket": "box", "prefix": "prefix", "region": "us-east-1"}
    storage = site.add_storage("s", type="s3", config=config, url=url, refs={"group": "lab"})
    expected = {
        "_id": storage.id,
        "label": "s",
        "config": {"type": "s3", **config},
        "refs": {"group": "lab"},
    }
    assert told_by(server, "/xfer/storages") == {"count": 1, "total": 1, "results": [expected]}
    assert told_by(server, f"/xfer/storages/{storage.id}") == expected
    assert told_by(server, f"/xfer/storage-creds/{storage.id}") == {"url": url}
    storage.credentials_status = 403
    assert ask(server, "GET", f"/xfer/storage-creds/{storage.id}").status == 403
    site.delete_storage(storage.id)
    for path in ("/xfer/storages", "/xfer/storage-creds"):
        assert ask(server, "GET", f"{path}/{storage.id}").status == 404


def test_pages_of_storages(site: Site, server: FlywheelServer) -> None:
    ids = [site.add_storage(f"s{n}", type="fs", url="fs:///data").id for n in range(5)]
    found: list[str] = []
    while len(found) < 5:
        after = {"after_id": found[-1]} if found else {}
        page = told_by(server, "/xfer/storages", limit=2, **after)
        assert page["total"] == 5
        found += [one["_id"] for one in page["results"]]
    assert found == ids
