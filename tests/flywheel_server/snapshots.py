"""`/snapshot`: the exports of a project."""

from __future__ import annotations

from collections.abc import Callable

from tests.flywheel_server.access import readable_project
from tests.flywheel_server.listing import listed
from tests.flywheel_server.messages import Answer, Call, RefusedError, as_json, download
from tests.flywheel_server.project import ProjectState, SnapshotState
from tests.flywheel_server.study import Record

__all__ = ["ROUTES"]

_FILTERS = frozenset(
    {"_id", "created", "group", "parents.group", "parents.project", "project", "status"}
)


def _list(call: Call, project_id: str) -> Answer:
    project = readable_project(call, project_id)
    snapshots = sorted(project.snapshots.values(), key=lambda one: (one.created, one.id))
    return listed(call, [_looked_at(project, snapshot) for snapshot in snapshots], _FILTERS)


def _order(call: Call, project_id: str) -> Answer:
    project = readable_project(call, project_id)
    return as_json(_record(project, project.order_snapshot()))


def _detail(call: Call, project_id: str, snapshot_id: str) -> Answer:
    if not call.site.has_detail:
        raise RefusedError(404, "this site has no such address")
    project = readable_project(call, project_id)
    return as_json(_looked_at(project, _snapshot(project, snapshot_id)))


def _take(call: Call, project_id: str, snapshot_id: str) -> Answer:
    project = readable_project(call, project_id)
    snapshot = _snapshot(project, snapshot_id)
    if snapshot.status != "complete":
        raise RefusedError(409, f"snapshot {snapshot_id} is {snapshot.status}")
    return download(call, project.snapshot_content(snapshot))


def _log_access(call: Call, project_id: str, snapshot_id: str) -> Answer:
    snapshot = _snapshot(readable_project(call, project_id), snapshot_id)
    entry = call.request.json_object()
    snapshot.access_log.append(entry)
    return as_json({"_id": call.site.new_id(), "snapshot": snapshot_id, **entry})


def _snapshot(project: ProjectState, snapshot_id: str) -> SnapshotState:
    snapshot = project.snapshots.get(snapshot_id)
    if snapshot is None:
        raise RefusedError(404, f"no snapshot {snapshot_id}")
    return snapshot


def _looked_at(project: ProjectState, snapshot: SnapshotState) -> Record:
    snapshot.polls += 1
    return _record(project, snapshot)


def _record(project: ProjectState, snapshot: SnapshotState) -> Record:
    return {
        "_id": snapshot.id,
        "status": snapshot.status,
        "created": snapshot.created,
        "group": project.group,
        "group_label": project.group,
        "project": project.id,
        "project_label": project.label,
        "parents": {"group": project.group, "project": project.id},
    }


ROUTES: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("GET", "/snapshot/projects/{}/snapshots", _list),
    ("POST", "/snapshot/projects/{}/snapshots", _order),
    ("GET", "/snapshot/projects/{}/snapshots/{}", _take),
    ("GET", "/snapshot/projects/{}/snapshots/{}/detail", _detail),
    ("POST", "/snapshot/projects/{}/snapshots/{}/access_log", _log_access),
)
