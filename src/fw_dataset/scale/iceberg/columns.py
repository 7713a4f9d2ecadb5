"""A table's columns in Iceberg: their names, and ids that outlast versions.

The data files name columns (``parents.subject``) and hold no ids, so Iceberg finds a column by the
table's name mapping, and that knows one id for each name: whatever version a file is of, its
columns have the ids that their names have, for good.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.name_mapping import MappedField, NameMapping
from pyiceberg.types import IcebergType, ListType, NestedField

from fw_dataset.format.names import free_name
from fw_dataset.scale.iceberg.column_types import is_same, widest

__all__ = ["Columns", "Retyped", "column_name", "known_columns", "plan_columns"]

# What the items of a list are called in Parquet: today, and by old writers.
_ITEM_NAMES = ["element", "item", "array_element"]


@dataclass(frozen=True)
class Retyped:
    """A column whose type is another one than in a version before, and not a wider one."""

    name: str
    before: IcebergType
    now: IcebergType

    def __str__(self) -> str:
        return f"{self.name!r} ({self.before}, now {self.now})"


@dataclass(frozen=True)
class Columns:
    """What a version's columns are in Iceberg.

    Attributes:
        fields: by the name that the column has in the data files, in order.
        mapping: all names that data files of the table ever had, and their ids.
        retyped: those that no reader could read as before; they have new ids.
    """

    fields: Mapping[str, NestedField]
    mapping: NameMapping
    retyped: Sequence[Retyped] = ()

    def schema(self, number: int) -> Schema:
        """The columns as the schema of that number."""
        return Schema(*self.fields.values(), schema_id=number)

    def numbered_as(self, schema: Schema) -> Columns:
        """The same columns with the ids that a catalog gave them when it made the table."""
        fields = dict(zip(self.fields, schema.fields, strict=True))
        return Columns(fields, _mapping(fields))


def column_name(name: str) -> str:
    """The name in Iceberg: what is no letter, digit or ``_`` becomes ``_``."""
    plain = re.sub(r"\W", "_", name) or "_"
    return f"_{plain}" if plain[0].isdigit() else plain


def known_columns(metadata: TableMetadata | None) -> dict[str, NestedField]:
    """The columns that a table ever had, by their names in the data files, as they were last."""
    mapping = None if metadata is None else metadata.name_mapping()
    if metadata is None or mapping is None:
        return {}
    fields: dict[int, NestedField] = {}
    schemas = sorted(metadata.schemas, key=lambda one: one.schema_id)
    for schema in (*schemas, metadata.schema()):
        fields.update((field.field_id, field) for field in schema.fields)
    return {
        mapped.names[0]: fields[mapped.field_id]
        for mapped in mapping
        if mapped.names and mapped.field_id in fields
    }


def plan_columns(
    types: Mapping[str, IcebergType],
    descriptions: Mapping[str, str],
    known: Mapping[str, NestedField],
    last_id: int,
    *,
    is_newest: bool,
) -> Columns:
    """Give the columns of a version their names and ids.

    A name keeps its id. A type that Iceberg can widen to that of a newer version is widened; one
    that differs otherwise makes a column retyped.

    Args:
        types: the columns of the data files by name, in order.
        descriptions: what they mean, by name.
        known: as :func:`known_columns` gives them.
        last_id: the largest id so far.
        is_newest: whether the version is the newest that was published.
    """
    names = _names(types, known)
    kept: dict[str, NestedField] = {}
    taken = dict(types)
    retyped = []
    for name, kind in types.items():
        before = known.get(name)
        if before is None:
            continue
        wide = _kept(before.field_type, kind, is_newest=is_newest)
        if wide is None:
            retyped.append(Retyped(name, before.field_type, kind))
        else:
            kept[name], taken[name] = before, wide
    ids = {name: field.field_id for name, field in kept.items()}
    # As catalogs number the columns of a new table: those first, and then the items of lists.
    free = itertools.count(last_id + 1)
    ids.update((name, next(free)) for name in types if name not in kept)
    items = {name: _item_id(field) for name, field in kept.items()}
    lists = [name for name, kind in taken.items() if isinstance(kind, ListType)]
    items.update((name, next(free)) for name in lists if not items.get(name))
    fields = {
        name: NestedField(
            ids[name],
            names[name],
            _with_item(kind, items.get(name)),
            required=False,
            doc=descriptions.get(name) or None,
        )
        for name, kind in taken.items()
    }
    return Columns(fields, _mapping({**known, **fields}), tuple(retyped))


def _item_id(field: NestedField) -> int | None:
    kind = field.field_type
    return kind.element_id if isinstance(kind, ListType) else None


def _with_item(kind: IcebergType, number: int | None) -> IcebergType:
    if not isinstance(kind, ListType) or number is None:
        return kind
    return ListType(element_id=number, element=kind.element_type, element_required=False)


def _kept(before: IcebergType, now: IcebergType, *, is_newest: bool) -> IcebergType | None:
    """The type that a column has from now on, or None where it cannot be the same column."""
    wide = widest(before, now)
    if wide is None or is_same(wide, before) or is_newest:
        return wide
    return None  # a newer version reads less than this one holds


def _names(types: Iterable[str], known: Mapping[str, NestedField]) -> dict[str, str]:
    """Names for Iceberg: those that are known stay, and none is another's but for case."""
    found = {name: field.name for name, field in known.items()}
    taken = {name.casefold() for name in found.values()}
    # Those that need no change first, so that a dotted name never takes another's.
    for name in sorted(types, key=lambda one: column_name(one) != one):
        if name not in found:
            found[name] = free_name(column_name(name), taken)
            taken.add(found[name].casefold())
    return found


def _mapping(fields: Mapping[str, NestedField]) -> NameMapping:
    return NameMapping([_mapped(name, field) for name, field in fields.items()])


def _mapped(name: str, field: NestedField) -> MappedField:
    kind = field.field_type
    items = (
        [MappedField(field_id=kind.element_id, names=list(_ITEM_NAMES), fields=[])]
        if isinstance(kind, ListType)
        else []
    )
    return MappedField(field_id=field.field_id, names=[name], fields=items)
