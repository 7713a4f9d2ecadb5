"""Does a value fit its column, and as what does it stand there?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from fw_dataset.format.column_types import ColumnType
from fw_dataset.render.json_tree import JsonValue, Number, dump, has_surrogate, separate

__all__ = ["POOL", "Fit", "can_cast", "fit", "to_moments"]

POOL = pa.system_memory_pool()
"""Where batches are made: Arrow's own pool takes fresh pages for each, which costs more."""

_INT64 = range(-(2**63), 2**63)
_WHOLE = re.compile(r"-?\d{1,400}")
_INTEGRAL = re.compile(r"-?\d{1,400}(\.0{1,400})?")
_MIDNIGHT = re.compile(r"(\d{4}-\d\d-\d\d)[T ]00:00(:00(\.0{1,9})?)?(Z|[+-]00:?00)?")
_ZONED = pa.timestamp("us", "UTC")
# The years that Python and its dates can show, in the units of the two types. A folded-in offset
# may lead beyond them.
_DAYS = (-719_162, 2_932_896)
_DAY = 86_400_000_000
_YEARS = {
    ColumnType.INSTANT: (_DAYS[0] * _DAY, (_DAYS[1] + 1) * _DAY - 1),
    ColumnType.DATE: _DAYS,
}


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
    if kind is ColumnType.DATE:
        return _fit_date(value)
    column = _CONVERT[kind](value)
    return Fit(fits=False, rest=value) if column is None else Fit(column)


def _fit_date(value: JsonValue) -> Fit:
    """A date, or a midnight, which is a date whose exact spelling ``extra`` keeps."""
    text = _text(value)
    if text is not None:
        if can_cast(text, ColumnType.DATE):
            return Fit(text)
        match = _MIDNIGHT.fullmatch(text)
        if match and can_cast(match[1], ColumnType.DATE):
            return Fit(match[1], rest=text)
    return Fit(fits=False, rest=value)


def to_moments(texts: Sequence[str | None] | pa.Array, kind: ColumnType) -> pa.Array:
    """Texts as a column of instants or dates.

    Raises:
        pyarrow.ArrowInvalid: one of them is not of that kind or not of the years 1 to 9999.
    """
    plain = texts if isinstance(texts, pa.Array) else pa.array(texts, pa.string(), memory_pool=POOL)
    zoned = _ZONED if kind is ColumnType.INSTANT else kind.arrow
    column = plain.cast(zoned, memory_pool=POOL)
    first, last = _YEARS[kind]
    ends = pc.min_max(column)
    if ends["min"].is_valid and (ends["min"].value < first or ends["max"].value > last):
        raise pa.ArrowInvalid("not a year from 1 to 9999")
    return column.cast(kind.arrow, memory_pool=POOL)


def can_cast(text: str, kind: ColumnType) -> bool:
    """Whether a text is an instant or date, exactly as for whole columns."""
    try:
        to_moments([text], kind)
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
    """A finite double: NaN would poison every mean."""
    if not isinstance(value, Number):
        return None
    number = float(value)
    if number != number or number in (float("inf"), float("-inf")):
        return None
    if not _WHOLE.fullmatch(value):
        return number
    # What is spelled as a whole number stays the same one: not so 2^53 + 1, and -0 is 0.
    return number + 0.0 if int(number) == int(value) else None


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
