"""Small studies and datasets of older releases to test with, and the state of a tree of files."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.snapshots import TABLES, Data, write_snapshot

PRIMARY = ("projects", "subjects", "sessions", "acquisitions", "analyses", "files")
CREATED = "2024-05-06T07:08:09.010+00:00"
PROJECT_ID = f"{1:024x}"

Study = dict[str, list[tuple[object, Data]]]


def identifier(number: int) -> str:
    """An id as the platform makes them."""
    return f"{number:024x}"


def small_study(subjects: int = 2, *, label: str = "study", files: int = 1) -> Study:
    """Rows of a snapshot: per subject one session, one acquisition and some files."""
    found: Study = {table: [] for table in TABLES}
    project = {"_id": PROJECT_ID, "label": label, "parents": {"group": "lab"}}
    found["project"].append((PROJECT_ID, project))
    for number in range(subjects):
        for table, record in _branch(number, files):
            found[table].append((record.get("uuid") or record["_id"], record))
    parents = {"group": "lab", "project": PROJECT_ID}
    found["analysis"].append((identifier(9), {"_id": identifier(9), "parents": parents}))
    return found


def _branch(number: int, files: int) -> Iterator[tuple[str, dict[str, Any]]]:
    parents = {"group": "lab", "project": PROJECT_ID}
    for level, table in enumerate(("subject", "session", "acquisition"), 2):
        own = identifier(level << 32 | number)
        record = {"_id": own, "label": f"{table}-{number}", "parents": dict(parents)}
        yield table, {**record, "info": {"number": number}, "created": CREATED}
        parents[table] = own
    for place in range(number << 20, (number << 20) + files):
        yield (
            "file",
            {
                "_id": {"file_id": identifier(5 << 40 | place), "version": 1},
                "uuid": f"00000000-0000-4000-8000-{place:012x}",
                "name": f"image-{place}.nii.gz",
                "size": 1000 + place,
                "parents": {**parents, "analysis": None},
                "tags": ["raw", "a b"],
                "info": {"header": {"dicom": {"EchoTime": 0.5}}},
            },
        )


def small_snapshot(folder: Path, name: str = "snapshot", **study: Any) -> Path:
    """A gzipped snapshot of :func:`small_study` in a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    return write_snapshot(folder / f"{name}.db.gz", small_study(**study))


def write_old_version(
    root: Path,
    version: str,
    tables: Mapping[str, pa.Table],
    *,
    created: str = "2024-01-01T00:00:00.000+00:00",
    label: str | None = None,
    schemas: Mapping[str, Mapping[str, Any]] | None = None,
    **keys: Any,
) -> Path:
    """Write a version as the 0.3/0.4 releases did; what is in ``keys`` goes to the description."""
    folder = root / "versions" / version
    for name, rows in tables.items():
        (folder / "tables" / name).mkdir(parents=True)
        pq.write_table(rows, folder / "tables" / name / f"{name}0a1b-0.parquet")
        schema = {"schema": "http://json-schema.org/draft-07/schema#", "id": name}
        own = (schemas or {}).get(name, {**schema, "properties": {}, "type": "object"})
        write_json(folder / "schemas" / f"{name}.schema.json", own)
    description = {
        "id": PROJECT_ID,
        "name": "old study",
        "description": "",
        "version": version,
        "version_label": label or version,
        "created": created,
        "fully_populate": True,
        "conn": None,
        "paths": {"root_path": "/data"},
        "errors": None,
    }
    write_json(folder / "provenance" / "dataset_description.json", {**description, **keys})
    return folder


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def copy_of(source: Path, target: Path) -> Path:
    """A writable copy of a folder that may be read-only."""
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    for folder in (target, *(path for path in target.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    return target


def tree(root: Path) -> dict[str, str]:
    """Every file below a folder with its hash, and every folder; empty if there is none."""
    return {
        path.relative_to(root).as_posix(): (
            "folder" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
        )
        for path in sorted(root.rglob("*"))
    }


def untouched(root: Path) -> dict[str, tuple[int, int, int]]:
    """Per path the inode, size and time of the last change: equal when nothing was written."""
    paths = (root, *sorted(root.rglob("*")))
    stats = ((path, path.stat()) for path in paths)
    return {str(path): (s.st_ino, s.st_size, s.st_mtime_ns) for path, s in stats}
