"""What all the texts of a column are: numbers, truth values, dates, instants, or just texts.

A text is of a kind only if the kind's value says all that the text says. ``00072`` is no number.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from enum import Enum

import pyarrow as pa
import pyarrow.compute as pc

from fw_dataset.format.column_types import ColumnType
from fw_dataset.render.values import to_moments

__all__ = ["ALL_KINDS", "NOT_AVAILABLE", "Kind", "Narrowed", "as_column", "column_type", "narrow"]

NOT_AVAILABLE = "n/a"
"""The text that stands for a missing value in studies of the BIDS form."""

# A double has room for all numbers of so many digits, in the usual way of writing them.
_SAFE_DIGITS = 15
_LONGEST_NUMBER = 40

_WHOLE = "(?:0|[1-9][0-9]*)"
# `1e3` may be a name, `1e+03` and `1.0e3` are what programs write for numbers.
_NUMBER = rf"-?(?:{_WHOLE}(?:[eE][-+][0-9]{{1,3}})?|{_WHOLE}?\.[0-9]+(?:[eE][-+]?[0-9]{{1,3}})?)"
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"


class Kind(Enum):
    """What a column may turn out to be; truth values are told apart by how they are spelled."""

    INTEGER = "integer"
    NUMBER = "number"
    LOWER_BOOLEAN = "true"
    TITLE_BOOLEAN = "True"
    UPPER_BOOLEAN = "TRUE"
    DATE = "date"
    INSTANT = "instant"


ALL_KINDS = frozenset(Kind)
Narrowed = frozenset[Kind]

_BOTH = frozenset({Kind.INTEGER, Kind.NUMBER})
_BOOLEANS = {
    Kind.LOWER_BOOLEAN: ("true", "false"),
    Kind.TITLE_BOOLEAN: ("True", "False"),
    Kind.UPPER_BOOLEAN: ("TRUE", "FALSE"),
}
_SPELLINGS = {
    Kind.INTEGER: "0|-?[1-9][0-9]{0,18}",
    Kind.NUMBER: _NUMBER,
    **{kind: "|".join(words) for kind, words in _BOOLEANS.items()},
    Kind.DATE: _DAY,
    Kind.INSTANT: f"{_DAY}[T ]{_TIME}(?:Z|[-+][0-9]{{2}}:?[0-9]{{2}})",
}
_ONE = {kind: re.compile(spelling) for kind, spelling in _SPELLINGS.items()}
_MANY = {kind: f"^(?:{spelling})$" for kind, spelling in _SPELLINGS.items()}
_TYPES = {
    Kind.INTEGER: ColumnType.INTEGER,
    Kind.NUMBER: ColumnType.NUMBER,
    **dict.fromkeys(_BOOLEANS, ColumnType.BOOLEAN),
    Kind.DATE: ColumnType.DATE,
    Kind.INSTANT: ColumnType.INSTANT,
}


def column_type(kinds: Narrowed) -> ColumnType:
    """The type of a column whose values are of all these kinds; whole numbers come first."""
    return next((_TYPES[kind] for kind in Kind if kind in kinds), ColumnType.TEXT)


def narrow(kinds: Narrowed, values: pa.Array) -> Narrowed:
    """Those of some kinds that all values are of.

    Args:
        kinds: the kinds that are still possible.
        values: texts, neither null nor ``n/a``.
    """
    if not len(values) or not kinds:
        return kinds
    first = values[0].as_py()
    likely = {kind for kind in kinds if _ONE[kind].fullmatch(first)}
    if likely >= _BOTH and _are_short_integers(values):
        return _BOTH
    return frozenset(kind for kind in likely if _are_all(kind, values))


def as_column(values: pa.Array, kind: ColumnType) -> pa.Array:
    """Texts as a column of the type that they were found to be of; null stays null."""
    if kind is ColumnType.TEXT:
        return values
    if kind is ColumnType.BOOLEAN:
        return pc.equal(pc.ascii_lower(values), "true")
    if kind in (ColumnType.DATE, ColumnType.INSTANT):
        return to_moments(values, kind)
    return values.cast(kind.arrow)


def _are_short_integers(values: pa.Array) -> bool:
    """Whether all are whole numbers that a double has room for, too: told at once, and usual."""
    return bool(
        pc.max(pc.binary_length(values)).as_py() <= _SAFE_DIGITS
        and pc.all(pc.match_substring_regex(values, _MANY[Kind.INTEGER])).as_py()
    )


def _are_all(kind: Kind, values: pa.Array) -> bool:
    if not pc.all(pc.match_substring_regex(values, _MANY[kind])).as_py():
        return False
    check = _FURTHER.get(kind)
    return check is None or check(values)


def _casts(to: ColumnType) -> Callable[[pa.Array], bool]:
    def check(values: pa.Array) -> bool:
        try:
            as_column(values, to)
        except pa.ArrowInvalid:
            return False
        return True

    return check


def _are_doubles(values: pa.Array) -> bool:
    """Whether the shortest spelling of each double is that of the same number."""
    lengths = pc.utf8_length(values)
    if pc.max(lengths).as_py() > _LONGEST_NUMBER:
        return False
    unsure = pc.or_(
        pc.greater(lengths, _SAFE_DIGITS), pc.match_substring(values, "e", ignore_case=True)
    )
    if not pc.any(unsure).as_py():
        return True
    texts = values.filter(unsure)
    numbers = texts.cast(pa.float64())
    return all(
        repr(number) == text or Decimal(repr(number)) == Decimal(text)
        for text, number in zip(texts.to_pylist(), numbers.to_pylist(), strict=True)
    )


_FURTHER: dict[Kind, Callable[[pa.Array], bool]] = {
    Kind.INTEGER: _casts(ColumnType.INTEGER),
    Kind.NUMBER: _are_doubles,
    Kind.DATE: _casts(ColumnType.DATE),
    Kind.INSTANT: _casts(ColumnType.INSTANT),
}
