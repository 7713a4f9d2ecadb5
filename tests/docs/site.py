"""The site that the documentation and the notebooks speak of: a study, and a bucket for it."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from fw_dataset.demo import write_snapshot
from tests.flywheel_server import FlywheelServer, Site
from tests.support.emulators import Emulator
from tests.support.flywheel_sites import KEY, register, serving

__all__ = ["KEY", "documented_site", "environment_of", "write_study"]

GROUP, LABEL = "lab", "study"
BUCKET, STORAGE = "lab-data", "research-data"
GONE = {"type": "s3", "bucket": "old-data", "prefix": "pilot", "storage_id": "0" * 24}
# A workspace names its project, and a developer's shell may name a key.
_UNKNOWN = ("FW_WS_PROJECT_ID", "SNAPSHOT_TIMEOUT")


def write_study(path: Path, subjects: int = 40) -> Path:
    """Write the demo's snapshot as one of the project ``fw://lab/study``."""
    plain = path.with_name(f"{path.name}.plain.db")
    write_snapshot(plain, subjects=subjects)
    with closing(sqlite3.connect(plain)) as connection, connection:
        ((data,),) = connection.execute("select data from project")
        record = json.loads(data) | {"label": LABEL, "group": GROUP, "parents": {"group": GROUP}}
        connection.execute("update project set data = ?", [json.dumps(record).encode()])
    path.write_bytes(gzip.compress(plain.read_bytes(), mtime=0))
    plain.unlink()
    return path


@contextmanager
def documented_site(
    snapshots: Mapping[str, Path], s3: Emulator | None = None
) -> Iterator[FlywheelServer]:
    """A site with ``fw://lab/study`` and two more projects.

    ``fw://lab/shared`` may only be read, and the storage of ``fw://lab/pilot`` was deleted.

    Args:
        snapshots: those of the study that are there, by the instants at which they were made.
        s3: where the storage ``research-data`` is; None for a site without it.
    """
    site = Site()
    newest = max(snapshots)
    study = site.add_project(GROUP, LABEL, snapshot=snapshots[newest], info={"irb": "2024-017"})
    for created, path in snapshots.items():
        study.add_snapshot(created=created, data=path)
    site.add_project(GROUP, "shared").add_snapshot()
    site.add_project(GROUP, "pilot", info={"dataset": GONE})
    site.add_key(KEY, write=[study.id])
    if s3 is not None:
        s3.make_bucket(BUCKET)
        register(site, s3, BUCKET, label=STORAGE)
    try:
        with serving(site) as server:
            yield server
    finally:
        if s3 is not None:
            s3.drop_bucket(BUCKET)


def environment_of(server: FlywheelServer) -> dict[str, str]:
    """What a workspace on the site sets; an empty value is as good as none."""
    return {"FW_HOSTNAME": server.url, "FW_WS_API_KEY": KEY, **dict.fromkeys(_UNKNOWN, "")}
