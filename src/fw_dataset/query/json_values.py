"""JSON texts as values."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

__all__ = ["same_json"]


def same_json(one: str, other: str) -> bool:
    """Whether two JSON texts are the same value: blanks, the order of keys and spelling aside.

    Numbers are compared exactly, and ``1`` is ``1.0``; ``NaN`` is the same as itself. What is no
    JSON is the same as nothing else.
    """
    try:
        first, second = _value(one), _value(other)
        # The quick comparison takes true for 1.
        return bool(first == second) and _are_alike(first, second)
    except (ValueError, RecursionError):
        return False


def _value(text: str) -> Any:
    return json.loads(text, parse_float=Decimal, parse_constant=_Constant)


class _Constant(str):
    """NaN or an infinity, which no text is equal to."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Constant) and str.__eq__(self, other)


def _are_alike(first: Any, second: Any) -> bool:
    """Whether equal values are equal also in what is a boolean and what a number."""
    if isinstance(first, dict):
        return all(_are_alike(value, second[key]) for key, value in first.items())
    if isinstance(first, list):
        return all(_are_alike(*pair) for pair in zip(first, second, strict=True))
    return isinstance(first, bool) == isinstance(second, bool)
