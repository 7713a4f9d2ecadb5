"""From a project of a site to its dataset: snapshots, labels, choices, and what goes wrong."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fw_dataset import Dataset, DatasetBuilder
from fw_dataset.errors import (
    ControlColumnsError,
    DatasetInfoNotSavedError,
    FlywheelNotFoundError,
    InvalidArgumentError,
    SnapshotError,
    VersionConflictError,
)
from tests.flywheel_server import FlywheelServer, ProjectState, Respond, Site, SnapshotPlan
from tests.support.datasets import PROJECT_ID, small_snapshot, small_study, tree
from tests.support.flywheel_sites import (
    KEY,
    Probe,
    new_site,
    serving,
)
from tests.support.snapshots import PROJECT, write_snapshot

DEFAULT = f"datasets/127.0.0.1/lab/{PROJECT_ID}"
OLD, NEW, LATEST = (f"2024-0{month}-01T00:00:00.000+00:00" for month in (1, 2, 3))
SNAPSHOTS = "/snapshot/projects"


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


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def builder(server: FlywheelServer, project: ProjectState, root: Path) -> Iterator[DatasetBuilder]:
    with a_builder(server, project_id=project.id, root_path=root, snapshot_timeout=60) as builder:
        yield builder


def a_builder(server: FlywheelServer, key: str = KEY, **given: Any) -> DatasetBuilder:
    given.setdefault("project_id", PROJECT_ID)
    return DatasetBuilder(server.api_key(key), **given)


def downloads(server: FlywheelServer) -> int:
    return server.count("GET", rf"{SNAPSHOTS}/\w+/snapshots/\w+$")


def orders(server: FlywheelServer) -> int:
    return server.count("POST", SNAPSHOTS)


# --------------------------------------------------------------------------------------- snapshots


def test_the_newest_complete_snapshot(
    server: FlywheelServer, project: ProjectState, builder: DatasetBuilder
) -> None:
    project.add_snapshot(created=OLD)
    wanted = project.add_snapshot(created=NEW)
    project.add_snapshot("failed", created=LATEST)
    project.add_snapshot("pending", created=LATEST)

    dataset = builder.render_dataset()

    assert (dataset.version, dataset.version_label) == (wanted, wanted)
    assert builder.snapshot is not None
    assert builder.snapshot["_id"] == wanted
    assert builder.create_or_get_latest_snapshot()["_id"] == wanted
    assert orders(server) == 0


def test_what_is_rendered_is_found_and_nothing_is_made(
    server: FlywheelServer, project: ProjectState, builder: DatasetBuilder, root: Path
) -> None:
    assert (builder.find_rendered(), builder.snapshot) == (None, None)
    wanted = project.add_snapshot(created=OLD)
    assert builder.find_rendered() is None
    assert builder.snapshot is not None
    assert builder.snapshot["_id"] == wanted
    assert not root.exists()
    builder.render_dataset()

    found = builder.find_rendered()

    assert found is not None
    assert found.version == wanted
    newer = project.add_snapshot(created=NEW)
    assert builder.find_rendered() is None
    assert builder.snapshot["_id"] == newer
    assert orders(server) == 0


@pytest.mark.parametrize("there", [[], ["failed"], ["pending"]])
def test_a_snapshot_is_made_where_none_would_do(
    server: FlywheelServer, project: ProjectState, builder: DatasetBuilder, there: list[str]
) -> None:
    """One that has been pending for years will not come any more."""
    old = [project.add_snapshot(status) for status in there]
    dataset = builder.render_dataset()
    assert orders(server) == 1
    assert [dataset.version] == [one for one in project.snapshots if one not in old]


def test_a_new_one_is_forced(
    server: FlywheelServer, project: ProjectState, builder: DatasetBuilder
) -> None:
    old = project.add_snapshot()
    project.snapshot_plan = SnapshotPlan(("complete",))
    assert builder.render_dataset(force_new=True).version != old
    assert builder.create_or_get_latest_snapshot(force_new=True)["status"] == "complete"
    assert builder.create_snapshot()["_id"] != old
    assert orders(server) == 3


def test_the_timeout(
    server: FlywheelServer, project: ProjectState, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.snapshot_plan = SnapshotPlan(("pending",))
    monkeypatch.setenv("SNAPSHOT_TIMEOUT", "0.1")
    with a_builder(server, root_path=root) as builder:
        with pytest.raises(TimeoutError, match=r"'pending' after 0 s.*SNAPSHOT_TIMEOUT"):
            builder.render_dataset()
        assert tree(root) == {}
    for value in ("soon", "-1", "inf", "nan"):
        monkeypatch.setenv("SNAPSHOT_TIMEOUT", value)
        with pytest.raises(InvalidArgumentError, match=f"SNAPSHOT_TIMEOUT '{value}': give seconds"):
            a_builder(server, root_path=root)
        with pytest.raises(InvalidArgumentError, match="snapshot_timeout"):
            a_builder(server, root_path=root, snapshot_timeout=float("-inf"))
        a_builder(server, root_path=root, snapshot_timeout=1).close()


# ------------------------------------------------------------------------------------------ labels


def test_a_label_renames_what_is_rendered(
    server: FlywheelServer, project: ProjectState, builder: DatasetBuilder
) -> None:
    version = project.add_snapshot()
    assert builder.render_dataset(version_label="first").version_label == "first"
    assert downloads(server) == 1

    again = builder.render_dataset(version_label="second")

    assert (again.version, again.version_label) == (version, "second")
    assert [one["label"] for one in again.list_versions()] == ["second"]
    assert builder.render_dataset().version_label == "second"
    assert downloads(server) == 1
    assert server.count("PATCH") == 1


@pytest.mark.parametrize("force", [False, True])
def test_a_label_that_is_taken_is_refused_before_anything_is_made(
    server: FlywheelServer, project: ProjectState, builder: DatasetBuilder, force: bool
) -> None:
    first = project.add_snapshot(created=OLD)
    builder.render_dataset(version_label="first")
    if force:
        project.add_snapshot(created=NEW)
    else:
        project.delete_snapshot(first)
    server.forget()
    for label in ("first", first):
        with pytest.raises(VersionConflictError, match="is taken by version"):
            builder.render_dataset(version_label=label, force_new=force)
    assert (orders(server), downloads(server)) == (0, 0)


def test_a_label_of_another_snapshots_version(
    server: FlywheelServer, project: ProjectState, builder: DatasetBuilder
) -> None:
    project.add_snapshot(created=OLD)
    builder.render_dataset(version_label="first")
    project.add_snapshot(created=NEW)
    with pytest.raises(VersionConflictError, match="'first' is taken"):
        builder.render_dataset(version_label="first")
    assert downloads(server) == 1, "it was found out before the download"


# -------------------------------------------------------------------------------------- provenance


def test_provenance(project: ProjectState, builder: DatasetBuilder, root: Path) -> None:
    version = project.add_snapshot(created=NEW)
    dataset = builder.render_dataset()

    folder = root / DEFAULT / "versions" / version / "provenance"
    sent = project.snapshot_content(project.snapshots[version])
    assert (folder / "snapshot.db.gz").read_bytes() == b"".join(sent.pieces())
    assert json.loads((folder / "snapshot_info.json").read_text()) == builder.snapshot
    description = dataset.get_description()
    assert (description["version"], description["created"]) == (version, NEW)
    assert description["id"] == PROJECT_ID
    # A folder's own path says nothing elsewhere.
    assert description["dataset_info"]["type"] == "fs"
    assert str(root) not in (folder / "dataset_description.json").read_text()


# ------------------------------------------------------------------------------------ info.dataset


def test_the_project_is_told_after_the_commit(
    server: FlywheelServer, project: ProjectState, builder: DatasetBuilder, root: Path
) -> None:
    version = project.add_snapshot()
    seen: list[str] = []

    def look() -> None:
        dataset = Dataset.open(root / DEFAULT)
        assert dataset.execute("select count(*) from subjects").fetchall() == [(2,)]
        seen.append(dataset.version)

    server.faults.append(Probe(look, method="PATCH", times=None))
    builder.render_dataset()
    assert seen == [version]
    assert project.info["dataset"] == builder.dataset_info

    builder.render_dataset()
    builder.save_dataset_info()
    assert seen == [version], "it is not written again"


def test_a_key_that_may_not_write(
    site: Site, server: FlywheelServer, project: ProjectState, root: Path
) -> None:
    site.add_key("reader", write=[])
    project.add_snapshot()
    with a_builder(server, "reader", root_path=root) as builder:
        with pytest.raises(DatasetInfoNotSavedError) as caught:
            builder.render_dataset()
        dataset = caught.value.dataset
        assert dataset.execute("select count(*) from files").fetchall() == [(2,)]
        said = str(caught.value)
        assert f"the dataset stands at {root}/{DEFAULT}" in said
        assert "info.dataset of project fw://lab/study" in said
        assert "403" in said
        assert project.info == {}
        with pytest.raises(PermissionError):
            builder.save_dataset_info()
    with a_builder(server, root_path=root) as builder:
        assert builder.render_dataset().version == dataset.version
    assert project.info["dataset"]["bucket"] == str(root)
    assert downloads(server) == 1


def test_a_broken_snapshot_leaves_nothing(
    project: ProjectState, builder: DatasetBuilder, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.db.gz"
    study = small_study()
    study["subject"][1] = (study["subject"][1][0], b'{"_id": ')
    whole = small_snapshot(tmp_path / "in", "whole")
    before = tree(tmp_path)
    for data in (write_snapshot(broken, study).read_bytes(), gzip.compress(b"no database")):
        broken.unlink(missing_ok=True)
        project.add_snapshot(data=data, created=NEW)
        with pytest.raises(SnapshotError):
            builder.render_dataset()
        assert tree(tmp_path) == before
        assert (project.info, builder.snapshot_path) == ({}, None)
    project.add_snapshot(data=whole, created=LATEST)
    assert builder.render_dataset().row_counts()["subjects"] == 2


def test_a_snapshot_that_is_deleted_meanwhile(
    server: FlywheelServer, project: ProjectState, builder: DatasetBuilder, root: Path
) -> None:
    version = project.add_snapshot()
    take = rf"/snapshots/{version}$"
    server.faults.append(Probe(lambda: project.delete_snapshot(version), path=take))
    with pytest.raises(FlywheelNotFoundError, match=version):
        builder.render_dataset()
    assert tree(root) == {}
    assert project.info == {}


# ----------------------------------------------------------------------------------------- choices


def test_control_columns(server: FlywheelServer, project: ProjectState, root: Path) -> None:
    for columns in ({"subject": ["label"]}, {"subjects": ["lable"]}):
        with pytest.raises(ControlColumnsError):
            a_builder(server, root_path=root, control_columns=columns)
    assert server.requests == []
    project.add_snapshot()
    with a_builder(server, root_path=root, control_columns={"subjects": ["label"]}) as builder:
        dataset = builder.render_dataset()
        assert "extra" not in dataset.tables["subjects"].data_model.properties
        builder.control_columns = {"subjects": ["lable"]}
        server.forget()
        with pytest.raises(ControlColumnsError, match="lable"):
            builder.render_dataset()
        assert server.requests == []
        builder.control_columns = None
        with pytest.raises(VersionConflictError, match="other choices"):
            builder.render_dataset()


def test_what_is_kept_renders_again(
    server: FlywheelServer, project: ProjectState, builder: DatasetBuilder, tmp_path: Path
) -> None:
    project.add_snapshot(created=NEW)
    direct = builder.render_dataset(remove_temp_files=False, version_label="one")
    path = builder.snapshot_path
    assert path is not None
    try:
        with a_builder(server, root_path=tmp_path / "two", relocate=True) as second:
            server.forget()
            again = second.from_snapshot(path, "one")
        assert downloads(server) + orders(server) == 0
        assert (again.version, again.created) == (direct.version, direct.created)
        one, two = (tree(Path(dataset.location)) for dataset in (direct, again))
        assert {key: value for key, value in one.items() if "/tables/" in key} != {}
        assert one == two
        assert project.info["dataset"] == second.dataset_info
        (path.parent / "snapshot_info.json").write_text("[]")
        with pytest.raises(InvalidArgumentError, match=r"snapshot_info\.json"):
            builder.from_snapshot(path)
    finally:
        for file in path.parent.iterdir():
            file.unlink()
        path.parent.rmdir()


def test_a_kept_download_goes_where_the_work_is_done(
    server: FlywheelServer, project: ProjectState, tmp_path: Path
) -> None:
    project.add_snapshot()
    work = tmp_path / "new/work"
    with a_builder(server, root_path=tmp_path / "root", workdir=work) as builder:
        builder.render_dataset(remove_temp_files=False)
    assert builder.snapshot_path is not None
    assert builder.snapshot_path.is_relative_to(work)
    kept = sorted(path.name for path in builder.snapshot_path.parent.iterdir())
    assert kept == ["snapshot.db.gz", "snapshot_info.json"]


def test_a_snapshot_of_another_project(
    builder: DatasetBuilder, project: ProjectState, root: Path, tmp_path: Path
) -> None:
    other = write_snapshot(tmp_path / "other.db.gz", {})
    with pytest.raises(
        SnapshotError, match=f"of project '{PROJECT['_id']}', not of '{PROJECT_ID}'"
    ):
        builder.from_snapshot(other)
    assert (tree(root), project.info) == ({}, {})
    own = small_snapshot(tmp_path / "alone", subjects=3)
    dataset = builder.from_snapshot(own, "by hand")
    assert (dataset.version_label, dataset.row_counts()["subjects"]) == ("by hand", 3)
    assert project.info["dataset"] == builder.dataset_info


def test_a_folder_that_cannot_be_written_is_found_out_first(
    server: FlywheelServer, builder: DatasetBuilder, root: Path
) -> None:
    root.write_text("no folder")
    with pytest.raises(OSError, match="root"):
        builder.render_dataset()
    assert orders(server) == 0


@pytest.mark.usefixtures("project")
def test_progress(server: FlywheelServer, root: Path) -> None:
    seen: list[str] = []
    with a_builder(server, root_path=root, progress=lambda one: seen.append(one.stage)) as builder:
        builder.render_dataset()
    stages = ["snapshot", "download", "decompress", "render", "publish"]
    assert list(dict.fromkeys(seen)) == stages
    assert seen.count("snapshot") == 3, "pending, in progress, complete"


def test_a_site_that_fails_now_and_then(server: FlywheelServer, builder: DatasetBuilder) -> None:
    server.faults += [Respond(503, {"Retry-After": "0"}, times=1), Respond(502, path="detail$")]
    assert builder.render_dataset().row_counts()["subjects"] == 2
    assert orders(server) == 1
