"""What the processes of the tests do: functions that can be sent to them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from fw_dataset import render_snapshot
from fw_dataset.errors import DatasetNotFoundError
from fw_dataset.format.manifest import Manifest
from fw_dataset.storage import LocalStorage
from fw_dataset.versions.catalog import Catalog, CommittedVersion
from fw_dataset.versions.labels import relabel


def render(snapshot: Path, destination: Path, **choices: Any) -> str:
    """Render a snapshot; the version's id is returned."""
    return render_snapshot(snapshot, destination, **choices).version


def change_label(root: Path, version: str, label: str) -> str:
    """Give a version another label; the label it has then is returned."""
    return relabel(Catalog(LocalStorage(root)), version, label).label


def read_until(root: Path, versions: int) -> int:
    """Look at a dataset again and again until it has so many versions; each has to be whole.

    How often it was looked at is returned.
    """
    looks = 0
    while True:
        looks += 1
        found = Catalog(LocalStorage(root)).versions()
        for version in found:
            check_whole(version)
        if len(found) >= versions:
            return looks


def whole_versions(root: Path) -> list[str]:
    """The ids of the versions of a dataset, sorted; each has to be whole."""
    try:
        found = Catalog(LocalStorage(root)).require()
    except DatasetNotFoundError:
        return []
    for version in found:
        check_whole(version)
    return sorted(version.id for version in found)


def check_whole(version: CommittedVersion) -> None:
    """Make sure that a version has the files that its manifest names, and no others."""
    manifest = version.manifest
    assert isinstance(manifest, Manifest)
    root = Path(version.storage.native_path(version.layout.root) or "")
    listed = {entry.path: entry.sha256 for entry in manifest.files}
    digests = {path: hashlib.sha256((root / path).read_bytes()).hexdigest() for path in listed}
    assert digests == listed
    present = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    # What the writer is about to remove may still be there for a moment.
    present = {path for path in present if not path.startswith("_claim.json")}
    present = {path for path in present if ".fw-dataset-partial-" not in path}
    unlisted = {"provenance/dataset_description.json", "provenance/manifest.json"}
    assert present - listed.keys() == unlisted
