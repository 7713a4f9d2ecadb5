"""Many snapshots rendered, each as one piece of work."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from fw_dataset.errors import InvalidArgumentError, WorkerError
from fw_dataset.pipeline import render_snapshot
from fw_dataset.processes.fanning import fan_out
from fw_dataset.processes.outcomes import Outcome, attempt
from fw_dataset.processes.spread import Spread
from fw_dataset.render.progress import Progress
from fw_dataset.render.selection import ControlColumns
from fw_dataset.storage import Credentials

__all__ = ["JobResult", "RenderJob", "render_many"]


@dataclass(frozen=True)
class RenderJob:
    """A snapshot to render, with the choices of :func:`~fw_dataset.render_snapshot`.

    It is picklable, credentials included; these are in no ``repr``.
    """

    snapshot: str | os.PathLike[str]
    destination: str | os.PathLike[str] = field(repr=False)
    version: str | None = None
    label: str | None = None
    created: datetime | str | None = None
    control_columns: ControlColumns | None = None
    on_error: Literal["raise", "skip"] = "raise"
    keep_source: bool | None = None
    workdir: str | os.PathLike[str] | None = None
    credentials: Credentials | None = field(default=None, repr=False)
    discard_claim: bool = False
    headers: bool = False
    qc: bool = False
    custom_info: Sequence[str] | None = None
    tabular_files: str | os.PathLike[str] | None = None
    profiles: bool = False
    profile_values: bool = True


@dataclass(frozen=True)
class JobResult:
    """What became of a job.

    Attributes:
        job: the job.
        outcome: ``"rendered"``, ``"present"`` (the version was there already, whole and rendered
            from this snapshot with these choices), or ``"failed"``.
        location: the dataset's place, without credentials; None if it failed.
        version: the version's id; None if it failed.
        error: why it failed, an :class:`~fw_dataset.errors.FWDatasetError` as a rule.
    """

    job: RenderJob
    outcome: Literal["rendered", "present", "failed"]
    location: str | None = None
    version: str | None = None
    error: Exception | None = None


@dataclass(frozen=True)
class _Done:
    location: str
    version: str
    rendered: bool


def render_many(
    jobs: Iterable[RenderJob],
    *,
    executor: Executor | None = None,
    workers: int | None = None,
    on_error: Literal["raise", "collect"] = "raise",
    progress: Callable[[JobResult], None] | None = None,
) -> list[JobResult]:
    """Render many snapshots, each as one piece of work with a commit of its own.

    A job that is run again finds its version there: so one whose worker died is just repeated,
    and so can be all of them.

    Args:
        jobs: what to render; paths are made absolute here.
        executor: any :class:`concurrent.futures.Executor`; its workers must see the snapshots and
            the destinations. It stays open.
        workers: without an executor, the most processes of our own; else as many as this process
            has processors and memory for. With 1, the jobs run here, one after the other.
        on_error: ``"raise"`` the error of the first job that failed, and begin no more; or
            ``"collect"`` errors in the results.
        progress: called with each result, in the order in which they come.

    Returns:
        A result for each job, in the order of the jobs.

    Raises:
        InvalidArgumentError: ``on_error`` is none of the two, or executor and workers are given.
        WorkerError: the executor is broken, or a worker does not see a snapshot.
        FWDatasetError: what :func:`~fw_dataset.render_snapshot` raises.
    """
    if on_error not in ("raise", "collect"):
        raise InvalidArgumentError(f"on_error {on_error!r}: use 'raise' or 'collect'")
    spread = Spread.make(executor, workers)
    given = list(jobs)
    results: dict[int, JobResult] = {}
    for number, outcome in _outcomes(given, spread, stop_at_error=on_error == "raise"):
        results[number] = result = _result(given[number], outcome)
        if progress is not None:
            progress(result)
    return [results[number] for number in range(len(given))]


def _outcomes(
    jobs: Sequence[RenderJob], spread: Spread, *, stop_at_error: bool
) -> Iterator[tuple[int, Outcome[_Done]]]:
    with spread.over(len(jobs)) as executor:
        if executor is not None:
            calls = [(_absolute(job),) for job in jobs]
            yield from fan_out(executor, _run_apart, calls, stop_at_error=stop_at_error)
            return
        # One alone may have processes for its tables.
        workers = spread.workers if len(jobs) == 1 else 1
        for number, job in enumerate(jobs):
            if stop_at_error:
                yield number, Outcome(_run(job, workers))
            else:
                yield number, attempt(_run, job, workers)


def _result(job: RenderJob, outcome: Outcome[_Done]) -> JobResult:
    if outcome.error is not None:
        return JobResult(job, "failed", error=outcome.error)
    done = outcome.result()
    return JobResult(job, "rendered" if done.rendered else "present", done.location, done.version)


def _run_apart(job: RenderJob) -> _Done:
    """Run a job in another process, which has no further ones."""
    if not Path(job.snapshot).exists():
        raise WorkerError(
            f"snapshot {os.fspath(job.snapshot)}: the worker on host {socket.gethostname()!r} does"
            " not see it; let it be on a file system that all workers share"
        )
    return _run(job, 1)


def _run(job: RenderJob, workers: int | None) -> _Done:
    rendered = False

    def note(progress: Progress) -> None:
        nonlocal rendered
        rendered = rendered or progress.is_rendering

    choices: dict[str, Any] = {one.name: getattr(job, one.name) for one in fields(job)}
    with render_snapshot(**choices, progress=note, workers=workers) as dataset:
        return _Done(dataset.location, dataset.version, rendered)


def _absolute(job: RenderJob) -> RenderJob:
    """The job with paths that mean the same in another folder."""
    places = ("snapshot", "destination", "workdir", "tabular_files")
    given = {name: getattr(job, name) for name in places}
    found: dict[str, Any] = {
        name: _absolute_path(place) for name, place in given.items() if place is not None
    }
    return replace(job, **found)


def _absolute_path(place: str | os.PathLike[str]) -> str:
    text = os.fspath(place)
    return text if not text or "://" in text else str(Path(text).absolute())
