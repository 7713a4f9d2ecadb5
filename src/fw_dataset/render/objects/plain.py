"""JSON as plain Python values, with a place for what these cannot hold.

All tables are made of plain values: dictionaries, lists, texts, numbers, booleans and None. What
Python's own types would change or lose stands in one of the classes here, which no column takes,
so that it comes to stand in ``extra`` as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain
from typing import Any

import msgspec

from fw_dataset.render.json_tree import JsonValue, Members, Number, dump, has_surrogate

__all__ = ["Odd", "Repeated", "Spelled", "as_object", "harden", "is_deep", "printable"]
__all__ += ["soften", "to_json"]

# Python reads no whole number of more digits from a text.
_WHOLE = re.compile(r"-?\d{1,4000}")
# A limit that does not depend on how deep in calls a value is read or written.
_DEEPEST = 100
_INFINITE = (float("inf"), float("-inf"))

_encode = msgspec.json.Encoder().encode


class Odd:
    """NaN, an infinity, a text with an unpaired surrogate, or a list with one of these inside."""

    __slots__ = ("tree",)

    def __init__(self, tree: JsonValue) -> None:
        self.tree = tree


class Repeated:
    """The values of a key that stands more than once in its object."""

    __slots__ = ("values",)

    def __init__(self, values: list[Any]) -> None:
        self.values = values


class Spelled(float):
    """A number that knows how the source spells it."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Spelled:
        """A number from its text."""
        number = super().__new__(cls, text)
        number.text = text
        return number


def is_deep(value: Any) -> bool:
    """Whether a value, plain or a tree, is nested deeper than what is read here."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [item for one in level for item in _items(one)]
        if not level:
            return False
    return True


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, Members):
        return (item for _, item in value)
    return value if isinstance(value, list) else ()


def soften(tree: JsonValue, fraction: type[float] = float) -> Any:
    """A parsed tree as plain values.

    Args:
        tree: the tree.
        fraction: the class of numbers that are not spelled as whole ones.

    Raises:
        RecursionError: it is nested too deeply.
    """
    if isinstance(tree, Number):
        return _soften_number(tree, fraction)
    if isinstance(tree, str):
        return Odd(tree) if has_surrogate(tree) else tree
    if isinstance(tree, Members):
        return _soften_members(tree, fraction)
    if isinstance(tree, list):
        items = [soften(item, fraction) for item in tree]
        return Odd(tree) if any(map(_holds_odd, items)) else items
    return tree


def _soften_number(number: Number, fraction: type[float]) -> Any:
    if _WHOLE.fullmatch(number):
        return int(number)
    value = fraction(number)
    return Odd(number) if value != value or value in _INFINITE else value


def _soften_members(tree: Members, fraction: type[float]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for key, item in tree:
        value = soften(item, fraction)
        if key not in plain:
            plain[key] = value
        elif type(plain[key]) is Repeated:
            plain[key].values.append(value)
        else:
            plain[key] = Repeated([plain[key], value])
    return plain


def _holds_odd(value: Any) -> bool:
    if isinstance(value, dict):
        return any(has_surrogate(key) or _holds_odd(item) for key, item in value.items())
    return isinstance(value, (Odd, Repeated))


def harden(value: Any) -> JsonValue:
    """Plain values as a tree: the way back."""
    if isinstance(value, Odd):
        return value.tree
    if isinstance(value, dict):
        members = Members()
        for key, item in value.items():
            for one in item.values if isinstance(item, Repeated) else (item,):
                members.add(key, harden(one))
        return members
    if isinstance(value, list):
        return [harden(item) for item in value]
    if value is None or isinstance(value, (bool, str)):
        return value
    return Number(value.text if isinstance(value, Spelled) else repr(value))


def to_json(value: Any) -> str:
    """A value as compact JSON; unpaired surrogates stay escapes."""
    try:
        return _encode(value).decode()
    except (TypeError, UnicodeEncodeError):  # one of the classes above, or a surrogate in a key
        return dump(harden(value))


def as_object(value: Any) -> dict[str, Any] | None:
    """A value as an object, None where it is none.

    Of a key that stands twice the objects are taken together, as one that has the members of all.
    """
    if type(value) is dict:
        return value
    if type(value) is not Repeated:
        return None
    objects = [harden(one) for one in value.values if isinstance(one, dict)]
    members = [tree for tree in objects if isinstance(tree, Members)]
    return _soften_members(Members(chain.from_iterable(members)), float) if members else None


def printable(text: str) -> str:
    """A text with escapes for what cannot stand in a file: unpaired surrogates."""
    return text.encode("utf-8", "backslashreplace").decode()
