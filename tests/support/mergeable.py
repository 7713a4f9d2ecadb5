"""A dataset whose tables can be merged into others, and what is seen of it there."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fw_dataset import Dataset, render_snapshot
from fw_dataset.format.layout import VersionLayout
from fw_dataset.storage import Storage
from tests.support.datasets import CREATED, small_snapshot, write_old_version

__all__ = [
    "LAYOUT",
    "ROWS",
    "add",
    "content_of",
    "parquet",
    "rows_seen",
    "write_source",
    "write_target",
]

LAYOUT = VersionLayout("v1")
"""The version that is merged into."""
ROWS = {"scores": 3, "visits": 7}
"""The rows of the tables to merge."""


def write_target(folder: Path) -> Path:
    """Render a small study as version ``v1``; the dataset's root is returned."""
    root = folder / "out"
    render_snapshot(small_snapshot(folder / "in"), root, version="v1", created=CREATED)
    return root


def write_source(root: Path) -> Path:
    """Write version ``s1`` of two tables, one of two files, with a manifest."""
    write_old_version(root, "s1", _tables(), schemas=_schemas())
    more = root / "versions/s1/tables/visits/visits0a1b-1.parquet"
    pq.write_table(pa.table({"visit": [5, 6]}), more)
    _add_manifest(root / "versions/s1")
    return root


def _tables() -> dict[str, pa.Table]:
    return {
        "scores": pa.table({"id": ["a", "b", None], "score": [0.5, 1.5, None]}),
        "visits": pa.table({"visit": list(range(5))}),
    }


def _schemas() -> dict[str, dict[str, Any]]:
    integer = {"type": ["integer", "null"], "format": "bigint"}
    columns = {"id": {"type": ["string", "null"]}, "score": {"type": ["number", "null"]}}
    return {
        "scores": {"id": "scores", "description": "Scores.", "properties": columns},
        "visits": {"$id": "visits", "properties": {"visit": integer}, "required": []},
    }


def _add_manifest(folder: Path) -> None:
    """Give a version the manifest that it lacks."""
    entries = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content, name = path.read_bytes(), path.relative_to(folder).as_posix()
        entry: dict[str, Any] = {"path": name, "bytes": len(content)}
        entry["sha256"] = hashlib.sha256(content).hexdigest()
        if name.startswith("tables/"):
            entry |= {"table": name.split("/")[1], "rows": pq.read_metadata(path).num_rows}
        if not name.endswith("dataset_description.json"):
            entries.append(entry)
    (folder / "provenance/manifest.json").write_text(json.dumps({"files": entries}))


def content_of(storage: Storage) -> dict[str, bytes]:
    """All objects."""
    return {item.key: storage.get(item.key) for item in storage.list()}


def add(root: Path, source: Path, *tables: str) -> list[str]:
    """What processes do."""
    return Dataset.open(root).merge(source, tables or None)


def rows_seen(storage: Storage) -> dict[str, int]:
    """The rows of each table that a reader sees, all of which are read."""
    dataset = Dataset(storage)
    connection = dataset.connect()
    return {name: len(connection.sql(f'from "{name}"').fetchall()) for name in dataset.tables}


def parquet(rows: pa.Table) -> bytes:
    """Rows as a Parquet file."""
    sink = io.BytesIO()
    pq.write_table(rows, sink)
    return sink.getvalue()
