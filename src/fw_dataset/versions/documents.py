"""The README files of a dataset, for people; they are never read back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fw_dataset.format.description import DatasetDescription
from fw_dataset.format.schema import DataModel

__all__ = ["dataset_readme", "provenance_readme", "to_json", "version_readme"]


def dataset_readme(description: DatasetDescription) -> str:
    """The README at a dataset's root."""
    return f"""# {_line(description.name) or description.id}

A Flywheel dataset: the metadata of project `{description.id}` as tables.

Each folder below `versions/` that holds `provenance/dataset_description.json` is one version,
which is never changed. The tables are Parquet files; one folder below `tables/` is one table.

Open it with fw-dataset:

    from fw_dataset import Dataset
    Dataset.open("path/to/this/folder").connect().sql("select count(*) from files")

or with anything that reads Parquet.
"""


def version_readme(
    description: DatasetDescription, models: Mapping[str, DataModel], rows: Mapping[str, int]
) -> str:
    """The README of a version: what tables it has."""
    lines = [
        f"| {name} | {rows.get(name, 0)} | {len(model.properties)} | {_line(model.description)} |"
        for name, model in models.items()
    ]
    table = "\n".join(lines)
    return f"""# Version {description.version}

Of the dataset of {_line(description.name) or "project"} ({description.id}).

| table | rows | columns | content |
|---|---|---|---|
{table}

What each column means stands in `schemas/`. Column names are the paths of the values in the
platform's records; `info` is JSON text, and `extra` holds, as JSON, whatever has no column.
"""


def provenance_readme() -> str:
    """The README of the provenance."""
    return """# Provenance

* `dataset_description.json`: what this version is; it was stored last.
* `manifest.json`: every file of the version with its size, SHA-256 and rows.
* `rendering_report.json`: rows read and written, and values that did not fit their column.
* `rendering.log`: the same in words.
* `snapshot_info.json`: the snapshot that this version was rendered from.
* `snapshot.db.gz` and `project.json`: the snapshot and the project's record as they came, unless
  columns were left out on purpose.
"""


def to_json(value: Any) -> bytes:
    """A document's bytes, the same for the same content."""
    return json.dumps(value, ensure_ascii=False, indent=2).encode() + b"\n"


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
