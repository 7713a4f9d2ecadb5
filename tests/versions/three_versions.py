"""A dataset of three versions to work on: ``v1`` (labelled ``first``), ``v2`` and ``v3``."""

from __future__ import annotations

from pathlib import Path

from fw_dataset import render_snapshot
from fw_dataset.errors import FWDatasetError
from fw_dataset.storage import LocalStorage, Storage
from fw_dataset.versions.catalog import Catalog
from tests.support.datasets import small_snapshot
from tests.support.watched_storage import content_of

VERSIONS = ("v1", "v2", "v3")


def render_three(folder: Path) -> Path:
    """Render them, each of another number of subjects; the dataset's root is returned."""
    for number, version in enumerate(VERSIONS, 1):
        snapshot = small_snapshot(folder / "in", version, subjects=number)
        label = "first" if version == "v1" else None
        render_snapshot(
            snapshot,
            folder / "out",
            version=version,
            label=label,
            created=f"2024-01-0{number}T00:00:00Z",
        )
    return folder / "out"


def content_of_three(folder: Path) -> dict[str, bytes]:
    """All their files."""
    return content_of(LocalStorage(render_three(folder)))


def without(content: dict[str, bytes], *versions: str) -> dict[str, bytes]:
    """The files but those of some versions."""
    roots = tuple(f"versions/{version}/" for version in versions)
    return {key: data for key, data in content.items() if not key.startswith(roots)}


def whole(storage: Storage) -> list[str]:
    """The ids of the versions, oldest first; each has to give all its tables and data files."""
    found = Catalog(storage).versions()
    for version in found:
        assert version.manifest is not None
        assert version.models
        for name in version.table_names:
            for file in version.data_files(name):
                assert len(storage.get(file.key)) == file.size
    return [version.id for version in reversed(found)]


def seen(storage: Storage, version: str) -> object:
    """What a reader sees of a version, or the error of ours that it gets."""
    try:
        found = Catalog(storage).find(version)
        models = {name: len(model.properties) for name, model in found.models.items()}
        files = {name: [f.key for f in found.data_files(name)] for name in models}
        for keys in files.values():
            for key in keys:
                storage.get(key)
    except FWDatasetError as error:
        return type(error).__name__
    return models, files, found.rows
