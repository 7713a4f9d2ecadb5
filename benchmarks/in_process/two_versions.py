"""Make two versions of a large table of files that differ in known ways: ``SOURCE TARGET ROWS``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from fw_dataset import Dataset
from fw_dataset.render.parquet import TableWriter

CREATED = {"before": "2024-01-01T00:00:00.000+00:00", "after": "2024-02-01T00:00:00.000+00:00"}
# In one row of so many, file_id, size or info is another one after than before.
EDITS = {
    "file_id": (100, 0, "file_id || 'n'"),
    "size": (100, 1, "coalesce(size, 0) + 1"),
    "info": (200, 3, """'{"new": true}'"""),
}


def main(source: str, target: str, rows: int) -> dict[str, int]:
    """Write both versions of a dataset, whose rows are those of another, again and again.

    Returns:
        How many rows were added, removed and changed, and how many there are.
    """
    dataset = Dataset.open(source)
    model = dataset.tables["files"].data_model
    there = dataset.row_counts()["files"]
    copies = -(-rows // there)
    for version, created in CREATED.items():
        folder = Path(target) / "versions" / version
        _write_json(folder / "schemas/files.schema.json", model.to_dict())
        writer = TableWriter(folder, model)
        for table in _copies(dataset, copies, edited=version == "after"):
            for batch in table.cast(model.to_arrow()).to_batches():
                writer.write(batch)
        writer.close()
        description = {"id": dataset.id, "version": version, "created": created}
        _write_json(folder / "provenance/dataset_description.json", description)
    edits = {
        name: copies * len(range(first, there, step)) for name, (step, first, _) in EDITS.items()
    }
    changed = edits["size"] + edits["info"]
    new = edits["file_id"]
    return {"added": new, "removed": new, "changed": changed, "rows": copies * there}


def _copies(dataset: Dataset, copies: int, *, edited: bool) -> Iterator[pa.Table]:
    names = dataset.tables["files"].data_model.properties
    changed = {
        name: f"if(place % {step} = {first}, {value}, {name})"
        for name, (step, first, value) in EDITS.items()
        if edited
    }
    cells = ", ".join(
        f"{changed.get(name, f'{_quoted(name)}')} as {_quoted(name)}" for name in names
    )
    connection = dataset.connect()
    for copy in range(copies):
        # Ids must not be the same in two copies of a row.
        own = ", ".join(
            f"{_quoted(name)} || '-{copy}' as {_quoted(name)}"
            for name in names
            if name in ("id", "file_id", "hash") or name.startswith("parents.")
        )
        rows = f"(select row_number() over () - 1 as place, * replace ({own}) from files)"
        yield connection.sql(f"select {cells} from {rows}").to_arrow_table()


def _quoted(name: str) -> str:
    return f'"{name}"'


def _write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(value), encoding="utf-8")


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
