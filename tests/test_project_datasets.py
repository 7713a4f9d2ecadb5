"""Where a project's dataset goes: what people name, and what the project says itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fw_dataset import DatasetBuilder
from fw_dataset.errors import (
    CredentialsError,
    DirectivesError,
    FWDatasetError,
    InvalidArgumentError,
    ProjectNotFoundError,
    StorageNotFoundError,
)
from tests.flywheel_server import FlywheelServer, ProjectState, Site
from tests.support.datasets import PROJECT_ID, small_snapshot, tree
from tests.support.emulators import Emulators
from tests.support.flywheel_sites import (
    KEY,
    credential_url,
    folder_info,
    new_site,
    register,
    serving,
)

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
    with DatasetBuilder(server.api_key(KEY), project.id, root_path=root) as builder:
        yield builder


def a_builder(server: FlywheelServer, key: str = KEY, **given: Any) -> DatasetBuilder:
    given.setdefault("project_id", PROJECT_ID)
    return DatasetBuilder(server.api_key(key), **given)


# ---------------------------------------------------------------------------------------- projects


@pytest.mark.parametrize(
    "named",
    [
        {"project_id": PROJECT_ID},
        {"project_path": "fw://lab/study"},
        {"project_path": "lab/study", "project_id": ""},
    ],
)
def test_the_ways_to_name_a_project(
    server: FlywheelServer, project: ProjectState, root: Path, named: dict[str, Any]
) -> None:
    with DatasetBuilder(server.api_key(KEY), root_path=root, **named) as builder:
        assert (builder.project.id, builder.project.path) == (project.id, "fw://lab/study")
        assert repr(builder) == f"DatasetBuilder('fw://lab/study', '{root}/{DEFAULT}')"


def test_projects_that_cannot_be(server: FlywheelServer, project: ProjectState, root: Path) -> None:
    wrong: list[dict[str, Any]] = [{}, {"project_id": project.id, "project_path": "lab/study"}]
    for named in wrong:
        with pytest.raises(InvalidArgumentError, match="project_id"):
            DatasetBuilder(server.api_key(KEY), root_path=root, **named)
    for named in ({"project_id": "0" * 24}, {"project_path": "lab/nosuch", "project_id": None}):
        with pytest.raises(ProjectNotFoundError, match="has no such project"):
            a_builder(server, root_path=root, **named)


def test_another_project_needs_its_own_storage(
    site: Site, builder: DatasetBuilder, root: Path
) -> None:
    """Else it would be rendered into the first one's dataset."""
    other = site.add_project("lab", "other")
    other.add_snapshot()
    builder.set_project(project_id=other.id)
    with pytest.raises(FWDatasetError):
        builder.render_dataset()
    assert (tree(root), other.info) == ({}, {})

    builder.set_storage(root_path=root)
    assert builder.render_dataset().location == f"{root}/datasets/127.0.0.1/lab/{other.id}"


# ---------------------------------------------------------------------------------------- storages


@pytest.mark.parametrize(
    ("own", "prefix"),
    [("", DEFAULT), ("deep/er/", f"deep/er/{DEFAULT}"), ("x/datasets", f"x/{DEFAULT}")],
)
@pytest.mark.parametrize("by", ["storage_id", "storage_label"])
@pytest.mark.usefixtures("project")
def test_a_storage_of_the_site(
    site: Site, server: FlywheelServer, own: str, prefix: str, by: str
) -> None:
    storage = site.add_storage(
        "box", type="fs", config={"path": "/x", "prefix": own}, url="fs:///x"
    )
    given = {"storage_id": storage.id, "storage_label": "box"}
    with a_builder(server, **{by: given[by]}) as builder:
        expected = {"type": "fs", "bucket": "/x", "prefix": prefix}
        assert builder.dataset_info == expected | {"storage_id": storage.id, "label": "box"}
        assert builder.set_storage_prefix(own) == prefix


@pytest.mark.usefixtures("project")
def test_storages_that_cannot_be(site: Site, server: FlywheelServer, root: Path) -> None:
    site.add_storage("boxes", type="fs", config={"path": "/x"}, url="fs:///x")
    storage = site.add_storage("odd", type="tape", config={"bucket": "x"}, url="tape://x")
    cases: list[tuple[dict[str, Any], type[FWDatasetError], str]] = [
        ({}, DirectivesError, "name a storage_label .*, credentials .* or a root_path"),
        ({"storage_id": "0" * 24}, StorageNotFoundError, "may have been deleted"),
        ({"storage_label": "box"}, StorageNotFoundError, "did you mean 'boxes'"),
        ({"storage_id": storage.id}, DirectivesError, "tape"),
        ({"storage_label": "a", "root_path": root}, InvalidArgumentError, "name one of them"),
        ({"credentials": {"key": "hush"}}, CredentialsError, "url"),
        ({"credentials": "hush"}, CredentialsError, "url"),
    ]
    for given, kind, reason in cases:
        with pytest.raises(kind, match=reason) as caught:
            a_builder(server, **given)
        assert "hush" not in str(caught.value)


def test_in_a_store(
    site: Site, server: FlywheelServer, project: ProjectState, emulators: Emulators
) -> None:
    emulator = emulators.get("s3")
    emulator.make_bucket("builder")
    project.add_snapshot()
    url = credential_url(emulator, "builder", "own")
    with a_builder(server, credentials={"url": url}) as builder:
        first = builder.render_dataset()
    assert first.location == f"s3://builder/own/{DEFAULT}"
    place = {"type": "s3", "bucket": "builder", "prefix": f"own/{DEFAULT}"}
    assert project.info == {"dataset": place | {"storage_id": None, "label": None}}

    with a_builder(server, credentials=url, relocate=True) as builder:
        assert builder.render_dataset().location == first.location
    storage = register(site, emulator, "builder", "other")
    with a_builder(server, storage_id=storage.id, relocate=True) as builder:
        moved = builder.render_dataset()
    assert moved.location == f"s3://builder/other/{DEFAULT}"
    assert project.info["dataset"]["storage_id"] == storage.id
    storage.credentials_status = 403
    with pytest.raises(FWDatasetError, match="refuses them to this API key"):
        a_builder(server)


def test_the_description_names_a_storage(
    site: Site, server: FlywheelServer, project: ProjectState, emulators: Emulators
) -> None:
    emulator = emulators.get("s3")
    emulator.make_bucket("described")
    storage = register(site, emulator, "described", "a b/datasets", label="the box")
    project.add_snapshot()
    with a_builder(server, storage_label="the box") as builder:
        dataset = builder.render_dataset()
    info = dataset.get_description()["dataset_info"]
    assert info == builder.dataset_info == project.info["dataset"]
    assert info["prefix"] == f"a b/{DEFAULT}"
    assert (info["storage_id"], info["label"]) == (storage.id, "the box")


# -------------------------------------------------------------------------------------- directives


def test_what_the_project_says_is_honoured(
    server: FlywheelServer, project: ProjectState, root: Path
) -> None:
    project.record["info"] = {**folder_info(root, "my/own place"), "other": 1}
    project.add_snapshot()
    with a_builder(server) as builder:
        assert builder.render_dataset().location == f"{root}/my/own place"
    with a_builder(server, root_path=root) as builder:
        assert builder.dataset_info["prefix"] == "my/own place"
    assert server.count("PATCH") == 0, "it says so already"

    with pytest.raises(DirectivesError, match=f"has its dataset at {root}/my/own place.*relocate"):
        a_builder(server, root_path=f"{root}2")
    with a_builder(server, root_path=f"{root}2", relocate=True) as builder:
        assert builder.render_dataset().location == f"{root}2/{DEFAULT}"
    assert project.info["dataset"]["bucket"] == f"{root}2"
    assert project.info["other"] == 1


def test_what_means_the_same_is_not_written_again(
    site: Site, server: FlywheelServer, project: ProjectState, root: Path
) -> None:
    """Least of all is what people wrote beside it thrown away."""
    said = {"type": "local", "bucket": str(root), "prefix": "/p/", "note": "ours", "extra": [1]}
    project.record["info"] = {"dataset": said}
    project.add_snapshot()
    site.add_key("reader", write=[])
    with a_builder(server, "reader") as builder:
        assert builder.render_dataset().location == f"{root}/p"
    assert project.info == {"dataset": said}
    assert server.count("PATCH") == 0


def test_what_the_project_says_is_no_place(
    server: FlywheelServer, project: ProjectState, root: Path
) -> None:
    project.record["info"] = {"dataset": {"type": "s4", "bucket": "b"}}
    ways: list[dict[str, Any]] = [{}, {"root_path": root}]
    for given in ways:
        with pytest.raises(DirectivesError, match=r"fw://lab/study: info\.dataset.*'s4'"):
            a_builder(server, **given)
    with a_builder(server, root_path=root, relocate=True) as builder:
        assert builder.dataset_info["bucket"] == str(root)
