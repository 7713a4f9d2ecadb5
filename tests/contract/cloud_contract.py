"""What every object store does beyond the contract: real processes, buckets, credentials."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fw_dataset.errors import BucketNotFoundError, ObjectNotFoundError, StorageError
from fw_dataset.storage import ObjectInfo, Storage, open_storage
from fw_dataset.storage.location import open_filesystem
from fw_dataset.storage.objects import ObjectStorage
from tests.contract.fault_contract import FaultContract, Place
from tests.contract.keys import keys_of
from tests.contract.storage_contract import StorageContract
from tests.support.emulators import Emulators
from tests.support.processes import run_together

PREFIX = "data sets/ünï+c=3%41"


def call_with_storage(place: Place, function: Callable[..., Any], *arguments: Any) -> Any:
    return function(place.storage(), *arguments)


class CloudContract(FaultContract, StorageContract):
    """The suite for object stores; a subclass gives ``kind``."""

    kind: str
    turns = 24
    races = 3

    @pytest.fixture
    def place(self, emulators: Emulators) -> Iterator[Place]:
        emulator = emulators.get(self.kind)
        bucket = f"bucket-{uuid.uuid4().hex}"
        emulator.make_bucket(bucket)
        self._place = Place(emulator, bucket, PREFIX)
        yield self._place
        emulator.drop_bucket(bucket)

    @pytest.fixture
    def storage(self, place: Place) -> ObjectStorage:
        return place.storage()

    def together(self, calls: Sequence[partial[Any]]) -> list[Any]:
        """In processes, each of which opens the storage anew: a storage cannot be pickled."""
        outcomes = run_together(
            [partial(call_with_storage, self._place, c.func, *c.args[1:]) for c in calls]
        )
        for outcome in outcomes:
            if outcome.error is not None:
                raise outcome.error
        return [outcome.value for outcome in outcomes]

    # ------------------------------------------------------------------------------- places

    @pytest.mark.parametrize("prefix", ["", "a", "a/b", "a b/%41/+", "ä/x=1"])
    def test_places_by_url(self, place: Place, prefix: str) -> None:
        emulator, bucket = place.emulator, place.bucket
        whole = open_storage(emulator.url(bucket), emulator.credentials)
        below = open_storage(emulator.url(bucket, prefix), emulator.credentials)
        below.put_if_absent("folder/x", b"content")

        key = f"{prefix}/folder/x".lstrip("/")
        assert list(whole.list()) == [ObjectInfo(key, 7)]
        assert list(below.list()) == [ObjectInfo("folder/x", 7)]
        assert open_storage(below.url, emulator.credentials).get("folder/x") == b"content"

    @pytest.mark.parametrize("prefix", [None, "", "a", "/a b/%41/"])
    def test_places_by_type_and_bucket(self, place: Place, prefix: str | None) -> None:
        emulator, bucket = place.emulator, place.bucket
        below = open_filesystem(self.kind, bucket, prefix, dict(emulator.credentials))
        below.put("x", b"content")

        whole = open_storage(emulator.url(bucket), emulator.credentials)
        assert keys_of(whole) == [f"{(prefix or '').strip('/')}/x".lstrip("/")]

    def test_neighbours_are_not_seen(self, place: Place) -> None:
        Place(place.emulator, place.bucket, f"{PREFIX}2").storage().put("x", b"")
        Place(place.emulator, place.bucket, PREFIX.rpartition("/")[0]).storage().put("x", b"")

        assert keys_of(place.storage()) == []
        assert list(place.storage().folders()) == []

    def test_an_object_that_stands_for_a_folder(self, place: Place) -> None:
        """Consoles of clouds make such ones."""
        place.emulator.make_folder(place.bucket, f"{PREFIX}/folder/")
        place.storage().put("folder/x", b"")

        assert keys_of(place.storage()) == ["folder/x"]
        assert keys_of(place.storage(), "folder") == ["folder/x"]
        assert list(place.storage().folders()) == ["folder"]

    @pytest.mark.slow
    def test_more_objects_than_one_page_lists(self, storage: Storage, tmp_path: Path) -> None:
        (tmp_path / "x").write_bytes(b"")
        keys = [f"folder/{number:04}" for number in range(1_100)]
        storage.put_files([(key, tmp_path / "x") for key in keys])

        assert keys_of(storage) == keys
        storage.clear("folder")
        assert keys_of(storage) == []

    # ------------------------------------------------------------------- what is not there

    def test_a_bucket_that_is_not_there(self, place: Place, tmp_path: Path) -> None:
        missing = Place(place.emulator, "no-such-bucket", PREFIX)
        source = tmp_path / "source"
        source.write_bytes(b"")
        calls: list[Callable[[Storage], object]] = [
            lambda storage: list(storage.list()),
            lambda storage: storage.folders(),
            lambda storage: storage.get("x"),
            lambda storage: storage.get_ranges("x", [(0, 1)]),
            lambda storage: storage.check_writable(),
            lambda storage: storage.put("x", b""),
            lambda storage: storage.put_if_absent("x", b""),
            lambda storage: storage.put_file("x", source),
            lambda storage: storage.put_files([("x", source)]),
        ]
        for call in calls:
            with pytest.raises(BucketNotFoundError, match="no-such-bucket") as caught:
                call(missing.storage())
            assert "\n" not in str(caught.value)
        assert isinstance(missing.storage().get_many(["x"])[0], BucketNotFoundError)
        with pytest.raises(BucketNotFoundError):
            list(missing.storage().list())

    def test_a_large_file_for_a_bucket_that_is_not_there(
        self, place: Place, tmp_path: Path
    ) -> None:
        source = tmp_path / "source"
        source.write_bytes(b"x" * 20_000_000)
        with pytest.raises(BucketNotFoundError, match="no-such-bucket"):
            Place(place.emulator, "no-such-bucket", "").storage().put_file("x", source)

    def test_errors_name_the_object(self, storage: Storage) -> None:
        with pytest.raises(ObjectNotFoundError) as caught:
            storage.get("folder/näme with % in it")

        assert "folder/näme with % in it" in str(caught.value)
        assert storage.url in str(caught.value)
        assert isinstance(caught.value, StorageError)
