"""Stretches of objects in memory: fetched once, however many threads ask, and ahead of need."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress

from fw_dataset.errors import DatasetFormatError, FWDatasetError
from fw_dataset.storage.base import Storage
from fw_dataset.storage.cache import FileCache

__all__ = ["Part", "PartStore", "place"]

Part = tuple[str, int, int]
"""A key, the first byte, and the byte after the last."""

# What is fetched as one where it lies together.
_LONGEST_REQUEST = 8 << 20
# Reading ahead: the jobs at once, and the least that one of them fetches.
_MOST_JOBS = 16
_LEAST_JOB = 1 << 20


class _NotFetchedError(Exception):
    """Whoever was to fetch this did not; whoever waits for it may try."""


class _Entry:
    def __init__(self, size: int, *, ahead: bool) -> None:
        self.size, self.ahead, self.read = size, ahead, False
        self.data: Future[bytes] = Future()


class PartStore:
    """Stretches of objects, the most recently used ones held in memory.

    A thread that wants what another one fetches already waits for that one; a thread never
    waits before it has fetched what is its own to fetch, so none waits for ever.

    Args:
        storage: where the objects are.
        memory: the bytes to hold at most; more only while more are being fetched.
        check: called with each part that was fetched; it raises where the content is wrong.
        content: the hash under which the cache has a part, or None for one not to be cached.
        cache: asked before the storage.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        memory: int,
        check: Callable[[Part, bytes], None],
        content: Callable[[Part], str | None] = lambda _: None,
        cache: FileCache | None = None,
    ) -> None:
        self._storage, self._memory = storage, memory
        self._check, self._content, self._cache = check, content, cache
        self._lock = threading.Lock()
        self._entries: OrderedDict[Part, _Entry] = OrderedDict()
        self._held = 0
        self._jobs: dict[int, int] = {}
        self._closed = False

    def get(self, parts: Sequence[Part]) -> tuple[list[bytes], int]:
        """The contents of the parts, and how good it was to fetch ahead.

        That is 1 where one of them was fetched ahead and is asked for the first time, -1 where
        one had to be fetched now and none was ahead, else 0.

        Raises:
            StorageError: the storage does not give them.
            DatasetFormatError: they are not what they should be.
        """
        while True:
            mine: dict[Part, _Entry] = {}
            try:
                entries, ahead = self._claim(parts, mine)
                if mine:
                    self._fetch(mine)
            except BaseException as error:
                self._fail(mine, error)
                raise
            with suppress(_NotFetchedError):
                return [entry.data.result() for entry in entries], 1 if ahead else -bool(mine)

    def peek(self, part: Part) -> bytes | None:
        """The content of a part, where it is in memory."""
        with self._lock:
            entry = self._entries.get(part)
        if entry is None or not entry.data.done() or entry.data.exception() is not None:
            return None
        return entry.data.result()

    def fetch_ahead(self, parts: Iterable[Part]) -> None:
        """Begin to fetch parts, and return at once.

        Those for which there is no room now are left out, and a failure is nobody's: who needs
        the part fetches it again.
        """
        for batch in _batches(part for part in parts if part not in self._entries):
            claimed: dict[Part, _Entry] = {}
            try:
                self._claim_ahead(batch, claimed)
                if not claimed:
                    return
                threading.Thread(target=self._run_ahead, args=(claimed,), daemon=True).start()
            except BaseException as error:
                self._end_ahead(claimed, error)
                if isinstance(error, RuntimeError):
                    return  # there are no more threads, or the interpreter is about to end
                raise

    def close(self) -> None:
        """Let go of all memory, and fetch nothing ahead any more."""
        with self._lock:
            self._closed = True
            for part in [part for part, entry in self._entries.items() if entry.data.done()]:
                self._drop(part)

    def _claim(self, parts: Sequence[Part], mine: dict[Part, _Entry]) -> tuple[list[_Entry], bool]:
        """The entries of the parts, and whether one was ahead; ``mine`` is for the caller to fetch.

        It is filled rather than returned: a Ctrl-C that comes now must not leave others waiting.
        """
        entries, ahead = [], False
        with self._lock:
            for part in parts:
                entry = self._entries.get(part)
                if entry is None:
                    entry = self._add(part, mine, ahead=False)
                self._entries.move_to_end(part)
                ahead |= entry.ahead and not entry.read
                entry.read = True
                entries.append(entry)
            self._evict()
        return entries, ahead

    def _claim_ahead(self, parts: Sequence[Part], claimed: dict[Part, _Entry]) -> None:
        size = sum(stop - start for _, start, stop in parts)
        with self._lock:
            full = sum(self._jobs.values()) + size > self._memory // 4
            if self._closed or full or len(self._jobs) >= _MOST_JOBS:
                return
            for part in parts:
                if part not in self._entries:
                    self._add(part, claimed, ahead=True)
            if claimed:
                self._jobs[id(claimed)] = sum(entry.size for entry in claimed.values())
            self._evict()

    def _add(self, part: Part, claimed: dict[Part, _Entry], *, ahead: bool) -> _Entry:
        _, start, stop = part
        claimed[part] = self._entries[part] = entry = _Entry(stop - start, ahead=ahead)
        self._held += entry.size
        return entry

    def _drop(self, part: Part) -> None:
        self._held -= self._entries.pop(part).size

    def _evict(self) -> None:
        excess, found = self._held - self._memory, []
        for part, entry in self._entries.items():
            if excess <= 0:
                break
            if entry.data.done():
                excess -= entry.size
                found.append(part)
        for part in found:
            self._drop(part)

    def _run_ahead(self, claimed: dict[Part, _Entry]) -> None:
        error: BaseException | None = None
        try:
            self._fetch(claimed)
        except BaseException as failure:  # noqa: BLE001 - a thread of ours prints nothing
            error = failure
        self._end_ahead(claimed, error)

    def _end_ahead(self, claimed: dict[Part, _Entry], error: BaseException | None) -> None:
        if error is not None:
            self._fail(claimed, error)
        with self._lock:
            self._jobs.pop(id(claimed), None)

    def _fetch(self, claimed: dict[Part, _Entry]) -> None:
        for part, entry in claimed.items():
            if (cached := self._cached(part)) is not None:
                entry.data.set_result(cached)
        fetched = self._from_storage([p for p in claimed if not claimed[p].data.done()])
        for part, data in fetched.items():
            claimed[part].data.set_result(data)
        with self._lock:
            self._evict()
        for part, data in fetched.items():
            self._keep(part, data)

    def _fail(self, claimed: dict[Part, _Entry], error: BaseException) -> None:
        """Tell those who wait, and let the next who asks try again."""
        with self._lock:
            failed = [part for part in claimed if not claimed[part].data.done()]
            for part in failed:
                if self._entries.get(part) is claimed[part]:
                    self._drop(part)
        for part in failed:
            known = isinstance(error, FWDatasetError) and not claimed[part].ahead
            claimed[part].data.set_exception(error if known else _NotFetchedError())

    def _cached(self, part: Part) -> bytes | None:
        content = self._cache and self._content(part)
        data = self._cache.get(content, *part[1:]) if self._cache and content else None
        if data is not None:
            try:
                self._check(part, data)
            except DatasetFormatError:
                return None  # the storage may have the right one
        return data

    def _keep(self, part: Part, data: bytes) -> None:
        content = self._cache and self._content(part)
        if self._cache and content:
            self._cache.put(content, *part[1:], data)

    def _from_storage(self, parts: Sequence[Part]) -> dict[Part, bytes]:
        requests = list(_joined(parts))
        if not requests:
            return {}
        found: dict[Part, bytes] = {}
        answers = self._storage.get_parts([whole for whole, _ in requests])
        for (whole, inner), data in zip(requests, answers, strict=True):
            key, first, last = whole
            if len(data) != last - first:
                raise DatasetFormatError(
                    f"{place(self._storage, key)}: {len(data)} bytes came where"
                    f" {last - first} should be: the object was changed after it was written"
                )
            for part in inner:
                piece = data if part == whole else data[part[1] - first : part[2] - first]
                self._check(part, piece)
                found[part] = piece
        return found


def place(storage: Storage, key: str) -> str:
    """An object's name for people."""
    return f"{storage.url}{'' if storage.url.endswith('/') else '/'}{key}"


def _joined(parts: Iterable[Part]) -> Iterator[tuple[Part, list[Part]]]:
    """Neighbours as one request, each with the parts that it holds."""
    whole: Part | None = None
    inner: list[Part] = []
    for part in sorted(parts):
        key, start, stop = part
        if whole and whole[0] == key and whole[2] == start and stop - whole[1] <= _LONGEST_REQUEST:
            whole = (key, whole[1], stop)
            inner.append(part)
            continue
        if whole:
            yield whole, inner
        whole, inner = part, [part]
    if whole:
        yield whole, inner


def _batches(parts: Iterable[Part]) -> Iterator[list[Part]]:
    batch: list[Part] = []
    size = 0
    for part in parts:
        batch.append(part)
        size += part[2] - part[1]
        if size >= _LEAST_JOB:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
