"""A site with one small project, and its server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flywheel_server import FlywheelServer, ProjectState, Site
from tests.flywheel_server.asking import KEY
from tests.support.datasets import small_snapshot


@pytest.fixture
def site() -> Site:
    site = Site()
    site.add_key(KEY)
    return site


@pytest.fixture
def project(site: Site, tmp_path: Path) -> ProjectState:
    return site.add_project("lab", "study", snapshot=small_snapshot(tmp_path))


@pytest.fixture
def server(site: Site) -> Iterator[FlywheelServer]:
    """A server whose bugs fail the test."""
    with FlywheelServer(site) as server:
        yield server
    assert server.errors == []
