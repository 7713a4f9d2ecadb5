"""What values a key has in all rows, and which column holds them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntFlag
from itertools import chain
from typing import Any

from fw_dataset.format.column_types import ColumnType
from fw_dataset.render.objects.plain import Odd, Repeated

__all__ = ["Met", "column_type", "list_type", "meet", "met_names"]

_INT64 = range(-(2**63), 2**63)
_EXACT = 2**53


class Met(IntFlag):
    """The kinds of values that were met; null is none.

    ``INEXACT`` is a whole number that no double is equal to, ``BIG`` one beyond 64 bits.
    """

    NOTHING = 0
    INTEGER = 1
    INEXACT = 2
    BIG = 4
    FRACTION = 8
    BOOLEAN = 16
    TEXT = 32
    OBJECT = 64
    LIST = 128


_SIMPLE = {
    float: Met.FRACTION,
    bool: Met.BOOLEAN,
    str: Met.TEXT,
    dict: Met.OBJECT,
    list: Met.LIST,
}
_NAMES = {
    Met.INTEGER: "integer",
    Met.FRACTION: "number",
    Met.BOOLEAN: "boolean",
    Met.TEXT: "string",
    Met.OBJECT: "object",
    Met.LIST: "array",
}
_OTHER = Met.BOOLEAN | Met.OBJECT | Met.LIST


def meet(values: Sequence[Any], kinds: set[type]) -> tuple[Met, Met]:
    """What some values of some types are, and what the items of the lists among them are."""
    own, items = _meet(values, kinds), Met.NOTHING
    if list in kinds:
        lists = values if kinds == {list} else [one for one in values if type(one) is list]
        flat = list(chain.from_iterable(lists))
        items = _meet(flat, set(map(type, flat)))
    return own, items


def _meet(values: Sequence[Any], kinds: set[type]) -> Met:
    met = Met.NOTHING
    for kind in kinds - {int, Odd, Repeated, type(None)}:
        met |= _SIMPLE[kind]
    if int in kinds:
        met |= _whole(values if kinds == {int} else [one for one in values if type(one) is int])
    return met


def _whole(numbers: Sequence[int]) -> Met:
    lowest, highest = min(numbers), max(numbers)
    if lowest >= -_EXACT and highest <= _EXACT:
        return Met.INTEGER
    if lowest not in _INT64 or highest not in _INT64:
        return Met.INTEGER | Met.BIG
    return Met.INTEGER | (Met.INEXACT if _any_inexact(numbers) else Met.NOTHING)


def _any_inexact(numbers: Iterable[int]) -> bool:
    return any(int(float(number)) != number for number in numbers)


def column_type(own: Met, items: Met) -> ColumnType | None:
    """The type of the column for what was met; None where only objects were."""
    if own & Met.OBJECT:
        return None if own == Met.OBJECT else ColumnType.JSON
    if not own & Met.LIST:
        return _scalar(own)
    together = (own & ~Met.LIST) | items
    if together & _OTHER or not together:
        return ColumnType.JSON
    return list_type(_scalar(together))


def list_type(kind: ColumnType) -> ColumnType:
    """The type of lists of a type, JSON where there is none."""
    return next((many for many in ColumnType if many.item is kind), ColumnType.JSON)


def met_names(met: Met) -> list[str]:
    """What was met, as JSON Schema names it."""
    return [name for kind, name in _NAMES.items() if met & kind]


def _scalar(met: Met) -> ColumnType:
    if met == Met.BOOLEAN:
        return ColumnType.BOOLEAN
    if met & (Met.TEXT | Met.BOOLEAN | Met.BIG) or not met:
        return ColumnType.TEXT
    if not met & Met.FRACTION:
        return ColumnType.INTEGER
    return ColumnType.TEXT if met & Met.INEXACT else ColumnType.NUMBER
