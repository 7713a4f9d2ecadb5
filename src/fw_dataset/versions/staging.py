"""Lay a rendered version out in a work folder, as it will stand in the dataset."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fw_dataset.format.description import DatasetDescription
from fw_dataset.format.layout import VersionLayout
from fw_dataset.format.manifest import FileEntry, Manifest, SnapshotIdentity
from fw_dataset.render.version import RenderedTables
from fw_dataset.snapshot import SourceCopy
from fw_dataset.versions.commit import StagedVersion
from fw_dataset.versions.documents import provenance_readme, to_json, version_readme

__all__ = ["Provenance", "stage"]


@dataclass(frozen=True)
class Provenance:
    """Where a version comes from.

    Attributes:
        snapshot: the identity of the snapshot.
        snapshot_record: the platform's record of it, or what is known instead.
        snapshot_copy: the gzipped snapshot to keep, or None.
        project_record: the project's record as it came, or None to leave it out.
        options: how it was rendered.
        notes: what else the manifest says, by its keys.
        renderer: the packages that rendered it, with their versions.
    """

    snapshot: SnapshotIdentity
    snapshot_record: dict[str, Any]
    snapshot_copy: SourceCopy | None
    project_record: bytes | None
    options: dict[str, Any]
    renderer: dict[str, str]
    notes: dict[str, Any] = field(default_factory=dict)


def stage(
    folder: Path, description: DatasetDescription, rendered: RenderedTables, origin: Provenance
) -> StagedVersion:
    """Write everything but the tables, which stand in ``folder`` already."""
    entries = list(rendered.entries)
    rows = Manifest(files=tuple(entries)).rows

    def write(path: str, data: bytes) -> None:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        entries.append(FileEntry(path=path, bytes=len(data), sha256=digest))

    for name, model in rendered.models.items():
        write(f"schemas/{name}.schema.json", to_json(model.to_dict()))
    for name, profile in rendered.profiles.items():
        write(f"profiles/{name}.profile.json", profile)
    write("README.md", version_readme(description, rendered.models, rows).encode())
    write("provenance/README.md", provenance_readme().encode())
    write("provenance/rendering_report.json", rendered.report.to_json())
    write("provenance/rendering.log", rendered.report.log().encode())
    write("provenance/snapshot_info.json", to_json(origin.snapshot_record))
    if origin.project_record is not None:
        write("provenance/project.json", origin.project_record + b"\n")
    if origin.snapshot_copy is not None:
        entries.append(_keep(folder, origin.snapshot_copy))
    manifest = Manifest(
        renderer=origin.renderer,
        snapshot=origin.snapshot,
        options=origin.options,
        files=tuple(sorted(entries, key=lambda entry: entry.path)),
    )
    manifest = manifest.model_copy(update=origin.notes)
    (folder / "provenance/manifest.json").write_bytes(manifest.to_json())
    marker = folder / "provenance/dataset_description.json"
    marker.write_bytes(description.to_json())
    return StagedVersion(VersionLayout(description.version), folder, marker)


def _keep(folder: Path, copy: SourceCopy) -> FileEntry:
    path = "provenance/snapshot.db.gz"
    size = copy.path.stat().st_size
    shutil.move(copy.path, folder / path)
    return FileEntry(path=path, bytes=size, sha256=copy.sha256)
