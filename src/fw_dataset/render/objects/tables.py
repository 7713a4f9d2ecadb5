"""Which columns a table of objects has: chosen, named and described."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.names import free_name
from fw_dataset.format.schema import DataModel
from fw_dataset.format.tables import EXTRA
from fw_dataset.render.derived import FILE_COLUMNS, PARENT_COLUMNS
from fw_dataset.render.objects.columns import ValueColumn
from fw_dataset.render.objects.inference import Met, met_names
from fw_dataset.render.objects.places import BARE, Place
from fw_dataset.render.objects.plain import printable
from fw_dataset.render.objects.survey import Leaf, Path, Survey, rarity
from fw_dataset.render.objects.values import (
    Reader,
    read_boolean,
    read_date,
    read_integer,
    read_json,
    read_list,
    read_number,
    read_spelling,
    read_text,
    spelled_reader,
)

if TYPE_CHECKING:  # it loads pydicom, which only the headers of DICOM files need
    from fw_dataset.render.objects.dictionary import Keyword

__all__ = ["EXTRA_COLUMN", "MOST_COLUMNS", "FindKeyword", "ObjectTable", "plan_table"]
__all__ += ["shared_columns"]

MOST_COLUMNS = 2000
"""So many value columns a table has at most; the values of rarer keys stand in ``extra``."""

FindKeyword: TypeAlias = "Callable[[Any], Keyword | None]"
"""The dictionary's entry of a key, if it has one."""

_LONGEST = 200
_NO_NAME = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_VALUE = "value"

EXTRA_COLUMN: dict[str, Any] = {
    "type": ["string", "null"],
    "title": "Everything else",
    "description": "What no other column holds: a JSON object, nested as the source is, of the keys"
    " without a column and the values that did not fit theirs; null when there is nothing.",
    "contentMediaType": "application/json",
}

_READERS: dict[ColumnType, Reader] = {
    ColumnType.TEXT: read_text,
    ColumnType.INTEGER: read_integer,
    ColumnType.NUMBER: read_number,
    ColumnType.BOOLEAN: read_boolean,
    ColumnType.DATE: read_date,
    ColumnType.JSON: read_json,
}


@dataclass(frozen=True)
class ObjectTable:
    """A table of objects, before it is written.

    Attributes:
        place: where its objects stand.
        model: its schema.
        columns: its value columns.
        without: the keys that have no column, with the rows that have them.
        is_complete: whether every other key has one.
    """

    place: Place
    model: DataModel
    columns: tuple[ValueColumn, ...]
    without: dict[Path, int]
    is_complete: bool


def shared_columns(container: str) -> dict[str, dict[str, Any]]:
    """The properties that the rows of a container's tables begin with."""
    shared = {name: dict(prop) for name, prop in PARENT_COLUMNS.items()}
    if container == "files":
        shared |= {name: dict(prop) for name, prop in FILE_COLUMNS.items()}
    return shared


def plan_table(
    name: str,
    place: Place,
    survey: Survey,
    description: str,
    find_keyword: FindKeyword,
) -> ObjectTable:
    """Choose, name and describe the columns of a table.

    Keywords of the DICOM dictionary come first, by their tags, and then all other keys by their
    paths: the order does not depend on which object came first.

    Args:
        name: the table's name.
        place: where its objects stand.
        survey: what was seen of them.
        description: of the table.
        find_keyword: the dictionary's entry of a key at the top, if it has one.
    """
    leaves = list(survey.leaves())
    nameable = [leaf for leaf in leaves if _can_be_named(leaf.path)]
    chosen = {leaf.path for leaf in sorted(nameable, key=rarity)[:MOST_COLUMNS]}
    without = {leaf.path: leaf.key.count for leaf in leaves if leaf.path not in chosen}
    keywords = {leaf.path: find_keyword(leaf.path[0]) for leaf in leaves if len(leaf.path) == 1}
    kept = [leaf for leaf in leaves if leaf.path in chosen]
    kept.sort(key=lambda leaf: _tag(keywords.get(leaf.path)))  # stable: else by their paths
    properties = shared_columns(place.container)
    names = _names([leaf.path for leaf in kept], [*properties, EXTRA])
    columns = []
    for leaf in kept:
        column, prop = _column(names[leaf.path], leaf, keywords.get(leaf.path), place)
        columns.append(column)
        properties[column.name] = prop
    properties[EXTRA] = dict(EXTRA_COLUMN)
    model = DataModel.model_validate(
        {
            "id": name,
            "description": description,
            "properties": properties,
            "path": [printable(key) for key in place.path],
        }
    )
    complete = not without and survey.is_whole
    return ObjectTable(place, model, tuple(columns), without, complete)


def _can_be_named(path: Path) -> bool:
    name = _dotted(path)
    return all(key != "" for key in path) and len(name) <= _LONGEST and not _NO_NAME.search(name)


def _dotted(path: Path) -> str:
    return ".".join(_VALUE if key is BARE else key for key in path)


def _tag(keyword: Keyword | None) -> int:
    return 1 << 32 if keyword is None else keyword.tag


def _names(paths: Sequence[Path], reserved: Iterable[str]) -> dict[Path, str]:
    """Names of columns; a key whose name is taken gets a number, after all others have theirs."""
    taken = {name.casefold() for name in reserved}
    names: dict[Path, str] = {}
    for path in paths:
        name = _dotted(path)
        if name.casefold() not in taken:
            names[path] = name
            taken.add(name.casefold())
    for path in paths:
        if path not in names:
            names[path] = free_name(_dotted(path), taken)
            taken.add(names[path].casefold())
    return names


def _column(
    name: str, leaf: Leaf, keyword: Keyword | None, place: Place
) -> tuple[ValueColumn, dict[str, Any]]:
    path = [printable(key) for key in (*place.path, *leaf.path) if key is not BARE]
    if keyword is not None:
        kind, reader, single = keyword.type, _known_reader(keyword), False
        title, description = keyword.name, keyword.description
        spells = (kind.item or kind) is ColumnType.TEXT
    else:
        kind = leaf.key.type or ColumnType.JSON
        single = kind.item is not None and leaf.key.own != Met.LIST
        reader, spells = _inferred_reader(kind, leaf.key.own | leaf.key.items, single=single)
        title = _dotted(leaf.path)
        description = f"The value at info.{'.'.join(path)}."
    prop = kind.json_schema
    prop = {**prop, "type": [prop["type"], "null"]}
    prop |= {"title": title, "description": description, "path": path}
    if keyword is None:
        prop["json_types"] = met_names(leaf.key.own)
        if "items" in prop:
            prop["items"] = {**prop["items"], "json_types": met_names(leaf.key.items)}
    return ValueColumn(name, leaf.path, kind, reader, spells, single), prop


def _known_reader(keyword: Keyword) -> Reader:
    kind = keyword.type
    reader = _READERS[kind.item or kind]
    if keyword.is_spelled:
        reader = spelled_reader(reader)
    return reader if kind.item is None else read_list(reader, is_mixed=False)


def _inferred_reader(kind: ColumnType, met: Met, *, single: bool) -> tuple[Reader, bool]:
    reader = _READERS[kind.item or kind]
    spells = reader is read_text
    if spells and not met & Met.TEXT:
        reader = read_spelling
    return (reader if kind.item is None else read_list(reader, is_mixed=single)), spells
