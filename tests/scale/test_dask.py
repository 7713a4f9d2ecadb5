"""A Dask cluster of real processes renders: the same bytes, also when one of them is killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fw_dataset import RenderJob, render_many, render_snapshot
from fw_dataset.errors import RecordError
from tests.support.datasets import CREATED, small_snapshot
from tests.support.executors import killing_who_writes
from tests.support.jobs import whole_versions
from tests.support.parts import odd_snapshot, small_parts, tree_of

WRITTEN = "out/.fw-dataset-work-*/parts-*/files-*.*"
ROWS = 6000


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of two workers, each a process that another one looks after."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=None,
            local_directory=tmp_path_factory.mktemp("dask"),
            silence_logs=50,
        ) as cluster,
        distributed.Client(cluster) as connected,
    ):
        yield connected


@pytest.fixture
def executor(client: Any) -> Any:
    client.wait_for_workers(2, timeout=60)
    return client.get_executor(pure=False, retries=2)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return odd_snapshot(tmp_path_factory.mktemp("in") / "snapshot.db.gz", ROWS)


@pytest.fixture(autouse=True)
def _parts(monkeypatch: pytest.MonkeyPatch) -> None:
    small_parts(monkeypatch, 1500)


def render(snapshot: Path, root: Path, **spread: Any) -> dict[str, bytes]:
    with render_snapshot(snapshot, root, created=CREATED, on_error="skip", **spread) as dataset:
        assert dataset.row_counts()["files"] == ROWS
    return tree_of(root)


def test_dask_gives_the_same_bytes(snapshot: Path, tmp_path: Path, executor: Any) -> None:
    expected = render(snapshot, tmp_path / "one", workers=1)
    assert render(snapshot, tmp_path / "out", executor=executor) == expected


def test_a_worker_that_is_killed_costs_nothing(
    snapshot: Path, tmp_path: Path, executor: Any
) -> None:
    expected = render(snapshot, tmp_path / "one", workers=1)
    with killing_who_writes(tmp_path, WRITTEN) as killed:
        found = render(snapshot, tmp_path / "out", executor=executor)
    assert len(killed) == 1
    assert found == expected


def test_errors_are_those_of_one_process(snapshot: Path, tmp_path: Path, executor: Any) -> None:
    with pytest.raises(RecordError) as here:
        render_snapshot(snapshot, tmp_path / "out", workers=1)
    with pytest.raises(RecordError) as there:
        render_snapshot(snapshot, tmp_path / "out", executor=executor)
    assert str(there.value) == str(here.value)
    assert not (tmp_path / "out").exists()


def test_many_snapshots_over_dask(tmp_path: Path, executor: Any) -> None:
    sources = [small_snapshot(tmp_path / "in", f"s{n}", subjects=n + 1) for n in range(4)]
    jobs = [RenderJob(source, tmp_path / "out" / source.stem) for source in sources]

    results = render_many(jobs, executor=executor)

    assert [result.outcome for result in results] == ["rendered"] * 4
    assert all(len(whole_versions(Path(job.destination))) == 1 for job in jobs)
    again = render_many(jobs, executor=executor)
    assert [result.outcome for result in again] == ["present"] * 4
