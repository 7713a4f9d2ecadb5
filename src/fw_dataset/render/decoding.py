"""Decode records fast: one pass in C for every record that is as expected.

For each table a decoder is made whose fields are the table's columns, with their types. A key
that the table does not name is learnt when it is first met, so that the decoder has a field for
it from then on. What the decoder refuses is read by :mod:`fw_dataset.render.exact`.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Annotated, Any, TypeAlias, Union

import msgspec
import pyarrow as pa
from msgspec import UNSET, Raw, UnsetType

from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.tables import INFO, PrimaryColumn
from fw_dataset.render.selection import Selection

__all__ = ["Decoded", "FastDecoder", "FieldPlan"]

# Beyond this many keys that no column holds, records with a new one are read the slow way.
_MOST_LEARNT = 512
# As many as fit the processor's cache.
_AT_ONCE = 256
_INT64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_FIELD_TYPES: dict[ColumnType, Any] = {
    ColumnType.TEXT: str,
    ColumnType.INSTANT: str,
    ColumnType.DATE: str,
    ColumnType.JSON: Any,
    ColumnType.TEXT_LIST: list[str],
    ColumnType.INTEGER: _INT64,
    ColumnType.NUMBER: int | float,
    ColumnType.BOOLEAN: bool,
}
_NULL = Raw(b"null")
# Between records that are decoded in one call: a number that no record can know, so that none can
# hold the end of one record and the beginning of the next.
_SEPARATOR = secrets.randbits(62)
_BETWEEN = b",%d," % _SEPARATOR
# An escaped colon, which is none any more once it is decoded; half of a surrogate pair, which may
# stand alone.
_ODD_ESCAPE = re.compile(rb"\\u(?:003[aA]|[dD][89a-fA-F])")
# Keys that cannot be the name of a field.
_NO_FIELD = re.compile('["\\\\\x00-\x1f\ud800-\udfff]')
Decoded: TypeAlias = "tuple[Any, bytes | None]"
"""The struct of a record, and the text of its ``info``."""

_encode = msgspec.json.Encoder().encode


class FieldPlan:
    """The fields of the decoded struct, in order, and those of its nested structs.

    Attributes:
        fields: per field its key, and its column or None for a learnt key.
        nested: per nested object its key, its struct's type and its fields.
    """

    def __init__(self, columns: tuple[PrimaryColumn, ...], learnt: list[tuple[str, ...]]) -> None:
        self.fields: list[tuple[str, PrimaryColumn | None]] = []
        self.nested: dict[str, tuple[type, list[tuple[str, PrimaryColumn | None]]]] = {}
        inner: dict[str, list[tuple[str, PrimaryColumn | None]]] = {}
        for column in columns:
            if len(column.path) == 1:
                self.fields.append((column.path[0], column))
            else:
                inner.setdefault(column.path[0], []).append((column.path[1], column))
        for path in learnt:
            fields = self.fields if len(path) == 1 else inner[path[0]]
            fields.append((path[-1], None))
        for key, fields in inner.items():
            self.nested[key] = (_struct(fields), fields)
        self.struct = _struct(self.fields, {key: kind for key, (kind, _) in self.nested.items()})


def _struct(
    fields: list[tuple[str, PrimaryColumn | None]], nested: dict[str, type] | None = None
) -> type[msgspec.Struct]:
    types: list[tuple[str, Any]] = [(key, _field_type(column)) for key, column in fields]
    types += [(key, _optional(kind)) for key, kind in (nested or {}).items()]
    return msgspec.defstruct(
        "Record",
        [(f"f{i}", kind, Raw(b"") if kind is Raw else UNSET) for i, (_, kind) in enumerate(types)],
        rename={f"f{i}": key for i, (key, _) in enumerate(types)},
        forbid_unknown_fields=True,
        gc=False,
    )


def _field_type(column: PrimaryColumn | None) -> Any:
    if column is None:
        return _optional(Any)
    return Raw if column.name == INFO else _optional(_FIELD_TYPES[column.type])


def _optional(kind: Any) -> Any:
    return Union[kind, None, UnsetType]  # noqa: UP007 - its parts are known at run time only


class _LearntError(Exception):
    """The decoder has new fields; structs of the old kind are of no use."""


class FastDecoder:
    """Decodes the records of one table; :attr:`plan` says what the struct's fields are."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._learnt: list[tuple[str, ...]] = []
        self._make()

    def _make(self) -> None:
        self.plan = FieldPlan(self._selection.table.columns, self._learnt)
        self._decode = msgspec.json.Decoder(list[self.plan.struct | int]).decode  # type: ignore[name-defined]
        self._info = f"f{[key for key, _ in self.plan.fields].index(INFO)}"
        self._get_info = attrgetter(self._info)

    def learn(self, paths: list[tuple[str, ...]]) -> bool:
        """Make fields for keys that no column holds; whether there were new ones to make."""
        fresh = [
            path
            for path in dict.fromkeys(paths)
            if path not in self._learnt and not _NO_FIELD.search(path[-1])
        ]
        fresh = fresh[: _MOST_LEARNT - len(self._learnt)]
        if fresh:
            self._learnt += fresh
            self._make()
        return bool(fresh)

    def decode(
        self, batch: Sequence[bytes], learn_from: Callable[[int], bool]
    ) -> list[Decoded | None]:
        """Decode records; None stands for one that must be read exactly.

        Some hundred are decoded in one call. Where that is refused, they are halved, so that an
        odd record costs its neighbours little.

        Args:
            batch: the records.
            learn_from: called with the row of a refused record; True if its keys were learnt, so
                that decoding is begun anew.
        """
        while True:
            try:
                return self._decode_all(batch, learn_from)
            except _LearntError:
                continue

    def _decode_all(
        self, batch: Sequence[bytes], learn_from: Callable[[int], bool]
    ) -> list[Decoded | None]:
        decoded: list[Decoded | None] = []
        # Parts still to decode, the next one last.
        parts = [slice(i, i + _AT_ONCE) for i in range(0, len(batch), _AT_ONCE)][::-1]
        while parts:
            part = parts.pop()
            records = batch[part]
            plain = self._decode_plain(records)
            if plain is not None:
                decoded += plain
            elif len(records) > 1:
                middle = part.start + len(records) // 2
                parts += [slice(middle, part.stop), slice(part.start, middle)]
            elif learn_from(part.start):
                raise _LearntError
            else:
                decoded.append(None)
        return decoded

    def _decode_plain(self, batch: Sequence[bytes]) -> list[Decoded] | None:
        """Decode records of which none is odd, or None."""
        text = b"[" + _BETWEEN.join(batch) + b"]"
        if b"\\" in text and _ODD_ESCAPE.search(text):
            return None
        try:
            elements = self._decode(text)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return None
        records = elements[::2]
        if len(records) != len(batch) or elements[1::2] != [_SEPARATOR] * (len(batch) - 1):
            return None  # one of them was cut in the middle and another began there
        if set(map(type, records)) != {self.plan.struct}:
            return None  # one of them is a number
        raws = list(map(self._get_info, records))
        infos = list(map(bytes, raws))
        rest = _without(text, raws, infos)
        for record in records:
            setattr(record, self._info, _NULL)
        # The decoder takes the last of two values of a key silently. Colons are counted in the
        # text and in the records written anew, where that of a repeated key is missing; those
        # within strings are in both. Where there is no info, its key is written all the same.
        if rest.count(b":") + infos.count(b"") != _encode(records).count(b":"):
            return None
        return [
            (record, None if info in (b"", b"null") else info)
            for record, info in zip(records, infos, strict=True)
        ]


def _without(text: bytes, raws: list[Raw], infos: list[bytes]) -> bytes:
    """The text without the values of ``info``, which are views into it."""
    base = pa.py_buffer(text).address
    parts: list[bytes] = []
    end = 0
    for raw, info in zip(raws, infos, strict=True):
        if info:
            start = pa.py_buffer(raw).address - base
            parts.append(text[end:start])
            end = start + len(info)
    parts.append(text[end:])
    return b"".join(parts)
