"""JSON kept to the letter: numbers as they are spelled, and keys that stand twice.

The fast decoder refuses what plain JSON libraries cannot hold without loss: ``NaN``, unpaired
surrogates, numbers out of range, a key that stands twice. Such records are read here instead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias

__all__ = ["JsonValue", "Members", "Number", "dump", "has_surrogate", "parse", "separate"]

_SURROGATE = re.compile("[\ud800-\udfff]")


class Members:
    """A JSON object as its members in order, repeated keys included."""

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[tuple[str, JsonValue]] = ()) -> None:
        self._items = list(items)

    def __iter__(self) -> Iterator[tuple[str, JsonValue]]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def add(self, key: str, value: JsonValue) -> None:
        """Put a member at the end."""
        self._items.append((key, value))

    @property
    def keys_are_unique(self) -> bool:
        """Whether no key stands twice."""
        return len({key for key, _ in self._items}) == len(self._items)


class Number(str):
    """A number, or one of NaN, Infinity and -Infinity, as it is spelled."""

    __slots__ = ()


JsonValue: TypeAlias = "bool | str | Number | list[JsonValue] | Members | None"


def parse(data: bytes) -> JsonValue:
    """Read a JSON text.

    Raises:
        ValueError: it is not UTF-8, not JSON, or nested too deeply; the message says which.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 text (byte {error.start})") from None
    try:
        value: JsonValue = json.loads(
            text,
            strict=False,
            object_pairs_hook=Members,
            parse_int=Number,
            parse_float=Number,
            parse_constant=Number,
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply to be read") from None
    return value


def dump(value: JsonValue, *, sort_keys: bool = False) -> str:
    """Write a value as compact JSON; unpaired surrogates stay escapes, numbers their spelling."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=_SURROGATE.search(value) is not None)
    if isinstance(value, Members):
        members = sorted(value, key=_key) if sort_keys else value
        inner = (f"{dump(k)}:{dump(v, sort_keys=sort_keys)}" for k, v in members)
        return "{" + ",".join(inner) + "}"
    if isinstance(value, list):
        return "[" + ",".join(dump(item, sort_keys=sort_keys) for item in value) + "]"
    return json.dumps(value)


def _key(member: tuple[str, JsonValue]) -> str:
    return member[0]


def has_surrogate(value: JsonValue) -> bool:
    """Whether an unpaired surrogate stands anywhere in a value, keys included."""
    if isinstance(value, str):
        return _SURROGATE.search(value) is not None
    if isinstance(value, Members):
        return any(has_surrogate(key) or has_surrogate(item) for key, item in value)
    if isinstance(value, list):
        return any(has_surrogate(item) for item in value)
    return False


def separate(value: JsonValue) -> tuple[JsonValue, JsonValue]:
    """Part a value into what every JSON reader takes, and what holds unpaired surrogates.

    DuckDB refuses a whole column for one such text, so they cannot stay in a column of JSON.
    Merging the second part into the first gives the value again. None stands for no part.
    """
    if not has_surrogate(value):
        return value, None
    if not isinstance(value, Members) or not value.keys_are_unique:
        return None, value
    kept, apart = Members(), Members()
    for key, item in value:
        if has_surrogate(key):
            apart.add(key, item)
            continue
        sound, odd = separate(item)
        if sound is not None or odd is None:
            kept.add(key, sound)
        if odd is not None:
            apart.add(key, odd)
    return kept, apart
