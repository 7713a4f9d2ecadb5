"""Datasets in object stores, published beside themselves."""

from __future__ import annotations

from collections import Counter
from itertools import count
from pathlib import Path

import pytest
from pyiceberg.table import StaticTable

from fw_dataset import Dataset, publish_iceberg, render_snapshot
from fw_dataset.errors import StorageDeniedError
from fw_dataset.storage import MemoryStorage, address_of, open_storage
from tests.scale.iceberg.published import ours, theirs
from tests.support.datasets import CREATED, small_snapshot
from tests.support.emulators import Emulators
from tests.support.emulators.s3 import SECRET_ACCESS_KEY
from tests.support.store_places import StorePlace
from tests.support.watched_storage import watched

_buckets = count()


def test_beside_a_dataset_in_s3(emulators: Emulators, tmp_path: Path) -> None:
    """Written with our credentials; read by pyiceberg with its own."""
    emulator = emulators.get("s3")
    place = StorePlace(emulator, f"published{next(_buckets)}", "stüdy one/a+b")
    emulator.make_bucket(place.bucket)
    render_snapshot(
        small_snapshot(tmp_path, subjects=2),
        place.url,
        version="v1",
        created=CREATED,
        credentials=place.credentials,
    )
    dataset = Dataset.open(place.url, place.credentials)

    done = publish_iceberg(dataset)
    again = publish_iceberg(Dataset.open(place.url, place.credentials))

    assert {one.state for one in again.tables} == {"unchanged"}
    properties = {
        "s3.endpoint": emulator.endpoint,
        "s3.access-key-id": str(place.credentials["access_key_id"]),
        "s3.secret-access-key": SECRET_ACCESS_KEY,
        "s3.region": "us-east-1",
    }
    for one in done.tables:
        assert one.metadata_location == (
            f"s3://{place.bucket}/stüdy one/a+b/iceberg/{one.name}/metadata/v1.metadata.json"
        )
        table = StaticTable.from_metadata(one.metadata_location, properties)
        assert theirs(table) == ours(dataset, one.name)
    assert dataset.verify().ok
    content = place.content()
    assert content["iceberg/files/metadata/version-hint.text"] == b"1"
    for key, data in content.items():
        assert SECRET_ACCESS_KEY.encode() not in data, key
    assert dataset.remove() == []


def test_a_location_in_another_store(emulators: Emulators, tmp_path: Path) -> None:
    emulator = emulators.get("s3")
    place = StorePlace(emulator, f"elsewhere{next(_buckets)}", "")
    emulator.make_bucket(place.bucket)
    dataset = render_snapshot(small_snapshot(tmp_path / "in"), tmp_path / "out")

    (one,) = publish_iceberg(
        dataset, location=place.url, credentials=place.credentials, tables=["files"]
    ).tables

    assert one.metadata_location == f"s3://{place.bucket}/files/metadata/v1.metadata.json"
    assert not (tmp_path / "out/iceberg").exists()
    assert len(place.content()) == 4


def test_what_is_asked_of_a_store(tmp_path: Path) -> None:
    """Little of a table that is new, and less of one that is published."""
    render_snapshot(small_snapshot(tmp_path / "in"), tmp_path / "out")
    storage = MemoryStorage()
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file():
            storage.put(path.relative_to(tmp_path / "out").as_posix(), path.read_bytes())
    asked: list[str] = []
    dataset = Dataset(watched(storage, lambda _, name: asked.append(name)))
    dataset.row_counts()
    asked.clear()
    publish_iceberg(dataset, address="s3://b/p", tables=["files"])
    # Two for the versions; of the others, two write manifests and two what makes them seen.
    assert len(asked) <= 2 + 16, Counter(asked)
    assert (asked.count("put"), asked.count("put_if_absent")) == (2, 2)
    asked.clear()

    publish_iceberg(dataset, address="s3://b/p", tables=["files"])

    # For all tables, which versions there are, and the schemas; for each the hint, the metadata,
    # whether there is a newer one, and the hint once more.
    of_all = {"folders": 1, "list": 1, "get_many": 1}
    assert Counter(asked) == {**of_all, "get": 3, "exists": 1}


def test_addresses_for_other_systems(tmp_path: Path) -> None:
    key = {"access_key_id": "AKIA", "secret_access_key": "hush", "region": "us-east-1"}
    account = {"account_name": "acct", "account_key": "aHVzaA=="}
    assert address_of(open_storage(tmp_path)) == f"file://{tmp_path}"
    assert address_of(open_storage("s3://bucket/a%20b/c", key)) == "s3://bucket/a b/c"
    assert address_of(open_storage("s3://bucket", key)) == "s3://bucket"
    assert (
        address_of(open_storage("az://box/a/b", account))
        == "abfss://box@acct.dfs.core.windows.net/a/b"
    )


def test_a_store_that_refuses_says_so(tmp_path: Path) -> None:
    class ReadOnly(MemoryStorage):
        def put(self, key: str, data: bytes) -> None:
            raise StorageDeniedError(f"{key}: no room for {len(data)} bytes")

    storage = ReadOnly()
    render_snapshot(small_snapshot(tmp_path / "in"), tmp_path / "out")
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file():
            key = path.relative_to(tmp_path / "out").as_posix()
            storage.put_if_absent(key, path.read_bytes())
    with pytest.raises(StorageDeniedError):
        publish_iceberg(Dataset(storage), address="s3://b/p")
