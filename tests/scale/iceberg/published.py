"""What others see of published tables, by pyiceberg's own means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyiceberg.table import StaticTable, Table

from fw_dataset import Dataset, render_snapshot
from tests.support.datasets import small_snapshot


def table_at(folder: Path | str, name: str) -> Table:
    """A published table in a folder on this machine, as its hint has it."""
    # pyiceberg 0.10 looks for hints at a wrong place.
    number = Path(folder, name, "metadata/version-hint.text").read_text()
    return StaticTable.from_metadata(f"{folder}/{name}/metadata/v{number}.metadata.json")


def tags(table: Table) -> dict[str, int]:
    """The snapshots by tag."""
    return {name: ref.snapshot_id for name, ref in table.metadata.refs.items() if name != "main"}


def rows_of(table: Table, tag: str | None = None) -> pa.Table:
    """All rows, or those of a version."""
    number = None if tag is None else tags(table)[tag]
    return table.scan(snapshot_id=number).to_arrow()


def ours(dataset: Dataset, name: str, version: str | None = None) -> list[tuple[Any, ...]]:
    """All rows of a table of the dataset, as DuckDB gives them."""
    rows: list[tuple[Any, ...]] = dataset.table(name, version).fetchall()
    return rows


def theirs(table: Table, tag: str | None = None) -> list[tuple[Any, ...]]:
    """All rows of a published table, or those of a version."""
    found = rows_of(table, tag)
    return list(zip(*(column.to_pylist() for column in found.columns), strict=True))


def render_versions(folder: Path, subjects: Mapping[str, int]) -> Iterator[Dataset]:
    """Render versions of so many subjects, one after the other, each a day newer."""
    for number, (version, count) in enumerate(subjects.items(), 1):
        snapshot = small_snapshot(folder / "in", version, subjects=count)
        yield render_snapshot(
            snapshot,
            folder / "out",
            version=version,
            created=f"2024-01-0{number}T00:00:00Z",
        )
