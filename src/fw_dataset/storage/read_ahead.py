"""Parquet files in a storage: read by stretches, those of the next row groups fetched ahead."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from itertools import islice, pairwise

from fw_dataset.storage.parquet_layout import Layout
from fw_dataset.storage.parts import Part, PartStore

__all__ = ["SMALL", "Series", "StoredFile"]

SMALL = 512 << 10
"""The most bytes of a file that is fetched whole."""

# What is fetched of a larger file to have its footer; a longer one takes one request more.
_LEAST_END, _MOST_END = 64 << 10, 256 << 10
_LENGTH = slice(-8, -4)
# The bytes that one read may fetch ahead: doubled when what was fetched ahead is read, halved
# when something else is.
_LEAST_AHEAD = 4 << 20
_MOST_AHEAD = 64 << 20
# As far as reading ahead looks, in row groups, and back at what was read.
_FAR = 64
_LATELY = 16


class StoredFile:
    """One Parquet file: its footer, and where its columns are.

    Args:
        key: its key.
        size: its length in bytes.
        parts: where its bytes come from.
    """

    def __init__(self, key: str, size: int, parts: PartStore) -> None:
        self.key, self.size = key, size
        self._parts = parts
        self._lock = threading.Lock()
        self._layout: Layout | None = None
        self._ends: Sequence[int] | None = None
        self._end = 0 if size <= SMALL else size - _end_of(size)

    @property
    def is_whole(self) -> bool:
        """Whether it is fetched in one piece."""
        return self._end == 0

    @property
    def end(self) -> Part:
        """The last stretch, which has the footer or the end of it."""
        return self.key, self._end, self.size

    def split(self) -> None:
        """Fetch the end first and the columns when they are wanted, though it is small."""
        with self._lock:
            if self._ends is None:
                self._end = max(0, self.size - _end_of(self.size))

    def rest_of_footer(self) -> Part | None:
        """The stretch before :attr:`end` where the footer begins, if it does not begin in it."""
        first, second = self._bounds_of_footer()[:2]
        return (self.key, first, second) if second < self.size else None

    def read(self, start: int, stop: int) -> tuple[bytes, int]:
        """Bytes of the file, and what :meth:`PartStore.get` says of reading ahead.

        Raises:
            StorageError: the storage does not give them.
            DatasetFormatError: the file is not the one that was written.
        """
        parts = self._parts_of(start, stop)
        found, ahead = self._parts.get(parts)
        pieces = []
        for (_, first, last), data in zip(parts, found, strict=True):
            cut = start > first or stop < last
            pieces.append(data[max(0, start - first) : stop - first] if cut else data)
        return (pieces[0] if len(pieces) == 1 else b"".join(pieces)), ahead

    def wanted(self, start: int, stop: int) -> tuple[int, tuple[str, ...]]:
        """The last row group of which bytes are there, and the columns; none in the footer."""
        if self.is_whole or start >= self._bounds_of_footer()[0]:
            return 0, ()
        chunks = self._known_layout().within(start, stop)
        columns = dict.fromkeys(chunk.column for chunk in chunks)
        return max((chunk.group for chunk in chunks), default=0), tuple(columns)

    def units(self, first: int, columns: Collection[str]) -> Iterator[list[Part]]:
        """The stretches to fetch for some columns, for each row group from ``first`` on."""
        if self.is_whole:
            yield [self.end]
            return
        layout = self._known_layout()
        for group in layout.groups[first:]:
            chunks = [group[column] for column in columns if column in group]
            found = [stretch for c in chunks for stretch in layout.stretches(c.start, c.stop)]
            yield [(self.key, start, stop) for start, stop in dict.fromkeys(found)]

    def is_known(self) -> bool:
        """Whether the columns can be told without asking the storage."""
        return self._layout is not None or self._parts.peek(self.end) is not None

    def _parts_of(self, start: int, stop: int) -> list[Part]:
        if start >= self._end:
            return [self.end]
        bounds = self._bounds_of_footer()
        layout = Layout(bounds) if start >= bounds[0] else self._known_layout()
        return [(self.key, *stretch) for stretch in layout.stretches(start, stop)]

    def _known_layout(self) -> Layout:
        bounds = self._bounds_of_footer()
        with self._lock:
            if self._layout is None:
                ends = [(self.key, *stretch) for stretch in pairwise(bounds)]
                found, _ = self._parts.get(ends)
                self._layout = Layout.from_footer(b"".join(found), bounds)
            return self._layout

    def _bounds_of_footer(self) -> Sequence[int]:
        if self._ends is None:
            (end,), _ = self._parts.get([self.end])
            start = self.size - len(end[_LENGTH]) * 2 - int.from_bytes(end[_LENGTH], "little")
            with self._lock:
                first = [start] if start < self._end else []
                self._ends = [*first, self._end, self.size]
        return self._ends


def _end_of(size: int) -> int:
    """The bytes at the end of a file to fetch first: no fewer than DuckDB begins with."""
    return min(max(1 << (size // 1000).bit_length(), _LEAST_END), _MOST_END)


class Series:
    """Files that are read one after another, such as those of one table.

    Who reads some columns of one row group is expected to read them of the next, too.
    """

    def __init__(self, files: Sequence[StoredFile], parts: PartStore) -> None:
        self._files, self._parts = files, parts
        self._lock = threading.Lock()
        self._lately: deque[tuple[str, ...]] = deque(maxlen=_LATELY)
        self._allowance = _LEAST_AHEAD

    def read(self, number: int, start: int, stop: int) -> bytes:
        """Bytes of the file of that number; raises as :meth:`StoredFile.read` does."""
        file = self._files[number]
        group, columns = file.wanted(start, stop)
        if columns or file.is_whole:
            self._parts.fetch_ahead(self._following(number, group, columns))
        data, ahead = file.read(start, stop)
        if ahead:
            self._learn(ahead)
        return data

    def _learn(self, ahead: int) -> None:
        with self._lock:
            other = self._allowance * 2 if ahead > 0 else self._allowance // 2
            self._allowance = min(max(other, _LEAST_AHEAD), _MOST_AHEAD)

    def _following(self, number: int, group: int, columns: tuple[str, ...]) -> Iterator[Part]:
        with self._lock:
            self._lately.append(columns)
            # What is read column by column shares the allowance.
            left = self._allowance // len(set(self._lately))
        for unit in islice(self._units(number, group, columns), _FAR):
            for part in unit:
                if left <= 0:
                    return
                left -= part[2] - part[1]
                yield part

    def _units(self, number: int, group: int, columns: Collection[str]) -> Iterator[list[Part]]:
        if not self._files[number].is_whole:
            yield from self._files[number].units(group + 1, columns)
        for file in (self._files[at] for at in range(number + 1, len(self._files))):
            if not (file.is_whole or (columns and file.is_known())):
                return
            yield from file.units(0, columns)
