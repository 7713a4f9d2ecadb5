"""Where things stand in a dataset."""

from __future__ import annotations

import pytest

from fw_dataset.errors import InvalidNameError
from fw_dataset.format.layout import VersionLayout, dataset_prefix, default_prefix

DEFAULT = "datasets/flywheel.test/lab/5f0e"


def test_default_prefix() -> None:
    assert default_prefix("flywheel.test", "lab", "5f0e") == DEFAULT


@pytest.mark.parametrize(
    ("own", "prefix"),
    [
        (None, DEFAULT),
        ("", DEFAULT),
        ("/", DEFAULT),
        (DEFAULT, DEFAULT),
        (f"/{DEFAULT}/", DEFAULT),
        ("dataset", "dataset/flywheel.test/lab/5f0e"),
        ("datasets", "datasets/flywheel.test/lab/5f0e"),
        ("/a/datasets/", "a/datasets/flywheel.test/lab/5f0e"),
        ("a/dataset", "a/dataset/flywheel.test/lab/5f0e"),
        ("a", f"a/{DEFAULT}"),
        ("a/b/", f"a/b/{DEFAULT}"),
        ("mydatasets", f"mydatasets/{DEFAULT}"),
        ("datasets/a", f"datasets/a/{DEFAULT}"),
        ("Datasets", f"Datasets/{DEFAULT}"),
        (f"{DEFAULT}/a", f"{DEFAULT}/a/{DEFAULT}"),
    ],
)
def test_prefix_in_a_storage_with_a_prefix_of_its_own(own: str | None, prefix: str) -> None:
    assert dataset_prefix(own, DEFAULT) == prefix


def test_keys_of_a_version() -> None:
    layout = VersionLayout("v1")

    assert layout.root == "versions/v1"
    assert layout.description == "versions/v1/provenance/dataset_description.json"
    assert layout.manifest == "versions/v1/provenance/manifest.json"
    assert layout.report == "versions/v1/provenance/rendering_report.json"
    assert layout.schema("files") == "versions/v1/schemas/files.schema.json"
    assert layout.table("files") == "versions/v1/tables/files"


@pytest.mark.parametrize("name", ["", "..", "a/b", "../a", "a\\b", "latest"])
def test_version_that_leaves_its_folder_has_no_layout(name: str) -> None:
    with pytest.raises(InvalidNameError):
        VersionLayout(name)


@pytest.mark.parametrize("name", ["", ".", "..", "../files", "a/b", "a\\b", "a\0", "a\n"])
def test_table_that_leaves_its_folder_has_no_place(name: str) -> None:
    layout = VersionLayout("v1")
    for place in (layout.schema, layout.table):
        with pytest.raises(InvalidNameError):
            place(name)


@pytest.mark.parametrize(
    ("key", "version"),
    [
        ("versions/v1/provenance/dataset_description.json", "v1"),
        ("versions/v1/provenance/manifest.json", None),
        ("versions/v1/dataset_description.json", None),
        ("versions/v1/x/provenance/dataset_description.json", None),
        ("other/v1/provenance/dataset_description.json", None),
        ("versions/v1", None),
        ("versions", None),
        ("", None),
    ],
)
def test_version_of_a_commit_marker(key: str, version: str | None) -> None:
    assert VersionLayout.version_of(key) == version
