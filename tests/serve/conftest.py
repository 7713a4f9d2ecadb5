"""One server for most tests, over two versions of a small dataset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fw_dataset import Dataset, render_snapshot
from tests.serve.server import Server, running
from tests.support.datasets import small_snapshot

SUBJECTS, FILES = 3, 5


@dataclass(frozen=True)
class Study:
    """A dataset on disk."""

    path: Path

    def files(self, table: str) -> list[Path]:
        """The data files of a table in the latest version."""
        version = Dataset.open(self.path).version
        return sorted((self.path / "versions" / version / "tables" / table).glob("*.parquet"))


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("served")
    path = folder / "my study"
    for label, subjects in (("v1", 1), ("v2", SUBJECTS)):
        snapshot = small_snapshot(folder / label, subjects=subjects, files=FILES)
        render_snapshot(snapshot, path, version=label, label=label)
    Dataset.open(path).hide_tables(["analyses"])
    return Study(path)


@pytest.fixture(scope="session")
def server(study: Study) -> Iterator[Server]:
    """Serves the latest version, and all by their labels."""
    limits = ("--max-seconds", "10", "--max-memory", "400")
    with running(study.path, "--all-versions", *limits) as server:
        yield server
