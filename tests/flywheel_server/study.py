"""What a snapshot holds, told as the API tells it."""

from __future__ import annotations

import gzip
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

__all__ = ["CONTAINERS", "Record", "Study", "gzipped", "is_gzipped", "parent_of"]

Record: TypeAlias = "dict[str, Any]"

# The kinds of containers by the names that paths have for them.
CONTAINERS = {
    "projects": "project",
    "subjects": "subject",
    "sessions": "session",
    "acquisitions": "acquisition",
    "analyses": "analysis",
}
_LEVELS = ("analysis", "acquisition", "session", "subject", "project")


class Study:
    """The containers and files of a snapshot, read when they are first asked for.

    Attributes:
        snapshot: the SQLite file, gzipped or not; None for nothing but what is added.
    """

    def __init__(self, snapshot: Path | None) -> None:
        self.snapshot = snapshot
        self._containers: dict[str, tuple[str, Record]] | None = None
        self._files: dict[str, dict[int, Record]] | None = None
        self._files_by_parent: dict[str, dict[str, None]] = {}

    def project(self) -> Record:
        """The project's own record; empty when there is no snapshot."""
        if self.snapshot is None:
            return {}
        with _opened(self.snapshot) as connection:
            return next(_records(connection, "project"), {})

    def container(self, container_id: str) -> tuple[str, Record] | None:
        """A container below the project, after its kind."""
        self._load()
        assert self._containers is not None
        return self._containers.get(container_id)

    def file(self, file_id: str, version: int | None = None) -> Record | None:
        """A file's record, of its newest version unless another is asked for."""
        versions = self.files.get(file_id)
        if not versions:
            return None
        return versions.get(max(versions) if version is None else version)

    def files_of(self, parent_id: str) -> list[Record]:
        """The files that stand in a container, each in its newest version; no deleted ones."""
        self._load()
        newest = (self.file(file_id) for file_id in self._files_by_parent.get(parent_id, ()))
        return [
            record
            for record in newest
            if record and not record.get("deleted") and parent_of(record)[1] == parent_id
        ]

    @property
    def files(self) -> dict[str, dict[int, Record]]:
        """All files by their ids, then by their versions."""
        self._load()
        assert self._files is not None
        return self._files

    def add_file(self, record: Record) -> None:
        """Add a file's record, or put it in the place of that version's."""
        file_id = record["file_id"]
        self.files.setdefault(file_id, {})[record["version"]] = record
        self._files_by_parent.setdefault(parent_of(record)[1], {})[file_id] = None

    def _load(self) -> None:
        if self._files is not None:
            return
        self._containers, self._files = {}, {}
        if self.snapshot is None:
            return
        with _opened(self.snapshot) as connection:
            for kind in CONTAINERS.values():
                for record in _records(connection, kind):
                    self._containers[record["_id"]] = (kind, record)
            for record in _records(connection, "file"):
                self.add_file(_file_of_api(record))


def parent_of(record: Mapping[str, Any]) -> tuple[str, str]:
    """The kind and id of the container in which a file stands."""
    reference = record.get("parent_ref")
    if reference:
        return reference["type"], reference["id"]
    parents = record.get("parents") or {}
    level = next((level for level in _LEVELS if parents.get(level)), "project")
    return level, parents.get(level, "")


def is_gzipped(path: Path) -> bool:
    """Whether a file begins as gzip does."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def gzipped(source: Path | bytes) -> Path | bytes:
    """The same, gzipped unless it is already."""
    if isinstance(source, bytes):
        return source if source[:2] == b"\x1f\x8b" else gzip.compress(source, mtime=0)
    return source if is_gzipped(source) else gzip.compress(source.read_bytes(), mtime=0)


def _file_of_api(record: Record) -> Record:
    # Snapshots hold the pair of id and version where the API has the uuid.
    pair = record.get("_id")
    if not isinstance(pair, Mapping):
        return {"version": 1, "file_id": pair, **record}
    found = {**record, "_id": record.get("uuid"), **pair}
    found.pop("uuid", None)
    kind, parent = parent_of(record)
    found["parent_ref"] = {"type": kind, "id": parent}
    return found


@contextmanager
def _opened(snapshot: Path) -> Iterator[sqlite3.Connection]:
    with tempfile.TemporaryDirectory() as folder:
        path = snapshot
        if is_gzipped(snapshot):
            path = Path(folder) / "snapshot.db"
            with gzip.open(snapshot) as packed, path.open("wb") as plain:
                shutil.copyfileobj(packed, plain)
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            yield connection


def _records(connection: sqlite3.Connection, table: str) -> Iterator[Record]:
    known = connection.execute("select 1 from sqlite_master where name = ?", (table,))
    if known.fetchone() is None:
        return
    for key, data in connection.execute(f"select id, data from {table}"):
        record = _as_record(data)
        if record is not None:
            record.setdefault("_id", key)
            yield record


def _as_record(data: Any) -> Record | None:
    # Snapshots made to be wrong must not stop the server.
    try:
        record = json.loads(data)
    except (TypeError, ValueError):
        return None
    return record if isinstance(record, dict) else None
