"""All projects of a site that match, rendered side by side."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed, wait
from functools import partial
from typing import Any, Literal

from fw_dataset.derivation.choice import Derivations
from fw_dataset.errors import InvalidArgumentError
from fw_dataset.flywheel import Connection, Project, find_api_key
from fw_dataset.pipeline import Request
from fw_dataset.project_snapshots import timeout_seconds
from fw_dataset.render.selection import ControlColumns
from fw_dataset.scale.site_job import Job, Stop, render_project
from fw_dataset.scale.site_projects import chosen_projects, patterns
from fw_dataset.scale.site_report import ProjectOutcome, SiteReport
from fw_dataset.storage import Credentials

__all__ = ["render_site"]

_WORKERS = 4


def render_site(
    api_key: str | None = None,
    *,
    groups: str | Iterable[str] = (),
    match: str | Iterable[str] = (),
    exclude: str | Iterable[str] = (),
    storage_id: str | None = None,
    storage_label: str | None = None,
    credentials: Credentials | None = None,
    root_path: str | os.PathLike[str] | None = None,
    relocate: bool = False,
    control_columns: ControlColumns | None = None,
    snapshot_timeout: float | None = None,
    workdir: str | os.PathLike[str] | None = None,
    version_label: str | None = None,
    force_new: bool = False,
    on_error: Literal["raise", "skip"] = "raise",
    keep_source: bool | None = None,
    discard_claim: bool = False,
    headers: bool | None = None,
    qc: bool | None = None,
    custom_info: Sequence[str] | None = None,
    tabular_files: bool | str | os.PathLike[str] | None = None,
    profiles: bool = False,
    profile_values: bool = True,
    dry_run: bool = False,
    workers: int | None = None,
    executor: Executor | None = None,
    told: Callable[[ProjectOutcome], None] | None = None,
) -> SiteReport:
    """Render every project of a Flywheel site that matches, each into its own dataset.

    A project whose newest snapshot is rendered already is left as it is, so that the same call
    goes on where one was killed. A project that fails does not stop the others; an API key that
    the site does not know does.

    Args:
        api_key: as of :class:`~fw_dataset.DatasetBuilder`.
        groups: patterns of groups, such as ``"neuro-*"``; else all groups.
        match: patterns of projects' labels or, with a slash, of ``group/label``; else all.
        exclude: the same, of projects that are left out.
        storage_id: as of :class:`~fw_dataset.DatasetBuilder`, and so are the next seven; without a
            place, each project goes where it says itself.
        storage_label: of a storage of the site.
        credentials: for a place of your own.
        root_path: a folder.
        relocate: the place counts, whatever a project says.
        control_columns: per table the columns to keep.
        snapshot_timeout: seconds to wait for a snapshot.
        workdir: a folder with room for as many snapshots as there are workers.
        version_label: as of :meth:`~fw_dataset.DatasetBuilder.render_dataset`, and so are all up
            to ``profile_values``; each dataset gets the label.
        force_new: render a new snapshot of each project, every time.
        on_error: what becomes of records that cannot be read.
        keep_source: keep the snapshots.
        discard_claim: take over from writers that are gone for good.
        headers: derive the tables ``header_*``.
        qc: derive the tables ``qc`` and ``qc_*``.
        custom_info: keys of ``info`` to derive tables from.
        tabular_files: True for the CSV and TSV files of the site, or a folder.
        profiles: make statistics of every column.
        profile_values: keep values in them.
        dry_run: say what would be done; nothing is made, on the site neither.
        workers: how many projects are under way at once; 4 where it is not said.
        executor: what runs them, in place of threads of its own: each job and its outcome can be
            pickled. It gets the API key and the credentials.
        told: called with each project's outcome, as soon as it is there.

    Returns:
        What became of each project.

    Raises:
        ApiKeyError: there is no API key, or it has no form that is known.
        InvalidArgumentError, InvalidNameError, ControlColumnsError: the arguments cannot be.
        ProjectNotFoundError: no project matches.
        FlywheelError: the site refuses the list of projects, or cannot be reached.
        KeyboardInterrupt: as it came; each project's outcome was told before.
    """
    rendering: dict[str, Any] = {
        "version_label": version_label,
        "force_new": force_new,
        "on_error": on_error,
        "keep_source": keep_source,
        "discard_claim": discard_claim,
        "headers": headers,
        "qc": qc,
        "custom_info": custom_info,
        "tabular_files": tabular_files,
        "profiles": profiles,
        "profile_values": profile_values,
    }
    _check(control_columns, snapshot_timeout, rendering)
    if workers is not None and (executor is not None or workers < 1):
        raise InvalidArgumentError("workers: give 1 or more, and no executor beside it")
    chosen = patterns("groups", groups), patterns("match", match), patterns("exclude", exclude)
    began = time.monotonic()
    key = find_api_key(api_key)
    connection = Connection(key)
    try:
        projects = chosen_projects(connection, *chosen)
    finally:
        connection.close()
    job = Job(
        key=f"{key.url}:{key.secret}",
        place={
            "storage_id": storage_id,
            "storage_label": storage_label,
            "credentials": credentials,
            "root_path": root_path,
            "relocate": relocate,
            "control_columns": control_columns,
            "snapshot_timeout": snapshot_timeout,
            "workdir": workdir,
        },
        rendering=rendering,
        dry_run=dry_run,
    )
    site = _Site(projects, told or (lambda _: None))
    site.run(job, executor, workers or _WORKERS)
    return SiteReport(site.outcomes, time.monotonic() - began, site.stopped)


def _check(
    control_columns: ControlColumns | None,
    snapshot_timeout: float | None,
    rendering: Mapping[str, Any],
) -> None:
    """Find what is wrong for every project before the first of them is begun."""
    Request.make(
        control_columns=control_columns or None,
        label=rendering["version_label"],
        on_error=rendering["on_error"],
        keep_source=rendering["keep_source"],
    )
    timeout_seconds(snapshot_timeout)
    files = rendering["tabular_files"]
    Derivations.make(
        headers=bool(rendering["headers"]),
        qc=bool(rendering["qc"]),
        custom_info=rendering["custom_info"],
        tabular_files=None if isinstance(files, bool) else files,
        profiles=rendering["profiles"],
        profile_values=rendering["profile_values"],
    )


class _Site:
    """The projects of a call, and what has become of them."""

    def __init__(self, projects: Sequence[Project], told: Callable[[ProjectOutcome], None]) -> None:
        self._projects = projects
        self._told = told
        self._found: dict[str, ProjectOutcome] = {}
        self.stopped = ""

    @property
    def outcomes(self) -> tuple[ProjectOutcome, ...]:
        """Those that are there, in the order of the projects."""
        return tuple(self._found[one.id] for one in self._projects if one.id in self._found)

    def run(self, job: Job, executor: Executor | None, workers: int) -> None:
        """Render the projects; what comes in between is passed on when all have ended."""
        stop = Stop() if executor is None else None
        pool = ThreadPoolExecutor(workers, "fw-dataset-site") if executor is None else None
        runs = executor or pool
        assert runs is not None
        begun: dict[Future[tuple[ProjectOutcome, bool]], Project] = {}
        try:
            for project in self._projects:
                work = partial(render_project, project, job, stop)
                begun[runs.submit(work)] = project
            for future in as_completed(begun):
                self._take(future, begun, stop)
        except BaseException:
            self._end(begun, stop)
            raise
        finally:
            if pool is not None:
                pool.shutdown(cancel_futures=True)

    def _take(
        self,
        future: Future[tuple[ProjectOutcome, bool]],
        begun: Mapping[Future[tuple[ProjectOutcome, bool]], Project],
        stop: Stop | None,
    ) -> None:
        """Note what became of a project."""
        project = begun[future]
        if future.cancelled():
            outcome, is_hopeless = ProjectOutcome(project.path, project.id, "not begun"), False
        else:
            try:
                outcome, is_hopeless = future.result()
            except Exception as error:  # noqa: BLE001 - the worker died, or cannot have the job
                why = f"its worker failed: {type(error).__name__}: {error}"
                outcome = ProjectOutcome(project.path, project.id, "failed", why=why)
                is_hopeless = False
        self._tell(outcome)
        if is_hopeless and not self.stopped:
            self.stopped = outcome.why
            _cancel(begun, stop)

    def _end(
        self,
        begun: Mapping[Future[tuple[ProjectOutcome, bool]], Project],
        stop: Stop | None,
    ) -> None:
        """End all, and tell what became of those that were not told yet."""
        _cancel(begun, stop)
        if stop is not None:
            wait(begun)
        for future, project in begun.items():
            if project.id not in self._found and future.done() and not future.cancelled():
                self._take(future, begun, stop)
        for project in self._projects:
            if project.id not in self._found:
                running = any(one.running() for one, of in begun.items() if of is project)
                happened: Literal["interrupted", "not begun"]
                happened = "interrupted" if running else "not begun"
                self._tell(ProjectOutcome(project.path, project.id, happened))

    def _tell(self, outcome: ProjectOutcome) -> None:
        self._found[outcome.project_id] = outcome
        self._told(outcome)


def _cancel(begun: Iterable[Future[Any]], stop: Stop | None) -> None:
    if stop is not None:
        stop.set()
    for future in begun:
        future.cancel()
