"""The dataset description, which is also the commit marker of a version."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field, field_validator

from fw_dataset.errors import DatasetFormatError
from fw_dataset.format.instants import format_instant, parse_instant
from fw_dataset.format.schema import DataModel

__all__ = ["DatasetDescription", "DatasetInfo"]

_split = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

# Written by the 0.3/0.4 releases; they hold state of that program, not of the dataset.
_NOT_KEPT = ("fully_populate", "conn", "paths", "fw_storage_info")


class DatasetInfo(BaseModel):
    """Where a dataset was written; a hint for people, as datasets get copied."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: str | None = None
    bucket: str | None = None
    prefix: str | None = None
    storage_id: str | None = None
    label: str | None = None


class DatasetDescription(BaseModel):
    """What a version says of itself. Unknown keys are kept when it is rewritten."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: str
    name: str = ""
    description: str = ""
    version: str
    version_label: str = ""
    created: datetime
    dataset_info: DatasetInfo = Field(default_factory=DatasetInfo)
    tables: dict[str, dict[str, Any]] = Field(default_factory=dict)
    errors: Any = None

    @field_validator("created", mode="before")
    @classmethod
    def _read_created(cls, value: Any) -> Any:
        return parse_instant(value) if isinstance(value, str) else value

    @field_validator("name", "description", "version_label", mode="before")
    @classmethod
    def _null_is_empty(cls, value: Any) -> Any:
        return "" if value is None else value

    @field_validator("tables", "dataset_info", mode="before")
    @classmethod
    def _null_is_nothing(cls, value: Any) -> Any:
        return {} if value is None else value

    @classmethod
    def from_json(cls, text: bytes | str) -> DatasetDescription:
        """Read a commit marker.

        Raises:
            DatasetFormatError: it is not a dataset description.
        """
        try:
            return cls.model_validate(_read(text))
        except (ValueError, RecursionError) as error:
            reason = " ".join(str(error).split())
            raise DatasetFormatError(f"the dataset description cannot be read: {reason}") from None

    @property
    def label(self) -> str:
        """The version's human name: its label, or else its id."""
        return self.version_label or self.version

    def to_json(self) -> bytes:
        """The commit marker's bytes, the same for the same content."""
        data = self.model_dump(mode="json")
        data["created"] = format_instant(self.created)
        data["version_label"] = self.label
        text = json.dumps(data, ensure_ascii=False, indent=2)
        # An unpaired surrogate in a key that is kept becomes the escape that JSON has for it.
        return text.encode("utf-8", "backslashreplace") + b"\n"

    @staticmethod
    def describe_tables(models: Mapping[str, DataModel]) -> dict[str, dict[str, Any]]:
        """The value of ``tables``.

        Readers in the field look for the columns at ``tables.{name}.properties`` or at
        ``tables.{name}.data_model.properties``, so they stand in both.
        """
        described = {}
        for name, model in models.items():
            schema = model.to_dict()
            described[name] = {
                "name": name,
                "description": model.description,
                "data_model": schema,
                **{key: schema[key] for key in schema if key != "description"},
            }
        return described


def _read(text: bytes | str) -> dict[str, Any]:
    """The keys that are kept, with their values.

    Nearly all of a description are its tables, and in many datasets these are the same to the
    letter: each such text is read once.
    """
    try:
        parts = {key: bytes(raw) for key, raw in _split(text).items() if key not in _NOT_KEPT}
        tables = parts.pop("tables", b"null")
        data = {key: json.loads(part) for key, part in parts.items()}
        return {**data, "tables": _tables(tables)}
    except (msgspec.MsgspecError, ValueError, RecursionError):
        # What is damaged, or JSON only to Python.
        data = json.loads(text)
        if not isinstance(data, dict):
            raise ValueError("it is not a JSON object") from None
        return {key: value for key, value in data.items() if key not in _NOT_KEPT}


def _tables(text: bytes) -> Any:
    if not text.startswith(b"{"):
        return json.loads(text)
    return {name: _table(bytes(raw)) for name, raw in _split(text).items()}


@lru_cache(maxsize=256)
def _table(text: bytes) -> Any:
    return json.loads(text)
