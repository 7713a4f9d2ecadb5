"""Many snapshots, each one piece of work: what came of each, in their order."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from fw_dataset import Dataset, JobResult, RenderJob, render_many
from fw_dataset.errors import (
    ControlColumnsError,
    InvalidArgumentError,
    RecordError,
    SnapshotError,
    WorkerError,
)
from fw_dataset.processes.pool import ProcessPool
from tests.support.datasets import CREATED, small_snapshot, small_study
from tests.support.emulators import Emulators
from tests.support.executors import (
    BreakingExecutor,
    RepeatingExecutor,
    children,
    killing_who_writes,
)
from tests.support.jobs import whole_versions
from tests.support.parts import odd_files, tree_of
from tests.support.snapshots import write_snapshot


@pytest.fixture(scope="module")
def pool() -> Iterator[Executor]:
    with ProcessPool(2) as executor:
        yield executor


@pytest.fixture
def jobs(tmp_path: Path) -> list[RenderJob]:
    """Five jobs; two of them render into one dataset."""
    found = []
    for number in range(5):
        source = small_snapshot(tmp_path / "in", f"s{number}", subjects=number + 1)
        root = tmp_path / "out" / f"d{min(number, 3)}"
        found.append(RenderJob(source, root, label=f"label {number}", created=CREATED))
    return found


def outcomes(results: list[JobResult]) -> list[str]:
    return [result.outcome for result in results]


def test_results_are_in_the_order_of_the_jobs(
    jobs: list[RenderJob], tmp_path: Path, pool: Executor
) -> None:
    seen: list[JobResult] = []
    results = render_many(jobs, executor=pool, progress=seen.append)

    assert [result.job for result in results] == jobs
    assert outcomes(results) == ["rendered"] * 5
    assert sorted(map(jobs.index, [result.job for result in seen])) == [0, 1, 2, 3, 4]
    for number, result in enumerate(results):
        assert result.location is not None
        with Dataset.open(result.location) as dataset:
            assert dataset.row_counts(result.version)["subjects"] == number + 1
            assert dataset.get_version_info(result.version)["label"] == f"label {number}"
    assert len(whole_versions(tmp_path / "out/d3")) == 2


@pytest.mark.parametrize("way", ["here", "own", "threads", "repeating"])
def test_every_way_gives_the_same_bytes(jobs: list[RenderJob], tmp_path: Path, way: str) -> None:
    render_many(jobs, workers=1)
    first = tree_of(tmp_path / "out")
    shutil.rmtree(tmp_path / "out")
    # Two writers of one version mind each other: a job that is repeated finds it there, or claimed.
    given = jobs[:4] if way == "repeating" else jobs
    if way in ("here", "own"):
        results = render_many(jobs, workers=1 if way == "here" else 2)
    elif way == "threads":
        with ThreadPoolExecutor(2) as threads:
            results = render_many(jobs, executor=threads)
    else:
        results = render_many(given, executor=RepeatingExecutor(), on_error="collect")
        results += render_many(jobs, workers=1)
    assert "failed" not in outcomes(results) or way == "repeating"
    assert tree_of(tmp_path / "out") == first


def test_jobs_that_are_repeated_find_their_versions(
    jobs: list[RenderJob], pool: Executor, tmp_path: Path
) -> None:
    render_many(jobs[:2], executor=pool)
    before = tree_of(tmp_path / "out")
    again = render_many(jobs, executor=pool)
    assert outcomes(again) == ["present", "present", "rendered", "rendered", "rendered"]
    after = tree_of(tmp_path / "out")
    assert {path: after[path] for path in before} == before


def broken(jobs: list[RenderJob], tmp_path: Path) -> list[RenderJob]:
    """Jobs of which the second and fourth fail, each for its own reason."""
    study = small_study()
    study["subject"].append(("odd", b"{"))
    odd = write_snapshot(tmp_path / "odd.db.gz", study)
    (tmp_path / "none.db.gz").write_bytes(b"no snapshot")
    return [
        jobs[0],
        replace(jobs[1], snapshot=odd),
        jobs[2],
        replace(jobs[3], snapshot=tmp_path / "none.db.gz"),
        replace(jobs[4], control_columns={"subjects": ["none"]}),
    ]


@pytest.mark.parametrize("way", ["here", "own", "given"])
def test_errors_are_collected(
    jobs: list[RenderJob], tmp_path: Path, pool: Executor, way: str
) -> None:
    given = broken(jobs, tmp_path)
    spread = {"here": {"workers": 1}, "own": {"workers": 2}, "given": {"executor": pool}}[way]
    results = render_many(given, on_error="collect", **spread)  # type: ignore[arg-type]

    assert outcomes(results) == ["rendered", "failed", "rendered", "failed", "failed"]
    errors = [type(result.error) for result in results]
    none = type(None)
    assert errors == [none, RecordError, none, SnapshotError, ControlColumnsError]
    assert "record 'odd'" in str(results[1].error)
    assert results[1].location is results[1].version is None


@pytest.mark.parametrize("way", ["here", "own", "given"])
def test_the_first_error_is_raised(
    jobs: list[RenderJob], tmp_path: Path, pool: Executor, way: str
) -> None:
    given = broken(jobs, tmp_path)
    spread = {"here": {"workers": 1}, "own": {"workers": 2}, "given": {"executor": pool}}[way]
    with pytest.raises(RecordError, match="record 'odd'"):
        render_many(given, **spread)  # type: ignore[arg-type]
    assert len(whole_versions(tmp_path / "out/d0")) == 1
    if way != "given":  # who brings an executor waits for what it does
        assert not list((tmp_path / "out").glob("*/.fw-dataset*"))


def test_a_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    study = small_study()
    study["file"] = odd_files(8000)
    sources = [write_snapshot(tmp_path / f"s{n}.db.gz", study) for n in range(3)]
    jobs = [RenderJob(source, tmp_path / f"out/{source.stem}") for source in sources]

    pattern = "out/*/.fw-dataset-work-*/version/tables/files/0.partial"
    with killing_who_writes(tmp_path, pattern) as killed:
        results = render_many(jobs, workers=2)

    assert len(killed) == 1
    assert outcomes(results) == ["rendered"] * 3
    for job in jobs:
        assert len(whole_versions(Path(job.destination))) == 1
        assert {path.name for path in Path(job.destination).iterdir()} == {"README.md", "versions"}
    assert len(children()) <= 2  # those of the tests before


def test_a_broken_executor_fails_what_it_lost(jobs: list[RenderJob]) -> None:
    executor = BreakingExecutor(2, RuntimeError("gone"))
    results = render_many(jobs, executor=executor, on_error="collect")
    assert outcomes(results) == ["rendered"] * 2 + ["failed"] * 3
    assert isinstance(results[2].error, WorkerError)
    with pytest.raises(WorkerError, match="RuntimeError: gone"):
        render_many(jobs, executor=BreakingExecutor(2, RuntimeError("gone")))


def test_a_worker_that_does_not_see_the_snapshot_says_so(
    jobs: list[RenderJob], pool: Executor
) -> None:
    job = replace(jobs[0], snapshot="nowhere.db")
    (result,) = render_many([job], executor=pool, on_error="collect")
    assert isinstance(result.error, WorkerError)
    assert str(result.error).startswith(f"snapshot {Path('nowhere.db').absolute()}: the worker on")


def test_paths_mean_what_they_mean_here(
    pool: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_snapshot(tmp_path / "in", "s0")
    pool.submit(int).result()
    assert children()  # the processes have another folder at hand
    monkeypatch.chdir(tmp_path)
    job = RenderJob("in/s0.db.gz", "relative")
    (result,) = render_many([job], executor=pool)
    assert result.job == job
    assert len(whole_versions(tmp_path / "relative")) == 1


def test_nothing_to_do() -> None:
    assert render_many([]) == []
    with pytest.raises(InvalidArgumentError, match="on_error 'skip'"):
        render_many([], on_error="skip")  # type: ignore[arg-type]


def test_credentials_travel_and_are_never_shown(
    jobs: list[RenderJob], emulators: Emulators, pool: Executor
) -> None:
    s3 = emulators.get("s3")
    s3.make_bucket("many")
    try:
        credentials = dict(s3.credentials)
        job = replace(jobs[0], destination="s3://many/study", credentials=credentials)
        (result,) = render_many([job], executor=pool)
        assert (result.outcome, result.location) == ("rendered", "s3://many/study")
    finally:
        s3.drop_bucket("many")
    secret = {"access_key_id": "hush-k", "secret_access_key": "hush-s"}
    job = RenderJob(jobs[0].snapshot, "s3://none?secret_access_key=hush-q", credentials=secret)
    assert "hush" not in repr(job)
    assert pickle.loads(pickle.dumps(job)) == job
    results = render_many([job], executor=pool, on_error="collect")
    assert results[0].outcome == "failed"
    assert "hush" not in repr(results) + str(results[0].error)
