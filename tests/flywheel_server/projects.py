"""`/api`: projects, and the containers in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.flywheel_server.access import key_of, readable_container, readable_project
from tests.flywheel_server.listing import listed
from tests.flywheel_server.messages import Answer, Call, RefusedError, as_json
from tests.flywheel_server.project import ProjectState
from tests.flywheel_server.study import CONTAINERS, Record
from tests.flywheel_server.times import now

__all__ = ["ROUTES"]

_FILTERS = frozenset(
    {
        "_id",
        "created",
        "description",
        "group",
        "info_exists",
        "label",
        "modified",
        "parents.group",
        "tags",
    }
)


def _projects(call: Call) -> Answer:
    key = key_of(call)
    with_info = call.request.query.get("include_all_info") == "true"
    found = [
        _as_listed(project, with_info=with_info)
        for _, project in sorted(call.site.projects.items())
        if key.may_read(project.id)
    ]
    return listed(call, found, _FILTERS)


def _as_listed(project: ProjectState, *, with_info: bool = False) -> Record:
    record = {**project.record, "info_exists": bool(project.record.get("info"))}
    if not with_info:
        record.pop("info", None)
    return record


def _project(call: Call, project_id: str) -> Answer:
    project = readable_project(call, project_id)
    return as_json(_as_detail(call, project, project.record))


def _container(call: Call, container_id: str) -> Answer:
    project, kind, record = readable_container(call, container_id)
    return as_json({**_as_detail(call, project, record), "container_type": kind})


def _of_kind(wanted: str) -> Callable[[Call, str], Answer]:
    def of_kind(call: Call, container_id: str) -> Answer:
        project, kind, record = readable_container(call, container_id)
        if kind != wanted:
            raise RefusedError(404, f"no {wanted} {container_id}")
        return as_json(_as_detail(call, project, record))

    return of_kind


def _as_detail(call: Call, project: ProjectState, record: Record) -> Record:
    found = {**record, "info_exists": bool(record.get("info"))}
    if call.site.tells_files and "exclude-files" not in call.request.features:
        files = project.study.files_of(record["_id"])
        found["files"] = [
            {key: value for key, value in file.items() if key != "info"}
            | {"info_exists": bool(file.get("info"))}
            for file in files
        ]
    return found


def _lookup(call: Call) -> Answer:
    path = call.request.json_object().get("path")
    if not isinstance(path, list) or not all(isinstance(part, str) for part in path):
        raise RefusedError(400, "path is not a list of texts")
    found = [
        project
        for project in call.site.projects.values()
        if [project.group, project.label] == path or [project.group, f"<id:{project.id}>"] == path
    ]
    if not found:
        raise RefusedError(404, f"nothing is at {'/'.join(path)}")
    project = readable_project(call, found[0].id)
    return as_json({**_as_listed(project), "container_type": "project", "node_type": "project"})


# ------------------------------------------------------------------------------------ info


def _change_info(call: Call, project_id: str) -> Answer:
    project = readable_project(call, project_id)
    if not key_of(call).may_write(project_id):
        raise RefusedError(403, f"project {project_id} may not be changed")
    body = call.request.json_object()
    _check_change(body)
    info = dict(body.get("replace", project.info))
    info.update(body.get("set", {}))
    for name in body.get("delete", []):
        info.pop(name, None)
    project.record["info"] = _with_legal_names(info)
    project.record["modified"] = now()
    return as_json({"modified": 1})


def _check_change(body: Record) -> None:
    kinds: dict[str, type] = {"set": dict, "replace": dict, "delete": list}
    right = all(key in kinds and isinstance(value, kinds[key]) for key, value in body.items())
    if not body or not right or ("replace" in body and len(body) > 1):
        raise RefusedError(400, "set and delete, or replace: nothing else")


def _with_legal_names(value: Any) -> Any:
    # The database has no such keys; the SDK warns of it.
    if isinstance(value, dict):
        return {
            key.replace("$", "-").replace(".", "_"): _with_legal_names(item)
            for key, item in value.items()
        }
    return [_with_legal_names(item) for item in value] if isinstance(value, list) else value


ROUTES: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("GET", "/api/projects", _projects),
    ("GET", "/api/projects/{}", _project),
    ("GET", "/api/containers/{}", _container),
    *(
        ("GET", f"/api/{plural}/{{}}", _of_kind(kind))
        for plural, kind in CONTAINERS.items()
        if kind != "project"
    ),
    ("POST", "/api/lookup", _lookup),
    ("PATCH", "/api/projects/{}/info", _change_info),
    ("PATCH", "/api/containers/{}/info", _change_info),
)
