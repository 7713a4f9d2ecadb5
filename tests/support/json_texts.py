"""JSON texts to the letter: written in many styles, compared as the format compares them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

Json: TypeAlias = "bool | str | Literal | list[Json] | Members | None"


class Literal(str):
    """A number, or NaN and the infinities, as it is spelled."""

    __slots__ = ()


class Members(tuple[tuple[str, "Json"], ...]):
    """A JSON object as its members, repeated keys included."""

    __slots__ = ()


@dataclass(frozen=True)
class Style:
    """How a JSON text is written."""

    comma: str = ","
    colon: str = ":"
    indent: str = ""
    ascii_only: bool = False
    escaped_keys: bool = False

    def write(self, value: Json) -> str:
        return self._write(value, "\n" if self.indent else "")

    def _write(self, value: Json, line: str) -> str:
        deeper = line + self.indent
        if isinstance(value, Literal):
            return str(value)
        if isinstance(value, str):
            return self._string(value)
        if isinstance(value, Members):
            inner = [f"{self._key(k)}{self.colon}{self._write(v, deeper)}" for k, v in value]
            return self._wrap("{}", inner, line, deeper)
        if isinstance(value, list):
            return self._wrap("[]", [self._write(v, deeper) for v in value], line, deeper)
        return json.dumps(value)

    def _wrap(self, ends: str, inner: list[str], line: str, deeper: str) -> str:
        if not inner:
            return ends
        return f"{ends[0]}{deeper}{(self.comma + deeper).join(inner)}{line}{ends[1]}"

    def _key(self, key: str) -> str:
        if self.escaped_keys and key and ord(key[0]) < 0x10000:
            return f'"\\u{ord(key[0]):04x}{self._string(key[1:])[1:]}'
        return self._string(key)

    def _string(self, text: str) -> str:
        surrogates = any("\ud800" <= char <= "\udfff" for char in text)
        return json.dumps(text, ensure_ascii=self.ascii_only or surrogates)


STYLES = (
    Style(),
    Style(", ", ": "),
    Style(", ", ": ", ascii_only=True),
    Style(",", ": ", indent="  "),
    Style(" ,", " : ", indent="\t"),
    Style(", ", "  : "),
    Style(escaped_keys=True),
    Style(",\r\n", "  :\n ", ascii_only=True, escaped_keys=True),
)


def read(text: str | bytes) -> Any:
    """Read a JSON text into plain Python; fractions stay exact, the last of equal keys wins."""
    return json.loads(_decoded(text), strict=False, parse_float=Decimal)


def read_members(text: str | bytes) -> Any:
    """Read a JSON text with every member of its objects, in the order of the keys."""

    def members(pairs: list[tuple[str, Any]]) -> Any:
        # The sort is stable: equal keys stay in the order of their values.
        return Members(sorted(pairs, key=lambda pair: pair[0]))

    return json.loads(_decoded(text), strict=False, parse_float=Decimal, object_pairs_hook=members)


def _decoded(text: str | bytes) -> str:
    return (text if isinstance(text, str) else text.decode()).removeprefix("\ufeff")


def same(left: Any, right: Any) -> bool:
    """Whether two values, of :func:`read` or of Python, are equal as JSON."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, (int, float, Decimal)) and isinstance(right, (int, float, Decimal)):
        return _same_number(left, right)
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def _same_number(left: float | Decimal, right: float | Decimal) -> bool:
    if left != left or right != right:
        return left != left and right != right
    # Whole numbers are compared exactly; a fraction is the nearest double, as JSON readers have it.
    fraction = isinstance(left, Decimal) or isinstance(right, Decimal)
    return bool(left == right) or (fraction and float(left) == float(right))
