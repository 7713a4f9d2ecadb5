"""Tabular files in a folder, and the tables that are made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fw_dataset.format.tables import primary_table
from fw_dataset.render.derived import FILE_COLUMNS, PARENT_COLUMNS, DerivedTables
from fw_dataset.render.progress import ProgressCallback
from fw_dataset.render.tabular.columns import MEMBER, NAME, ROW
from fw_dataset.render.tabular.derive import derive_tabular
from fw_dataset.render.tabular.folder import FolderSource
from fw_dataset.render.tabular.sources import TabularSource

__all__ = ["HOUSE", "Derived", "Folder", "derive", "files_table"]

HOUSE = (*PARENT_COLUMNS, *FILE_COLUMNS, NAME, MEMBER, ROW)
"""The columns before those of the files."""


@dataclass
class Folder:
    """A folder of tabular files with the rows of ``files`` that name them."""

    path: Path
    records: list[dict[str, Any]] = field(default_factory=list)

    def add(self, name: str, data: bytes | str | None, **columns: Any) -> str:
        """Add a file and return its id; None for a row whose bytes are not there."""
        number = len(self.records)
        file_id = columns.pop("file_id", f"f{number:04}")
        content = data.encode() if isinstance(data, str) else data
        if content is not None:
            place = self.path / file_id / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        record = {
            "id": f"uuid-{number:04}",
            "file_id": file_id,
            "version": 1,
            "name": name,
            "type": "tabular data",
            "size": len(content or b""),
            "parents.group": "lab",
            "parents.project": "p",
            **columns,
        }
        self.records.append(record)
        return str(file_id)


@dataclass
class Derived:
    """What came of tabular files."""

    tables: DerivedTables
    folder: Path

    def table(self, name: str) -> pa.Table:
        """All rows of a table."""
        paths = [e.path for e in self.tables.entries if e.table == name]
        return pa.concat_tables([pq.read_table(self.folder / path) for path in paths])

    def rows(self, name: str) -> list[dict[str, Any]]:
        """All rows of a table."""
        return list(self.table(name).to_pylist())

    def cells(self, name: str) -> list[dict[str, Any]]:
        """Of all rows of a table, the columns of the files and ``extra``."""
        return [
            {key: value for key, value in row.items() if key not in HOUSE}
            for row in self.rows(name)
        ]

    def types(self, name: str) -> dict[str, str]:
        """The types of a table's columns of the files."""
        model = self.tables.models[name]
        return {
            column: model.column_type(column).name
            for column in model.properties
            if column not in (*HOUSE, "extra")
        }

    def entry(self, name: str, member: str | None = None) -> dict[str, Any]:
        """What is told of a file."""
        (found,) = (e for e in self.tables.files if (e["name"], e["member"]) == (name, member))
        return found


def files_table(folder: Path, records: Sequence[Mapping[str, Any]]) -> Path:
    """Write a data file of ``files`` with these rows."""
    schema = primary_table("files").model.to_arrow()
    path = folder / "files.parquet"
    pq.write_table(pa.Table.from_pylist(list(records), schema), path)
    return path


def derive(
    files: Folder,
    into: Path,
    *,
    source: TabularSource | None = None,
    taken: Sequence[str] = ("files",),
    progress: ProgressCallback | None = None,
    **options: Any,
) -> Derived:
    """Make tables of a folder's files, in a new folder."""
    into.mkdir()
    sources = {"files": [files_table(into, files.records)]}
    files.path.mkdir(exist_ok=True)
    source = source or FolderSource(files.path)
    tables = derive_tabular(sources, into, source, taken, into, progress, **options)
    json.dumps([tables.files, tables.report])
    assert not [path for path in into.iterdir() if path.name not in ("files.parquet", "tables")]
    return Derived(tables, into)
