"""The order in which a table's records are read: those of one subject, session … together."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import TypeAlias

import msgspec

from fw_dataset.format.names import quote_identifier

__all__ = ["OrderedTable", "RawRecord"]

_FETCH_ROWS = 256
_FETCH_BYTES = 16 << 20

RawRecord: TypeAlias = "tuple[object, bytes | None]"
"""A record as SQLite gives it: its primary key, and its JSON (None where there is none)."""


class OrderedTable:
    """A table of a snapshot, put in order on a connection of its own.

    SQLite sorts handles, not records, and spills to unnamed temporary files of its own.

    Args:
        connection: to the snapshot; closed with this.
        table: the table.
        order: the keys of ``parents`` to order by, outermost first; the id comes last.
    """

    def __init__(self, connection: sqlite3.Connection, table: str, order: Sequence[str]) -> None:
        self._connection = connection
        self._quoted = quote_identifier(table)
        self._order = order
        self._handle = self._row_handle()
        self._is_ordered = False

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

    def rows(self) -> Iterator[list[RawRecord]]:
        """The records in order, some at a time."""
        if not self._is_ordered:
            place = _place_reader(self._order)
            self._connection.create_function("place", 1, place, deterministic=True)
            self._sort("place(cast(data as blob))")
        longest = self._connection.execute(f"select max(length(data)) from {self._quoted}")
        # Long records are fetched few at a time, so that a list of them is not too much.
        at_once = max(1, min(_FETCH_ROWS, _FETCH_BYTES // max(1, longest.fetchone()[0] or 0)))
        rows = self._connection.execute(
            # A text comes as UTF-8 by itself; a cast would give the database's own encoding.
            "select source.id, case typeof(source.data) when 'text' then source.data"
            " else cast(source.data as blob) end from temp.row_order"
            f" cross join {self._quoted} as source on source.{self._handle} = row_order.handle"
            " order by row_order.rowid"
        )
        while some := rows.fetchmany(at_once):
            yield some

    def _sort(self, place: str) -> None:
        self._connection.execute(
            f"create temp table row_order as select {self._handle} as handle from {self._quoted}"
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
