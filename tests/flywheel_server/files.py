"""`/api`: files, their records and their bytes."""

from __future__ import annotations

from collections.abc import Callable

from tests.flywheel_server.access import readable_container, readable_project
from tests.flywheel_server.messages import Answer, Call, RefusedError, as_json, download
from tests.flywheel_server.project import ProjectState
from tests.flywheel_server.study import CONTAINERS, Record

__all__ = ["ROUTES"]


def _file(call: Call, file_id: str) -> Answer:
    _, record = _readable_file(call, file_id)
    return as_json({**record, "info_exists": bool(record.get("info"))})


def _bytes_by_id(call: Call, file_id: str) -> Answer:
    return _bytes(call, *_readable_file(call, file_id))


def _bytes_by_name(call: Call, kind: str, parent_id: str, name: str) -> Answer:
    project, found_kind, _ = readable_container(call, parent_id)
    if kind != "containers" and CONTAINERS.get(kind) != found_kind:
        raise RefusedError(404, f"no {parent_id} among the {kind}")
    for newest in project.study.files_of(parent_id):
        if newest["name"] == name:
            record = project.study.file(newest["file_id"], call.request.number("version"))
            if record is not None:
                return _bytes(call, project, record)
    raise RefusedError(404, f"no file {name} in {parent_id}")


def _bytes(call: Call, project: ProjectState, record: Record) -> Answer:
    content = project.file_content(record)
    if content is None:
        raise RefusedError(404, f"the bytes of file {record['file_id']} are not there")
    return download(call, content)


def _readable_file(call: Call, file_id: str) -> tuple[ProjectState, Record]:
    version = call.request.number("version")
    for project in list(call.site.projects.values()):
        record = project.study.file(file_id, version)
        if record is not None and not record.get("deleted"):
            return readable_project(call, project.id), record
    raise RefusedError(404, f"no file {file_id}")


ROUTES: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("GET", "/api/files/{}", _file),
    ("GET", "/api/files/{}/download", _bytes_by_id),
    ("GET", "/api/{}/{}/files/{}", _bytes_by_name),
)
