"""Decode records fast: one pass in C for every record that is as expected.

For each table a decoder is made whose fields are the table's columns, with their types. A key
that the table does not name is learnt when it is first met, so that the decoder has a field for
it from then on. What the decoder refuses is read by :mod:`fw_dataset.render.exact`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from operator import attrgetter
from typing import Annotated, Any, TypeAlias, Union

import msgspec
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
_KEY_END = b'":'
# An escaped quote or colon would be counted differently once it is decoded.
_ESCAPED_KEY_END = re.compile(rb"\\u00(22|3[aA])")
Decoded: TypeAlias = "tuple[Any, bytes | None]"
"""The struct of a record, and the text of its ``info``."""

_encode = msgspec.json.Encoder().encode
_compact = msgspec.json.format


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


class FastDecoder:
    """Decodes the records of one table; :attr:`plan` says what the struct's fields are."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._learnt: list[tuple[str, ...]] = []
        self._make()

    def _make(self) -> None:
        self.plan = FieldPlan(self._selection.table.columns, self._learnt)
        self._decode = msgspec.json.Decoder(list[self.plan.struct]).decode  # type: ignore[name-defined]
        self._info = f"f{[key for key, _ in self.plan.fields].index(INFO)}"
        self._get_info = attrgetter(self._info)

    def learn(self, paths: list[tuple[str, ...]]) -> bool:
        """Make fields for keys that no column holds; whether there were new ones to make."""
        fresh = [path for path in dict.fromkeys(paths) if path not in self._learnt]
        fresh = fresh[: _MOST_LEARNT - len(self._learnt)]
        if fresh:
            self._learnt += fresh
            self._make()
        return bool(fresh)

    def decode(self, batch: Sequence[bytes]) -> list[Decoded | None]:
        """Decode records; None stands for one that must be read exactly.

        Some hundred are decoded in one call. Where that is refused, they are halved, so that an
        odd record costs its neighbours little.
        """
        decoded: list[Decoded | None] = []
        for start in range(0, len(batch), _AT_ONCE):
            decoded += self._decode_some(batch[start : start + _AT_ONCE])
        return decoded

    def _decode_some(self, batch: Sequence[bytes]) -> Sequence[Decoded | None]:
        decoded = self._decode_plain(batch)
        if decoded is not None:
            return decoded
        if len(batch) == 1:
            return [None]
        half = len(batch) // 2
        return [*self._decode_some(batch[:half]), *self._decode_some(batch[half:])]

    def _decode_plain(self, batch: Sequence[bytes]) -> list[Decoded] | None:
        """Decode records of which none is odd, or None."""
        try:
            records = self._decode(b"[" + b",".join(batch) + b"]")
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return None
        if len(records) != len(batch):
            return None  # one of them was cut in the middle and another began there
        decoded: list[Decoded] = []
        rests: list[bytes] = []
        absent = 0
        for data, record in zip(batch, records, strict=True):
            if b"\\" in data and (b"\\ud" in data or b"\\uD" in data):
                return None  # perhaps an unpaired surrogate
            info = bytes(self._get_info(record))
            rest = data
            if info:
                start = _value_of_info(data, info)
                if start is None:
                    return None
                setattr(record, self._info, _NULL)
                rest = data[:start] + b"null" + data[start + len(info) :]
            else:
                absent += 1
            rests.append(rest)
            decoded.append((record, info if info and info != b"null" else None))
        if _repeat_a_key(b"[" + b",".join(rests) + b"]", records, absent):
            return None
        return decoded


def _value_of_info(data: bytes, info: bytes) -> int | None:
    """Where the value of ``info`` stands in a record, or None where that is not plain to find."""
    at = data.find(b'"info":')
    while at >= 0:
        at += 7
        if data.startswith(b" ", at):
            at += 1
        if data.startswith(info, at):
            return at
        at = data.find(b'"info":', at)
    return None


def _repeat_a_key(rests: bytes, records: list[Any], without_info: int) -> bool:
    """Whether a key may stand twice outside ``info``, where the decoder took the last silently.

    What ends a key, ``":``, is counted in the text and in the decoded records written anew: a
    repeated key is missing from the latter. In strings both write the quote as ``\\"``.
    """
    if b"\\u00" in rests and _ESCAPED_KEY_END.search(rests):
        return True
    # Where a record has no info, the field's default still writes its key.
    written = _encode(records).count(_KEY_END) - without_info
    return _compact(rests, indent=-1).count(_KEY_END) != written
