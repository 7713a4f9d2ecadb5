"""Does a value fit its column, and as what does it stand there?"""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa

from fw_dataset.format.column_types import ColumnType
from fw_dataset.render.json_tree import JsonValue, Number, dump, has_surrogate, separate

__all__ = ["Fit", "can_cast", "fit"]

_INT64 = range(-(2**63), 2**63)
_INTEGRAL = re.compile(r"-?\d{1,400}(\.0{1,400})?")
_MIDNIGHT = re.compile(r"(\d{4}-\d\d-\d\d)[T ]00:00(:00(\.0{1,9})?)?(Z|[+-]00:?00)?")
_ZONED = pa.timestamp("us", "UTC")


class Fit:
    """What becomes of one value.

    Attributes:
        column: what stands in the column, None for null.
        rest: what stands in ``extra`` under the value's path, None for nothing.
        fits: whether the column holds the value; if not, the report counts it.
    """

    __slots__ = ("column", "fits", "rest")

    def __init__(self, column: Any = None, rest: JsonValue = None, *, fits: bool = True) -> None:
        self.column, self.rest, self.fits = column, rest, fits


def fit(kind: ColumnType, value: JsonValue) -> Fit:
    """Fit one value into a column of a type."""
    if value is None:
        return Fit()
    if kind is ColumnType.JSON:
        sound, odd = separate(value)
        return Fit(None if sound is None else dump(sound), odd, fits=odd is None)
    if kind is ColumnType.DATE and isinstance(value, str):
        return _fit_date(value)
    column = _CONVERT[kind](value)
    return Fit(fits=False, rest=value) if column is None else Fit(column)


def _fit_date(value: str) -> Fit:
    """A date, or a midnight, which is a date whose exact spelling ``extra`` keeps."""
    if not isinstance(value, Number):
        if can_cast(value, ColumnType.DATE):
            return Fit(value)
        match = _MIDNIGHT.fullmatch(value)
        if match and can_cast(match[1], ColumnType.DATE):
            return Fit(match[1], rest=value)
    return Fit(fits=False, rest=value)


def can_cast(text: str, kind: ColumnType) -> bool:
    """Whether Arrow reads a text as an instant or date, exactly as it does for whole columns."""
    try:
        pa.array([text], pa.string()).cast(_ZONED if kind is ColumnType.INSTANT else kind.arrow)
    except (pa.ArrowInvalid, UnicodeEncodeError):
        return False
    return True


def _text(value: JsonValue) -> str | None:
    plain = isinstance(value, str) and not isinstance(value, Number) and not has_surrogate(value)
    return value if plain else None  # type: ignore[return-value]


def _instant(value: JsonValue) -> str | None:
    text = _text(value)
    return text if text is not None and can_cast(text, ColumnType.INSTANT) else None


def _text_list(value: JsonValue) -> list[str | None] | None:
    if not isinstance(value, list):
        return None
    texts = [_text(item) for item in value]
    lost = any(text is None and item is not None for text, item in zip(texts, value, strict=True))
    return None if lost else texts


def _integer(value: JsonValue) -> int | None:
    if not isinstance(value, Number) or not _INTEGRAL.fullmatch(value):
        return None
    whole = int(value.split(".")[0])
    return whole if whole in _INT64 else None


def _number(value: JsonValue) -> float | None:
    """A finite double; NaN would poison every mean, and 2^53 + 1 would become another number."""
    if not isinstance(value, Number):
        return None
    number = float(value)
    if number != number or number in (float("inf"), float("-inf")):
        return None
    if _INTEGRAL.fullmatch(value) and int(number) != int(value.split(".")[0]):
        return None
    return number


def _boolean(value: JsonValue) -> bool | None:
    return value if isinstance(value, bool) else None


_CONVERT: dict[ColumnType, Any] = {
    ColumnType.TEXT: _text,
    ColumnType.INSTANT: _instant,
    ColumnType.TEXT_LIST: _text_list,
    ColumnType.INTEGER: _integer,
    ColumnType.NUMBER: _number,
    ColumnType.BOOLEAN: _boolean,
}
