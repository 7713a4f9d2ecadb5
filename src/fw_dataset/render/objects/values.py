"""One value and its column: what the column holds of it, and what ``extra`` keeps.

Mostly whole columns fit at once (:mod:`fw_dataset.render.objects.columns`); the values here are
those of columns where one at least is of another kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Any

import msgspec

from fw_dataset.render.json_tree import dump, separate
from fw_dataset.render.objects.plain import Odd, Repeated, Spelled, harden, to_json

__all__ = ["Fit", "Reader", "read_boolean", "read_date", "read_integer", "read_json", "read_list"]
__all__ += ["read_number", "read_spelling", "read_text", "spelled_reader"]


class Fit:
    """What becomes of one value.

    Attributes:
        column: what stands in the column, None for null.
        rest: what stands in ``extra`` under the value's path, None for nothing.
        fits: whether the column holds the value; if not, the report counts it.
    """

    __slots__ = ("column", "fits", "rest")

    def __init__(self, column: Any = None, rest: Any = None, *, fits: bool = True) -> None:
        self.column, self.rest, self.fits = column, rest, fits


Reader = Callable[[Any], Fit]
"""Fits one value, which is not None, into a column."""

_INT64 = range(-(2**63), 2**63)
_SPELLED_WHOLE = re.compile(r"[+-]?\d{1,20}")
_SPELLED = re.compile(r"[+-]?(\d{1,40}\.?\d{0,40}|\.\d{1,40})([eE][+-]?\d{1,4})?")
_DATE = re.compile(r"(\d{4})(?:(\d\d)(\d\d)|-(\d\d)-(\d\d)|\.(\d\d)\.(\d\d))")
_INFINITE = (float("inf"), float("-inf"))

_encode = msgspec.json.Encoder().encode


def read_integer(value: Any) -> Fit:
    """A whole number of 64 bits."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    fits = type(value) is int and value in _INT64
    return Fit(value) if fits else Fit(rest=value, fits=False)


def read_number(value: Any) -> Fit:
    """A number that is equal to a double."""
    if type(value) is int:
        try:
            number = float(value)
        except OverflowError:
            return Fit(rest=value, fits=False)
        return Fit(number) if int(number) == value else Fit(rest=value, fits=False)
    fits = isinstance(value, float) and value not in _INFINITE
    return Fit(float(value)) if fits else Fit(rest=value, fits=False)


def read_boolean(value: Any) -> Fit:
    """True or false."""
    return Fit(value) if isinstance(value, bool) else Fit(rest=value, fits=False)


def read_text(value: Any) -> Fit:
    """A text; a number or boolean as it is spelled, and itself in ``extra``."""
    if isinstance(value, str):
        return Fit(value)
    text = _spell(value)
    return Fit(rest=value, fits=False) if text is None else Fit(text, rest=value)


def read_spelling(value: Any) -> Fit:
    """A number or boolean as it is spelled, in a column in which nothing is a text."""
    text = _spell(value)
    return read_text(value) if text is None else Fit(text)


def _spell(value: Any) -> str | None:
    if isinstance(value, Spelled):
        return value.text
    return to_json(value) if isinstance(value, (bool, int, float)) else None


def read_date(value: Any) -> Fit:
    """A date as DICOM spells it, with dots as it once did, or with hyphens.

    An empty text is DICOM's way to give no value: null, and kept as it is.
    """
    if value == "":
        return Fit(rest=value)
    match = _DATE.fullmatch(value.strip(" \x00")) if isinstance(value, str) else None
    if match is None:
        return Fit(rest=value, fits=False)
    try:
        return Fit(date(*(int(part) for part in match.groups() if part is not None)))
    except ValueError:
        return Fit(rest=value, fits=False)


def read_json(value: Any) -> Fit:
    """Anything; what holds unpaired surrogates is parted from it."""
    try:
        return Fit(_encode(value).decode())
    except (TypeError, UnicodeEncodeError):  # there are odd values in it
        if isinstance(value, Repeated):
            return Fit(rest=value, fits=False)
        sound, odd = separate(harden(value))
    text = None if sound is None else dump(sound)
    return Fit(text, rest=None if odd is None else Odd(odd), fits=odd is None)


@cache
def spelled_reader(read: Reader) -> Reader:
    """A reader of numbers that takes texts, too, where DICOM spells numbers so.

    For equal arguments it is the same, so that columns can be compared.
    """
    pattern = _SPELLED_WHOLE if read is read_integer else _SPELLED

    def read_spelled(value: Any) -> Fit:
        if not isinstance(value, str):
            return read(value)
        text = value.strip(" \x00")
        if not text:
            return Fit(rest=value)
        if not pattern.fullmatch(text):
            return Fit(rest=value, fits=False)
        whole = _SPELLED_WHOLE.fullmatch(text)
        result = read(int(text) if whole else float(text))
        return result if result.fits else Fit(rest=value, fits=False)

    return read_spelled


@cache
def read_list(read: Reader, *, is_mixed: bool) -> Reader:
    """A reader of lists, to which a single value is a list of one; the same for equal arguments.

    Args:
        read: the reader of the items.
        is_mixed: keep a list of one in ``extra``, because single values look the same.
    """

    def read_items(value: Any) -> Fit:
        items = value if isinstance(value, list) else [value]
        results = [Fit() if item is None else read(item) for item in items]
        if not all(result.fits for result in results):
            return Fit(rest=value, fits=False)
        if not isinstance(value, list) and results[0].column is None:
            return results[0]
        keeps = any(result.rest is not None for result in results)
        keeps = keeps or (is_mixed and isinstance(value, list) and len(value) == 1)
        return Fit([result.column for result in results], rest=value if keeps else None)

    return read_items
