"""What the tests of the commands share: the command itself, and things to run it on."""

from __future__ import annotations

from pathlib import Path

import pytest

from fw_dataset.demo import write_benchmark_snapshot
from tests.cli.commands import fw_dataset
from tests.cli.snapshots import RECORDS, write_snapshot

STUDY = Path(__file__).parents[3] / "shared" / "data" / "ds000117" / "snapshot.db.gz"


@pytest.fixture(scope="session")
def study() -> Path:
    """The snapshot of a real study."""
    if not STUDY.is_file():
        pytest.skip("the studies of ../shared/data are not here")
    return STUDY


@pytest.fixture(scope="session")
def study_dataset(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real study, rendered by the command."""
    folder = tmp_path_factory.mktemp("study") / "dataset"
    run = fw_dataset("render", study, folder, "--label", "the study")
    assert run.returncode == 0, run.stderr
    return folder


@pytest.fixture(scope="session")
def larger_snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A snapshot that takes a moment to render."""
    path = tmp_path_factory.mktemp("larger") / "snapshot.db.gz"
    write_benchmark_snapshot(path, 20_000)
    return path


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """A small snapshot of the test's own."""
    return write_snapshot(tmp_path / "snapshot.db.gz", RECORDS)


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small dataset with two versions; nobody writes to it."""
    folder = tmp_path_factory.mktemp("small")
    source = write_snapshot(folder / "snapshot.db.gz", RECORDS)
    target = folder / "dataset"
    for arguments in (
        ("--version", "v1", "--label", "erste Fassung ✓", "--created", "2024-01-01T00:00:00Z"),
        ("--version", "v2", "--created", "2024-02-01T12:30:00+01:00"),
    ):
        run = fw_dataset("render", source, target, *arguments)
        assert run.returncode == 0, run.stderr
    return target
