"""A session in each kind of Spark, with nothing in it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.spark import KINDS, SparkServers
from tests.support.spark.main_module import main_module_with_a_file


@pytest.fixture(scope="session")
def servers() -> Iterator[SparkServers]:
    running = SparkServers()
    yield running
    running.stop()


def opened(address: str) -> Any:
    """A new session."""
    with warnings.catch_warnings(), main_module_with_a_file():
        # What others deprecate of one another is not ours to mend.
        warnings.simplefilter("ignore")
        from pyspark.sql import SparkSession

        return SparkSession.builder.remote(address).create()


@pytest.fixture(scope="session", params=KINDS)
def server_session(request: pytest.FixtureRequest, servers: SparkServers) -> Iterator[Any]:
    session = opened(servers.address(request.param))
    yield session
    session.stop()


@pytest.fixture
def session(server_session: Any) -> Iterator[Any]:
    yield server_session
    for database in server_session.catalog.listDatabases():
        if database.name != "default":
            server_session.sql(f"DROP DATABASE {database.name} CASCADE")
