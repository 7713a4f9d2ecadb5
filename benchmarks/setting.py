"""What is measured, and where: the snapshots, the floor, the folders, the machine."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.processes import CHECKOUT, FailedRunError, python_json

__all__ = ["CACHE", "FLOOR", "Setting", "SnapshotFile", "machine", "short_folder"]

CACHE = Path(__file__).resolve().parent / "results"
FLOOR = CHECKOUT.parent / "shared" / "bench" / "floor.py"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class SnapshotFile:
    """A snapshot to render.

    Attributes:
        path: a gzipped SQLite file.
        records: what is in it, in words.
        sha256: of the file, 64 hex digits: figures of different snapshots do not compare.
    """

    path: Path
    records: str
    sha256: str


@dataclass(frozen=True)
class Setting:
    """What a run of the benchmarks was asked for.

    Attributes:
        rows: the file records of the snapshot.
        million: the file records of the large snapshot.
        runs: how often each command is measured.
        floor: the floor script, or None where there is none.
        given: a snapshot to take instead of one made here, or None.
        cache: where snapshots are kept from run to run.
        work: an empty folder; source, floor and destination are on one disk this way.
        goals: whether the figures are held against the goals; small snapshots are not.
    """

    rows: int
    million: int
    runs: int
    floor: Path | None
    given: Path | None
    cache: Path
    work: Path
    goals: bool

    def goal(self, value: float) -> float | None:
        """A goal, where goals hold."""
        return value if self.goals else None

    def snapshot(self) -> SnapshotFile:
        """The snapshot to measure with."""
        if self.given is None:
            return self.made(self.rows)
        path = self.given.resolve()
        return SnapshotFile(path, "a snapshot of your own", _sha256(path))

    def made(self, rows: int) -> SnapshotFile:
        """A synthetic snapshot with so many file records, made at the first use."""
        self.cache.mkdir(parents=True, exist_ok=True)
        path = self.cache / f"snapshot-{rows}.db.gz"
        if not path.exists():
            python_json("snapshot", str(path), str(rows))
        return SnapshotFile(path, f"{rows:,} file records", _sha256(path))

    def fresh(self, name: str) -> Path:
        """A path in the work folder at which nothing stands any more."""
        path = self.work / name
        if path.exists():
            shutil.rmtree(path)
        return path


def short_folder(parent: Path) -> Path:
    """A folder of this process to work in."""
    parent.mkdir(parents=True, exist_ok=True)
    folder = parent / f"work-{os.getpid()}"
    folder.mkdir()
    return folder


def machine() -> dict[str, Any]:
    """The machine in general words, and how busy it is."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory / (1 << 30)),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise FailedRunError(f"snapshot {path}: {error.strerror or error}") from None
    return digest.hexdigest()
