"""What a version's renderer counted, and what was counted when tables were added."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from fw_dataset.errors import DatasetFormatError
from fw_dataset.versions.catalog import CommittedVersion
from fw_dataset.versions.documents import to_json

__all__ = ["added_report", "read_report"]

_ADDED = "provenance/derived_"


def added_report(report: Mapping[str, Any]) -> tuple[str, bytes]:
    """The path and content of the report on tables that were added.

    Each has a name of its own, made of its content: others may follow, and none is changed.
    """
    data = to_json(report)
    return f"{_ADDED}{hashlib.sha256(data).hexdigest()[:16]}.json", data


def read_report(version: CommittedVersion) -> dict[str, Any]:
    """The report on a version's rendering, with those on what was added.

    Raises:
        ObjectNotFoundError: the version has no report.
        DatasetFormatError: a report is damaged.
        StorageError: the storage refuses, or cannot be reached.
    """
    report = _read(version, version.layout.report)
    entries = () if version.manifest is None else version.manifest.files
    for entry in entries:
        if entry.path.startswith(_ADDED):
            added = _read(version, f"{version.layout.root}/{entry.path}")
            report["tables"] = {**report.get("tables", {}), **added.get("tables", {})}
            files = [*report.get("tabular_files", ()), *added.get("tabular_files", ())]
            report |= {"tabular_files": files} if files else {}
    return report


def _read(version: CommittedVersion, key: str) -> dict[str, Any]:
    try:
        report: dict[str, Any] = json.loads(version.storage.get(key))
    except ValueError as error:
        raise DatasetFormatError(
            f"the report of version {version.label!r} cannot be read: {error}"
        ) from None
    return report
