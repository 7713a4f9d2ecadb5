"""Labels: one version each, and readers see the old or the new."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest

from fw_dataset import Dataset
from fw_dataset.errors import InvalidNameError, VersionConflictError, VersionNotFoundError
from fw_dataset.storage import LocalStorage
from fw_dataset.versions.catalog import Catalog
from fw_dataset.versions.labels import check_label_is_free, check_names_are_free, relabel
from tests.support.datasets import tree, write_old_version
from tests.support.jobs import change_label
from tests.support.processes import run_together

TABLES = {"subjects": pa.table({"id": ["a"]})}


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    for number in (1, 2, 3):
        created = f"2025-01-0{number}T00:00:00.123456Z"
        write_old_version(tmp_path, f"v{number}", TABLES, label=f"label {number}", created=created)
    return Catalog(LocalStorage(tmp_path))


def labels(catalog: Catalog) -> dict[str, str]:
    return {version.id: version.label for version in catalog.versions()}


@pytest.mark.parametrize("name", ["v1", "label 1"])
def test_relabel(catalog: Catalog, tmp_path: Path, name: str) -> None:
    before = tree(tmp_path)
    changed = relabel(catalog, name, "a new name")

    assert (changed.id, changed.label) == ("v1", "a new name")
    assert labels(catalog) == {"v1": "a new name", "v2": "label 2", "v3": "label 3"}
    assert Dataset.open(tmp_path).get_description("a new name")["version_label"] == "a new name"
    after = tree(tmp_path)
    changed_paths = {path for path in after if after[path] != before.get(path)}
    assert changed_paths == {"versions/v1/provenance/dataset_description.json"}
    assert after.keys() == before.keys()


def test_the_latest_can_be_relabelled_and_stays_the_latest(catalog: Catalog) -> None:
    relabel(catalog, "latest", "newest")

    assert [version.label for version in catalog.versions()] == ["newest", "label 2", "label 1"]


def test_the_same_label_again_writes_nothing(catalog: Catalog, tmp_path: Path) -> None:
    before = (tmp_path / "versions/v1/provenance/dataset_description.json").stat()
    relabel(catalog, "v1", "label 1")

    after = (tmp_path / "versions/v1/provenance/dataset_description.json").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_unknown_keys_outlive_a_new_label(catalog: Catalog, tmp_path: Path) -> None:
    write_old_version(tmp_path, "extra", TABLES, mine={"a": [1, None]}, dataset_info={"odd": 1})
    relabel(catalog, "extra", "named")

    path = tmp_path / "versions/extra/provenance/dataset_description.json"
    written = json.loads(path.read_text())
    assert written["mine"] == {"a": [1, None]}
    assert written["dataset_info"]["odd"] == 1
    assert written["version_label"] == "named"
    assert not {"conn", "paths", "fully_populate"} & written.keys()


@pytest.mark.parametrize("label", ["label 2", "v2", "v3"])
def test_a_label_that_is_taken(catalog: Catalog, label: str) -> None:
    with pytest.raises(VersionConflictError, match=r"taken by version 'v[23]'") as caught:
        relabel(catalog, "v1", label)
    assert "\n" not in str(caught.value)
    assert labels(catalog)["v1"] == "label 1"


def test_a_version_may_be_called_by_its_own_id(catalog: Catalog) -> None:
    assert relabel(catalog, "label 1", "v1").label == "v1"


@pytest.mark.parametrize("label", ["", " ", "latest", "a\nb", "\x00", "x" * 201, "\ud800"])
def test_what_is_no_label(catalog: Catalog, label: str) -> None:
    with pytest.raises(InvalidNameError) as caught:
        relabel(catalog, "v1", label)
    assert "\n" not in str(caught.value)
    assert labels(catalog)["v1"] == "label 1"


def test_labels_in_any_script(catalog: Catalog) -> None:
    for label in ("日本語 ラベル", "Ünï", "a/b", "../x", "'\"", "😀", "x" * 200, "Latest"):
        assert relabel(catalog, "v1", label).label == label
        assert catalog.find(label).id == "v1"


def test_an_unknown_version(catalog: Catalog) -> None:
    with pytest.raises(VersionNotFoundError):
        relabel(catalog, "nosuch", "x")


def test_a_version_that_two_share_can_be_freed_of_it(catalog: Catalog, tmp_path: Path) -> None:
    """Datasets of older releases may hold a version whose id is another's label."""
    write_old_version(tmp_path, "v4", TABLES, label="v2")

    assert relabel(catalog, "v2", "x").label == "x"
    assert relabel(catalog, "v4", "y").label == "y"


def test_new_names(catalog: Catalog) -> None:
    found = catalog.versions()
    check_names_are_free("v9", "label 9", found)
    check_names_are_free("v9", None, found)
    check_label_is_free("label 1", "v1", found)
    for version, label in (("label 1", None), ("label 1", "x"), ("v9", "v1"), ("v9", "label 1")):
        with pytest.raises(VersionConflictError, match="'v1'"):
            check_names_are_free(version, label, found)


def test_many_at_once_end_with_labels_of_their_own(catalog: Catalog, tmp_path: Path) -> None:
    calls = [partial(change_label, tmp_path, f"v{n}", "wanted") for n in (1, 2, 3)] * 2
    outcomes = run_together(calls)

    won = [outcome for outcome in outcomes if outcome.error is None]
    lost = [outcome for outcome in outcomes if outcome.error is not None]
    assert len(won) == 2, "the same version twice"
    assert all(isinstance(outcome.error, VersionConflictError) for outcome in lost)
    assert sorted(labels(catalog).values()).count("wanted") == 1
