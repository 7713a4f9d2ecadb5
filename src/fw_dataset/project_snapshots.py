"""The snapshots of one project: the one to render, made if need be, waited for and fetched."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from fw_dataset.errors import InvalidArgumentError
from fw_dataset.flywheel import (
    Connection,
    SnapshotRecord,
    create_snapshot,
    download_snapshot,
    list_snapshots,
    wait_until_complete,
)
from fw_dataset.format.names import check_version_id
from fw_dataset.render.progress import Progress, ProgressCallback
from fw_dataset.snapshot import source_sha256

__all__ = ["ProjectSnapshots", "keep_download", "record_beside", "timeout_seconds"]

_TIMEOUT_SECONDS = 1800.0
_RECORD, _DIGEST = "snapshot_info.json", "file_sha256"


@dataclass(frozen=True)
class ProjectSnapshots:
    """The snapshots of a project.

    Attributes:
        connection: the site.
        project_id: the project.
        timeout: seconds to wait for a snapshot that is being made.
        progress: called while one is waited for or fetched.
    """

    connection: Connection
    project_id: str
    timeout: float
    progress: ProgressCallback | None = None

    def newest(self) -> SnapshotRecord | None:
        """The newest complete snapshot, or else one that is being made.

        Raises:
            FlywheelError: the site refuses, or cannot be reached.
        """
        known = list_snapshots(self.connection, self.project_id)
        complete = next((one for one in known if one.is_complete), None)
        return complete or next((one for one in known if one.is_coming), None)

    def create(self) -> SnapshotRecord:
        """Have the platform begin a snapshot.

        Raises:
            FlywheelError: the site refuses, or cannot be reached.
        """
        return create_snapshot(self.connection, self.project_id)

    def wait_for(self, snapshot: SnapshotRecord) -> SnapshotRecord:
        """Wait until a snapshot is complete.

        Raises:
            SnapshotCreationError: it failed (SnapshotTimeoutError: it took too long).
            FlywheelError: the site refuses, or cannot be reached.
        """

        def told(_: str) -> None:
            self._tell(Progress("snapshot"))

        if snapshot.is_complete:
            return snapshot
        return wait_until_complete(
            self.connection, self.project_id, snapshot, timeout=self.timeout, told=told
        )

    def fetch(self, snapshot: SnapshotRecord, target: Path) -> None:
        """Download a complete snapshot into a new file.

        Raises:
            DownloadError: it did not come whole.
            StorageError: the file cannot be written.
            FlywheelError: the site refuses, or cannot be reached.
        """

        def told(done: int, total: int | None) -> None:
            self._tell(Progress("download", bytes=done, total_bytes=total))

        download_snapshot(self.connection, self.project_id, snapshot, target, progress=told)

    def _tell(self, progress: Progress) -> None:
        if self.progress is not None:
            self.progress(progress)


def timeout_seconds(given: float | None) -> float:
    """Seconds to wait for a snapshot: the argument, the environment, or half an hour.

    Raises:
        InvalidArgumentError: it is no number of seconds.
    """
    source: str = "snapshot_timeout"
    value: object = given
    if given is None:
        source, value = "SNAPSHOT_TIMEOUT", os.environ.get("SNAPSHOT_TIMEOUT") or _TIMEOUT_SECONDS
    try:
        seconds = float(str(value))
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds >= 0):
        raise InvalidArgumentError(f"{source} {value!r}: give seconds, 0 or more")
    return seconds


def keep_download(packed: Path, snapshot: SnapshotRecord, parent: Path | None) -> Path:
    """Copy a download into a new folder that stays, with its record beside it; its path there."""
    folder = Path(tempfile.mkdtemp(prefix=f"snapshot-{snapshot.id}-", dir=parent))
    kept = folder / "snapshot.db.gz"
    shutil.copyfile(packed, kept)
    record = {**snapshot.record, _DIGEST: source_sha256(kept)}
    (folder / _RECORD).write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    return kept


def record_beside(source: Path) -> SnapshotRecord | None:
    """The platform's record of a snapshot that was kept, if it stands beside it.

    A record that does not say of which file it is, by its SHA-256, is passed over.

    Raises:
        InvalidArgumentError: what stands there is no such record, or that of another file.
        SnapshotError: the snapshot is not there.
    """
    file = source.parent / _RECORD
    try:
        record = json.loads(file.read_bytes())
        digest = record.pop(_DIGEST, None)
        check_version_id(record["_id"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InvalidArgumentError(
            f"{file} is no record of a snapshot ({error}); move it away to do without"
        ) from None
    if digest is None:
        return None
    if digest != source_sha256(source):
        raise InvalidArgumentError(
            f"{file} is the record of another file than {source}; move it away to do without"
        )
    return SnapshotRecord.from_record(record)
