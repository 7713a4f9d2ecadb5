"""Projects of a site, and what they say of their dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fw_dataset.errors import (
    FlywheelError,
    FlywheelNotFoundError,
    InvalidArgumentError,
    ProjectNotFoundError,
)
from fw_dataset.flywheel.connection import Connection, address

__all__ = ["Project", "list_projects", "project_at", "project_by_id", "save_directives"]

_SCHEME = "fw://"


@dataclass(frozen=True)
class Project:
    """A project of a site.

    Attributes:
        id: its id, 24 hex digits.
        label: its name within the group.
        group: the id of the group.
        description: what people wrote of it.
        info: its custom information; empty in lists, which leave it out.
        has_info: whether there is any; True where the site does not say.
    """

    id: str
    label: str
    group: str
    description: str = ""
    info: Mapping[str, Any] = field(default_factory=dict, repr=False)
    has_info: bool = True

    @property
    def path(self) -> str:
        """Its address, as people write it."""
        return f"{_SCHEME}{self.group}/{self.label}"

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Project:
        """Read the platform's record; what may be missing in it is."""
        parents, info = record.get("parents"), record.get("info")
        group = record.get("group")
        if not group and isinstance(parents, dict):
            group = parents.get("group")
        return cls(
            id=record["_id"],
            label=str(record.get("label") or ""),
            group=str(group or ""),
            description=str(record.get("description") or ""),
            info=info if isinstance(info, dict) else {},
            has_info=bool(info) or record.get("info_exists") is not False,
        )


def list_projects(connection: Connection) -> Iterator[Project]:
    """The projects that the key may read, without their ``info``, page by page.

    Raises:
        FlywheelError: the site refuses, or cannot be reached.
    """
    records = connection.pages("/api/projects", what="the list of projects")
    return (Project.from_record(record) for record in records)


def project_by_id(connection: Connection, project_id: str) -> Project:
    """The project of an id, with its ``info``.

    Raises:
        ProjectNotFoundError: there is none.
        FlywheelError: the site refuses, or cannot be reached.
    """
    what = f"project {project_id!r}"
    try:
        record = connection.ask_record("GET", address("api", "projects", project_id), what=what)
    except FlywheelNotFoundError as error:
        raise _not_found(what, connection, error) from None
    return Project.from_record(record)


def project_at(connection: Connection, path: str) -> Project:
    """The project at ``group/label`` or ``fw://group/label``, with its ``info``.

    Raises:
        InvalidArgumentError: the path names no group or no project.
        ProjectNotFoundError: there is none.
        FlywheelError: the site refuses, or cannot be reached.
    """
    bare = path[len(_SCHEME) :] if path.lower().startswith(_SCHEME) else path
    # A label may hold a slash, a group's id may not.
    group, _, label = bare.strip("/").partition("/")
    if not group or not label:
        raise InvalidArgumentError(f"project {path!r}: write it as fw://group/project")
    what = f"project {_SCHEME}{group}/{label}"
    try:
        found = connection.ask_record(
            "POST", "/api/lookup", json={"path": [group, label]}, what=what
        )
    except FlywheelNotFoundError as error:
        raise _not_found(what, connection, error) from None
    return project_by_id(connection, found["_id"])


def save_directives(
    connection: Connection, project: Project, directives: Mapping[str, Any]
) -> Project:
    """Write where a project's dataset is into its ``info.dataset``; other keys stay, in there too.

    Returns:
        The project as it is now.

    Raises:
        FlywheelDeniedError: the key may not write to the project.
        FlywheelError: the site refuses, does not keep it, or cannot be reached.
    """
    what = f"info.dataset of project {project.path}"
    before = project.info.get("dataset")
    dataset = {**(before if isinstance(before, dict) else {}), **directives}
    answer = connection.ask(
        "PATCH",
        address("api", "projects", project.id, "info"),
        json={"set": {"dataset": dataset}},
        what=what,
    )
    if isinstance(answer, dict) and answer.get("modified") == 1:
        info = {**project.info, "dataset": dataset}
        return Project(project.id, project.label, project.group, project.description, info)
    now = project_by_id(connection, project.id)
    if now.info.get("dataset") != dataset:
        raise FlywheelError(f"{what}: {connection.host} took it and does not have it")
    return now


def _not_found(
    what: str, connection: Connection, error: FlywheelNotFoundError
) -> ProjectNotFoundError:
    found = ProjectNotFoundError(f"{what}: {connection.host} has no such project for this API key")
    found.status = error.status
    return found
