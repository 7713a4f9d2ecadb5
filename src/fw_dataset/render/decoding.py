"""Decode records fast: those that are as expected become Arrow columns without Python values.

Of each record the values whose type is open are cut out first: those of JSON columns, ``info``
above all, and those of keys that the table does not name. What is left has the types of the
table's columns, and Arrow's JSON reader, which takes nothing else, makes columns of it. It refuses
unknown keys, repeated keys and values of another type; what it refuses is read by
:mod:`fw_dataset.render.exact`. A key that the table does not name is learnt when it is first met,
so that it is cut out from then on.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from itertools import accumulate, chain
from operator import attrgetter
from typing import Any, Union

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
from msgspec import UNSET, Raw, UnsetType

from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.tables import PrimaryTable
from fw_dataset.render.selection import Selection
from fw_dataset.render.values import POOL
from fw_dataset.snapshot import BETWEEN, SEPARATOR, RawBatch, RawPart

__all__ = ["Begun", "Decoded", "FastDecoder", "Path"]

Path = tuple[str, ...]
"""The keys that lead to a value, outermost first."""

# Beyond this many keys that no column holds, records with a new one are read the slow way.
_MOST_LEARNT = 512
# Whole numbers from here on may not be the same as doubles.
_INEXACT = 2.0**53
_NOTHING = Raw(b"")
# An escaped colon, which is none any more once it is decoded; half of a surrogate pair, which may
# stand alone.
_ODD_ESCAPE = re.compile(rb"\\u(?:003[aA]|[dD][89a-fA-F])")
# Keys that cannot be the name of a field.
_NO_FIELD = re.compile('["\\\\\x00-\x1f\ud800-\udfff]')

_REFUSED = (msgspec.MsgspecError, UnicodeError, RecursionError, pa.ArrowInvalid)

_decode_list = msgspec.json.Decoder(list[Any]).decode
_encode = msgspec.json.Encoder().encode


@dataclass
class Decoded:
    """Records as columns.

    Attributes:
        rows: how many there are.
        columns: by name; instants and dates are texts.
        learnt: for each learnt key its values, None where there is none.
        odd: the rows to be read exactly; until then they are null.
    """

    rows: int
    columns: dict[str, pa.Array]
    learnt: dict[Path, list[Any]] = field(default_factory=dict)
    odd: list[int] = field(default_factory=list)


@dataclass
class _Cut:
    """Records with ``null`` in place of the values of open types, and these values."""

    rows: int
    lines: bytes
    texts: dict[str, pa.Array]
    learnt: dict[Path, list[Any]]


class _Plan:
    """What is cut out of records, and the types of what is left.

    Args:
        table: the table.
        learnt: the keys that no column holds.
    """

    def __init__(self, table: PrimaryTable, learnt: Sequence[Path]) -> None:
        self._columns = table.columns
        self._json = {c.path: c.name for c in table.columns if c.type is ColumnType.JSON}
        self._learnt = tuple(learnt)
        self._values = _ValueReader((*self._json, *learnt))
        # Instants and dates come as texts; a cast tells later which of them are some.
        moments = dict.fromkeys((ColumnType.INSTANT, ColumnType.DATE), pa.string())
        self._types = {c.name: moments.get(c.type, c.type.arrow) for c in table.columns}
        fields = {c.path: self._types[c.name] for c in table.columns}
        self._options = pj.ParseOptions(
            explicit_schema=_schema(fields | dict.fromkeys((*self._json, *learnt), pa.null())),
            unexpected_field_behavior="error",
        )

    def cut(self, joined: bytes, rows: int) -> _Cut | None:
        """Cut the values of open types out of joined records; None if one of these is odd."""
        text = b"".join((b"[", joined, b"]"))
        if b"\\" in text and _ODD_ESCAPE.search(text):
            return None
        try:
            values = self._values.read(text, rows)
            if values is None:
                return None
            places = {path: _Places(text, raws) for path, raws in values.items()}
            return _Cut(
                rows,
                _without(text, places.values())[1:-1].replace(BETWEEN, b"\n"),
                {name: places[path].texts() for path, name in self._json.items()},
                {path: _read_learnt(values[path], places[path].there) for path in self._learnt},
            )
        except _REFUSED:
            return None

    def parse(self, cuts: Sequence[_Cut]) -> Decoded | None:
        """Make columns of what was cut; None if one of the records is odd."""
        # An end of line at the end: what follows the last one would be a block of its own.
        lines = b"\n".join([*(cut.lines for cut in cuts), b""])
        whole = pj.ReadOptions(use_threads=False, block_size=len(lines) + 1)
        decoded = Decoded(sum(cut.rows for cut in cuts), {})
        try:
            table = pj.read_json(pa.BufferReader(lines), whole, self._options, memory_pool=POOL)
            if table.num_rows != decoded.rows:
                return None
            found = _flat(table)
            for column in self._columns:
                if column.path in self._json:
                    parts = [cut.texts[column.name] for cut in cuts]
                    values = pa.concat_arrays(parts, memory_pool=POOL)
                else:
                    values = found[column.path]
                    _check(values)
                decoded.columns[column.name] = values
        except _REFUSED:
            return None
        for path in self._learnt:
            decoded.learnt[path] = list(chain.from_iterable(cut.learnt[path] for cut in cuts))
        return decoded

    def decode(self, raw: RawBatch, learn_from: Callable[[int], bool]) -> Decoded | None:
        """Decode records of which one at least is odd; None if keys were learnt."""
        decoded: list[Decoded | None] = []
        first = 0
        for part in raw.parts:
            # Stretches of the part still to decode, the next one last.
            stretches = [slice(0, part.rows)]
            while stretches:
                stretch = stretches.pop()
                rows = stretch.stop - stretch.start
                plain = self._decode_plain(part, stretch)
                if plain is not None:
                    decoded.append(plain)
                elif rows > 1:
                    middle = stretch.start + rows // 2
                    stretches += [slice(middle, stretch.stop), slice(stretch.start, middle)]
                elif learn_from(first + stretch.start):
                    return None
                else:
                    decoded.append(None)
            first += part.rows
        return self._concat(decoded)

    def _decode_plain(self, part: RawPart, stretch: slice) -> Decoded | None:
        rows = stretch.stop - stretch.start
        text = part.text
        if text is None or rows < part.rows:
            text = BETWEEN.join([data or b"" for _, data in part.records()[stretch]])
        cut = self.cut(text, rows)
        return None if cut is None else self.parse([cut])

    def _concat(self, parts: Sequence[Decoded | None]) -> Decoded:
        """Records put together; None stands for one that is odd."""
        whole = Decoded(0, {}, {path: [] for path in self._learnt})
        for part in parts:
            if part is None:
                whole.odd.append(whole.rows)
            whole.rows += 1 if part is None else part.rows
            for path, values in whole.learnt.items():
                values += [None] if part is None else part.learnt[path]
        for name, kind in self._types.items():
            none = pa.nulls(1, kind)
            arrays = [none if part is None else part.columns[name] for part in parts]
            whole.columns[name] = pa.concat_arrays([pa.array([], kind), *arrays], memory_pool=POOL)
        return whole


class _ValueReader:
    """Finds the values at some paths in joined records, all in one pass."""

    def __init__(self, paths: Sequence[Path]) -> None:
        inner: dict[str, list[str]] = {}
        for path in paths:
            if len(path) > 1:
                inner.setdefault(path[0], []).append(path[1])
        plain = [path[0] for path in paths if len(path) == 1]
        self._plain = plain
        self._nested = {key: (_struct(keys), keys) for key, keys in inner.items()}
        self._struct = _struct(plain, {key: kind for key, (kind, _) in self._nested.items()})
        self._decode = msgspec.json.Decoder(list[self._struct | int]).decode  # type: ignore[name-defined]

    def read(self, text: bytes, rows: int) -> dict[Path, list[Raw]] | None:
        """The values in each record, empty where there is none; None if a record is odd.

        Raises:
            msgspec.MsgspecError: the text is not JSON, or not a list of objects and numbers.
        """
        elements = self._decode(text)
        records = elements[::2]
        if len(records) != rows or elements[1::2] != [SEPARATOR] * (rows - 1):
            return None  # one of them was cut in the middle and another began there
        if set(map(type, records)) != {self._struct}:
            return None  # one of them is a number
        values: dict[Path, list[Raw]] = {
            (key,): list(map(attrgetter(f"f{i}"), records)) for i, key in enumerate(self._plain)
        }
        for i, (key, (kind, keys)) in enumerate(self._nested.items(), len(self._plain)):
            none = kind()
            objects = [
                one if type(one) is kind else none for one in map(attrgetter(f"f{i}"), records)
            ]
            for j, name in enumerate(keys):
                values[key, name] = list(map(attrgetter(f"f{j}"), objects))
        return values


def _struct(keys: Sequence[str], nested: dict[str, type] | None = None) -> type[msgspec.Struct]:
    fields: list[tuple[str, Any, Any]] = [(key, Raw, _NOTHING) for key in keys]
    for key, kind in (nested or {}).items():
        fields.append((key, Union[kind, None, UnsetType], UNSET))  # noqa: UP007 - known at run time
    return msgspec.defstruct(
        "Record",
        [(f"f{i}", kind, default) for i, (_, kind, default) in enumerate(fields)],
        rename={f"f{i}": key for i, (key, _, _) in enumerate(fields)},
        gc=False,
    )


class _Places:
    """Where the values of one path stand in a text, of which they are views."""

    def __init__(self, text: bytes, raws: list[Raw]) -> None:
        self._raws = raws
        self.there = [raw for raw in raws if raw is not _NOTHING]
        views = list(map(pa.py_buffer, self.there))
        base = pa.py_buffer(text).address
        self.starts = [view.address - base for view in views]
        self.sizes = [view.size for view in views]

    def texts(self) -> pa.Array:
        """The values as a column, in which ``null`` is null.

        Raises:
            pyarrow.ArrowInvalid: a text is not UTF-8.
        """
        rows = len(self._raws)
        if not self.there:
            return pa.nulls(rows, pa.string())
        sizes, valid = self.sizes, None
        if len(sizes) < rows or 4 in sizes:
            each = iter(sizes)
            sizes = [0 if raw is _NOTHING else next(each) for raw in self._raws]
            valid = pa.array(
                [
                    size > 0 and (size != 4 or bytes(raw) != b"null")
                    for size, raw in zip(sizes, self._raws, strict=True)
                ]
            ).buffers()[1]
        offsets = pa.py_buffer(array("i", accumulate(sizes, initial=0)))
        texts = pa.py_buffer(b"".join(self.there))
        column = pa.StringArray.from_buffers(rows, offsets, texts, valid)
        column.validate(full=True)
        return column


def _without(text: bytes, places: Iterable[_Places]) -> bytes:
    """A text with ``null`` in place of some values."""
    used = [one for one in places if one.there]
    starts: Iterable[int] = chain.from_iterable(one.starts for one in used)
    sizes: Iterable[int] = chain.from_iterable(one.sizes for one in used)
    spans = zip(starts, sizes, strict=True)
    parts: list[bytes] = []
    end = 0
    for start, size in spans if len(used) == 1 else sorted(spans):
        parts.append(text[end:start])
        end = start + size
    parts.append(text[end:])
    return b"null".join(parts)


def _read_learnt(raws: list[Raw], there: list[Raw]) -> list[Any]:
    """Values that no column holds, None where there is none.

    Raises:
        msgspec.MsgspecError: one of them is odd.
    """
    if not there:
        return [None] * len(raws)
    text = b"".join((b"[", b",".join(there), b"]"))  # each is known to be one whole value
    values = _decode_list(text)
    # The decoder takes the last of two values of a key silently. Colons are counted in the text
    # and in the values written anew, where that of a repeated key is missing; those within
    # strings are in both.
    if text.count(b":") != _encode(values).count(b":"):
        raise msgspec.DecodeError("a repeated key")
    if len(there) == len(raws):
        return values
    each = iter(values)
    return [None if raw is _NOTHING else next(each) for raw in raws]


def _schema(types: dict[Path, pa.DataType]) -> pa.Schema:
    nested: dict[str, list[tuple[str, pa.DataType]]] = {}
    for path, kind in types.items():
        if len(path) > 1:
            nested.setdefault(path[0], []).append((path[1], kind))
    plain = [(path[0], kind) for path, kind in types.items() if len(path) == 1]
    return pa.schema([*plain, *((key, pa.struct(fields)) for key, fields in nested.items())])


def _flat(table: pa.Table) -> dict[Path, pa.Array]:
    """The columns by their paths; a column of a nested object that is null is null."""
    found: dict[Path, pa.Array] = {}
    for key, chunked in zip(table.schema.names, table.columns, strict=True):
        column = chunked.combine_chunks(memory_pool=POOL)
        if pa.types.is_struct(column.type):
            for inner, values in zip(column.type, column.flatten(POOL), strict=True):
                found[key, inner.name] = values
        else:
            found[(key,)] = column
    return found


def _check(values: pa.Array) -> None:
    """Look whether the reader let something through.

    Raises:
        pyarrow.ArrowInvalid: a text is not UTF-8, or a whole number is too large for a double.
    """
    if pa.types.is_floating(values.type):
        ends = pc.min_max(pc.abs(values))
        if ends["max"].is_valid and not ends["max"].as_py() < _INEXACT:
            raise pa.ArrowInvalid("a number that may not be the same as a double")
        if ends["min"].as_py() == 0.0 and pc.min(pc.divide(1.0, values)).as_py() < 0:
            raise pa.ArrowInvalid("a negative zero")
    else:
        values.validate(full=True)


@dataclass
class Begun:
    """A batch whose records are being decoded."""

    raw: RawBatch
    plan: _Plan
    future: Future[Decoded | None] | None


class FastDecoder:
    """Decodes the records of one table.

    Args:
        selection: the table and the columns to keep.
        executor: for what needs no Python.
    """

    def __init__(self, selection: Selection, executor: Executor) -> None:
        self._table = selection.table
        self._executor = executor
        self._learnt: list[Path] = []
        self._plan = _Plan(self._table, ())

    def learn(self, paths: Sequence[Path]) -> bool:
        """Cut the values of some keys out from now on; whether there were new ones."""
        fresh = [
            path
            for path in dict.fromkeys(paths)
            if path not in self._learnt and not _NO_FIELD.search(path[-1])
        ]
        fresh = fresh[: _MOST_LEARNT - len(self._learnt)]
        if fresh:
            self._learnt += fresh
            self._plan = _Plan(self._table, self._learnt)
        return bool(fresh)

    def begin(self, raw: RawBatch) -> Begun:
        """Begin to decode a batch: the part that needs Python."""
        plan = self._plan
        cuts: list[_Cut] = []
        for part in raw.parts:
            cut = None if part.text is None else plan.cut(part.text, part.rows)
            if cut is None:
                return Begun(raw, plan, None)
            cuts.append(cut)
        return Begun(raw, plan, self._executor.submit(plan.parse, cuts) if cuts else None)

    def finish(self, begun: Begun, learn_from: Callable[[int], bool]) -> Decoded:
        """Finish a batch.

        Where a batch is refused, its parts are decoded, and where one of these is, it is halved,
        so that an odd record costs its neighbours little.

        Args:
            begun: the batch.
            learn_from: called with the row of a refused record; True if its keys were learnt, so
                that decoding is begun anew.
        """
        decoded = None if begun.future is None else begun.future.result()
        while decoded is None:
            decoded = self._plan.decode(begun.raw, learn_from)
        return decoded
