"""The state of an emulated site: keys, projects and storages."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from tests.flywheel_server.project import ProjectState, SnapshotPlan
from tests.flywheel_server.study import Record, Study
from tests.flywheel_server.times import now, seconds_of

__all__ = ["Key", "Site", "StorageState"]

# The bound of the length at which keys are of the newer kind.
_BEARER_LENGTH = 57


@dataclass(frozen=True)
class Key:
    """An API key, and what it may do.

    Attributes:
        text: the key itself, without a host.
        admin: whether its owner administers the site.
        read: the ids of the projects it may read; None for all.
        write: the ids of those that it may change; None for all that it may read.
    """

    text: str
    admin: bool = True
    read: frozenset[str] | None = None
    write: frozenset[str] | None = None

    @property
    def scheme(self) -> str:
        """The scheme of the header with which it must come."""
        return "Bearer" if len(self.text) == _BEARER_LENGTH else "scitran-user"

    def may_read(self, project_id: str) -> bool:
        """Whether the project is there for it."""
        return self.read is None or project_id in self.read

    def may_write(self, project_id: str) -> bool:
        """Whether it may change the project."""
        return self.may_read(project_id) and (self.write is None or project_id in self.write)


@dataclass
class StorageState:
    """A storage that the site knows.

    Attributes:
        id: 24 hexadecimal digits.
        record: what the API says of it.
        url: the address with credentials.
        credentials_status: 200 to give it, else the status of the refusal.
    """

    id: str
    record: Record
    url: str
    credentials_status: int = 200


class Site:
    """All that the server knows; what is changed here counts from the next request on.

    Attributes:
        projects: by id.
        storages: by id.
        keys: by their texts.
        snapshot_behaviour: what becomes of snapshots, unless their project has its own plan.
        has_detail: whether a snapshot's record can be asked for.
        tells_files: whether a container's record lists its files; for great snapshots that would
            take seconds, once.
        sends_length: whether downloads tell their length; else they come in chunks.
        supports_ranges: whether a part of a download can be asked for.
        clock: seconds, by which snapshots with timed plans move on.
        lock: held while the state is read or changed.
    """

    def __init__(self) -> None:
        self.projects: dict[str, ProjectState] = {}
        self.storages: dict[str, StorageState] = {}
        self.keys: dict[str, Key] = {}
        self.snapshot_behaviour = SnapshotPlan()
        self.has_detail = True
        self.tells_files = True
        self.sends_length = True
        self.supports_ranges = True
        self.clock: Callable[[], float] = time.monotonic
        self.lock = threading.RLock()
        self._numbers = count(1)

    def new_id(self, created: str = "2024-01-01T00:00:00") -> str:
        """An id; as the platform's, later ones are greater."""
        with self.lock:
            return f"{max(0, seconds_of(created)):08x}{next(self._numbers):016x}"[-24:]

    def add_key(
        self,
        text: str,
        *,
        admin: bool = True,
        read: Iterable[str] | None = None,
        write: Iterable[str] | None = None,
    ) -> Key:
        """Let a key in; None for all projects."""
        key = Key(
            text,
            admin,
            None if read is None else frozenset(read),
            None if write is None else frozenset(write),
        )
        with self.lock:
            self.keys[text] = key
        return key

    def add_project(
        self,
        group: str | None = None,
        label: str | None = None,
        *,
        project_id: str | None = None,
        snapshot: Path | None = None,
        files: Path | None = None,
        info: Mapping[str, Any] | None = None,
        description: str | None = None,
    ) -> ProjectState:
        """Add a project; what is not given comes from the project's record in the snapshot."""
        study = Study(snapshot)
        found = study.project()
        of_group = (found.get("parents") or {}).get("group") or found.get("group")
        group = group or of_group or "lab"
        record = {
            "tags": [],
            "notes": [],
            "permissions": [],
            "revision": 1,
            "created": now(),
            "modified": now(),
            **found,
            "_id": project_id or found.get("_id") or self.new_id(),
            "label": label or found.get("label") or "project",
            "group": group,
            "parents": {**(found.get("parents") or {}), "group": group},
            "description": description or found.get("description"),
            "info": dict(info) if info is not None else found.get("info") or {},
        }
        project = ProjectState(self, record, study, files)
        with self.lock:
            self.projects[project.id] = project
        return project

    def delete_project(self, project_id: str) -> None:
        """Remove a project."""
        with self.lock:
            del self.projects[project_id]

    def add_storage(
        self,
        label: str,
        *,
        type: str,
        url: str,
        config: Mapping[str, Any] | None = None,
        refs: Mapping[str, Any] | None = None,
        credentials_status: int = 200,
        storage_id: str | None = None,
    ) -> StorageState:
        """Add a storage; ``url`` is given to those who ask for its credentials."""
        own = storage_id or self.new_id()
        record = {
            "_id": own,
            "label": label,
            "config": {"type": type, **(config or {})},
            "refs": dict(refs) if refs is not None else None,
        }
        storage = StorageState(own, record, url, credentials_status)
        with self.lock:
            self.storages[own] = storage
        return storage

    def delete_storage(self, storage_id: str) -> None:
        """Remove a storage; datasets may still name it."""
        with self.lock:
            del self.storages[storage_id]
