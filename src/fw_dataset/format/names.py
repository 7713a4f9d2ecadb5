"""Names that datasets hold: checked, quoted, made safe."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container

from fw_dataset.errors import InvalidNameError

__all__ = [
    "LATEST",
    "check_label",
    "check_table_name",
    "check_version_id",
    "free_name",
    "quote_identifier",
    "quote_literal",
    "table_name",
]

LATEST = "latest"
_VERSION_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}")
# Longer or stranger names exist in datasets of 0.3/0.4, so this only keeps a name one path segment.
_LONGEST_DERIVED = 60
_TABLE_NAME = re.compile(r"[^./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]{0,199}")


def check_version_id(version: str) -> str:
    """Return ``version`` if it can be a version's id, which is also its folder's name.

    Raises:
        InvalidNameError: it is empty, has other characters than ``A-Za-z0-9._-``, starts with a
            dot, or is the reserved word ``latest``.
    """
    if not isinstance(version, str) or not _VERSION_ID.fullmatch(version) or version == LATEST:
        raise InvalidNameError(
            f"version id {version!r}: use letters, digits, '.', '_' and '-' only, not starting"
            f" with '.', at most 255 of them, and not the word {LATEST!r}"
        )
    return version


def check_label(label: str) -> str:
    """Return ``label`` if it can be a version's label.

    Raises:
        InvalidNameError: it is empty, longer than 200 characters, has control characters or is
            the reserved word ``latest``.
    """
    plain = isinstance(label, str) and label.strip() and label.isprintable()
    if not plain or len(label) > 200 or label == LATEST:
        raise InvalidNameError(
            f"label {label!r}: use 1 to 200 printable characters, and not the word {LATEST!r}"
        )
    return label


def check_table_name(name: str) -> str:
    """Return ``name`` if it can be a table's, which is also a folder's name.

    Raises:
        InvalidNameError: it would leave its folder or is not printable.
    """
    if not _TABLE_NAME.fullmatch(name):
        raise InvalidNameError(f"table name {name!r}: it would not stay one folder's name")
    return name


def table_name(text: str) -> str:
    """The name that a table gets from what it holds: ``[a-z][a-z0-9_]*``, at most 60 characters.

    Accents are taken off; what is no letter or digit becomes ``_``; a name that would begin
    otherwise gets ``t_`` in front.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_") or "table"
    return (name if name[0].isalpha() else f"t_{name}")[:_LONGEST_DERIVED].rstrip("_")


def free_name(name: str, taken: Container[str]) -> str:
    """The name itself, or with ``_2``, ``_3`` … behind it where it is taken.

    Args:
        name: what is wanted.
        taken: names without case (``str.casefold``), because SQL does not tell case apart.
    """
    free, number = name, 1
    while free.casefold() in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def quote_identifier(name: str) -> str:
    """Quote a table or column name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """Quote a text for SQL."""
    return "'" + text.replace("'", "''") + "'"
