"""A table's schema: JSON Schema draft 7 in the style of GA4GH Data Connect."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, model_validator

from fw_dataset.errors import DatasetFormatError
from fw_dataset.format.column_types import ColumnType

__all__ = ["DataModel"]

DRAFT_7 = "http://json-schema.org/draft-07/schema#"
_DESCRIPTION_KEY = b"description"


class DataModel(BaseModel):
    """The columns of a table, in order, with their types and meanings.

    On disk the first two keys are spelled ``schema`` and ``id``; ``$schema`` and ``$id`` are
    read as well. Keys that this class does not name are kept.
    """

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)

    schema_: str = Field(default=DRAFT_7, alias="schema")
    id: str
    description: str = ""
    properties: dict[str, dict[str, Any]] = Field(default_factory=dict)
    required: tuple[str, ...] = ()
    type: str = "object"

    @model_validator(mode="before")
    @classmethod
    def _accept_spellings(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        known = dict(data)
        for theirs, ours in (("$schema", "schema"), ("$id", "id")):
            value = known.pop(theirs, None)
            if value is not None:
                known.setdefault(ours, value)
        for key in ("description", "properties", "required"):
            if known.get(key, ()) is None:
                del known[key]
        return known

    @classmethod
    def from_json(cls, text: bytes | str, name: str) -> DataModel:
        """Read a schema file.

        Args:
            text: the file's content.
            name: the table's name, taken as ``id`` where the file has none.

        Raises:
            DatasetFormatError: the file is not a JSON object of the least legal shape.
        """
        try:
            data = json.loads(text)
            if not isinstance(data, dict):
                raise ValueError("it is not a JSON object")
            if not ("id" in data or "$id" in data):
                data["id"] = name
            return cls.model_validate(data)
        except (ValueError, RecursionError) as error:
            reason = " ".join(str(error).split())
            raise DatasetFormatError(f"schema of table {name!r} cannot be read: {reason}") from None

    def to_dict(self) -> dict[str, Any]:
        """The schema as it stands on disk."""
        data = self.model_dump(by_alias=True, mode="json")
        order = ("schema", "id", "description", "properties", "required", "type")
        return {key: data[key] for key in (*order, *(k for k in data if k not in order))}

    def column_type(self, column: str) -> ColumnType:
        """The type of one column."""
        return ColumnType.from_property(self.properties[column])

    def to_arrow(self) -> pa.Schema:
        """The Arrow schema of every data file of the table; descriptions ride along."""
        return pa.schema(
            [
                pa.field(
                    name,
                    ColumnType.from_property(prop).arrow,
                    metadata={_DESCRIPTION_KEY: str(prop.get("description", "")).encode()},
                )
                for name, prop in self.properties.items()
            ]
        )

    def keeping(self, columns: Iterable[str]) -> DataModel:
        """The same schema with only the named columns, in this schema's order."""
        kept = set(columns)
        return self.model_copy(
            update={
                "properties": {k: v for k, v in self.properties.items() if k in kept},
                "required": tuple(name for name in self.required if name in kept),
            }
        )

    def requiring(self, never_null: Iterable[str]) -> DataModel:
        """The same schema with those of its required columns that indeed are never null."""
        never = set(never_null)
        required = tuple(name for name in self.required if name in never)
        never = set(required)
        properties = {
            name: prop if name in never else _nullable(prop)
            for name, prop in self.properties.items()
        }
        return self.model_copy(update={"required": required, "properties": properties})


def _nullable(prop: Mapping[str, Any]) -> dict[str, Any]:
    kind = prop["type"]
    if isinstance(kind, str):
        kind = [kind, "null"]
    return {**prop, "type": kind}
