"""Small documents are replaced whole, though others write them and connections break."""

from __future__ import annotations

import pytest

from fw_dataset.errors import (
    ObjectNotFoundError,
    StorageUnreachableError,
    VersionConflictError,
    VersionNotFoundError,
)
from fw_dataset.storage import MemoryStorage
from fw_dataset.versions.catalog import Catalog
from fw_dataset.versions.deletion import delete_version
from fw_dataset.versions.labels import relabel
from fw_dataset.versions.rewriting import rewrite
from tests.support.emulators import Emulators
from tests.support.proxy import Lose, Reset, once, proxy_before
from tests.support.store_places import StorePlace
from tests.support.watched_storage import content_of, memory_of, watched
from tests.versions.three_versions import content_of_three, without


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return content_of_three(tmp_path_factory.mktemp("three"))


def add(letter: bytes, content: bytes) -> bytes:
    return content if letter in content else content + letter


def test_it_is_changed_once() -> None:
    storage = memory_of({"key": b"a"})
    for _ in range(2):
        assert rewrite(storage, "key", lambda content: add(b"b", content)) == b"ab"
    with pytest.raises(ObjectNotFoundError):
        rewrite(storage, "none", lambda content: content)


def test_what_others_write_meanwhile_is_kept() -> None:
    inner = memory_of({"key": b""})
    letters = iter(b"xyz")

    def write(_: int, name: str) -> None:
        if name == "replace" and (letter := next(letters, None)) is not None:
            inner.put("key", inner.get("key") + bytes([letter]))

    rewrite(watched(inner, write), "key", lambda content: add(b"b", content))
    assert inner.get("key") == b"xyzb"


def test_others_who_do_not_stop() -> None:
    inner = memory_of({"key": b""})

    def write(_: int, name: str) -> None:
        if name == "replace":
            inner.put("key", inner.get("key") + b"x")

    with pytest.raises(VersionConflictError, match="keep changing"):
        rewrite(watched(inner, write), "key", lambda content: add(b"b", content))


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("times", [1, 4, 99])
def test_broken_connections(done: bool, times: int) -> None:
    inner = memory_of({"key": b"a"})
    left = list(range(times))

    def fail(_: int, name: str) -> None:
        if name == "replace" and left:
            left.pop()
            raise StorageUnreachableError("it broke")

    storage = watched(inner, after=fail) if done else watched(inner, before=fail)
    if times == 99 and not done:
        with pytest.raises(StorageUnreachableError):
            rewrite(storage, "key", lambda content: add(b"b", content))
    else:
        assert rewrite(storage, "key", lambda content: add(b"b", content)) == b"ab"
        assert inner.get("key") == b"ab"


def test_a_label_raises_no_version_from_the_dead(three: dict[str, bytes]) -> None:
    """Of another machine, which no lock holds off."""
    outcomes = set()
    for step in range(1, 40):
        inner = memory_of(three)

        def happen(number: int, _: str, step: int = step, at: MemoryStorage = inner) -> None:
            if number == step:
                delete_version(Catalog(_unlocked(at)), "v1")

        try:
            relabel(Catalog(watched(inner, happen)), "first", "new")
        except (ObjectNotFoundError, VersionNotFoundError) as error:
            outcomes.add(type(error))
        if "versions/v1/provenance/dataset_description.json" in content_of(inner):
            break  # it was over before
        assert content_of(inner) == without(three, "v1"), step
    assert outcomes == {ObjectNotFoundError, VersionNotFoundError}


def _unlocked(storage: MemoryStorage) -> MemoryStorage:
    """The same objects, seen from another machine."""
    other = MemoryStorage()
    other._objects = storage._objects
    return other


@pytest.mark.parametrize("harm", [Lose(), Reset()], ids=["answer lost", "never sent"])
@pytest.mark.parametrize("kind", ["s3", "azure"])
def test_relabel_over_a_broken_connection(
    emulators: Emulators, three: dict[str, bytes], kind: str, harm: Lose | Reset
) -> None:
    emulator = emulators.get(kind)
    bucket = f"rewriting-{type(harm).__name__.lower()}"
    emulator.make_bucket(bucket)
    place = StorePlace(emulator, bucket, "a")
    for key, data in three.items():
        place.storage.put(key, data)
    with proxy_before(emulator.port) as proxy:
        proxy.faults.append(once(harm, "PUT", "v1/provenance/dataset_description"))
        changed = relabel(Catalog(place.by_way_of(proxy.port).storage), "v1", "new")

    assert changed.label == "new"
    assert Catalog(place.storage).find("new").id == "v1"
