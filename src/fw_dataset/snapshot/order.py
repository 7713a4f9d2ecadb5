"""The order in which a table's records are read: those of one subject, session … together."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor, Future, wait
from functools import partial
from itertools import chain
from operator import attrgetter
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import msgspec

from fw_dataset.format.names import quote_identifier
from fw_dataset.snapshot.records import BETWEEN, RawBatch, RawPart, RawRecord

__all__ = ["OrderedTable"]

BATCH_ROWS = 2048
BATCH_BYTES = 8 << 20
# As many as fit the processor's cache when they are decoded.
_PART_ROWS = 256
# Long records are joined few at a time, so that no text is too much for memory.
_PART_BYTES = 8 << 20
# So many batches are read while another is rendered.
_AHEAD = 2
# A text comes as UTF-8 by itself; a cast would give the database's own encoding.
_DATA = "case when typeof(data) in ('blob', 'text') then data else cast(data as blob) end"
# Of a blob this needs no reading: its record's head says it.
_LENGTH = "case typeof(data) when 'blob' then length(data) else length(cast(data as blob)) end"


class _Piece(NamedTuple):
    """A stretch of the order: its first place, its records, those with data, their bytes."""

    first: int
    rows: int
    with_data: int
    bytes: int


class OrderedTable:
    """A table of a snapshot, put in order on a connection of its own.

    SQLite sorts handles, not records, and spills to unnamed temporary files of its own.

    Args:
        connection: to the snapshot; closed with this.
        table: the table.
        order: the keys of ``parents`` to order by, outermost first; the id comes last.
        saved: a file that has the order already, from :meth:`save`.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        table: str,
        order: Sequence[str],
        saved: Path | None = None,
    ) -> None:
        self._connection = connection
        # Two threads use the connection in turns.
        self._lock = Lock()
        self._quoted = quote_identifier(table)
        self._order = order
        self._handle = self._row_handle()
        self._is_ordered = saved is not None
        self._in_order = "temp.row_order"
        if saved is not None:
            connection.execute("attach ? as saved", [f"{saved.as_uri()}?mode=ro&immutable=1"])
            self._in_order = "saved.row_order"
        (encoding,) = connection.execute("pragma encoding").fetchone()
        # Joining reads a blob as text, which in UTF-16 it is not.
        self._joins = encoding == b"UTF-8"

    def close(self) -> None:
        """Release the connection."""
        self._connection.close()

    def try_in_sqlite(self) -> None:
        """Put the table in order by SQLite's own JSON functions, without Python's help.

        So other threads go on meanwhile. Where SQLite cannot read a record, the table is put in
        order later, when its rows are asked for.
        """
        paths = ", ".join(f"'$.parents.{level}'" for level in self._order)
        try:
            self._sort(f"json_extract(cast(data as text), {paths})" if paths else "''")
        except sqlite3.OperationalError:
            self._connection.execute("drop table if exists temp.row_order")

    @property
    def rows(self) -> int:
        """How many records there are; asked for, they are put in order."""
        self._order_all()
        last = self._connection.execute(f"select max(rowid) from {self._in_order}").fetchone()
        return int(last[0] or 0)

    def save(self, path: Path) -> None:
        """Write the order to a file, so that other processes need not find it again."""
        self._order_all()
        self._connection.execute("attach ? as saving", [f"{path.absolute().as_uri()}?mode=rwc"])
        try:
            # Nobody reads it before it is whole, and nobody needs it after a crash.
            self._connection.execute("pragma saving.journal_mode = off")
            self._connection.execute("pragma saving.synchronous = off")
            self._connection.execute(
                "create table saving.row_order as select handle, bytes"
                f" from {self._in_order} order by rowid"
            )
        finally:
            self._connection.execute("detach saving")

    def batches(
        self, executor: Executor, first: int = 0, rows: int | None = None
    ) -> Generator[RawBatch, None, None]:
        """The records in order, or a stretch of them, read ahead by a thread of the executor.

        A batch has at most 2048 records, of about 8 MB where they are long.

        Args:
            executor: reads.
            first: the place of the stretch in the order, from 0.
            rows: its length; None for all that come.
        """
        self._order_all()
        last = sys.maxsize if rows is None else first + rows
        ahead: deque[Future[RawBatch]] = deque()
        try:
            for pieces in self._together(first + 1, last):
                ahead.append(executor.submit(self._read, pieces))
                if len(ahead) > _AHEAD:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            wait([future for future in ahead if not future.cancel()])

    def _order_all(self) -> None:
        if not self._is_ordered:
            place = _place_reader(self._order)
            self._connection.create_function("place", 1, place, deterministic=True)
            self._sort("place(cast(data as blob))")

    def _together(self, first: int, last: int) -> Iterator[list[_Piece]]:
        """The pieces of each batch of a stretch."""
        batch: list[_Piece] = []
        for piece in chain.from_iterable(map(self._split, self._pieces(first, last))):
            rows = sum(other.rows for other in batch) + piece.rows
            size = sum(other.bytes for other in batch) + piece.bytes
            if batch and (rows > BATCH_ROWS or size > BATCH_BYTES):
                yield batch
                batch = []
            batch.append(piece)
        if batch:
            yield batch

    def _pieces(self, first: int, last: int, rows: int = _PART_ROWS) -> list[_Piece]:
        """A stretch of the order in pieces of so many rows."""
        # One text for all of them, because each row of an answer would wait for other threads.
        with self._lock:
            (text,) = self._connection.execute(
                "select group_concat(printf('%d %d %d %d', place, n, there, size)) from ("
                "select min(rowid) as place, count(*) as n, count(bytes) as there,"
                f" coalesce(sum(bytes), 0) as size from {self._in_order}"
                f" where rowid between {first} and {last} group by (rowid - {first}) / {rows})"
            ).fetchone()
        numbers = [] if text is None else [piece.split() for piece in text.split(b",")]
        return sorted(_Piece(*map(int, piece)) for piece in numbers)

    def _split(self, piece: _Piece) -> Iterator[_Piece]:
        """A piece, or smaller ones where its records are long."""
        if piece.bytes <= _PART_BYTES or piece.rows == 1:
            yield piece
        else:
            last = piece.first + piece.rows - 1
            for half in self._pieces(piece.first, last, -(-piece.rows // 2)):
                yield from self._split(half)

    def _read(self, pieces: Sequence[_Piece]) -> RawBatch:
        joined = [piece for piece in pieces if self._joins and piece.with_data == piece.rows]
        texts = dict(zip(joined, self._join(joined), strict=True)) if joined else {}
        parts = [
            RawPart(piece.rows, texts.get(piece), partial(self._fetch, piece)) for piece in pieces
        ]
        return RawBatch(parts, sum(piece.bytes for piece in pieces))

    def _join(self, pieces: Sequence[_Piece]) -> Sequence[bytes]:
        """The text of each piece, all in one row."""
        text = (
            f"(select group_concat({_DATA}, '{BETWEEN.decode()}') from {self._in_order}"
            f" cross join {self._quoted} as source on source.{self._handle} = row_order.handle"
            " where row_order.rowid between ? and ?)"
        )
        places = [place for one in pieces for place in (one.first, one.first + one.rows - 1)]
        with self._lock:
            rows = self._connection.execute(f"select {', '.join([text] * len(pieces))}", places)
            return rows.fetchone()  # type: ignore[no-any-return]

    def _fetch(self, piece: _Piece) -> list[RawRecord]:
        with self._lock:
            return self._connection.execute(
                f"select source.id, {_DATA} from {self._in_order}"
                f" cross join {self._quoted} as source on source.{self._handle} = row_order.handle"
                " where row_order.rowid between ? and ? order by row_order.rowid",
                (piece.first, piece.first + piece.rows - 1),
            ).fetchall()

    def _sort(self, place: str) -> None:
        self._connection.execute(
            f"create temp table row_order as select {self._handle} as handle,"
            f" {_LENGTH} as bytes from {self._quoted}"
            f" order by {place}, cast(id as blob), handle"
        )
        self._is_ordered = True

    def _row_handle(self) -> str:
        try:
            self._connection.execute(f"select rowid from {self._quoted} limit 0")
        except sqlite3.OperationalError:
            return "id"  # a table without rowids
        return "rowid"


class _Parents(msgspec.Struct):
    subject: str | None = None
    session: str | None = None
    acquisition: str | None = None
    analysis: str | None = None


class _Place(msgspec.Struct):
    """Where in the tree a record stands; other types than text have no place."""

    parents: _Parents | None = None


def _place_reader(order: Sequence[str]) -> Callable[[object], bytes]:
    """A function from a record's JSON to bytes that sort as its place in the tree does."""
    decode = msgspec.json.Decoder(_Place).decode
    keys_of = attrgetter(*order) if len(order) > 1 else lambda parents: [getattr(parents, *order)]

    def place(data: object) -> bytes:
        try:
            parents = decode(data).parents  # type: ignore[arg-type]
        except (msgspec.MsgspecError, UnicodeError, TypeError, RecursionError):
            return _place_of_odd(data, order)
        if parents is None or not order:
            return b""
        return "\0".join([key or "" for key in keys_of(parents)]).encode()

    return place


def _place_of_odd(data: object, order: Sequence[str]) -> bytes:
    """The place of a record that only the most tolerant of readers takes."""
    try:
        record = json.loads(data, strict=False)  # type: ignore[arg-type]
        keys = [record["parents"].get(level) for level in order]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return b""  # it stands at the front; what is wrong with it is found when it is rendered
    texts = [key if isinstance(key, str) else "" for key in keys]
    return "\0".join(texts).encode("utf-8", "surrogatepass")
