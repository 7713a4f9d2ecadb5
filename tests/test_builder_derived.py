"""Derived tables of a site's project, whose tabular files come from the site."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fw_dataset import DatasetBuilder, FWDatasetClient, add_derived
from fw_dataset.errors import InvalidArgumentError
from tests.flywheel_server import FlywheelServer, ProjectState, Respond, Site
from tests.support.datasets import PROJECT_ID
from tests.support.derivable import ALL, TABLES, scores_id, write_files, write_study
from tests.support.flywheel_sites import KEY, new_site, serving

HEADERS_AND_QC = {name for name in TABLES if name.startswith(("header", "qc"))}
OF_FILES = {"scores", "visits"}
SWITCHES = {
    "parse_custom_info": "POPULATE_CUSTOM_INFO",
    "parse_tabular_data": "POPULATE_TABULAR_DATA",
}


@pytest.fixture
def site() -> Site:
    return new_site()


@pytest.fixture
def project(site: Site, tmp_path: Path) -> ProjectState:
    snapshot, files = write_study(tmp_path / "in"), write_files(tmp_path / "files")
    return site.add_project("lab", "study", snapshot=snapshot, files=files)


@pytest.fixture
def server(site: Site, project: ProjectState) -> Iterator[FlywheelServer]:
    project.add_snapshot()
    with serving(site) as server:
        yield server


@pytest.fixture
def builder(server: FlywheelServer, tmp_path: Path) -> Iterator[DatasetBuilder]:
    key = server.api_key(KEY)
    with DatasetBuilder(key, project_id=PROJECT_ID, root_path=tmp_path / "root") as builder:
        yield builder


def derived(tables: dict[str, int]) -> set[str]:
    return tables.keys() & TABLES.keys()


@pytest.mark.parametrize("way", ["argument", "environment"])
def test_the_older_switches(
    builder: DatasetBuilder, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def render(**switches: bool) -> set[str]:
        given: dict[str, Any] = switches if way == "argument" else {}
        for name, value in switches.items() if way == "environment" else ():
            monkeypatch.setenv(SWITCHES[name], str(value).lower())
        return derived(builder.render_dataset(**given).row_counts())

    assert render(parse_custom_info=False, parse_tabular_data=False) == set()
    assert render(parse_custom_info=True) == HEADERS_AND_QC
    assert render(parse_tabular_data=True) == HEADERS_AND_QC | OF_FILES
    dataset = builder.render_dataset()
    counts = dataset.row_counts()
    assert {name: counts[name] for name in derived(counts)}.items() <= TABLES.items()
    assert dataset.verify(deep=True).problems == ()


def test_an_argument_wins_over_the_environment(
    builder: DatasetBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in SWITCHES.values():
        monkeypatch.setenv(variable, "true")
    made = builder.render_dataset(parse_custom_info=False, parse_tabular_data=False)
    assert derived(made.row_counts()) == set()
    made = builder.render_dataset(headers=False, parse_tabular_data=False)
    assert derived(made.row_counts()) == {"qc", "qc_mriqc"}


def test_a_switch_that_says_neither(
    server: FlywheelServer, builder: DatasetBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POPULATE_TABULAR_DATA", "perhaps")
    server.forget()
    with pytest.raises(InvalidArgumentError, match="POPULATE_TABULAR_DATA='perhaps'"):
        builder.render_dataset()
    assert server.requests == []


def test_all_at_once(builder: DatasetBuilder) -> None:
    dataset = builder.render_dataset(**ALL, tabular_files=True, profiles=True)
    assert dataset.row_counts().items() >= TABLES.items()
    assert dataset.verify(deep=True).problems == ()


def test_a_folder_in_place_of_the_site(
    server: FlywheelServer, builder: DatasetBuilder, tmp_path: Path
) -> None:
    server.faults.append(Respond(500, path="/files/"))
    made = builder.render_dataset(tabular_files=tmp_path / "files")
    assert derived(made.row_counts()) == OF_FILES


def test_a_file_that_the_site_refuses(server: FlywheelServer, builder: DatasetBuilder) -> None:
    server.faults.append(Respond(403, path=f"{scores_id(0)}|/files/scores.csv", times=2))
    dataset = builder.render_dataset(parse_tabular_data=True)
    told = {(one["file_id"], one["status"]) for one in dataset.report()["tabular_files"]}
    assert len([status for _, status in told if status != "read"]) >= 1
    assert dataset.row_counts()["visits"] == 2


def test_files_of_a_site_for_a_version_that_stands(
    server: FlywheelServer, builder: DatasetBuilder, tmp_path: Path
) -> None:
    dataset = builder.render_dataset()
    with FWDatasetClient(server.api_key(KEY)) as client:
        added = add_derived(dataset, tabular_files=client.tabular_files(tmp_path / "cache"))
    assert set(added) == OF_FILES
    assert any((tmp_path / "cache").rglob("*"))
