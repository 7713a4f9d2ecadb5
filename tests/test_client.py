"""Opening datasets: those of a site, those of its projects, and by the kind of storage."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from fw_dataset import Dataset, DatasetLoader, FWDatasetClient
from fw_dataset.errors import (
    ApiKeyError,
    BucketNotFoundError,
    CredentialsError,
    DatasetNotFoundError,
    DirectivesError,
    FlywheelDeniedError,
    FlywheelError,
    FlywheelUnreachableError,
    FWDatasetError,
    InvalidArgumentError,
    ProjectNotFoundError,
    StorageError,
    StorageNotFoundError,
    StorageUnreachableError,
    UnsupportedLocationError,
)
from tests.flywheel_server import Drop, FlywheelServer, ProjectState, Respond, Site, Stall
from tests.support.datasets import write_old_version
from tests.support.emulators import Emulator, Emulators
from tests.support.flywheel_sites import (
    KEY,
    Probe,
    folder_info,
    new_site,
    register,
    run_python,
    serving,
)

PREFIX = "datasets/flywheel.test/lab/123"


@pytest.fixture
def site() -> Site:
    return new_site()


@pytest.fixture
def server(site: Site) -> Iterator[FlywheelServer]:
    with serving(site) as server:
        yield server


@pytest.fixture
def client(server: FlywheelServer) -> Iterator[FWDatasetClient]:
    with FWDatasetClient(server.api_key(KEY)) as client:
        yield client


@pytest.fixture
def project(site: Site, bucket: Path) -> ProjectState:
    return site.add_project("lab", "study", info=folder_info(bucket, PREFIX))


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    write_old_version(tmp_path / PREFIX, "v1", {"subjects": pa.table({"id": ["a"]})})
    write_old_version(tmp_path, "root", {"subjects": pa.table({"id": ["a", "b"]})})
    return tmp_path


@pytest.mark.parametrize("fs_type", ["fs", "local", "file"])
@pytest.mark.parametrize("prefix", [PREFIX, f"{PREFIX}/", f"/{PREFIX}", PurePosixPath(PREFIX)])
def test_bucket_and_prefix(bucket: Path, fs_type: str, prefix: str) -> None:
    for root in (bucket, str(bucket), f"{bucket}/"):
        dataset = FWDatasetClient.get_dataset_from_filesystem(fs_type, root, prefix)
        assert dataset.version == "v1"
        assert dataset.execute("select count(*) from subjects").fetchall() == [(1,)]


def test_the_old_spelling(bucket: Path) -> None:
    client = FWDatasetClient("flywheel.test:key")
    dataset = client.get_dataset_from_filesystem("fs", str(bucket), PREFIX, {})
    assert dataset.version == "v1"
    named = FWDatasetClient.get_dataset_from_filesystem(
        fs_type="fs", bucket=str(bucket), prefix=PREFIX, credentials=None
    )
    assert named.version == "v1"
    parameters = list(inspect.signature(client.get_dataset_from_filesystem).parameters)
    assert parameters == ["fs_type", "bucket", "prefix", "credentials"]


@pytest.mark.parametrize("prefix", ["", None, "/"])
def test_no_prefix(bucket: Path, prefix: str | None) -> None:
    dataset = FWDatasetClient.get_dataset_from_filesystem("fs", bucket, prefix)
    assert dataset.version == "root"


def test_no_dataset(bucket: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match="nosuch"):
        FWDatasetClient.get_dataset_from_filesystem("fs", bucket, "nosuch")
    assert not (bucket / "nosuch").exists()


def test_another_type(bucket: Path) -> None:
    secret = {"key": "hush-hush"}
    with pytest.raises(UnsupportedLocationError, match=r"'nfs'.*'fs'.*'local'") as caught:
        FWDatasetClient.get_dataset_from_filesystem("nfs", bucket, PREFIX, secret)
    assert "hush" not in str(caught.value)
    assert "hush" not in repr(FWDatasetClient.get_dataset_from_filesystem("fs", bucket, "", secret))


# -------------------------------------------------------------------------------------- one project


@pytest.mark.parametrize("given", [{"path": "fw://lab/study"}, {"path": "lab/study"}, {}])
def test_a_project(client: FWDatasetClient, project: ProjectState, given: dict[str, Any]) -> None:
    given = given or {"dataset_id": project.id}
    dataset = client.get_dataset(**given)
    assert dataset.version == "v1"
    assert dataset.execute("select count(*) from subjects").fetchall() == [(1,)]


def test_the_workspaces_project(
    site: Site,
    server: FlywheelServer,
    project: ProjectState,
    bucket: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = site.add_project("lab", "other", info=folder_info(bucket))
    monkeypatch.setenv("FW_HOSTNAME", server.url)
    monkeypatch.setenv("FW_WS_API_KEY", KEY)
    with FWDatasetClient() as client:
        with pytest.raises(InvalidArgumentError, match="FW_WS_PROJECT_ID"):
            client.get_dataset()
        monkeypatch.setenv("FW_WS_PROJECT_ID", other.id)
        assert client.get_dataset().version == "root"
        named = SimpleNamespace(id=project.id)
        explicit = ({"dataset_id": project.id}, {"path": "lab/study"}, {"project": named})
        for given in explicit:
            found: Dataset = client.get_dataset(**given)
            assert found.version == "v1"
    assert DatasetLoader().load_dataset().version == "root"
    assert DatasetLoader(project_id=project.id).load_dataset().version == "v1"


def test_a_loader_loads_again(server: FlywheelServer, project: ProjectState) -> None:
    loader = DatasetLoader(server.api_key(KEY), project.id)
    assert [loader.load_dataset().version for _ in range(2)] == ["v1", "v1"]


SDK = """
import sys
import flywheel
from fw_dataset import FWDatasetClient
ours, theirs = sys.argv[1:]
site = flywheel.Client(theirs)
for project in (site.lookup("lab/study"), next(site.projects.iter())):
    with FWDatasetClient(ours) as client:
        print(client.get_dataset(project=project).version)
"""


@pytest.mark.usefixtures("project")
def test_an_object_of_the_sdk(server: FlywheelServer) -> None:
    status, out, err = run_python(SDK, server.api_key(KEY), server.sdk_key(KEY))
    assert (status, out.split()) == (0, ["v1", "v1"]), err


def test_a_class_of_ones_own(client: FWDatasetClient, project: ProjectState) -> None:
    class Ours(Dataset):
        pass

    assert type(client.get_dataset(project.id, dataset_class=Ours)) is Ours


def test_arguments_that_do_not_go_together(client: FWDatasetClient, project: ProjectState) -> None:
    wrong: list[dict[str, Any]] = [
        {"dataset_id": project.id, "path": "lab/study"},
        {"path": "lab"},
        {"path": "fw://"},
        {"project": object()},
        {"project": SimpleNamespace(id=5)},
    ]
    for given in wrong:
        with pytest.raises(InvalidArgumentError, match="project"):
            client.get_dataset(**given)


def test_a_client_that_is_closed(server: FlywheelServer, project: ProjectState) -> None:
    with FWDatasetClient(server.api_key(KEY)) as client:
        dataset = client.get_dataset(project.id)
        assert repr(client) == "FWDatasetClient('127.0.0.1')"
    assert dataset.execute("select 1").fetchall() == [(1,)]
    for ask in (client.datasets, lambda: client.get_dataset(project.id)):
        with pytest.raises(FlywheelError, match="closed"):
            ask()


# ---------------------------------------------------------------------------------- what goes wrong


S3 = {"type": "s3", "bucket": "clientbucket", "prefix": "p"}
FAULTS: dict[str, tuple[dict[str, Any], type[FWDatasetError], str]] = {
    "no info": ({}, DirectivesError, "fw-dataset render fw://lab/study"),
    "no type": ({"bucket": "b"}, DirectivesError, "it has no type"),
    "no version": ({"type": "fs", "bucket": "/nowhere"}, DatasetNotFoundError, "/nowhere"),
    "storage gone": ({**S3, "storage_id": "0" * 24}, StorageNotFoundError, "been deleted"),
    "refused": ({**S3, "storage_id": "refused"}, FlywheelDeniedError, "ask the site's admin"),
    "no bucket": ({**S3, "bucket": "nosuch", "storage_id": "s3"}, BucketNotFoundError, "nosuch"),
    "nothing there": ({**S3, "storage_id": "s3"}, DatasetNotFoundError, "s3://clientbucket/p"),
    "out of reach": ({**S3, "storage_id": "dead"}, StorageUnreachableError, "clientbucket"),
    "odd url": ({**S3, "storage_id": "odd"}, CredentialsError, "s3://clientbucket/p"),
    "too long": ({"type": "fs", "bucket": "/" + "x" * 300}, StorageError, "too long"),
    "no path": ({"type": "fs", "bucket": "/a\0b"}, FWDatasetError, "NUL"),
}


@pytest.fixture
def faulty(site: Site, emulators: Emulators) -> Emulator:
    """A site with storages of all kinds."""
    emulator = emulators.get("s3")
    with suppress(RuntimeError):  # another test made it
        emulator.make_bucket("clientbucket")
    register(site, emulator, "clientbucket", storage_id="s3")
    register(site, emulator, "clientbucket", storage_id="refused", credentials_status=403)
    register(site, emulator.at(9), "clientbucket", storage_id="dead")
    odd = "s3://clientbucket?access_key_id=hush-id&secret_access_key"
    site.add_storage("odd", type="s3", url=odd, storage_id="odd")
    return emulator


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "out of reach"])
@pytest.mark.usefixtures("faulty")
def test_a_project_whose_dataset_cannot_be_opened(
    site: Site, client: FWDatasetClient, fault: str
) -> None:
    said, kind, reason = FAULTS[fault]
    site.add_project("lab", "study", info={"dataset": said})
    with pytest.raises(kind, match=reason) as caught:
        client.get_dataset(path="lab/study")
    assert "hush" not in str(caught.value)


@pytest.mark.usefixtures("project")
def test_a_site_that_refuses(server: FlywheelServer, site: Site) -> None:
    with FWDatasetClient(server.api_key("hush-no-key")) as client:
        for ask in (client.datasets, lambda: client.get_dataset(path="lab/study")):
            with pytest.raises(FlywheelDeniedError, match="make a new one") as caught:
                ask()
            assert "hush" not in str(caught.value)
    site.add_key("blind", read=[])
    with FWDatasetClient(server.api_key("blind")) as client:
        with pytest.raises(FlywheelDeniedError, match="ask the project's or site's admin"):
            client.get_dataset(path="lab/study")
        assert client.datasets() == []


@pytest.mark.parametrize("key", ["", "nothing", "hush hush:hush", "hush:99999:hush"])
def test_keys_that_cannot_be(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FW_HOSTNAME", raising=False)
    with pytest.raises(ApiKeyError) as caught:
        FWDatasetClient(key)
    assert "hush" not in str(caught.value)


def test_no_site_there() -> None:
    with FWDatasetClient(f"http://127.0.0.1:9:{KEY}") as client:
        for ask in (client.datasets, lambda: client.get_dataset("0" * 24)):
            with pytest.raises(FlywheelUnreachableError, match=r"http://127\.0\.0\.1:9"):
                ask()


# ----------------------------------------------------------------------------- those of a site


def fill(site: Site, emulator: Emulator, folder: Path, projects: int, datasets: int) -> None:
    """Add projects, each tenth of which has a dataset in a storage of its own."""
    written = write_old_version(folder / "any", "v1", {"subjects": pa.table({"id": ["a"]})})
    files = {path.relative_to(folder / "any"): path for path in written.rglob("*.*")}
    emulator.make_bucket("manydatasets")
    every = projects // datasets
    for number in range(projects):
        info: dict[str, Any] = {}
        if number % every == every - 1:
            storage = register(site, emulator, "manydatasets", f"at{number:03}")
            place = {"type": "s3", "bucket": "manydatasets", "prefix": f"at{number:03}"}
            info = {"dataset": {**place, "storage_id": storage.id, "label": "many"}}
            store = emulator.store("manydatasets", f"at{number:03}")
            for key, path in files.items():
                store.put(key.as_posix(), path.read_bytes())
        site.add_project("lab", f"p{number:03}", info=info)


def test_a_great_site(
    site: Site,
    server: FlywheelServer,
    client: FWDatasetClient,
    emulators: Emulators,
    tmp_path: Path,
) -> None:
    fill(site, emulators.get("s3"), tmp_path, projects=200, datasets=20)
    server.faults += [Stall(0.05, times=None, path=r"/api/projects/.")]

    datasets = client.datasets()

    assert datasets.problems == []
    assert [one.location[-5:] for one in datasets] == [f"at{n:03}" for n in range(9, 200, 10)]
    for dataset in (datasets[0], datasets[-1]):
        assert dataset.execute("select count(*) from subjects").fetchall() == [(1,)]
    assert server.count("GET", r"/api/projects$") <= 3
    assert len(server.requests) <= 3 + 20 * 3
    assert 5 <= server.most_at_once() <= 10


@pytest.mark.usefixtures("faulty")
def test_those_that_cannot_be_opened_are_named(
    site: Site,
    server: FlywheelServer,
    client: FWDatasetClient,
    bucket: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faults = {name: fault for name, fault in FAULTS.items() if name != "no info"}
    site.add_project("lab", "first", info=folder_info(bucket))
    for name, (said, _, _) in faults.items():
        site.add_project("lab", name, info={"dataset": said})
    gone = site.add_project("lab", "gone", info=folder_info(bucket))
    site.add_project("lab", "none", info={"other": 1})
    site.add_project("lab", "empty")
    site.add_project("lab", "last", info=folder_info(bucket, PREFIX))
    server.faults.append(Probe(lambda: site.delete_project(gone.id), path="/api/projects/."))
    # Nobody waits for a store that does not answer.
    monkeypatch.setattr("fw_dataset.storage.location._RETRIES", {"max_retries": 0})

    datasets = client.datasets()

    assert [one.version for one in datasets] == ["root", "v1"]
    problems = {one.project: one for one in datasets.problems}
    assert list(problems) == [f"fw://lab/{name}" for name in [*faults, "gone"]]
    assert isinstance(problems["fw://lab/gone"].error, ProjectNotFoundError)
    for name, (_, kind, _) in faults.items():
        assert isinstance(problems[f"fw://lab/{name}"].error, kind), name
    refused = problems["fw://lab/refused"]
    assert (refused.location, refused.dataset) == ("s3://clientbucket/p", None)
    assert isinstance(refused.error, FlywheelError)
    assert refused.error.status == 403
    assert "hush" not in repr(datasets.problems)


def test_a_place_that_no_text_names(
    site: Site, server: FlywheelServer, client: FWDatasetClient, bucket: Path
) -> None:
    """JSON has texts that no file's name can be."""
    odd = site.add_project("lab", "odd", info=folder_info(bucket))
    site.add_project("lab", "study", info=folder_info(bucket, PREFIX))
    record = {"_id": odd.id, "label": "odd", "group": "lab", "info": folder_info("/\ud800")}
    path = f"/api/projects/{odd.id}"
    server.faults.append(Respond(200, body=json.dumps(record).encode(), path=path, times=None))

    datasets = client.datasets()

    assert [one.version for one in datasets] == ["v1"]
    assert [one.project for one in datasets.problems] == ["fw://lab/odd"]


def test_each_dataset_as_soon_as_it_is_opened(
    site: Site, server: FlywheelServer, client: FWDatasetClient, bucket: Path
) -> None:
    for number in range(250):
        site.add_project("lab", f"p{number}", info=folder_info(bucket))
    found = client.find_datasets()
    assert server.requests == []
    first = next(found)
    assert first.dataset is not None
    assert first.location == str(bucket)
    assert server.count("GET", r"/api/projects$") == 1
    assert server.count("GET", r"/api/projects/.") <= 11
    assert sum(1 for _ in found) == 249
    assert server.count("GET", r"/api/projects$") == 3


def test_a_list_that_breaks_off(
    site: Site, server: FlywheelServer, client: FWDatasetClient, bucket: Path
) -> None:
    for number in range(101):
        site.add_project("lab", f"p{number}", info=folder_info(bucket) if number > 98 else {})
    server.faults += [Drop(path="/api/projects$"), Respond(503, path="/api/projects/.")]
    assert len(client.datasets()) == 2
    server.faults += [Respond(403, path="/api/projects$", after=1)]
    with pytest.raises(FlywheelDeniedError):
        client.datasets()
