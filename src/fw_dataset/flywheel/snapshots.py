"""Snapshots of a project: which there are, making one, waiting for it, fetching it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from fw_dataset.errors import (
    FlywheelNotFoundError,
    FlywheelUnreachableError,
    SnapshotCreationError,
    SnapshotTimeoutError,
)
from fw_dataset.flywheel.connection import Connection, address, is_uncertain
from fw_dataset.flywheel.download import Received, download
from fw_dataset.format.instants import parse_instant

__all__ = [
    "SnapshotRecord",
    "create_snapshot",
    "download_snapshot",
    "list_snapshots",
    "wait_until_complete",
]

_FAILED = frozenset({"failed", "error", "cancelled", "canceled", "deleted"})
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0
# One that takes longer than this will not come any more.
_STUCK_AFTER = timedelta(hours=24)
_LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)


@dataclass(frozen=True)
class SnapshotRecord:
    """A snapshot of a project, as the platform knows it.

    Attributes:
        id: its id, 24 hex digits.
        status: ``"pending"``, ``"in_progress"``, ``"complete"`` or ``"failed"``.
        created: when it was asked for (UTC), or None where the platform does not say.
        record: all that the platform says of it.
    """

    id: str
    status: str
    created: datetime | None
    record: Mapping[str, Any] = field(repr=False)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> SnapshotRecord:
        """Read the platform's record."""
        return cls(
            id=record["_id"],
            status=str(record.get("status") or "").lower(),
            created=_instant(record.get("created")),
            record=dict(record),
        )

    @property
    def is_complete(self) -> bool:
        """Whether it can be fetched."""
        return self.status == "complete"

    @property
    def is_coming(self) -> bool:
        """Whether the platform is at it, and as far as it says has not been for a day."""
        under_way = self.status in ("pending", "in_progress")
        if self.created is None:
            return under_way
        return under_way and datetime.now(timezone.utc) - self.created < _STUCK_AFTER


def list_snapshots(connection: Connection, project_id: str) -> list[SnapshotRecord]:
    """All snapshots of a project, the newest first.

    Raises:
        FlywheelError: the site refuses, or cannot be reached.
    """
    what = f"the snapshots of project {project_id!r}"
    records = connection.pages(_snapshots(project_id), what=what)
    found = [SnapshotRecord.from_record(record) for record in records]
    # The platform's order is nowhere promised.
    return sorted(found, key=lambda one: (one.created or _LONG_AGO, one.id), reverse=True)


def create_snapshot(connection: Connection, project_id: str) -> SnapshotRecord:
    """Have the platform begin a snapshot; one, even if its answer is lost on the way.

    Raises:
        FlywheelError: the site refuses, or cannot be reached.
    """
    before = {one.id for one in list_snapshots(connection, project_id)}
    what = f"a new snapshot of project {project_id!r}"
    repetition = 0
    while True:
        try:
            record = connection.ask_record("POST", _snapshots(project_id), what=what, repeat=False)
            return SnapshotRecord.from_record(record)
        except FlywheelUnreachableError as error:
            if not is_uncertain(error):
                raise
            repetition += 1
            connection.wait_to_repeat(error, repetition)
            # It may have been begun although nothing was heard of it.
            for one in list_snapshots(connection, project_id):
                if one.id not in before:
                    return one


def wait_until_complete(
    connection: Connection,
    project_id: str,
    snapshot: SnapshotRecord,
    *,
    timeout: float,
    told: Callable[[str], None] = lambda _: None,
) -> SnapshotRecord:
    """Ask in growing pauses until a snapshot is complete.

    Args:
        connection: the site.
        project_id: the project.
        snapshot: the snapshot to wait for.
        timeout: seconds to wait at most.
        told: called with the status at each look.

    Raises:
        SnapshotCreationError: it failed, or is there no more.
        SnapshotTimeoutError: it took too long.
        FlywheelError: the site refuses, or cannot be reached.
    """
    end = time.monotonic() + timeout
    pause = _FIRST_PAUSE
    look = _Look(connection, project_id, snapshot.id)
    while True:
        told(snapshot.status)
        if snapshot.is_complete:
            return snapshot
        if snapshot.status in _FAILED:
            raise SnapshotCreationError(
                f"snapshot {snapshot.id!r} of project {project_id!r} failed on"
                f" {connection.host} (status {snapshot.status!r}); make another one"
                " (force_new), or ask the site's admin"
            )
        left = end - time.monotonic()
        if left <= 0:
            raise SnapshotTimeoutError(
                f"snapshot {snapshot.id!r} of project {project_id!r} is {snapshot.status!r} after"
                f" {timeout:,.0f} s; {connection.host} goes on with it: try again later, or wait"
                " longer (snapshot_timeout, SNAPSHOT_TIMEOUT)"
            )
        connection.pause(min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE)
        snapshot = look()


def download_snapshot(
    connection: Connection,
    project_id: str,
    snapshot: SnapshotRecord,
    target: Path,
    *,
    progress: Callable[[int, int | None], None] | None = None,
) -> Received:
    """Fetch a complete snapshot, gzipped as it comes, into a new file.

    Args:
        connection: the site.
        project_id: the project.
        snapshot: the snapshot.
        target: the file to make.
        progress: called with the bytes so far and the bytes in all, where they are known.

    Raises:
        DownloadError: what comes is not whole or no gzip stream, however often.
        FlywheelNotFoundError: the snapshot was deleted meanwhile.
        StorageError: the file cannot be written.
        FlywheelError: the site refuses, or cannot be reached.
    """
    what = f"snapshot {snapshot.id!r} of project {project_id!r}"
    path = _snapshots(project_id) + address(snapshot.id)
    return download(connection, path, target, what=what, gzipped=True, progress=progress)


class _Look:
    """Looks at one snapshot again, in the list where the site has no page for it."""

    def __init__(self, connection: Connection, project_id: str, snapshot_id: str) -> None:
        self._connection, self._project_id, self._id = connection, project_id, snapshot_id
        self._has_detail = True

    def __call__(self) -> SnapshotRecord:
        if self._has_detail:
            what = f"snapshot {self._id!r} of project {self._project_id!r}"
            path = _snapshots(self._project_id) + address(self._id, "detail")
            try:
                record = self._connection.ask_record("GET", path, what=what)
                return SnapshotRecord.from_record(record)
            except FlywheelNotFoundError:
                self._has_detail = False
        for one in list_snapshots(self._connection, self._project_id):
            if one.id == self._id:
                return one
        raise SnapshotCreationError(
            f"snapshot {self._id!r} of project {self._project_id!r} is there no more; somebody"
            " deleted it: make another one (force_new)"
        )


def _instant(value: object) -> datetime | None:
    try:
        return parse_instant(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _snapshots(project_id: str) -> str:
    return address("snapshot", "projects", project_id, "snapshots")
