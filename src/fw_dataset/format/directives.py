"""What a project says of its dataset's place: ``info.dataset``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fw_dataset.errors import DirectivesError

__all__ = ["Directives"]

# As people write them, and as the platform does.
_TYPES = {
    "s3": "s3",
    "gs": "gs",
    "gcs": "gs",
    "az": "az",
    "azure": "az",
    "fs": "fs",
    "local": "fs",
    "file": "fs",
}
_TEXTS = ("type", "bucket", "prefix", "storage_id", "label")


@dataclass(frozen=True)
class Directives:
    """Where a project's dataset is.

    Attributes:
        type: ``"s3"``, ``"gs"``, ``"az"`` or ``"fs"``.
        bucket: the bucket or container, or the root folder.
        prefix: the dataset's place in it.
        storage_id: the storage of the site that has the credentials, or None.
        label: the storage's name, or None.
    """

    type: str
    bucket: str
    prefix: str
    storage_id: str | None = None
    label: str | None = None

    @classmethod
    def from_info(cls, info: Mapping[str, Any], project: str) -> Directives | None:
        """Read a project's ``info``; None where it says nothing of a dataset.

        Args:
            info: the project's custom information.
            project: the project, for messages.

        Raises:
            DirectivesError: what it says names no place.
        """
        found = info.get("dataset")
        if found is None or found == {}:
            return None
        if not isinstance(found, Mapping):
            raise _wrong(project, "it is no object")
        texts = {name: _text(found, name, project) for name in _TEXTS}
        kind = texts["type"]
        if kind is None:
            raise _wrong(project, "it has no type")
        if kind.lower() not in _TYPES:
            raise _wrong(project, f"type {kind!r} is none of {', '.join(_TYPES)}")
        if texts["bucket"] is None:
            raise _wrong(project, "it has no bucket")
        return cls(
            type=_TYPES[kind.lower()],
            bucket=texts["bucket"],
            prefix=(texts["prefix"] or "").strip("/"),
            storage_id=texts["storage_id"],
            label=texts["label"],
        )

    @property
    def location(self) -> str:
        """The place as people write it; no credential is in it."""
        root = self.bucket.rstrip("/") if self.type == "fs" else f"{self.type}://{self.bucket}"
        return f"{root}/{self.prefix}" if self.prefix else root or "/"

    def to_info(self) -> dict[str, str | None]:
        """The value of ``info.dataset``."""
        return {
            "type": self.type,
            "bucket": self.bucket,
            "prefix": self.prefix,
            "storage_id": self.storage_id,
            "label": self.label,
        }


def _text(found: Mapping[str, Any], name: str, project: str) -> str | None:
    value = found.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise _wrong(project, f"{name} is no text")
    return value


def _wrong(project: str, reason: str) -> DirectivesError:
    return DirectivesError(
        f"project {project}: info.dataset does not say where its dataset is: {reason}; it must"
        ' read like {"type": "s3", "bucket": "…", "prefix": "…", "storage_id": "…"}'
    )
