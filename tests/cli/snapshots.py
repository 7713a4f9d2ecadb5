"""Small snapshots, whole and broken."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

TABLES = ("project", "subject", "session", "acquisition", "file", "analysis")
Records = Mapping[str, Sequence[Mapping[str, Any] | bytes]]

_PLACE = {"group": "lab", "project": "p1"}

RECORDS: Records = {
    "project": [{"_id": "p1", "label": "Über-Studie", "parents": {"group": "lab"}}],
    "subject": [
        {"_id": "s1", "label": "Zoë", "sex": "female", "parents": _PLACE, "info": {"site": "A"}},
        {"_id": "s2", "label": "张伟", "sex": "", "age": 2**60 + 1, "parents": _PLACE},
        {"_id": "s3", "label": 'a "b", c\nd', "tags": ["x,y", "z"], "parents": _PLACE},
    ],
    "session": [
        {
            "_id": f"e{number}",
            "label": f"visit {number}",
            "parents": {**_PLACE, "subject": "s1"},
            "timestamp": f"2024-01-0{number}T10:20:30.5+00:00",
            "age": 1_000_000_000 * number,
            "weight": 60.5 if number == 1 else None,
        }
        for number in (1, 2)
    ],
    "acquisition": [],
    "file": [
        {
            "_id": {"file_id": f"f{number}", "version": 1},
            "uuid": f"u{number}",
            "name": f"scan_{number}.nii.gz",
            "type": "nifti" if number % 2 else "dicom",
            "size": 10 * number,
            "parents": {**_PLACE, "subject": "s1", "session": "e1"},
        }
        for number in range(1, 101)
    ],
    "analysis": [],
}


def with_records(**changes: Sequence[Mapping[str, Any] | bytes]) -> Records:
    """The small project, with the records of some tables replaced."""
    return {**RECORDS, **changes}


def write_snapshot(path: Path, records: Records, tables: Sequence[str] = TABLES) -> Path:
    """Write a snapshot; one whose name ends in ``.gz`` is gzipped."""
    database = path.with_name(path.name + ".building")
    connection = sqlite3.connect(database)
    with connection:
        for table in tables:
            connection.execute(f'create table "{table}" (id text primary key, data text)')
            for number, record in enumerate(records.get(table, ())):
                connection.execute(
                    f'insert into "{table}" values (?, ?)', _row(table, record, number)
                )
    connection.close()
    content = database.read_bytes()
    database.unlink()
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path


def _row(table: str, record: Mapping[str, Any] | bytes, number: int) -> tuple[str, str | bytes]:
    if isinstance(record, bytes):
        return f"{table}-{number}", record
    key = record.get("uuid") or record.get("_id") or f"{table}-{number}"
    return str(key), json.dumps(record)
