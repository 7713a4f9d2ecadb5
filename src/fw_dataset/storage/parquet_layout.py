"""Where the columns of a Parquet file are, and in which stretches it is best fetched."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

__all__ = ["Chunk", "Layout", "Stretch"]

Stretch = tuple[int, int]
"""From a first byte up to but without a last one."""

# Neighbours are fetched as one up to this length: on a network, a request costs more time than
# half a mebibyte.
_JOINED = 512 << 10
# Longer ones are fetched as several side by side: one connection alone is slow.
_LONGEST = 8 << 20
# Bytes between two column chunks (page indexes, bloom filters) that are rather fetched than left.
_GAP = 64 << 10
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Chunk:
    """One column of one row group.

    Attributes:
        start: its first byte.
        stop: the byte after its last.
        group: the number of the row group, from 0.
        column: the dotted path of the column.
    """

    start: int
    stop: int
    group: int
    column: str


@dataclass(frozen=True)
class Layout:
    """The column chunks of one file, and the stretches in which it is fetched.

    Attributes:
        bounds: where one stretch ends and the next begins, ascending, the first at 0.
        chunks: all column chunks, by where they start.
        groups: for each row group its chunks by column.
    """

    bounds: Sequence[int]
    chunks: Sequence[Chunk] = ()
    groups: Sequence[dict[str, Chunk]] = ()
    _starts: Sequence[int] = field(default=(), repr=False)

    @classmethod
    def from_footer(cls, footer: bytes, ends: Sequence[int]) -> Layout:
        """Read a footer.

        Args:
            footer: the end of the file, with at least the whole footer.
            ends: the bounds behind the columns, ascending; the last is the file's size.

        A footer that Arrow cannot read gives blocks of equal length: whoever reads the file is
        the one to say what is wrong with it, if it is.
        """
        chunks = sorted(_chunks(footer), key=lambda chunk: chunk.start)
        groups: list[dict[str, Chunk]] = []
        for chunk in chunks:
            groups.extend({} for _ in range(chunk.group + 1 - len(groups)))
            groups[chunk.group][chunk.column] = chunk
        cuts = _cuts(chunks, ends[0]) if chunks else range(_BLOCK, ends[0], _BLOCK)
        bounds = [*_shortened([0, *cuts, *ends]), ends[-1]]
        return cls(bounds, chunks, groups, [chunk.start for chunk in chunks])

    def stretches(self, start: int, stop: int) -> Iterator[Stretch]:
        """The stretches that hold the bytes from ``start`` up to but without ``stop``."""
        for at in range(bisect_right(self.bounds, start) - 1, bisect_left(self.bounds, stop)):
            if at + 1 < len(self.bounds):
                yield self.bounds[at], self.bounds[at + 1]

    def within(self, start: int, stop: int) -> Sequence[Chunk]:
        """The column chunks that have bytes from ``start`` up to but without ``stop``."""
        first = max(0, bisect_right(self._starts, start) - 1)
        found = self.chunks[first : bisect_left(self._starts, stop)]
        return [chunk for chunk in found if chunk.stop > start]


def _chunks(footer: bytes) -> Iterator[Chunk]:
    # Arrow takes a while to import, and small files are read without.
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        metadata = pq.read_metadata(pa.BufferReader(footer))
    except (pa.ArrowException, OSError):
        return
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for at in range(group.num_columns):
            chunk = _chunk(group.column(at), number)
            if 0 <= chunk.start < chunk.stop:
                yield chunk


def _chunk(column: Any, group: int) -> Chunk:
    start, dictionary = column.data_page_offset, column.dictionary_page_offset
    if dictionary is not None and 0 < dictionary < start:
        start = dictionary
    return Chunk(start, start + column.total_compressed_size, group, column.path_in_schema)


def _cuts(chunks: Iterable[Chunk], end: int) -> Iterator[int]:
    """Where to cut so that no stretch has half a column chunk, ascending, below ``end``."""
    begun, stop = 0, 0
    for chunk in chunks:
        if chunk.start > stop + _GAP and begun < stop < end:
            yield stop
            begun = stop
        if stop and chunk.stop - begun > _JOINED and begun < chunk.start < end:
            yield chunk.start
            begun = chunk.start
        stop = max(stop, chunk.stop)
    if begun < stop < end - _GAP:
        yield stop


def _shortened(bounds: Sequence[int]) -> Iterator[int]:
    """The bounds but the last, and more where two are far apart."""
    for start, stop in pairwise(bounds):
        pieces = -(-(stop - start) // _LONGEST)  # rounded up
        yield from (start + piece * (stop - start) // pieces for piece in range(pieces))
