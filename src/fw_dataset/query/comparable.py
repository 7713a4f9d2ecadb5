"""When two values are the same: SQL for columns of one type, and of two."""

from __future__ import annotations

import re

__all__ = ["as_text", "differ"]

_SIGNED = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_INTEGERS = frozenset({*_SIGNED, *(f"U{name}" for name in _SIGNED)})
_FLOATS = frozenset({"FLOAT", "DOUBLE"})
_TEXT = "VARCHAR"
_DATE = "DATE"
_TIMESTAMP = re.compile(r"TIMESTAMP\b")
_NESTED = re.compile(r"\]$|^(STRUCT|MAP|UNION)\b")


def differ(old: str, new: str, old_type: str, new_type: str) -> str:
    """SQL that is true where two values differ. Null is the same as null, and as nothing else.

    Values of one type are compared as they are, JSON as text. Of two types, numbers are compared as
    numbers, instants and days as moments (also where one of them is text), and all else as text.

    Args:
        old: SQL of the one value.
        new: SQL of the other.
        old_type: DuckDB's name of the one type.
        new_type: and of the other.
    """
    if old_type == new_type:
        return f"{old} IS DISTINCT FROM {new}"
    kinds = {_kind(old_type), _kind(new_type)}
    if kinds <= {"integer"} or kinds <= {"float"}:
        return f"{old} IS DISTINCT FROM {new}"
    if kinds == {"integer", "float"}:
        whole, broken = (old, new) if _kind(old_type) == "integer" else (new, old)
        # Above 2^53 several integers become the same DOUBLE.
        return (
            f"(CAST({whole} AS DOUBLE) IS DISTINCT FROM {broken}"
            f" OR CAST({whole} AS HUGEINT) IS DISTINCT FROM TRY_CAST({broken} AS HUGEINT))"
        )
    if "moment" in kinds and kinds <= {"moment", "text"}:
        # A text that is no instant is not the null that it would be taken for.
        return (
            f"({_moment(old, old_type)} IS DISTINCT FROM {_moment(new, new_type)}"
            f" OR ({old} IS NULL) <> ({new} IS NULL))"
        )
    return f"{as_text(old, old_type)} IS DISTINCT FROM {as_text(new, new_type)}"


def as_text(value: str, kind: str) -> str:
    """SQL of a value as text; lists and structs are JSON.

    Args:
        value: SQL of the value.
        kind: DuckDB's name of its type.
    """
    if kind == _TEXT:
        return value
    return f"CAST({f'to_json({value})' if _NESTED.search(kind) else value} AS {_TEXT})"


def _kind(name: str) -> str:
    if name in _INTEGERS:
        return "integer"
    if name in _FLOATS:
        return "float"
    if name == _DATE or (_TIMESTAMP.match(name) and not _NESTED.search(name)):
        return "moment"
    return "text" if name == _TEXT else "other"


def _moment(value: str, kind: str) -> str:
    """Microseconds since 1970, UTC."""
    if kind == _TEXT:
        # Not TIMESTAMP: DuckDB 2 drops the text's offset there.
        return f"epoch_us(TRY_CAST({value} AS TIMESTAMPTZ))"
    if "TIME ZONE" in kind:
        return f"epoch_us({value})"
    return f"epoch_us(CAST({value} AS TIMESTAMP))"
