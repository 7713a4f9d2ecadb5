"""S3, Google Cloud Storage and Azure as storages, over obstore."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import obstore

from fw_dataset.errors import (
    ObjectExistsError,
    ObjectNotFoundError,
    StorageError,
    StorageTimeoutError,
    StorageUnreachableError,
)
from fw_dataset.storage.background import run
from fw_dataset.storage.base import CHUNK_SIZE, ObjectInfo
from fw_dataset.storage.keys import check_key
from fw_dataset.storage.locks import lock_name
from fw_dataset.storage.store_errors import FOREIGN, storage_error
from fw_dataset.storage.system_errors import translated

__all__ = ["ObjectStorage"]

_T = TypeVar("_T")
# Requests at once: enough to hide the way to the store, too few to be told to slow down.
_READS, _WRITES = 64, 8
_CREATE_ATTEMPTS = 6
# How often what can be done twice is, where the connection broke, and until when.
_AGAIN, _AGAIN_SECONDS = 4, 30
# S3 takes 10,000 parts.
_MOST_PARTS = 9_000
# The name under which a writer's mark is kept among an object's own metadata.
_MARK = "fwcommit"
_PROBE = ".fw-dataset-probe"
_AZURE_HOSTS = "dfs.core.windows.net"


class ObjectStorage:
    """The objects below one prefix of a bucket. The bucket must be there; none is ever made.

    Args:
        store: obstore's store, which knows bucket, prefix and credentials.
        url: the root, for people; no credential is in it.
        bucket: the bucket or container, for people.
        tried: where the credentials came from, for people.
    """

    def __init__(self, store: Any, url: str, bucket: str | None = None, tried: str = "") -> None:
        self._store = store
        self._url = url.rstrip("/")
        self._bucket = bucket or self._url
        self._tried = tried
        self._keeps_conditions = False

    def __repr__(self) -> str:
        return f"ObjectStorage({self._url!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self!r} cannot be pickled: it holds credentials; open it anew instead")

    @property
    def url(self) -> str:
        return self._url

    @property
    def address(self) -> str:
        """The root as other systems name it, no character of it escaped."""
        scheme = self._url.partition("://")[0]
        place = f"{scheme}://{self._bucket}"
        if scheme == "az":
            place = f"abfss://{self._bucket}@{self._store.config['account_name']}.{_AZURE_HOSTS}"
        return f"{place}/{self._store.prefix or ''}".rstrip("/")

    # ------------------------------------------------------------------------------ reading

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        folder = check_key(prefix) if prefix else None

        async def collect() -> list[ObjectInfo]:
            found: list[ObjectInfo] = []
            async for batch in obstore.list(self._store, folder, chunk_size=1000):
                found += [ObjectInfo(item["path"], item["size"]) for item in batch]
            return found

        return iter(_without_folders(self._run(collect, prefix)))

    def folders(self, prefix: str = "") -> Sequence[str]:
        folder = check_key(prefix) if prefix else None
        listing = self._run(lambda: obstore.list_with_delimiter_async(self._store, folder), prefix)
        return sorted(path.rstrip("/").rsplit("/", 1)[-1] for path in listing["common_prefixes"])

    def exists(self, key: str) -> bool:
        try:
            check_key(key)
            self._run(lambda: obstore.head_async(self._store, key), key)
        except ObjectNotFoundError:
            return False
        return True

    def get(self, key: str) -> bytes:
        check_key(key)
        return self._run(lambda: self._get(key), key)

    def get_many(self, keys: Sequence[str]) -> Sequence[bytes | StorageError]:
        async def one(key: str) -> bytes | StorageError:
            try:
                return await self._steadily(lambda: self._get(key), key)
            except StorageError as error:
                return error

        return run(_side_by_side([partial(one, check_key(key)) for key in keys], _READS))

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        return self.get_parts([(key, start, end) for start, end in ranges])

    def get_parts(self, parts: Sequence[tuple[str, int, int]]) -> Sequence[bytes]:
        async def one(key: str, start: int, end: int) -> bytes:
            if start == end:
                return b""
            part = await self._steadily(
                lambda: obstore.get_range_async(self._store, key, start=start, end=end), key
            )
            if len(part) != end - start:
                raise StorageError(
                    f"{self._url}/{key}: it is shorter than it was when it was listed"
                )
            return bytes(part)

        return run(_side_by_side([partial(one, check_key(k), a, b) for k, a, b in parts], _READS))

    def stream(self, key: str, chunk_size: int = CHUNK_SIZE) -> Iterator[bytes]:
        check_key(key)
        size = self._run(lambda: obstore.head_async(self._store, key), key)["size"]
        for start in range(0, size, chunk_size):
            (chunk,) = self.get_parts([(key, start, min(start + chunk_size, size))])
            yield chunk

    async def _get(self, key: str) -> bytes:
        result = await obstore.get_async(self._store, key)
        return bytes(await result.bytes_async())

    # ------------------------------------------------------------------------------ writing

    def check_writable(self) -> None:
        self._check_conditions()

    def put(self, key: str, data: bytes) -> None:
        check_key(key)
        self._run(lambda: obstore.put_async(self._store, key, data, use_multipart=False), key)

    def put_if_absent(self, key: str, data: bytes) -> None:
        check_key(key)
        self._check_conditions()
        self._create(key, data)

    def replace(self, key: str, old: bytes, new: bytes) -> None:
        check_key(key)

        async def swap() -> None:
            result = await obstore.get_async(self._store, key)
            if bytes(await result.bytes_async()) != old:
                raise ObjectExistsError(f"{self._url}/{key}: it is another one by now")
            seen: Any = {
                name: value
                for name in ("e_tag", "version")
                if (value := result.meta[name]) is not None
            }
            await obstore.put_async(self._store, key, new, mode=seen, use_multipart=False)

        run(self._steadily(swap, key, again=0))

    def put_file(self, key: str, path: Path, *, if_absent: bool = False) -> None:
        check_key(key)
        if if_absent:
            with translated(path):
                data = path.read_bytes()
            self.put_if_absent(key, data)
        else:
            self._run(lambda: self._upload(key, path), key)

    def put_files(
        self, files: Sequence[tuple[str, Path]], stored: Callable[[int], None] | None = None
    ) -> None:
        for key, _ in files:
            check_key(key)
        telling = asyncio.Lock()

        async def one(key: str, path: Path) -> None:
            size = await self._steadily(lambda: self._upload(key, path), key)
            if stored is not None:
                # Not on the loop, which the caller's function may need, or end; nor twice at once.
                async with telling:
                    await asyncio.to_thread(_told, stored, size)

        try:
            run(_side_by_side([partial(one, key, path) for key, path in files], _WRITES))
        except _CallerError as error:
            theirs = error.error
        else:
            return
        raise theirs

    async def _upload(self, key: str, path: Path) -> int:
        """Store a file; when that is given up, so is the upload of its parts."""
        with translated(path):
            size = path.stat().st_size
            small = path.read_bytes() if size <= CHUNK_SIZE else None
        if small is not None:
            await obstore.put_async(self._store, key, small, use_multipart=False)
            return size
        is_given_up = asyncio.Event()
        part = max(CHUNK_SIZE, -(-size // _MOST_PARTS))
        # One part after another: a part that fails while the last ones are under way is noticed
        # too late for the store's client to give the upload up.
        upload = asyncio.ensure_future(
            obstore.put_async(
                self._store,
                key,
                _parts_of(path, part, is_given_up),
                chunk_size=part,
                max_concurrency=1,
            )
        )
        try:
            await asyncio.shield(upload)
        except asyncio.CancelledError:
            # The store is told by an error in what it reads: it would forget a cancelled upload.
            is_given_up.set()
            await asyncio.wait([upload])
            raise
        return size

    def _create(self, key: str, data: bytes) -> None:
        """Create an object. What is lost on the way is settled by reading back whose it is."""
        mark = secrets.token_hex(16)
        for attempt in range(_CREATE_ATTEMPTS):
            try:
                run(self._steadily(lambda: self._put_new(key, data, mark), key, again=0))
            except (ObjectExistsError, StorageTimeoutError, StorageUnreachableError) as error:
                theirs = self._mark_of(key)
                if theirs == mark:
                    return  # it is ours: the answer was lost
                if theirs is not None:
                    raise ObjectExistsError(f"{self._url}/{key}: exists already") from None
                # Nothing is there. A store's client does not try again by itself to create; and
                # S3 says "exists" while another writer is at it, whose object may be gone again.
                if attempt + 1 == _CREATE_ATTEMPTS:
                    raise error from None
                run(asyncio.sleep(0.05 * 2**attempt))
            else:
                return

    def _put_new(self, key: str, data: bytes, mark: str) -> Awaitable[Any]:
        return obstore.put_async(
            self._store, key, data, mode="create", attributes={_MARK: mark}, use_multipart=False
        )

    def _mark_of(self, key: str) -> str | None:
        """The mark of whoever made an object (empty for none); None if there is no object."""
        try:
            result = self._run(lambda: obstore.get_async(self._store, key), key)
        except ObjectNotFoundError:
            return None
        return str(result.attributes.get(_MARK, ""))

    def _check_conditions(self) -> None:
        """Look once whether the store heeds "only if it is not there".

        Raises:
            StorageError: it overwrites instead.
        """
        for _ in range(_CREATE_ATTEMPTS):
            if self._keeps_conditions:
                return
            # One key for all writers, so that what a killed one leaves is removed by the next.
            # Another may remove it between the two tries: so one that succeeds proves nothing.
            self._keeps_conditions = not self._probe() or not self._probe()
            self.delete(_PROBE)
        raise StorageError(
            f"{self._url}: this store overwrites objects that were to be created only if they are"
            " not there (If-None-Match), so that two writers could mix their files; nothing is"
            " written to it"
        )

    def _probe(self) -> bool:
        """Whether the probe could be created."""
        try:
            self._create(_PROBE, b"")
        except ObjectExistsError:
            return False
        return True

    def delete(self, key: str) -> None:
        self.delete_many([key])

    def delete_many(self, keys: Sequence[str]) -> None:
        async def one(key: str) -> None:
            with suppress(ObjectNotFoundError):
                await self._steadily(lambda: obstore.delete_async(self._store, key), key)

        run(_side_by_side([partial(one, check_key(key)) for key in keys], _WRITES))

    def clear(self, prefix: str) -> None:
        self.delete_many([item.key for item in self.list(check_key(prefix))])

    def sweep(self, prefix: str) -> None:
        check_key(prefix)  # uploads that were never ended are no objects, and the store's to drop

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        with lock_name(self._url):
            yield

    def native_path(self, key: str) -> None:
        check_key(key)

    # ------------------------------------------------------------------------------- errors

    def _run(self, work: Callable[[], Awaitable[_T]], key: str) -> _T:
        return run(self._steadily(work, key))

    async def _steadily(
        self, work: Callable[[], Awaitable[_T]], key: str, *, again: int = _AGAIN
    ) -> _T:
        """Do what can be done twice, once more where the connection broke.

        The store's client tries again by itself, but not when an answer breaks off in its middle.
        """
        began = time.monotonic()
        for attempt in itertools.count():
            try:
                return await work()
            except FOREIGN as error:
                ours = error if isinstance(error, StorageError) else self._error(error, key)
            is_late = time.monotonic() - began > _AGAIN_SECONDS
            if not isinstance(ours, StorageUnreachableError) or attempt >= again or is_late:
                raise ours  # outside of the handler: their words are not even its context
            await asyncio.sleep(0.05 * 2**attempt)
        raise AssertionError("it is counted without end")

    def _error(self, error: BaseException, key: str) -> StorageError:
        place = f"{self._url}/{key}" if key else self._url
        return storage_error(error, place, self._bucket, self._tried)


class _CallerError(Exception):
    """What the caller's own function raised: of some kinds, the loop would end."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


def _told(stored: Callable[[int], None], size: int) -> None:
    try:
        stored(size)
    except BaseException as error:  # noqa: BLE001 - it is raised again where it belongs
        raise _CallerError(error) from None


def _without_folders(items: Sequence[ObjectInfo]) -> Sequence[ObjectInfo]:
    """Leave out the empty objects by which consoles of clouds make folders."""
    folders = {item.key.rpartition("/")[0] for item in items}
    return [item for item in items if item.size or item.key.rstrip("/") not in folders]


async def _side_by_side(work: Sequence[Callable[[], Awaitable[_T]]], at_once: int) -> Sequence[_T]:
    """Do all of it, so much at a time; the first error ends the rest before it is raised."""
    gate = asyncio.Semaphore(at_once)

    async def one(item: Callable[[], Awaitable[_T]]) -> _T:
        async with gate:
            return await item()

    tasks = [asyncio.ensure_future(one(item)) for item in work]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


async def _parts_of(path: Path, size: int, is_given_up: asyncio.Event) -> AsyncIterator[bytes]:
    with open(path, "rb") as file:
        while True:
            part = file.read(size)
            if is_given_up.is_set():
                raise StorageError(f"{path}: given up")
            yield part  # an empty one at the end, before which the client waits for the others
            if not part:
                return
