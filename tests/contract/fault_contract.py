"""What every object store does when the way to it is long, or broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fw_dataset.errors import (
    ObjectExistsError,
    StorageDeniedError,
    StorageError,
    StorageTimeoutError,
    StorageUnreachableError,
)
from fw_dataset.storage.objects import ObjectStorage
from tests.contract.keys import keys_of
from tests.support.emulators import Emulator
from tests.support.proxy import (
    Answer,
    Cut,
    Fault,
    Hang,
    Harm,
    Lose,
    Proxy,
    Reset,
    always,
    once,
    proxy_before,
    sometimes,
)

DENIED = Answer(403, b"<Error><Code>AccessDenied</Code></Error>")
BUSY = Answer(503, b"<Error><Code>SlowDown</Code></Error>")
# The usual ones begin with a tenth of a second.
_BACKOFF = {"init_backoff": timedelta(milliseconds=5), "max_backoff": timedelta(milliseconds=50)}


@dataclass(frozen=True)
class Place:
    """A place in an emulated store, which other processes can open, too."""

    emulator: Emulator
    bucket: str
    prefix: str

    def storage(
        self, *, timeout: str = "30s", retries: int = 10, retry_seconds: float = 60
    ) -> ObjectStorage:
        """Our storage there."""
        store = self.emulator.store(
            self.bucket,
            self.prefix,
            client_options={"timeout": timeout, "connect_timeout": "5s"},
            retry_config={
                "max_retries": retries,
                "retry_timeout": timedelta(seconds=retry_seconds),
                "backoff": {**_BACKOFF, "base": 2},
            },
        )
        return ObjectStorage(
            store, self.emulator.url(self.bucket, self.prefix), self.bucket, "the given keys"
        )

    def by_way_of(self, proxy: Proxy) -> Place:
        """The same place, behind a proxy."""
        return Place(self.emulator.at(proxy.port), self.bucket, self.prefix)


CALLS: dict[str, Callable[[ObjectStorage, Path], object]] = {
    "list": lambda storage, _: list(storage.list()),
    "folders": lambda storage, _: storage.folders(),
    "exists": lambda storage, _: storage.exists("folder/x"),
    "get": lambda storage, _: storage.get("folder/x"),
    "get_ranges": lambda storage, _: storage.get_ranges("folder/x", [(0, 1), (2, 3)]),
    "stream": lambda storage, _: list(storage.stream("folder/x")),
    "check_writable": lambda storage, _: storage.check_writable(),
    "put": lambda storage, _: storage.put("folder/y", b"y"),
    "put_if_absent": lambda storage, _: storage.put_if_absent("folder/z", b"z"),
    "put_file": lambda storage, source: storage.put_file("folder/y", source),
    "put_files": lambda storage, source: storage.put_files([("folder/y", source)]),
    "delete": lambda storage, _: storage.delete("folder/x"),
    "delete_many": lambda storage, _: storage.delete_many(["folder/x", "folder/w"]),
    "clear": lambda storage, _: storage.clear("folder"),
}
READS = ("list", "folders", "exists", "get", "get_ranges", "stream")


class FaultContract:
    """Part of the suite of object stores; a subclass gives the fixture ``place``.

    Attributes:
        secrets: what no message may hold.
    """

    secrets: tuple[str, ...] = ()

    @pytest.fixture
    def proxy(self, place: Place) -> Iterator[Proxy]:
        """A proxy before the store, which has the object ``folder/x``."""
        place.storage().put("folder/x", b"content")
        with proxy_before(place.emulator.port) as proxy:
            yield proxy

    @pytest.fixture
    def source(self, tmp_path: Path) -> Path:
        path = tmp_path / "source"
        path.write_bytes(b"y")
        return path

    def check_error(self, error: StorageError) -> None:
        text = f"{error} {error!r} {error.__cause__!r}"
        assert "\n" not in str(error)
        assert "127.0.0.1" not in text
        for secret in self.secrets:
            assert secret not in text

    # ------------------------------------------------------------------------------ refusals

    @pytest.mark.parametrize("name", CALLS)
    def test_access_refused(self, place: Place, proxy: Proxy, source: Path, name: str) -> None:
        proxy.faults.append(always(DENIED))
        with pytest.raises(StorageDeniedError, match=place.bucket) as caught:
            CALLS[name](place.by_way_of(proxy).storage(), source)

        self.check_error(caught.value)
        assert place.storage().get("folder/x") == b"content"

    def test_access_refused_for_one_of_many(self, place: Place, proxy: Proxy) -> None:
        place.storage().put("folder/y", b"y")
        proxy.faults.append(always(DENIED, marker="folder%2Fy"))
        proxy.faults.append(always(DENIED, marker="folder/y"))
        found = place.by_way_of(proxy).storage().get_many(["folder/x", "folder/y"])

        assert found[0] == b"content"
        assert isinstance(found[1], StorageDeniedError)
        self.check_error(found[1])

    # -------------------------------------------------------------------- what passes by itself

    @pytest.mark.parametrize("harm", [BUSY, Reset()], ids=["busy", "reset"])
    @pytest.mark.parametrize("name", CALLS)
    def test_every_third_request_fails(
        self, place: Place, proxy: Proxy, source: Path, name: str, harm: Harm
    ) -> None:
        storage = place.by_way_of(proxy).storage()
        proxy.faults.append(self._thirds(harm))
        CALLS[name](storage, source)

        assert any(request.harm for request in proxy.requests)
        left = {"folder/y"} if name in ("put", "put_file", "put_files") else set()
        left |= {"folder/z"} if name == "put_if_absent" else set()
        left |= set() if name in ("delete", "delete_many", "clear") else {"folder/x"}
        assert set(keys_of(place.storage())) == left

    def _thirds(self, harm: Harm) -> Fault:
        """The first, the fourth, the seventh request: none of them twice in a row."""
        return lambda request: harm if request.number % 3 == 1 else None

    @pytest.mark.parametrize("after", [0, 1, 4, 6])
    @pytest.mark.parametrize("name", ["get", "get_ranges", "stream"])
    def test_a_body_that_is_cut(self, place: Place, proxy: Proxy, name: str, after: int) -> None:
        place.storage().put("x", b"content")
        storage = place.by_way_of(proxy).storage()
        proxy.faults.append(once(Cut(after), "GET"))
        found = {
            "get": lambda: storage.get("x"),
            "get_ranges": lambda: storage.get_ranges("x", [(0, 7)])[0],
            "stream": lambda: b"".join(storage.stream("x")),
        }[name]()

        assert found == b"content"
        assert proxy.count("GET") == 2

    def test_a_large_body_that_is_cut_again_and_again(self, place: Place, proxy: Proxy) -> None:
        data = bytes(range(256)) * 20_000
        place.storage().put("x", data)
        storage = place.by_way_of(proxy).storage()
        for read in (storage.get, lambda key: b"".join(storage.stream(key, 100_000))):
            proxy.faults = [once(Cut(1_500_000), "GET", times=3)]
            assert read("x") == data

    def test_a_listing_that_is_cut(self, place: Place, proxy: Proxy) -> None:
        proxy.faults.append(once(Cut(60), "GET"))

        assert keys_of(place.by_way_of(proxy).storage()) == ["folder/x"]

    def test_one_request_hangs(self, place: Place, proxy: Proxy) -> None:
        storage = place.by_way_of(proxy).storage(timeout="700ms")
        proxy.faults.append(once(Hang(), "GET"))

        assert storage.get("folder/x") == b"content"

    # -------------------------------------------------------------------- answers that get lost

    @pytest.mark.parametrize("name", [name for name in CALLS if name not in READS])
    def test_lost_answers(self, place: Place, proxy: Proxy, source: Path, name: str) -> None:
        """The store did as it was asked, and is asked again."""
        storage = place.by_way_of(proxy).storage()
        storage.check_writable()
        proxy.forget()
        proxy.faults.append(self._thirds(Lose()))
        CALLS[name](storage, source)

        keys = set(keys_of(place.storage()))
        assert ("folder/x" in keys) == (name not in ("delete", "delete_many", "clear"))
        assert ("folder/y" in keys) == (name in ("put", "put_file", "put_files"))
        assert ("folder/z" in keys) == (name == "put_if_absent")

    def test_anothers_object_is_not_taken_for_ones_own(self, place: Place, proxy: Proxy) -> None:
        storage = place.by_way_of(proxy).storage()
        storage.check_writable()
        proxy.forget()
        place.storage().put_if_absent("folder/z", b"theirs")
        proxy.faults.append(self._thirds(Lose()))
        with pytest.raises(ObjectExistsError):
            storage.put_if_absent("folder/z", b"mine")

        assert place.storage().get("folder/z") == b"theirs"

    # ------------------------------------------------------------------------ what stays broken

    @pytest.mark.parametrize("harm", [BUSY, Reset()], ids=["busy", "reset"])
    @pytest.mark.parametrize("name", ["list", "get", "put", "put_if_absent", "put_files", "delete"])
    def test_all_requests_fail(
        self, place: Place, proxy: Proxy, source: Path, name: str, harm: Harm
    ) -> None:
        proxy.faults.append(always(harm))
        with pytest.raises(StorageUnreachableError, match=place.bucket) as caught:
            CALLS[name](place.by_way_of(proxy).storage(retries=2), source)

        self.check_error(caught.value)

    @pytest.mark.parametrize("name", ["list", "get", "put", "put_if_absent", "delete"])
    def test_no_request_is_answered(
        self, place: Place, proxy: Proxy, source: Path, name: str
    ) -> None:
        storage = place.by_way_of(proxy).storage(timeout="400ms", retry_seconds=0.5)
        proxy.faults.append(always(Hang()))
        with pytest.raises(StorageTimeoutError, match=place.bucket) as caught:
            CALLS[name](storage, source)

        self.check_error(caught.value)
        assert proxy.count() <= 4

    def test_nobody_is_there(self, place: Place) -> None:
        with proxy_before(place.emulator.port) as gone:
            storage = place.by_way_of(gone).storage(retries=2)
        with pytest.raises(StorageUnreachableError, match=place.bucket) as caught:
            storage.get("folder/x")

        self.check_error(caught.value)

    def test_a_part_of_a_large_file_is_refused(
        self, place: Place, proxy: Proxy, tmp_path: Path
    ) -> None:
        path = tmp_path / "large"
        path.write_bytes(b"x" * 30_000_000)
        for marker in ("partNumber=2", "comp=block&"):
            proxy.faults.append(always(DENIED, "PUT", marker))
        with pytest.raises(StorageDeniedError, match="folder/large"):
            place.by_way_of(proxy).storage().put_file("folder/large", path)

        assert keys_of(place.storage()) == ["folder/x"]

    # ------------------------------------------------------------------------------- at random

    @pytest.mark.parametrize("seed", [1, 2])
    def test_one_request_in_twenty_fails(
        self, place: Place, proxy: Proxy, tmp_path: Path, seed: int
    ) -> None:
        contents = {f"many/{number}": str(number).encode() * 500 for number in range(80)}
        files = []
        for key, data in contents.items():
            path = tmp_path / key.rpartition("/")[2]
            path.write_bytes(data)
            files.append((key, path))
        storage = place.by_way_of(proxy).storage()
        proxy.faults.append(sometimes(0.05, [BUSY, Reset(), Lose(), Cut(3)], seed))
        created = []
        for key, data in contents.items():
            storage.put_if_absent(f"created/{key}", data)
            created.append(f"created/{key}")
        storage.put_files(files)

        assert list(storage.get_many(list(contents))) == list(contents.values())
        assert list(storage.get_many(created)) == list(contents.values())
        assert keys_of(storage) == sorted([*contents, *created, "folder/x"])
        assert len([request for request in proxy.requests if request.harm]) > 10

    # ----------------------------------------------------------------------------- a long way

    def test_what_is_asked_side_by_side(self, place: Place, proxy: Proxy, tmp_path: Path) -> None:
        source = tmp_path / "source"
        source.write_bytes(b"y")
        keys = [f"many/{number}" for number in range(64)]
        storage = place.by_way_of(proxy).storage()
        proxy.latency = 0.025
        steps: list[tuple[Callable[[], Any], int, int]] = [
            (lambda: storage.put_files([(key, source) for key in keys]), 64, 8),
            (lambda: storage.get_many(keys), 64, 1),
            (
                lambda: storage.get_ranges("folder/x", [(n % 5, n % 5 + 2) for n in range(64)]),
                64,
                1,
            ),
            (lambda: storage.get_parts([(key, 0, 1) for key in keys]), 64, 1),
            (lambda: list(storage.list("many")), 1, 1),
            (lambda: storage.delete_many(keys), 64, 8),
        ]
        for step, requests, depth in steps:
            proxy.forget()
            step()
            assert proxy.count() <= requests
            # Twice what would do on a machine that has nothing else to do.
            assert proxy.depth() <= 2 * depth
