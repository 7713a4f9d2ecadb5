"""A session in each kind of Spark, with nothing in it."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.spark import KINDS, SparkServers


@pytest.fixture(scope="session")
def servers() -> Iterator[SparkServers]:
    running = SparkServers()
    yield running
    running.stop()


def opened(address: str) -> Any:
    """A new session."""
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        # What others deprecate of one another is not ours to mend.
        warnings.simplefilter("ignore")
        # Of a main module without a file, such as that of the processes that share the tests,
        # pyspark believes that its own tests are run.
        patch.setattr(sys.modules["__main__"], "__file__", __file__, raising=False)
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
