"""From a site's project to SQL over its dataset, and nothing secret anywhere on the way."""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from fw_dataset import Dataset, DatasetBuilder, FWDatasetClient
from fw_dataset.errors import FWDatasetError, StorageNotFoundError
from tests.flywheel_server import Drop, FlywheelServer, Respond, Site, SnapshotPlan, Truncate
from tests.support.datasets import PROJECT_ID, small_snapshot
from tests.support.emulators import KINDS, Emulator, Emulators
from tests.support.emulators.s3 import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from tests.support.flywheel_sites import KEY, new_site, register, run_python, serving
from tests.support.shared_data import shared
from tests.support.store_places import StorePlace

_names = itertools.count()
OWN = "stüdy 100%/a+b"
QUESTION = """
    select s.label, count(*), sum(f.size), max(f.info->>'$.header.dicom.EchoTime')
    from files f join subjects s on s.id = f."parents.subject" group by 1 order by 1
"""


@pytest.fixture
def site() -> Site:
    return new_site()


@pytest.fixture
def server(site: Site) -> Iterator[FlywheelServer]:
    with serving(site) as server:
        yield server


@pytest.fixture
def bucket(emulator: Emulator) -> str:
    name = f"flywheel{os.getpid()}-{next(_names)}"
    emulator.make_bucket(name)
    return name


@pytest.fixture(params=KINDS)
def emulator(request: pytest.FixtureRequest, emulators: Emulators) -> Emulator:
    return emulators.get(request.param)


def test_render_find_query(
    site: Site, server: FlywheelServer, emulator: Emulator, bucket: str, tmp_path: Path
) -> None:
    storage = register(site, emulator, bucket, OWN, label="our box")
    project = site.add_project(
        "lab", "study", snapshot=small_snapshot(tmp_path, subjects=3, files=5), info={"keep": "me"}
    )
    with DatasetBuilder(
        server.api_key(KEY), project_path="fw://lab/study", storage_label="our box"
    ) as builder:
        rendered = builder.render_dataset(version_label="first")

    prefix = f"{OWN}/datasets/127.0.0.1/lab/{PROJECT_ID}"
    place = StorePlace(emulator, bucket, prefix)
    assert place.whole_versions() == list(project.snapshots) == [rendered.version]
    said = {"bucket": bucket, "prefix": prefix, "storage_id": storage.id, "label": "our box"}
    kind = storage.record["config"]["type"]
    assert project.info == {"keep": "me", "dataset": {"type": kind, **said}}

    with FWDatasetClient(server.api_key(KEY)) as client:
        (found,) = client.datasets()
        assert found.location == rendered.location
        assert found.version_label == "first"
        answers = found.execute(QUESTION).fetchall()
        assert [row[:2] for row in answers] == [(f"subject-{n}", 5) for n in range(3)]
        assert rendered.execute(QUESTION).fetchall() == answers

        site.delete_storage(storage.id)
        with pytest.raises(StorageNotFoundError, match=r"'our box'.*may have been deleted"):
            client.get_dataset(project.id)
    assert found.execute(QUESTION).fetchall() == answers, "what is open stays open"


@pytest.mark.parametrize("emulator", ["s3"], indirect=True)
def test_two_projects_share_a_storage(
    site: Site, server: FlywheelServer, emulator: Emulator, bucket: str, tmp_path: Path
) -> None:
    storage = register(site, emulator, bucket)
    projects = [
        site.add_project("lab", name, snapshot=small_snapshot(tmp_path, name), project_id=own)
        for name, own in (("one", PROJECT_ID), ("two", "f" * 24))
    ]
    with DatasetBuilder(server.api_key(KEY), PROJECT_ID, storage_id=storage.id) as builder:
        builder.render_dataset()
    with FWDatasetClient(server.api_key(KEY)) as client:
        (one,) = client.datasets()
        assert one.id == PROJECT_ID
    # The other project's snapshot is the first one's: it is not rendered into the wrong place.
    with (
        DatasetBuilder(server.api_key(KEY), "f" * 24, storage_id=storage.id) as builder,
        pytest.raises(FWDatasetError, match=f"of project '{PROJECT_ID}'"),
    ):
        builder.render_dataset()
    assert projects[1].info == {}


@pytest.mark.parametrize("emulator", ["s3"], indirect=True)
def test_a_bad_day(
    site: Site, server: FlywheelServer, emulator: Emulator, bucket: str, tmp_path: Path
) -> None:
    """Each kind of request fails once, and the download twice."""
    storage = register(site, emulator, bucket)
    project = site.add_project("lab", "study", snapshot=small_snapshot(tmp_path, subjects=50))
    server.faults += [
        Respond(503, path="^/api/lookup"),
        Drop(path=f"^/api/projects/{PROJECT_ID}$"),
        Respond(502, path="^/xfer/storages"),
        Drop(path="^/xfer/storage-creds"),
        Drop(method="POST", path="^/snapshot", performed=True),
        Respond(500, path="detail$"),
        Truncate(1000, path=r"/snapshots/\w+$", times=2),
        Drop(method="PATCH", performed=True),
        Respond(429, {"Retry-After": "1"}, path="^/api/projects$"),
    ]
    with DatasetBuilder(
        server.api_key(KEY), project_path="lab/study", storage_id=storage.id
    ) as builder:
        rendered = builder.render_dataset()
    with FWDatasetClient(server.api_key(KEY)) as client:
        (found,) = client.datasets()
    assert found.row_counts() == rendered.row_counts()
    assert found.row_counts()["subjects"] == 50
    assert len(project.snapshots) == 1
    assert all(fault.hits == fault.times for fault in server.faults)
    place = StorePlace(emulator, bucket, f"datasets/127.0.0.1/lab/{PROJECT_ID}")
    assert place.whole_versions() == [rendered.version]


@pytest.mark.parametrize("emulator", ["s3"], indirect=True)
def test_a_real_study(site: Site, server: FlywheelServer, emulator: Emulator, bucket: str) -> None:
    folder = shared("data", "ds000117")
    project = site.add_project(snapshot=folder / "snapshot.db.gz", files=folder / "files")
    counts = json.loads((folder / "counts.json").read_text())
    storage = register(site, emulator, bucket)
    with DatasetBuilder(server.api_key(KEY), project.id, storage_id=storage.id) as builder:
        builder.render_dataset(version_label=project.label)
    with FWDatasetClient(server.api_key(KEY)) as client:
        (dataset,) = client.datasets()
    assert (dataset.id, dataset.name) == (project.id, project.label)
    rows = dataset.row_counts()
    assert {name: rows[name] for name in rows if name in counts} == {
        name: counts[name] for name in rows if name in counts
    }
    assert rows["files"] > 100
    (total,) = dataset.execute("select count(*) from files").fetchall()[0]
    assert total == rows["files"]


# ----------------------------------------------------------------------------------------- secrets


WHOLE_PATH = """
import logging, pickle, sys, traceback
from pathlib import Path

import fw_dataset
from fw_dataset import DatasetBuilder, FWDatasetClient

key, wrong, out, storage, unknown = sys.argv[1:]
logging.basicConfig(filename=f"{out}/all.log", level=1, force=True)
logging.captureWarnings(True)
shown = []


def attempt(call):
    try:
        value = call()
        shown.append(value)
        return value
    except Exception as error:
        traceback.print_exc()
        traceback.print_stack()
        shown.append(error)


builder = attempt(lambda: DatasetBuilder(key, project_path="lab/study", storage_id=storage,
                                         workdir=f"{out}/work", progress=shown.append))
dataset = attempt(lambda: builder.render_dataset(remove_temp_files=False))
attempt(lambda: dataset.execute("select count(*) from files").fetchall())
attempt(lambda: dataset.execute("select nonsense from files"))
client = attempt(lambda: FWDatasetClient(key))
found = attempt(client.datasets)
attempt(lambda: found.problems)
for path in ("lab/study", "lab/refused", "lab/gone", "lab/dead", "lab/odd", "lab/none", "lab/no"):
    attempt(lambda: client.get_dataset(path=path))
attempt(lambda: FWDatasetClient(wrong).datasets())
attempt(lambda: FWDatasetClient(unknown).datasets())
attempt(lambda: FWDatasetClient(key + ":" + key))
attempt(lambda: FWDatasetClient("https://" + key.rpartition(":")[2] + " x"))
attempt(lambda: DatasetBuilder(key, project_path="lab/broken", storage_id=storage).render_dataset())
attempt(lambda: DatasetBuilder(key, project_path="lab/failed", storage_id=storage).render_dataset())
for number, one in enumerate(shown):
    print(repr(one), str(one), vars(one) if isinstance(one, Exception) else "")
    for thing in (one, getattr(one, "_connection", None), getattr(one, "_storage", None)):
        try:
            Path(f"{out}/{number}.pickle").write_bytes(pickle.dumps(thing))
        except Exception as error:
            print(type(error).__name__, error)
print("ends well", len(found), len(found.problems))
"""


def secretive(site: Site, server: FlywheelServer, emulator: Emulator, folder: Path) -> list[str]:
    """A site with all that can go wrong; the arguments of the script."""
    bucket = f"secrets{os.getpid()}"
    emulator.make_bucket(bucket)
    storage = register(site, emulator, bucket)
    refused = register(site, emulator, bucket, credentials_status=403)
    dead = register(site, emulator.at(9), bucket)
    odd = f"s3://{bucket}?access_key_id={ACCESS_KEY_ID}&{quote(SECRET_ACCESS_KEY)}"
    odd_storage = site.add_storage("odd", type="s3", url=odd)
    site.add_project("lab", "study", snapshot=small_snapshot(folder / "in"))
    for name, own in {
        "refused": refused.id,
        "dead": dead.id,
        "odd": odd_storage.id,
        "gone": "0" * 24,
    }.items():
        place = {"type": "s3", "bucket": bucket, "prefix": "p", "storage_id": own, "label": name}
        site.add_project("lab", name, info={"dataset": place})
    site.add_project("lab", "none")
    site.add_project("lab", "broken").add_snapshot(data=b"no database")
    site.add_project("lab", "failed").snapshot_plan = SnapshotPlan(("pending", "failed"))
    # What a site says is not to be trusted to leave the key out.
    told = json.dumps({"message": f"no key {KEY}wrong here"}).encode()
    server.faults.append(Respond(401, body=told, path="^/api/projects$", after=1))
    out = folder / "out"
    out.mkdir()
    unknown = f"http://nosuch.invalid:{KEY}"
    return [server.api_key(KEY), server.api_key(f"{KEY}wrong"), str(out), storage.id, unknown]


def leaks(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """Where one of the secrets stands in some bytes."""
    for secret in (KEY, SECRET_ACCESS_KEY, quote(SECRET_ACCESS_KEY), ACCESS_KEY_ID):
        for found in re.finditer(re.escape(secret.encode()), data):
            yield name, data[max(0, found.start() - 300) : found.end()]


def test_no_secret_is_written_anywhere(
    site: Site, server: FlywheelServer, emulators: Emulators, tmp_path: Path
) -> None:
    emulator = emulators.get("s3")
    arguments = secretive(site, server, emulator, tmp_path)

    status, said, wrong = run_python(WHOLE_PATH, *arguments, environment={"HOME": str(tmp_path)})

    assert status == 0, wrong
    assert "ends well 1 4" in said
    assert wrong.count("Traceback (most recent call last)") >= 12
    bucket = StorePlace(emulator, f"secrets{os.getpid()}", "")
    written = {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(written[f"{tmp_path}/out/all.log"]) > 10_000, "the log holds something"
    everything = {"out": said.encode(), "err": wrong.encode(), **bucket.content(), **written}
    assert sum("versions/" in name for name in everything) > 20
    assert [leak for name, data in everything.items() for leak in leaks(name, data)] == []


def test_a_dataset_opens_without_the_site(site: Site, tmp_path: Path) -> None:
    site.add_project("lab", "study", snapshot=small_snapshot(tmp_path / "in"))
    root = tmp_path / "root"
    with (
        serving(site) as server,
        DatasetBuilder(server.api_key(KEY), PROJECT_ID, root_path=root) as builder,
    ):
        location = builder.render_dataset().location
    assert Dataset.open(location).execute("select count(*) from files").fetchall() == [(2,)]
