"""A table's profile: what is in its columns, as figures.

A profile with values tells what stands in rows: extremes, frequent texts, examples. One without
them tells only what columns there are and how full they are.
"""

from __future__ import annotations

import json
from typing import Any, Literal, Union

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fw_dataset.errors import DatasetFormatError

__all__ = [
    "LONGEST_TEXT",
    "QUANTILES",
    "ColumnKind",
    "ColumnProfile",
    "Counted",
    "Histogram",
    "JsonShapes",
    "Lengths",
    "Scalar",
    "TableProfile",
    "cut",
]

ColumnKind = Literal["text", "json", "number", "boolean", "instant", "date", "list", "other"]
# A union that `isinstance` and pydantic on Python 3.10 take alike.
Scalar = Union[int, float, str]  # noqa: UP007
"""A number as it is; an instant or a date as ISO 8601, instants in UTC with ``Z``."""

QUANTILES: dict[str, float] = {"5": 0.05, "25": 0.25, "50": 0.5, "75": 0.75, "95": 0.95}
"""The quantiles of a profile by the names they have in it, which are percentages."""
LONGEST_TEXT = 100
"""Characters of a text that a profile keeps; of a longer one, these and an ellipsis."""
_FEWEST_ROWS_OF_A_KEY = 10


class _Value(BaseModel):
    """Something that is never changed, with keys of later releases kept."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Counted(_Value):
    """A value, and how often it is there.

    Attributes:
        value: the value as text, cut as :func:`cut` does; of a JSON column a key, with the keys
            above it in front: ``header.dicom.EchoTime``.
        count: the rows, or of a list the items, that hold it.
    """

    value: str
    count: int = Field(ge=0)


class Histogram(_Value):
    """How values are spread over bins of equal width.

    Attributes:
        edges: where bins begin, and where the last one ends. Values on an edge belong to the bin
            that begins there; those on the last edge, to the last bin.
        counts: the values in each bin, one number less than there are edges.
        below: values under the first edge: outliers, for which the bins would get too wide.
        above: values over the last edge.
    """

    edges: tuple[Scalar, ...]
    counts: tuple[int, ...]
    below: int
    above: int


class Lengths(_Value):
    """How long texts are, in characters, or lists, in items."""

    min: int
    max: int
    mean: float


class JsonShapes(_Value):
    """What JSON texts are, by their first character.

    Attributes:
        objects: rows with an object.
        arrays: rows with an array.
        scalars: rows with anything else.
    """

    objects: int
    arrays: int
    scalars: int


class ColumnProfile(_Value):
    """What is in one column.

    What does not fit a column's kind is None or empty.

    Attributes:
        name: of the column.
        type: its type in SQL.
        kind: what of the following it has.
        nulls: rows without a value.
        distinct: how many different values there are; None for JSON, which is not compared.
        distinct_is_approximate: the values were too many to be told apart one by one, so that
            their number was estimated, by some per cent too high or too low.
        not_a_number: of numbers, the rows with NaN, which no other figure takes into account.
        infinite: of numbers, instants and dates, the rows with an infinity; likewise.
        min: the least number, instant or date.
        max: the greatest one.
        mean: of the numbers.
        quantiles: values below which about so many per cent of the others are, by percentage;
            each is a value of the column.
        top: the most frequent texts, items of lists or truth values, the most frequent first;
            empty where no text is there twice. Truth values are ``true`` and ``false``.
        lengths: of texts and lists.
        histogram: of numbers, instants and dates.
        shapes: of JSON.
        keys: the keys of JSON objects, the most frequent first.
        keys_left_out: how many more keys were found.
        examples: some of the texts, where there are more than ``top`` has.
    """

    name: str
    type: str
    kind: ColumnKind
    nulls: int = Field(ge=0)
    distinct: int | None = None
    distinct_is_approximate: bool = False
    not_a_number: int = 0
    infinite: int = 0
    min: Scalar | None = None
    max: Scalar | None = None
    mean: float | None = None
    quantiles: dict[str, Scalar] = {}
    top: tuple[Counted, ...] = ()
    lengths: Lengths | None = None
    histogram: Histogram | None = None
    shapes: JsonShapes | None = None
    keys: tuple[Counted, ...] = ()
    keys_left_out: int = 0
    examples: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The profile as it stands on disk: figures that are None, 0 or empty are left out."""
        kept: set[str] = set()
        for name, value in self:
            field = type(self).model_fields.get(name)
            if field is None or field.is_required() or value != field.default:
                kept.add(name)
        if self.distinct is not None:  # whether a number is exact is said wherever there is one
            kept.add("distinct_is_approximate")
        return self.model_dump(mode="json", include=kept)

    def without_values(self) -> ColumnProfile:
        """The same with nothing in it that stands in a row.

        Left are the name, the type, how many nulls and different values there are, and of JSON
        what shapes it has and which keys. Keys are names, but some sites make them of values,
        such as subjects' labels: so those are left out that fewer than 10 rows have.
        """
        common = tuple(key for key in self.keys if key.count >= _FEWEST_ROWS_OF_A_KEY)
        return ColumnProfile(
            name=self.name,
            type=self.type,
            kind=self.kind,
            nulls=self.nulls,
            distinct=self.distinct,
            distinct_is_approximate=self.distinct_is_approximate,
            shapes=self.shapes,
            keys=common,
            keys_left_out=self.keys_left_out + len(self.keys) - len(common),
        )


class TableProfile(_Value):
    """What is in a table.

    Attributes:
        format: of the file, 1.
        table: the table's name.
        rows: how many it has.
        values: whether the profile tells what stands in rows.
        columns: its columns, in order.
    """

    format: Literal[1] = 1
    table: str
    rows: int = Field(ge=0)
    values: bool = True
    columns: tuple[ColumnProfile, ...] = ()

    @classmethod
    def from_json(cls, text: bytes | str, table: str) -> TableProfile:
        """Read a profile.

        Args:
            text: the file's content.
            table: the table whose profile it is to be.

        Raises:
            DatasetFormatError: it is none.
        """
        try:
            found = cls.model_validate_json(text)
        except ValidationError as error:
            reason = " ".join(str(error).split())
            raise DatasetFormatError(
                f"the profile of table {table!r} cannot be read: {reason}"
            ) from None
        if found.table != table:
            raise DatasetFormatError(
                f"the profile of table {table!r} is one of table {found.table!r}"
            )
        return found

    def to_json(self) -> bytes:
        """The profile's bytes, the same for the same content; a line for each column."""
        head = self.to_dict()
        lines = ",\n".join(_as_json(column) for column in head.pop("columns"))
        text = f'{_as_json(head)[:-1]}, "columns": [\n{lines}\n]}}\n'
        return text.encode()

    def to_dict(self) -> dict[str, Any]:
        """The profile as it stands on disk."""
        columns = [column.to_dict() for column in self.columns]
        return {**self.model_dump(mode="json", exclude={"columns"}), "columns": columns}

    def without_values(self) -> TableProfile:
        """The same with nothing in it that stands in a row."""
        columns = tuple(column.without_values() for column in self.columns)
        return TableProfile(table=self.table, rows=self.rows, values=False, columns=columns)


def cut(text: str) -> str:
    """A text as a profile shows it: its first 100 characters, and ``…`` if there are more."""
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


def _as_json(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, allow_nan=False)
