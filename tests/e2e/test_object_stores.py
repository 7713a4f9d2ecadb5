"""The same dataset in every store: rendered, read, copied, and in spite of all that goes wrong."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import obstore
import pytest

from fw_dataset import Dataset, FWDatasetClient, Progress, render_snapshot
from fw_dataset.errors import (
    BucketNotFoundError,
    DatasetNotFoundError,
    ObjectNotFoundError,
    StorageDeniedError,
    StorageError,
    VersionConflictError,
)
from fw_dataset.format.layout import VersionLayout
from fw_dataset.versions import claim
from tests.support.datasets import CREATED, small_snapshot
from tests.support.emulators import (
    AzureEmulator,
    Emulator,
    EmulatorMissingError,
    GCSEmulator,
    S3Emulator,
)
from tests.support.proxy import (
    Answer,
    Cut,
    Lose,
    Proxy,
    Request,
    Reset,
    always,
    proxy_before,
    sometimes,
)
from tests.support.store_places import StorePlace, ended, start_rendering

_names = itertools.count()
QUESTION = """
    select s.label, count(*), sum(f.size), max(f.info->>'$.header.dicom.EchoTime')
    from files f join subjects s on s.id = f."parents.subject" group by 1 order by 1
"""


@pytest.fixture(scope="module", params=[S3Emulator, GCSEmulator, AzureEmulator])
def emulator(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    try:
        started: Emulator = request.param()
    except EmulatorMissingError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture
def place(emulator: Emulator) -> StorePlace:
    bucket = f"bucket{next(_names)}"
    emulator.make_bucket(bucket)
    return StorePlace(emulator, bucket, "stüdy 100%/a+b")


@pytest.fixture
def proxy(place: StorePlace) -> Iterator[Proxy]:
    with proxy_before(place.emulator.port) as running:
        yield running


def render(place: StorePlace, snapshot: Path, **choices: Any) -> Dataset:
    return render_snapshot(snapshot, place.url, credentials=place.credentials, **choices)


def test_render_query_delete(place: StorePlace, tmp_path: Path) -> None:
    snapshot = small_snapshot(tmp_path, subjects=3, files=5)
    local = render_snapshot(snapshot, tmp_path / "local", created=CREATED)

    dataset = render(place, snapshot, created=CREATED, label="first")

    assert dataset.execute(QUESTION).fetchall() == local.execute(QUESTION).fetchall() != []
    assert dataset.list_versions()[0] == local.list_versions()[0] | {"label": "first"}
    assert dict(dataset.tables) == dict(local.tables)
    assert dataset.report() == local.report()
    assert place.whole_versions() == [dataset.version]
    again = render(place, snapshot, label="renamed")
    assert (again.version, again.version_label) == (dataset.version, "renamed")
    another = render(place, small_snapshot(tmp_path, "two", subjects=1), version="two")
    assert place.whole_versions() == sorted([dataset.version, "two"])
    assert another.row_counts()["subjects"] == 1
    with pytest.raises(VersionConflictError, match="another snapshot"):
        render(place, snapshot, version="two")

    place.storage.clear("versions/two")

    assert place.whole_versions() == [dataset.version]
    assert Dataset.open(place.url, place.credentials).version_label == "renamed"


def test_by_type_bucket_and_prefix(place: StorePlace, tmp_path: Path) -> None:
    render(place, small_snapshot(tmp_path))

    dataset = FWDatasetClient.get_dataset_from_filesystem(
        place.emulator.kind, place.bucket, place.prefix, place.credentials
    )

    assert dataset.connect().sql("select count(*) from subjects").fetchall() == [(2,)]
    empty = dataset.connect(fully_populate=False)
    assert empty.sql("select count(*), count(label) from subjects").fetchall() == [(0, 0)]


def test_what_is_not_there(place: StorePlace, tmp_path: Path) -> None:
    nowhere = StorePlace(place.emulator, "bucketnone", "x")
    with pytest.raises(DatasetNotFoundError):
        Dataset.open(place.url, place.credentials)
    with pytest.raises(BucketNotFoundError, match="bucketnone"):
        Dataset.open(nowhere.url, nowhere.credentials)
    with pytest.raises(BucketNotFoundError, match="bucketnone"):
        render(nowhere, small_snapshot(tmp_path))
    with pytest.raises(BucketNotFoundError):
        list(nowhere.storage.list())  # nor was it made
    assert place.content() == {}


def test_a_copy_elsewhere_opens(place: StorePlace, tmp_path: Path) -> None:
    asked = render(place, small_snapshot(tmp_path), label="first").execute(QUESTION).fetchall()
    other = place.beside("copy")
    store = other.emulator.store(other.bucket, other.prefix)
    folder = tmp_path / "copy"
    for key, data in place.content().items():
        obstore.put(store, key, data)
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(data)
    place.storage.clear("versions")

    copied = Dataset.open(other.url, other.credentials)
    assert copied.execute(QUESTION).fetchall() == asked
    assert copied.version_label == "first"
    assert Dataset.open(folder).execute(QUESTION).fetchall() == asked


def test_a_store_that_can_only_be_read(place: StorePlace, proxy: Proxy, tmp_path: Path) -> None:
    snapshot = small_snapshot(tmp_path)
    asked = render(place, snapshot).execute(QUESTION).fetchall()
    denied = Answer(403, b"<Error><Code>AccessDenied</Code></Error>")
    proxy.faults += [always(denied, method) for method in ("PUT", "POST", "DELETE")]
    shut = place.by_way_of(proxy.port)

    dataset = Dataset.open(shut.url, shut.credentials)

    assert dataset.execute(QUESTION).fetchall() == asked
    assert {request.method for request in proxy.requests} <= {"GET", "HEAD"}
    with pytest.raises(StorageDeniedError):
        render(shut, snapshot, version="two")
    assert len(place.whole_versions()) == 1


def test_requests_to_connect(place: StorePlace, proxy: Proxy, tmp_path: Path) -> None:
    snapshot = small_snapshot(tmp_path)
    for number in range(5):
        render(place, snapshot, version=f"v{number}", created=f"2024-01-0{number + 1}T00:00:00Z")
    near = place.by_way_of(proxy.port)
    proxy.latency = 0.1

    connection = Dataset.open(near.url, near.credentials).connect()

    assert len(proxy.requests) <= 10 + 5
    assert proxy.depth() <= 3
    proxy.forget()
    assert connection.sql("select count(*) from subjects").fetchall() == [(2,)]
    assert len(proxy.requests) == 0, "small files came with their footers"


@pytest.mark.parametrize("stride", [41, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("harm", [Reset(), Lose()], ids=["before", "after"])
def test_killed_at_each_request(
    place: StorePlace, proxy: Proxy, tmp_path: Path, harm: Reset | Lose, stride: int
) -> None:
    """Readers see the version whole or not at all, and the next writer ends what was begun."""
    snapshot = small_snapshot(tmp_path, subjects=1)
    expected = place.beside("whole")
    render(expected, snapshot, created=CREATED, version="v")
    near = place.by_way_of(proxy.port)
    first = 1 if stride == 1 else len(place.emulator.kind) + (harm == Lose())
    for step in itertools.count(first, stride):
        place.storage.clear("versions")
        place.storage.delete("README.md")
        proxy.forget()
        process = start_rendering(near, snapshot, created=CREATED, version="v")

        def kill(request: Request, step: int = step, pid: int = process.pid) -> Any:
            if request.number == step:
                os.kill(pid, signal.SIGKILL)
                return harm
            return None

        proxy.faults[:] = [kill]
        (said,) = ended([process])
        seen = {key for key in place.content() if key.endswith("dataset_description.json")}
        if seen:
            dataset = Dataset.open(place.url, place.credentials)
            assert dataset.execute(QUESTION).fetchall() != []
        if process.returncode == 0:
            break  # it was done before
        assert process.returncode == -signal.SIGKILL, said
        render(place, snapshot, created=CREATED, version="v")
        assert place.content() == expected.content(), step
    assert step > 20


@pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_writers_of_one_version(place: StorePlace, tmp_path: Path, rounds: int) -> None:
    """Four at once: one wins, the others find its version or are refused, nothing is mixed."""
    snapshots = [small_snapshot(tmp_path, f"s{n}", subjects=n + 1) for n in range(4)]
    for number in range(rounds):
        version = f"v{number}"
        said = ended([start_rendering(place, one, version=version) for one in snapshots])

        assert [text.strip() for text in said].count(version) == 1, said
        assert all("VersionConflictError" in text for text in said if text.strip() != version)
        assert version in place.whole_versions()
        dataset = Dataset.open(place.url, place.credentials)
        counts = dataset.row_counts(version)
        assert counts["subjects"] == counts["sessions"] == counts["acquisitions"]


@pytest.mark.parametrize("renders", [6, pytest.param(200, marks=pytest.mark.slow)])
def test_one_request_in_twenty_fails(
    place: StorePlace, proxy: Proxy, tmp_path: Path, renders: int
) -> None:
    snapshot = small_snapshot(tmp_path)
    harms: list[Answer | Reset | Lose | Cut] = [Answer(503), Answer(500), Reset(), Lose(), Cut(5)]
    proxy.faults.append(sometimes(0.05, harms, seed=len(place.emulator.kind)))

    # Ten to a dataset, as each rendering looks at all the versions before it.
    for tens in range(0, renders, 10):
        ten = place.beside(f"{tens:03}")
        versions = [f"v{number}" for number in range(min(10, renders - tens))]
        for version in versions:
            dataset = render(ten.by_way_of(proxy.port), snapshot, version=version)
            assert dataset.execute("select count(*) from files").fetchall() == [(2,)]
        assert ten.whole_versions() == versions
    assert any(request.harm for request in proxy.requests)


def test_a_claim_of_a_dead_writer_elsewhere(place: StorePlace, tmp_path: Path) -> None:
    snapshot = small_snapshot(tmp_path)
    layout = VersionLayout("v")
    storage = place.storage
    storage.put(layout.claim, claim.take(storage, layout).replace(b'"host": "', b'"host": "not-'))
    storage.put("versions/v/tables/subjects/left.parquet", b"left")

    with pytest.raises(VersionConflictError, match="--discard-claim"):
        render(place, snapshot, version="v")
    dataset = render(place, snapshot, version="v", discard_claim=True)

    assert place.whole_versions() == ["v"]
    assert dataset.row_counts()["subjects"] == 2


def test_a_data_file_that_is_gone(place: StorePlace, tmp_path: Path) -> None:
    """Our own error, not DuckDB's with a traceback in it."""
    dataset = render(place, small_snapshot(tmp_path))
    connection = dataset.connect()
    (key,) = [item.key for item in place.storage.list() if "/tables/subjects/" in item.key]
    place.storage.delete(key)
    assert connection.sql("select count(*) from files").fetchall() == [(2,)]

    with pytest.raises(ObjectNotFoundError, match="subjects"):
        Dataset.open(place.url, place.credentials).connect()


def test_a_cache_serves_the_second_reader(place: StorePlace, proxy: Proxy, tmp_path: Path) -> None:
    asked = render(place, small_snapshot(tmp_path)).execute(QUESTION).fetchall()
    near = place.by_way_of(proxy.port)
    for expected in (6, 0):
        proxy.forget()
        dataset = Dataset.open(near.url, near.credentials, cache=tmp_path / "cache")
        assert dataset.execute(QUESTION).fetchall() == asked
        assert proxy.count("GET", "parquet") == expected


@pytest.mark.parametrize("end", [StorageError("of the first"), KeyboardInterrupt(), None])
def test_a_displaced_writer_harms_nobody(
    place: StorePlace, tmp_path: Path, end: BaseException | None
) -> None:
    """The first one is taken for gone while it stores its files."""
    first, second = (small_snapshot(tmp_path, f"s{n}", subjects=n) for n in (2, 5))

    def be_displaced(progress: Progress) -> None:
        if progress.stage == "publish" and not displaced:
            displaced.append(render(place, second, version="v", discard_claim=True))
            if end is not None:
                raise end

    displaced: list[Dataset] = []
    with pytest.raises(type(end) if end is not None else VersionConflictError):
        render(place, first, version="v", progress=be_displaced)

    dataset = Dataset.open(place.url, place.credentials)
    assert dataset.row_counts() == displaced[0].row_counts()
    assert dataset.execute("select count(*) from subjects").fetchall() == [(5,)]


def test_stray_files_are_no_rows(place: StorePlace, tmp_path: Path) -> None:
    dataset = render(place, small_snapshot(tmp_path))
    asked = dataset.execute(QUESTION).fetchall()
    for name in ("subjects/._a.parquet", "subjects/stray.parquet", "else/where.parquet"):
        place.storage.put(f"versions/{dataset.version}/tables/{name}", b"no parquet at all")

    assert Dataset.open(place.url, place.credentials).execute(QUESTION).fetchall() == asked
