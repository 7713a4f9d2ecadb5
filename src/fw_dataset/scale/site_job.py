"""One project of a site: a job that can be carried out anywhere, and stopped here."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from fw_dataset.builder import DatasetBuilder
from fw_dataset.dataset import Dataset
from fw_dataset.errors import DatasetInfoNotSavedError, FlywheelDeniedError, FWDatasetError
from fw_dataset.flywheel import Project
from fw_dataset.render.progress import Progress
from fw_dataset.scale.site_report import ProjectOutcome

__all__ = ["Job", "Stop", "render_project"]

_LOGGER = logging.getLogger(__name__)
_UNKNOWN_KEY = 401


@dataclass(frozen=True)
class Job:
    """What is to be done for a project. Secret: it holds the key."""

    key: str = field(repr=False)
    place: Mapping[str, Any] = field(repr=False)
    rendering: Mapping[str, Any]
    dry_run: bool


class _StoppedError(BaseException):
    """Raised where a rendering tells how far it is, when all of them are to end."""


class Stop:
    """Ends what is under way in threads of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._builders: set[DatasetBuilder] = set()
        self.is_set = False

    def set(self) -> None:
        """From now on: who waits for the site is woken, who renders ends at the next step."""
        with self._lock:
            self.is_set = True
            for builder in self._builders:
                builder.close()

    @contextmanager
    def reaching(self, builder: DatasetBuilder) -> Iterator[None]:
        """A block in which a builder can be stopped."""
        with self._lock:
            self._builders.add(builder)
            if self.is_set:
                builder.close()
        try:
            yield
        finally:
            with self._lock:
                self._builders.discard(builder)

    def check(self) -> None:
        """Raise if all are to end."""
        if self.is_set:
            raise _StoppedError


class _Watch:
    """Sees whether anything is rendered, and ends it when all are to end."""

    def __init__(self, stop: Stop | None) -> None:
        self._stop = stop
        self.has_rendered = False

    def __call__(self, progress: Progress) -> None:
        self.has_rendered = self.has_rendered or progress.is_rendering
        if self._stop is not None:
            self._stop.check()


def render_project(project: Project, job: Job, stop: Stop | None) -> tuple[ProjectOutcome, bool]:
    """What becomes of a project, and whether all others would fail as well."""
    began = time.monotonic()
    outcome = ProjectOutcome(project.path, project.id, "failed")
    is_hopeless = False
    watch = _Watch(stop)
    try:
        watch(Progress("snapshot"))
        with (
            DatasetBuilder(job.key, project.id, progress=watch, **job.place) as builder,
            nullcontext() if stop is None else stop.reaching(builder),
        ):
            if job.dry_run:
                outcome = _foreseen(outcome, builder, force_new=job.rendering["force_new"])
            else:
                outcome = _rendered(outcome, builder, job, watch)
    except _StoppedError:
        outcome = replace(outcome, happened="interrupted")
    except FWDatasetError as error:
        dataset = error.dataset if isinstance(error, DatasetInfoNotSavedError) else None
        outcome = _described(replace(outcome, why=str(error)), dataset)
        denied = isinstance(error, FlywheelDeniedError) and error.status == _UNKNOWN_KEY
        is_hopeless = denied and not (stop is not None and stop.is_set)
        if stop is not None and stop.is_set:
            outcome = replace(outcome, happened="interrupted", why="")
    except Exception as error:
        # Whatever it is, the other projects are to be rendered; where it arose is in the log.
        _LOGGER.exception("project %s", project.path)
        outcome = replace(outcome, why=f"unexpected {type(error).__name__}: {error}")
    return replace(outcome, seconds=round(time.monotonic() - began, 3)), is_hopeless


def _foreseen(
    outcome: ProjectOutcome, builder: DatasetBuilder, *, force_new: bool
) -> ProjectOutcome:
    """What would become of a project."""
    dataset = builder.find_rendered()
    snapshot = builder.snapshot
    if force_new or snapshot is None:
        return replace(outcome, happened="would be rendered", why="a snapshot would be made first")
    if dataset is not None:
        return _described(replace(outcome, happened="already there"), dataset)
    is_complete = str(snapshot.get("status")).lower() == "complete"
    why = "" if is_complete else "its snapshot is being made"
    return replace(outcome, happened="would be rendered", version=snapshot["_id"], why=why)


def _rendered(
    outcome: ProjectOutcome, builder: DatasetBuilder, job: Job, watch: _Watch
) -> ProjectOutcome:
    """Render a project."""
    dataset = builder.render_dataset(**job.rendering)
    happened: Literal["rendered", "already there"]
    happened = "rendered" if watch.has_rendered else "already there"
    outcome = _described(replace(outcome, happened=happened), dataset)
    if job.rendering["on_error"] != "skip":
        return outcome
    tables = dataset.report()["tables"].values()
    skipped = sum(int(table.get("rows_skipped", 0)) for table in tables)
    why = f"{skipped:,} records could not be read and stayed out" if skipped else ""
    return replace(outcome, skipped=skipped, why=why)


def _described(outcome: ProjectOutcome, dataset: Dataset | None) -> ProjectOutcome:
    if dataset is None:
        return outcome
    return replace(
        outcome,
        version=dataset.version,
        label=dataset.version_label,
        location=dataset.location,
        rows=sum(dataset.row_counts().values()),
    )
