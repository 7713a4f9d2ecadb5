"""Read ``info`` from the rows of a primary table, to the letter and as quickly as that goes.

Almost all rows are decoded fast. What the fast decoder would refuse or change - ``NaN``, unpaired
surrogates, keys that stand twice - is parsed exactly instead.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fw_dataset.format.tables import EXTRA, INFO
from fw_dataset.render.json_tree import JsonValue, Members, parse
from fw_dataset.render.objects.plain import Spelled, as_object, is_deep, soften
from fw_dataset.render.threads import ahead

__all__ = ["InfoBatch", "InfoReader"]

_BATCH_ROWS = 4096
# Of JSON text that is decoded at once; as Python values it is some ten times larger.
_BATCH_BYTES = 8 << 20
# An escaped colon, which is none any more once it is decoded; half of a surrogate pair, which may
# stand alone.
_ODD_ESCAPE = re.compile(rb"\\u(?:003[aA]|[dD][89a-fA-F])")
# What JSON writes with a backslash.
_ESCAPED = re.compile('["\\\\\x00-\x1f\ud800-\udfff]')
_PART = f'"{INFO}"'
# Objects and lists; with fewer, none is nested too deeply.
_MANY = 100
_REFUSED = (msgspec.MsgspecError, UnicodeError, RecursionError)

_decode = msgspec.json.Decoder().decode
_decode_spelled = msgspec.json.Decoder(float_hook=Spelled).decode
_encode = msgspec.json.Encoder().encode


@dataclass
class InfoBatch:
    """Some rows of a primary table whose ``info`` may hold what is looked for.

    Attributes:
        number: which one of the table's batches it is, from 0.
        rows: the other columns that were asked for.
        done: rows of the table up to the last of these, whether they matter or not.
        infos: the object at ``info`` of each row; an empty one where there is none.
        unread: the rows whose ``info`` cannot be read.
        texts: the JSON of ``info``.
        extras: that of ``extra``, where it holds a part of ``info``.
    """

    number: int
    rows: pa.RecordBatch
    done: int
    infos: list[dict[str, Any]] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)
    texts: list[bytes | None] = field(default_factory=list)
    extras: list[bytes | None] = field(default_factory=list)

    def spelled(self, row: int) -> dict[str, Any]:
        """The object at ``info`` of one row once more, with numbers that know their spelling."""
        text, extra = self.texts[row], self.extras[row]
        if text is not None and extra is None:
            try:
                value = _decode_spelled(text)
                return value if isinstance(value, dict) else {}
            except _REFUSED:
                pass
        return _read_exactly(text, extra, Spelled)


class InfoReader:
    """Reads the ``info`` of one primary table, as often as it is asked to.

    Args:
        paths: the table's data files.
        keys: keys at the top of ``info`` that matter; rows without any of them are passed over.
            None for all.
    """

    def __init__(self, paths: Sequence[Path], keys: Sequence[str] | None) -> None:
        self._paths = paths
        self._pattern = None if keys is None else _pattern(keys)
        # By their number among the rows that matter: those that are to be parsed exactly. Which
        # they are is found when the table is read for the first time.
        self._odd: set[int] = set()
        self._known = False

    @property
    def total_rows(self) -> int:
        """All rows of the table."""
        return sum(int(pq.read_metadata(path).num_rows) for path in self._paths)

    def batches(
        self, columns: Sequence[str], only: Container[int] | None = None
    ) -> Iterator[InfoBatch]:
        """The rows that matter, in order.

        Args:
            columns: others than ``info`` and ``extra`` to be read; those that the table does not
                have are left out. The same columns give the same batches.
            only: the numbers of the batches to give; None for all.
        """
        number = 0
        for batch in ahead(self._slices(columns)):
            if only is not None and batch.number not in only:
                number += batch.rows.num_rows
                continue
            texts, extras = _texts(batch.rows, INFO), _texts(batch.rows, EXTRA)
            batch.texts, batch.extras = texts, extras
            for row, (text, extra) in enumerate(zip(texts, extras, strict=True)):
                batch.infos.append(self._read(number + row, text, extra, row, batch))
            number += batch.rows.num_rows
            yield batch
        self._known = True

    def _slices(self, columns: Sequence[str]) -> Iterator[InfoBatch]:
        done, numbers = 0, count()
        for path in self._paths:
            with pq.ParquetFile(path) as file:
                names = set(file.schema_arrow.names)
                wanted = [name for name in (INFO, EXTRA, *columns) if name in names]
                for group in range(file.num_row_groups):
                    # A batch never reaches into another row group: these are bounded in bytes.
                    for rows in file.iter_batches(_BATCH_ROWS, [group], wanted):
                        done += rows.num_rows
                        for part in _bounded(self._that_matter(rows)):
                            yield InfoBatch(next(numbers), part, done)

    def _that_matter(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        mask = pa.nulls(rows.num_rows, pa.bool_()).fill_null(False)
        if INFO in rows.schema.names:
            info = rows.column(INFO)
            mask = info.is_valid() if self._pattern is None else _contains(info, self._pattern)
        if EXTRA in rows.schema.names:
            mask = pc.or_(mask, _contains(rows.column(EXTRA), _PART))
        return rows.filter(mask)

    def _read(
        self, number: int, text: bytes | None, extra: bytes | None, row: int, batch: InfoBatch
    ) -> dict[str, Any]:
        if text is not None and extra is None and number not in self._odd:
            value = _decode(text) if self._known else _decode_checked(text)
            if value is not _ODD:
                return value if isinstance(value, dict) else {}
            self._odd.add(number)
        try:
            return _read_exactly(text, extra)
        except (ValueError, RecursionError):
            batch.unread.append(row)
            return {}


_ODD = object()


def _decode_checked(text: bytes) -> Any:
    """A value, or ``_ODD`` where the fast decoder cannot be trusted with it."""
    if b"\\" in text and _ODD_ESCAPE.search(text):
        return _ODD
    try:
        value = _decode(text)
        if text.count(b"{") + text.count(b"[") > _MANY and is_deep(value):
            return _ODD
        # The decoder takes the last of two values of a key silently. Colons are counted in the
        # text and in the value written anew, where that of a repeated key is missing; those within
        # strings are in both.
        return value if text.count(b":") == _encode(value).count(b":") else _ODD
    except _REFUSED:
        return _ODD


def _read_exactly(
    text: bytes | None, extra: bytes | None, fraction: type[float] = float
) -> dict[str, Any]:
    """The object of a row's ``info`` and of what its ``extra`` holds of it.

    Raises:
        ValueError: a text is not JSON, or nested too deeply.
        RecursionError: as above.
    """
    tree = None if text is None else parse(text)
    apart = None if extra is None else parse(extra)
    if isinstance(apart, Members):
        for key, value in apart:
            if key == INFO:
                tree = value if tree is None else _together(tree, value)
    if is_deep(tree):
        raise ValueError("it is nested too deeply to be read")
    return as_object(soften(tree, fraction)) or {}


def _together(tree: JsonValue, apart: JsonValue) -> JsonValue:
    """A value with what was parted from it put back; else, both are objects, members of both."""
    if not isinstance(tree, Members) or not isinstance(apart, Members):
        return tree if isinstance(tree, Members) else apart
    over = dict(apart) if apart.keys_are_unique else {}
    whole = Members()
    for key, value in tree:
        parted = over.get(key)
        if isinstance(value, Members) and isinstance(parted, Members):
            del over[key]
            value = _together(value, parted)
        whole.add(key, value)
    for key, value in apart:
        if key in over or not apart.keys_are_unique:
            whole.add(key, value)
    return whole


def _pattern(keys: Sequence[str]) -> str:
    """What stands in every text that has one of some keys; a key can be spelled with escapes."""
    plain = [key for key in keys if not _ESCAPED.search(key)]
    return "|".join([*(f'"{re.escape(key)}"' for key in plain), r"\\"])


def _contains(texts: pa.Array, pattern: str) -> pa.Array:
    return pc.fill_null(pc.match_substring_regex(texts, pattern), False)


def _bounded(rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Slices whose JSON is not too long, but for single rows that are."""
    stack = [rows] if rows.num_rows else []
    while stack:
        part = stack.pop()
        if part.num_rows > 1 and _json_bytes(part) > _BATCH_BYTES:
            middle = part.num_rows // 2
            stack += [part.slice(middle), part.slice(0, middle)]
        else:
            yield part


def _json_bytes(rows: pa.RecordBatch) -> int:
    lengths = [
        pc.sum(pc.binary_length(rows.column(name))).as_py() or 0
        for name in (INFO, EXTRA)
        if name in rows.schema.names
    ]
    return sum(lengths)


def _texts(rows: pa.RecordBatch, name: str) -> list[bytes | None]:
    if name not in rows.schema.names:
        return [None] * rows.num_rows
    column = rows.column(name)
    if name == EXTRA:
        holds = _contains(column, _PART)
        column = pc.if_else(holds, column, pa.nulls(len(column), column.type))
    texts: list[bytes | None] = column.cast(pa.binary()).to_pylist()
    return texts
