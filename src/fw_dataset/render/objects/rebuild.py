"""From a row of a table of objects back to the object: what makes these tables lossless."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.schema import DataModel
from fw_dataset.format.tables import EXTRA
from fw_dataset.render.rebuild import merge

__all__ = ["rebuild_object"]

_VALUE = "value"


def rebuild_object(model: DataModel, row: Mapping[str, Any]) -> Any:
    """Nest the value columns of a row by their paths, and merge ``extra`` into that.

    The result equals the source's object as JSON: a key that is absent equals one that is null,
    and one with an empty object where columns flatten one. In a column of the DICOM dictionary
    values are equal as DICOM has it: however a date or a number is spelled, and a single value
    being the list of it where the dictionary has several values.

    Args:
        model: the table's schema; of any table of objects but ``qc``.
        row: the values by column, as Arrow gives them.
    """
    top: list[str] = model.to_dict()["path"]
    object_: dict[str, Any] = {}
    bare, is_bare = None, False
    for name, prop in model.properties.items():
        value = row.get(name)
        if "path" not in prop or value is None:
            continue
        path = prop["path"][len(top) :]
        value = _to_json(value, prop)
        if not path:
            bare, is_bare = value, True
            continue
        target = object_
        for key in path[:-1]:
            target = target.setdefault(key, {})
        target[path[-1]] = value
    extra = row.get(EXTRA)
    if extra is not None:
        merge(object_, json.loads(extra))
    # In a row with a value that is no object, `extra` can only have that value, as it was.
    return object_.get(_VALUE, bare) if is_bare else object_


def _to_json(value: Any, prop: Mapping[str, Any]) -> Any:
    kind = ColumnType.from_property(prop)
    if kind is ColumnType.JSON:
        return json.loads(value)
    if kind.item is None:
        return _one_to_json(value, prop.get("json_types"))
    own = prop.get("json_types", ["array"])
    met = [*own, *prop["items"].get("json_types", ["string"])]
    values = [None if item is None else _one_to_json(item, met) for item in value]
    return values[0] if len(values) == 1 and own != ["array"] else values


def _one_to_json(value: Any, met: list[str] | None) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str) and met is not None and "string" not in met:
        return json.loads(value)  # a number or boolean as it is spelled
    return value
