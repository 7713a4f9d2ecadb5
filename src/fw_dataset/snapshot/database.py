"""The snapshot's SQLite file: its tables, its records, the order they are read in."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple, TypeAlias

import msgspec

from fw_dataset.errors import SnapshotError
from fw_dataset.format.names import quote_identifier

__all__ = ["TABLES", "RawRecord", "Record", "Snapshot", "SourceCopy", "SourceFile", "key_text"]

TABLES = ("project", "subject", "session", "acquisition", "file", "analysis")


@dataclass(frozen=True)
class SourceCopy:
    """A gzipped copy of a snapshot in the work folder, and its SHA-256."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class SourceFile:
    """What a snapshot's file is.

    Attributes:
        sha256: of the decompressed SQLite file, 64 hex digits.
        bytes: its size.
        source_sha256: of the file as it came.
        copy: the gzipped copy for the provenance, or None.
    """

    sha256: str
    bytes: int
    source_sha256: str
    copy: SourceCopy | None


BATCH_ROWS = 2048
BATCH_BYTES = 8 << 20
_FETCH_ROWS = 256
_FETCH_BYTES = 16 << 20

RawRecord: TypeAlias = "tuple[object, bytes | None]"
"""A record as SQLite gives it: its primary key, and its JSON (None where there is none)."""


class Record(NamedTuple):
    """One record: its primary key, and its JSON as bytes (None where the source has none)."""

    id: str
    data: bytes | None


class _Parents(msgspec.Struct):
    subject: str | None = None
    session: str | None = None
    acquisition: str | None = None
    analysis: str | None = None


class _Place(msgspec.Struct):
    """Where in the tree a record stands; other types than text have no place."""

    parents: _Parents | None = None


class Snapshot:
    """A checked snapshot, open for reading by one thread."""

    def __init__(self, path: Path, source: SourceFile) -> None:
        self.path, self.source = path, source
        # immutable: no lock and no journal beside a file that may be the user's own.
        uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        self._connection = sqlite3.connect(uri, uri=True)
        self._connection.text_factory = bytes

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    def check(self) -> None:
        """Look whether it is a snapshot.

        Raises:
            SnapshotError: a table or column is missing, or there is not exactly one project.
        """
        for table in TABLES:
            with self._reading(table):
                info = self._connection.execute(f"pragma table_info({quote_identifier(table)})")
                columns = {bytes(row[1]).decode("utf-8", "replace") for row in info}
            if not columns:
                raise SnapshotError(f"snapshot {self.path.name}: table {table!r} is missing")
            if not {"id", "data"} <= columns:
                raise SnapshotError(
                    f"snapshot {self.path.name}: table {table!r} has no columns id and data"
                )
        projects = self.count("project")
        if projects != 1:
            raise SnapshotError(
                f"snapshot {self.path.name}: table 'project' has {projects} rows; exactly one"
                " project can be rendered"
            )

    def count(self, table: str) -> int:
        """The records in a table."""
        with self._reading(table):
            row = self._connection.execute(f"select count(*) from {quote_identifier(table)}")
            return int(row.fetchone()[0])

    def records(self, table: str, order: Sequence[str] = ()) -> Iterator[Record]:
        """All records of a table, those of one subject, session … together.

        Args:
            table: the snapshot's table, such as ``"file"``.
            order: the keys of ``parents`` to order by, outermost first; the id comes last.
        """
        for batch in self.batches(table, order):
            for key, data in batch:
                yield Record(key_text(key), data)

    def batches(self, table: str, order: Sequence[str] = ()) -> Iterator[list[RawRecord]]:
        """The same records in lists of at most 2048, or of about 8 MB where they are long.

        Keys are as SQLite gives them; :func:`key_text` makes a text of one.
        """
        quoted = quote_identifier(table)
        with self._reading(table):
            longest = self._connection.execute(f"select max(length(data)) from {quoted}").fetchone()
            # Long records are fetched few at a time, so that a list of them is not too much.
            at_once = max(1, min(_FETCH_ROWS, _FETCH_BYTES // max(1, longest[0] or 0)))
            rows = self._ordered(quoted, order)
            batch: list[RawRecord] = []
            size = 0
            while some := rows.fetchmany(at_once):
                batch += some
                size += sum(len(data) for _, data in some if data is not None)
                if len(batch) >= BATCH_ROWS or size >= BATCH_BYTES:
                    yield batch
                    batch, size = [], 0
            if batch:
                yield batch

    def _ordered(self, quoted: str, order: Sequence[str]) -> sqlite3.Cursor:
        handle = self._row_handle(quoted)
        self._connection.create_function("place", 1, _place_reader(order), deterministic=True)
        self._connection.execute("drop table if exists temp.row_order")
        # SQLite sorts handles, not records, and spills to its own unnamed temporary files.
        self._connection.execute(
            f"create temp table row_order as select {handle} as handle from {quoted}"
            " order by place(data), cast(id as blob), handle"
        )
        return self._connection.execute(
            f"select source.id, cast(source.data as blob) from temp.row_order"
            f" cross join {quoted} as source on source.{handle} = row_order.handle"
            " order by row_order.rowid"
        )

    def _row_handle(self, quoted: str) -> str:
        try:
            self._connection.execute(f"select rowid from {quoted} limit 0")
        except sqlite3.OperationalError:
            return "id"  # a table without rowids
        return "rowid"

    @contextmanager
    def _reading(self, table: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise SnapshotError(
                f"snapshot {self.path.name}: table {table!r} cannot be read: {error}"
            ) from None


def key_text(key: object) -> str:
    """A record's key as text."""
    return key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)


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
        record = json.loads(data)  # type: ignore[arg-type]
        keys = [record["parents"].get(level) for level in order]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return b""  # it stands at the front; what is wrong with it is found when it is rendered
    texts = [key if isinstance(key, str) else "" for key in keys]
    return "\0".join(texts).encode("utf-8", "surrogatepass")
