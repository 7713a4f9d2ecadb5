"""Tables of objects, made of a few records."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fw_dataset.format.schema import DataModel
from fw_dataset.render.derived import DerivedTables
from fw_dataset.render.objects.derive import derive_objects
from fw_dataset.render.objects.rebuild import rebuild_object
from fw_dataset.render.objects.wish import ObjectTables
from tests.support.json_texts import STYLES, Json, Literal, Members
from tests.support.rendering import render_batches

ALL = ObjectTables(headers=True, qc=True)


@dataclass
class Derived:
    """What was made."""

    made: DerivedTables
    tables: dict[str, pa.Table]

    def rows(self, table: str) -> list[dict[str, Any]]:
        return self.tables[table].to_pylist()  # type: ignore[no-any-return]

    def model(self, table: str) -> DataModel:
        return self.made.models[table]

    def column(self, table: str, name: str) -> list[Any]:
        return self.tables[table].column(name).to_pylist()  # type: ignore[no-any-return]

    def types(self, table: str) -> dict[str, str]:
        """The Arrow types of the value columns."""
        model = self.model(table)
        return {
            name: str(self.tables[table].schema.field(name).type)
            for name, prop in model.properties.items()
            if "path" in prop
        }

    def objects(self, table: str) -> list[Any]:
        """The objects, rebuilt."""
        return [rebuild_object(self.model(table), row) for row in self.rows(table)]

    def extras(self, table: str) -> list[str | None]:
        return self.column(table, "extra")


def derive(
    records: Mapping[str, Sequence[bytes]],
    wish: ObjectTables = ALL,
    *,
    taken: frozenset[str] = frozenset(),
    rows_per_group: int = 3,
) -> Derived:
    """Make the tables that are wanted of records, as JSON, of some primary tables."""
    tables = {name: render_batches(name, [list(texts)]).table for name, texts in records.items()}
    return derive_tables(tables, wish, taken=taken, rows_per_group=rows_per_group)


def derive_tables(
    tables: Mapping[str, pa.Table],
    wish: ObjectTables = ALL,
    *,
    taken: frozenset[str] = frozenset(),
    rows_per_group: int = 3,
) -> Derived:
    """Make the tables that are wanted of primary tables."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = {}
        for table, rows in tables.items():
            path = folder / f"{table}.parquet"
            pq.write_table(rows, path, row_group_size=rows_per_group)
            sources[table] = [path]
        made = derive_objects(sources, folder, wish, taken)
        return Derived(made, {model: _read(folder, made, model) for model in made.models})


def derive_headers(objects: Sequence[Json], kind: str = "k") -> Derived:
    """Make tables of files that have these at ``info.header.{kind}``."""
    headers: list[Json] = [Members([("header", Members([(kind, one)]))]) for one in objects]
    return derive({"files": files(headers)})


def files(infos: Sequence[Json]) -> list[bytes]:
    """Records of files with these ``info``, each a file of its own, in some style."""
    records = []
    for number, info in enumerate(infos):
        own = Members([("file_id", f"f{number}"), ("version", Literal("1"))])
        record = Members([("_id", own), ("uuid", f"u{number}"), ("info", info)])
        records.append(STYLES[number % len(STYLES)].write(record).encode())
    return records


def json_of(value: Any) -> Json:
    """Python values as JSON to the letter."""
    if isinstance(value, dict):
        return Members((key, json_of(item)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return [json_of(item) for item in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Literal(repr(value))
    return value  # type: ignore[no-any-return]


def _read(folder: Path, made: DerivedTables, table: str) -> pa.Table:
    entries = [entry for entry in made.entries if entry.table == table]
    parts = [pq.read_table(folder / entry.path) for entry in entries]
    whole = pa.concat_tables(parts)
    assert whole.schema.equals(made.models[table].to_arrow())
    assert made.report[table]["rows_written"] == whole.num_rows
    assert sum(entry.rows or 0 for entry in entries) == whole.num_rows
    return whole
