"""What a key may see."""

from __future__ import annotations

from tests.flywheel_server.messages import Call, RefusedError
from tests.flywheel_server.project import ProjectState
from tests.flywheel_server.site import Key
from tests.flywheel_server.study import Record

__all__ = ["key_of", "readable_container", "readable_project"]


def key_of(call: Call) -> Key:
    """The key with which a request came, where none goes without."""
    assert call.key is not None
    return call.key


def readable_project(call: Call, project_id: str) -> ProjectState:
    """A project that the key may read."""
    project = call.site.projects.get(project_id)
    if project is None:
        raise RefusedError(404, f"no project {project_id}")
    if not key_of(call).may_read(project_id):
        raise RefusedError(403, f"project {project_id} may not be read")
    return project


def readable_container(call: Call, container_id: str) -> tuple[ProjectState, str, Record]:
    """A container that the key may read, after its project and its kind."""
    if container_id in call.site.projects:
        project = readable_project(call, container_id)
        return project, "project", project.record
    for project in list(call.site.projects.values()):
        found = project.study.container(container_id)
        if found is not None:
            return readable_project(call, project.id), *found
    raise RefusedError(404, f"no container {container_id}")
