"""The DICOM dictionary: which column holds the values of a keyword.

The columns depend on the dictionary alone, never on values, so that a keyword has the same column
in every version and project.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.datadict import dictionary_description, dictionary_VM, dictionary_VR, tag_for_keyword

from fw_dataset.format.column_types import ColumnType
from fw_dataset.render.objects.inference import list_type

__all__ = ["Keyword", "find_keyword"]

_WHOLE = {"IS", "US", "SS", "UL", "SL", "SV", "UV"}
_TYPES = {
    **dict.fromkeys(_WHOLE, ColumnType.INTEGER),
    **dict.fromkeys(("DS", "FL", "FD"), ColumnType.NUMBER),
    "DA": ColumnType.DATE,
    "SQ": ColumnType.JSON,
}


@dataclass(frozen=True)
class Keyword:
    """A data element of the dictionary.

    Attributes:
        tag: its tag, group and element together.
        name: its name, for people.
        representation: its value representation (VR), or several: ``"US or SS"``.
        multiplicity: its value multiplicity (VM), such as ``"1"`` or ``"1-n"``.
    """

    tag: int
    name: str
    representation: str
    multiplicity: str

    @property
    def type(self) -> ColumnType:
        """The type of its column."""
        if self.representation == "SQ":
            return ColumnType.JSON
        one = _TYPES.get(self.representation, ColumnType.TEXT)
        if set(self.representation.split(" or ")) <= _WHOLE:
            one = ColumnType.INTEGER
        return one if self.multiplicity == "1" else list_type(one)

    @property
    def is_spelled(self) -> bool:
        """Whether DICOM itself writes its numbers as text."""
        return self.representation in ("DS", "IS")

    @property
    def description(self) -> str:
        """Where the dictionary has it, in one line."""
        group, element = divmod(self.tag, 0x10000)
        return (
            f"DICOM element ({group:04X},{element:04X}), VR {self.representation},"
            f" VM {self.multiplicity} (DICOM PS3.6)."
        )


def find_keyword(name: object) -> Keyword | None:
    """The data element of a keyword, None where the dictionary has none."""
    tag = tag_for_keyword(name) if isinstance(name, str) and name else None
    if tag is None:
        return None
    return Keyword(tag, dictionary_description(tag), dictionary_VR(tag), dictionary_VM(tag))
