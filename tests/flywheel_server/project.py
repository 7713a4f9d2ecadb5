"""A project of the site: its record, its files and its snapshots."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.flywheel_server.content import Content
from tests.flywheel_server.study import Record, Study, gzipped
from tests.flywheel_server.times import now
from tests.support.snapshots import of_records, write_snapshot

if TYPE_CHECKING:
    from tests.flywheel_server.site import Site

__all__ = ["Data", "ProjectState", "SnapshotPlan", "SnapshotState"]

Data: TypeAlias = "bytes | Path | None"
_CREATED = "2024-01-01T00:00:00.000+00:00"


@dataclass(frozen=True)
class SnapshotPlan:
    """What becomes of a snapshot that somebody orders.

    Attributes:
        statuses: those it has, one after another; it keeps the last one.
        seconds_each: how long each lasts; 0 when polls move it on instead.
        polls_each: after how many looks at it, in the list or at its detail, it moves on.
        bytes: what it holds, gzipped or not; None for the project's own snapshot.
    """

    statuses: tuple[str, ...] = ("pending", "in_progress", "complete")
    seconds_each: float = 0.0
    polls_each: int = 1
    bytes: Data = None


@dataclass
class SnapshotState:
    """A snapshot of a project; what is written here counts from the next request on."""

    id: str
    created: str
    plan: SnapshotPlan
    data: Data
    ordered: float
    clock: Callable[[], float]
    polls: int = 0
    access_log: list[Any] = field(default_factory=list)

    @property
    def status(self) -> str:
        """The status by now."""
        plan = self.plan
        if plan.seconds_each > 0:
            step = int((self.clock() - self.ordered) / plan.seconds_each)
        else:
            step = self.polls // max(1, plan.polls_each)
        return plan.statuses[min(step, len(plan.statuses) - 1)]


class ProjectState:
    """A project. Its attributes may be changed at any time.

    Attributes:
        id: 24 hexadecimal digits.
        record: what the API says of it, ``info`` among it.
        study: the records of its containers and files.
        files: a folder of files as ``{file_id}/{name}``; older versions as
            ``{file_id}/{version}/{name}``. None for those alone that are added.
        snapshot_plan: what becomes of the snapshots ordered here; None for the site's plan.
        snapshots: those that are there, by id.
    """

    def __init__(self, site: Site, record: Record, study: Study, files: Path | None) -> None:
        self.id: str = record["_id"]
        self.record = record
        self.study = study
        self.files = files
        self.snapshot_plan: SnapshotPlan | None = None
        self.snapshots: dict[str, SnapshotState] = {}
        self._site = site
        self._bytes: dict[tuple[str, int], bytes] = {}
        self._own_snapshot: bytes | Path | None = None

    @property
    def group(self) -> str:
        """The group's id."""
        return str(self.record["group"])

    @property
    def label(self) -> str:
        """What people call it."""
        return str(self.record["label"])

    @property
    def info(self) -> Record:
        """Its custom information; empty when it has none."""
        return self.record.get("info") or {}

    # ------------------------------------------------------------------------- snapshots

    def add_snapshot(
        self, status: str = "complete", created: str = _CREATED, data: Data = None
    ) -> str:
        """Add a snapshot that keeps its status, and return its id."""
        return self._add(SnapshotPlan((status,), bytes=data), created).id

    def order_snapshot(self) -> SnapshotState:
        """Begin a snapshot, as the API does."""
        return self._add(self.snapshot_plan or self._site.snapshot_behaviour, now())

    def delete_snapshot(self, snapshot_id: str) -> None:
        """Remove a snapshot, as others may."""
        with self._site.lock:
            del self.snapshots[snapshot_id]

    def snapshot_content(self, snapshot: SnapshotState) -> Content:
        """The gzipped bytes of a snapshot."""
        with self._site.lock:
            data = self._own() if snapshot.data is None else gzipped(snapshot.data)
        return Content(data, "application/gzip")

    def _add(self, plan: SnapshotPlan, created: str) -> SnapshotState:
        with self._site.lock:
            own = self._site.new_id(created)
            clock = self._site.clock
            state = SnapshotState(own, created, plan, plan.bytes, clock(), clock)
            self.snapshots[own] = state
            return state

    def _own(self) -> bytes | Path:
        # What was packed once is kept: a second download must give the same bytes.
        if self._own_snapshot is None:
            source = self.study.snapshot
            self._own_snapshot = self._empty_snapshot() if source is None else gzipped(source)
        return self._own_snapshot

    def _empty_snapshot(self) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "snapshot.db.gz"
            return write_snapshot(path, {"project": of_records(self.record)}).read_bytes()

    # ----------------------------------------------------------------------------- files

    def add_file(
        self,
        name: str,
        data: bytes | None,
        *,
        parent: tuple[str, str] | None = None,
        file_id: str | None = None,
        version: int = 1,
        **keys: Any,
    ) -> str:
        """Add a file, or a version of one, and return its id.

        Args:
            name: its name.
            data: its bytes; None for a record without any.
            parent: the kind and id of its container; None for the project.
            file_id: the id of a file that is there already.
            version: its number.
            keys: others of its record.
        """
        kind, parent_id = parent or ("project", self.id)
        with self._site.lock:
            file_id = file_id or self._site.new_id()
            record = {
                "_id": f"00000000-0000-4000-8000-{self._site.new_id()[-12:]}",
                "file_id": file_id,
                "version": version,
                "name": name,
                "size": len(data or b""),
                "parents": {"group": self.group, "project": self.id, kind: parent_id},
                "parent_ref": {"type": kind, "id": parent_id},
                "info": {},
                "tags": [],
                "created": now(),
                "modified": now(),
            }
            self.study.add_file({**record, **keys})
            if data is not None:
                self._bytes[file_id, version] = data
        return file_id

    def delete_file(self, file_id: str) -> None:
        """Remove a file in all its versions, as others may."""
        with self._site.lock:
            for record in self.study.files[file_id].values():
                record["deleted"] = now()

    def file_content(self, record: Mapping[str, Any]) -> Content | None:
        """The bytes of a file in one version; None when nobody has them."""
        file_id, version, name = record["file_id"], record["version"], record["name"]
        kept = self._bytes.get((file_id, version))
        if kept is not None:
            return Content(kept)
        newest = version == max(self.study.files[file_id])
        for path in self._places(file_id, version, name, newest=newest):
            if path.is_file():
                return Content(path)
        # Studies may name images whose bytes they leave out, with no size.
        return None if record.get("size") else Content(b"")

    def _places(self, file_id: str, version: int, name: str, *, newest: bool) -> list[Path]:
        if self.files is None or "/" in name or name in ("", ".", ".."):
            return []
        folder = self.files / file_id
        places = [folder / str(version) / name]
        return [*places, folder / name] if newest else places
