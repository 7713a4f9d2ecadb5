"""The list of versions: what it says, and in how few questions to an object store."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import obstore
import pyarrow as pa
import pytest

from fw_dataset import Dataset
from fw_dataset.errors import StorageError
from fw_dataset.storage import LocalStorage
from fw_dataset.versions.catalog import Catalog
from fw_dataset.versions.overview import list_versions
from tests.support.datasets import write_old_version
from tests.support.emulators import Emulators
from tests.support.emulators.running import KINDS
from tests.support.proxy import proxy_before
from tests.support.store_places import StorePlace
from tests.support.watched_storage import content_of, memory_of
from tests.versions.three_versions import content_of_three

MANY = 50
ROUND_TRIP = 0.4


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return content_of_three(tmp_path_factory.mktemp("three"))


def copies(content: Mapping[str, bytes], version: str, count: int) -> dict[str, bytes]:
    """So many versions like one, each made a minute after the one before."""
    start = f"versions/{version}/"
    found = {}
    for number in range(count):
        for key, data in content.items():
            if key.startswith(start):
                if key.endswith("dataset_description.json"):
                    data = data.replace(b"T00:00:00.000", b"T00:%02d:00.000" % number)
                found[f"versions/n{number:02}/{key[len(start) :]}"] = data
    return found


def test_it_is_what_each_version_says(three: dict[str, bytes], tmp_path: Path) -> None:
    write_old_version(tmp_path, "v0", {"subjects": pa.table({"id": ["a", "b"]})}, label="old")
    write_old_version(tmp_path, "v9", {"bad": pa.table({"id": ["a"]})})
    mixed = memory_of({**three, **content_of(LocalStorage(tmp_path))})
    for key in [item.key for item in mixed.list("versions/v9/tables")]:
        mixed.put(key, b"no parquet")
    mixed.put("versions/v2/provenance/manifest.json", b"{")
    catalog = Catalog(mixed)

    found = list_versions(catalog)

    assert found == [version.info("v3") for version in catalog.versions()]
    assert [(info["version"], info["rows"], info["latest"]) for info in found] == [
        ("v3", 14, True),
        ("v2", None, False),
        ("v9", None, False),
        ("v1", 6, False),
        ("v0", 2, False),
    ]


def test_a_version_whose_manifest_cannot_be_had_is_told(three: dict[str, bytes]) -> None:
    from tests.support.watched_storage import failing_at

    outcomes = set()
    for step in range(1, 5):
        storage = failing_at(memory_of(three), step, done=False)
        try:
            outcomes.add(len(list_versions(Catalog(storage))))
        except StorageError:
            outcomes.add(0)
    assert outcomes <= {0, 3}


def fill(emulators: Emulators, kind: str, bucket: str, content: Mapping[str, bytes]) -> StorePlace:
    emulator = emulators.get(kind)
    emulator.make_bucket(bucket)
    store = emulator.store(bucket, "a/b")
    for key, data in content.items():
        obstore.put(store, key, data)
    return StorePlace(emulator, bucket, "a/b")


@pytest.mark.parametrize("kind", KINDS)
def test_two_round_trips_for_fifty_versions(
    emulators: Emulators, three: dict[str, bytes], kind: str
) -> None:
    content = copies(three, "v1", MANY)
    assert len(content) > 1000, "more than a store lists at once"
    place = fill(emulators, kind, "fifty", content)
    with proxy_before(place.emulator.port) as proxy:
        near = place.by_way_of(proxy.port)
        dataset = Dataset.open(near.url, near.credentials)
        proxy.forget()
        proxy.latency = ROUND_TRIP

        found = dataset.list_versions()

        assert [info["version"] for info in found] == [f"n{n:02}" for n in reversed(range(MANY))]
        assert {info["rows"] for info in found} == {6}
        assert proxy.depth() <= 2
        assert len(proxy.requests) <= 2 * MANY + 1


def test_old_versions_are_asked_side_by_side(emulators: Emulators, tmp_path: Path) -> None:
    for number in range(MANY):
        rows = pa.table({"id": [str(row) for row in range(number)]})
        write_old_version(tmp_path, f"o{number:02}", {"subjects": rows})
    place = fill(emulators, "s3", "fifty-old", content_of(LocalStorage(tmp_path)))
    with proxy_before(place.emulator.port) as proxy:
        near = place.by_way_of(proxy.port)
        dataset = Dataset.open(near.url, near.credentials)
        proxy.forget()
        proxy.latency = ROUND_TRIP

        found = dataset.list_versions()

        assert [info["rows"] for info in found] == list(reversed(range(MANY)))
        assert proxy.depth() <= 4
        assert len(proxy.requests) <= 3 * MANY + 3
