"""Which projects of a site are meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from fw_dataset.errors import InvalidArgumentError, ProjectNotFoundError
from fw_dataset.flywheel import Connection, Project, list_projects

__all__ = ["chosen_projects", "patterns"]

_SCHEME = "fw://"


def chosen_projects(
    connection: Connection, groups: Sequence[str], match: Sequence[str], exclude: Sequence[str]
) -> list[Project]:
    """The projects that the key may read and that match, by their paths.

    Args:
        connection: the site.
        groups: patterns of groups; one of them must match, if there are any.
        match: patterns of projects; the same.
        exclude: patterns of projects, of which none may match.

    Raises:
        ProjectNotFoundError: none matches.
        FlywheelError: the site refuses, or cannot be reached.
    """
    known = list(list_projects(connection))
    found = [
        project
        for project in known
        if (not groups or any(fnmatchcase(project.group, pattern) for pattern in groups))
        and (not match or _matches(project, match))
        and not _matches(project, exclude)
    ]
    if not found:
        readable = sorted(project.path for project in known)
        shown = ", ".join(readable[:5]) + (" …" if len(readable) > 5 else "")
        raise ProjectNotFoundError(
            f"{connection.host}: no project matches, of {len(known)} that the API key may read"
            + (f": {shown}" if known else "")
        )
    return sorted(found, key=lambda project: (project.path, project.id))


def patterns(name: str, given: str | Iterable[str]) -> list[str]:
    """Patterns as they are matched, without the scheme.

    Raises:
        InvalidArgumentError: one is empty.
    """
    listed = [given] if isinstance(given, str) else list(given)
    plain = [one[len(_SCHEME) :] if one.lower().startswith(_SCHEME) else one for one in listed]
    if not all(plain):
        raise InvalidArgumentError(f"{name} holds an empty pattern: leave it out to mean all")
    return plain


def _matches(project: Project, listed: Sequence[str]) -> bool:
    """Whether a pattern fits the label or, where it has a slash, the group and the label."""
    path = f"{project.group}/{project.label}"
    return any(fnmatchcase(path if "/" in one else project.label, one) for one in listed)
