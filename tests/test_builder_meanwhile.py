"""What happens to a project, a place and a kept snapshot while, or before, somebody renders."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fw_dataset import Dataset, DatasetBuilder
from fw_dataset.errors import (
    DatasetInfoNotSavedError,
    InvalidArgumentError,
    SnapshotCreationError,
)
from tests.flywheel_server import FlywheelServer, ProjectState, Site, SnapshotPlan
from tests.support.datasets import PROJECT_ID, small_snapshot, small_study, tree
from tests.support.flywheel_sites import KEY, Probe, new_site, serving
from tests.support.snapshots import write_snapshot

DEFAULT = f"datasets/127.0.0.1/lab/{PROJECT_ID}"


@pytest.fixture
def site() -> Site:
    return new_site()


@pytest.fixture
def project(site: Site, tmp_path: Path) -> ProjectState:
    return site.add_project("lab", "study", snapshot=small_snapshot(tmp_path / "in"))


@pytest.fixture
def server(site: Site) -> Iterator[FlywheelServer]:
    with serving(site) as server:
        yield server


def a_builder(server: FlywheelServer, root: Path, **given: Any) -> DatasetBuilder:
    return DatasetBuilder(server.api_key(KEY), PROJECT_ID, root_path=root, **given)


def test_a_key_that_is_added_meanwhile_stays(
    server: FlywheelServer, project: ProjectState, tmp_path: Path
) -> None:
    def annotate() -> None:
        project.record["info"]["note"] = "mine"

    server.faults.append(Probe(annotate, method="GET", path="/snapshot", times=1))
    with a_builder(server, tmp_path / "a") as builder:
        builder.render_dataset()
        project.record["info"]["dataset"] |= {"note": "mine", "type": "local"}
        builder.render_dataset(version_label="again")
    assert project.record["info"]["note"] == project.record["info"]["dataset"]["note"] == "mine"
    assert project.record["info"]["dataset"]["type"] == "local", "another spelling of the same"


def test_two_with_different_roots(
    server: FlywheelServer, project: ProjectState, tmp_path: Path
) -> None:
    """The second finds that the project says another place by now, and says so."""
    first, second = a_builder(server, tmp_path / "a"), a_builder(server, tmp_path / "b")
    with first, second:
        first.render_dataset()
        with pytest.raises(DatasetInfoNotSavedError, match="another place") as caught:
            second.render_dataset()
    assert project.record["info"]["dataset"]["bucket"] == str(tmp_path / "a")
    assert caught.value.dataset.row_counts()["subjects"] == 2


def test_directives_that_are_removed_meanwhile(
    server: FlywheelServer, project: ProjectState, tmp_path: Path
) -> None:
    with a_builder(server, tmp_path / "a") as builder:
        builder.render_dataset()
        project.record["info"] = {}
        builder.render_dataset()
    assert project.record["info"]["dataset"]["prefix"] == DEFAULT


def test_what_a_killed_one_left_goes_with_the_next(
    server: FlywheelServer, project: ProjectState, tmp_path: Path
) -> None:
    with a_builder(server, tmp_path / "a") as builder:
        builder.render_dataset()
        before = tree(tmp_path / "a")
        left = tmp_path / "a" / DEFAULT / ".fw-dataset-work-left"
        left.mkdir()
        (left / "snapshot.db").write_bytes(b"names of patients")
        builder.render_dataset()
    assert tree(tmp_path / "a") == before
    assert project.id == PROJECT_ID


def test_a_record_beside_another_file(
    server: FlywheelServer, project: ProjectState, tmp_path: Path
) -> None:
    with a_builder(server, tmp_path / "a", workdir=tmp_path) as builder:
        builder.render_dataset(remove_temp_files=False)
        kept = builder.snapshot_path
        assert kept is not None
        other = kept.with_name("snapshot-of-last-year.db.gz")
        shutil.copyfile(small_snapshot(tmp_path / "other", subjects=5), other)
        with pytest.raises(InvalidArgumentError, match="another file"):
            builder.from_snapshot(other)
        record = kept.with_name("snapshot_info.json")
        for odd in ('{"_id": 5}', "[]", '{"_id": "\\ud800"}', "null"):
            record.write_text(odd)
            with pytest.raises(InvalidArgumentError, match="no record"):
                builder.from_snapshot(kept)
        # One that does not say of which file it is tells nothing.
        record.write_text(json.dumps({"_id": "v7", "created": "2024-01-01T00:00:00Z"}))
        assert builder.from_snapshot(other).version not in ("v7", *project.snapshots)
        builder.render_dataset()
        assert builder.snapshot_path is None, "nothing was downloaded"


def test_columns_that_are_left_out_are_left_out_of_the_provenance(
    server: FlywheelServer, site: Site, tmp_path: Path
) -> None:
    site.add_project(snapshot=write_snapshot(tmp_path / "in.db.gz", small_study(label="zebra")))
    columns = {"projects": ["created"]}
    with a_builder(server, tmp_path / "a", control_columns=columns) as builder:
        assert builder.project.label == "zebra"
        dataset = builder.render_dataset()
    record = tmp_path / "a" / DEFAULT / f"versions/{dataset.version}/provenance/snapshot_info.json"
    assert set(json.loads(record.read_text())) == {"_id", "status", "created", "project"}
    for path in (tmp_path / "a").rglob("*"):
        assert "zebra" not in path.name
        assert path.is_dir() or b"zebra" not in path.read_bytes()


@pytest.mark.parametrize("status", ["FAILED", "cancelled", "error", "deleted"])
def test_ends_that_are_none(
    server: FlywheelServer, project: ProjectState, tmp_path: Path, status: str
) -> None:
    project.snapshot_plan = SnapshotPlan(statuses=("pending", status))
    with (
        a_builder(server, tmp_path / "a") as builder,
        pytest.raises(SnapshotCreationError, match=status.lower()),
    ):
        builder.render_dataset()
    with pytest.raises(FileNotFoundError):
        Dataset.open(tmp_path / "a" / DEFAULT)


def test_a_state_in_other_letters(
    server: FlywheelServer, project: ProjectState, tmp_path: Path
) -> None:
    project.snapshot_plan = SnapshotPlan(statuses=("PENDING", "Complete"))
    with a_builder(server, tmp_path / "a") as builder:
        assert builder.create_snapshot()["status"] == "Complete"
