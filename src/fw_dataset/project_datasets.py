"""Where the platform says that a project's dataset is, opened."""

from __future__ import annotations

import os
from collections.abc import Callable

from fw_dataset.errors import (
    CredentialsError,
    DirectivesError,
    InvalidArgumentError,
    UnsupportedLocationError,
)
from fw_dataset.flywheel import (
    Connection,
    Project,
    storage_by_id,
    storage_by_label,
    storage_credentials,
)
from fw_dataset.format.directives import Directives
from fw_dataset.storage import Credentials, Storage, open_filesystem, place_of_credentials

__all__ = [
    "check_unmoved",
    "named_place",
    "open_place",
    "required_directives",
    "says",
    "settled_place",
]


def required_directives(project: Project) -> Directives:
    """Where a project's dataset is.

    Raises:
        DirectivesError: the project does not say, or not in a way that names a place.
    """
    found = Directives.from_info(project.info, project.path)
    if found is None:
        raise DirectivesError(
            f"project {project.path} has no dataset (its info.dataset is empty); render one with"
            f" DatasetBuilder, or with: fw-dataset render {project.path} --storage LABEL"
        )
    return found


def says(project: Project, directives: Directives) -> bool:
    """Whether a project says that its dataset is there, in whatever spelling."""
    try:
        return Directives.from_info(project.info, project.path) == directives
    except DirectivesError:
        return False


def check_unmoved(before: Project, now: Project, directives: Directives) -> None:
    """Make sure that a project has not got another place meanwhile.

    Raises:
        DirectivesError: it has.
    """
    said = now.info.get("dataset")
    if said and said != before.info.get("dataset"):
        raise DirectivesError(
            f"project {now.path} says another place than {directives.location} since this began:"
            " look at its info.dataset, and render again"
        )


def open_place(
    connection: Connection, directives: Directives, credentials: Credentials | None = None
) -> Storage:
    """The storage at a project's dataset.

    Args:
        connection: the site, which is asked for the credentials of its storages.
        directives: where the dataset is.
        credentials: what opens it; else what the site gives, and for places that are not a storage
            of the site what the environment gives.

    Raises:
        CredentialsError: the credentials are of no form that would do.
        StorageNotFoundError: the storage was deleted on the site.
        FlywheelDeniedError: the site refuses its credentials.
        FlywheelError: the site refuses otherwise, or cannot be reached.
    """
    if credentials is None and directives.type != "fs" and directives.storage_id is not None:
        what = f"storage {directives.label or directives.storage_id!r} ({directives.location})"
        credentials = storage_credentials(connection, directives.storage_id, what)
    try:
        return open_filesystem(directives.type, directives.bucket, directives.prefix, credentials)
    except (CredentialsError, UnsupportedLocationError) as error:
        raise type(error)(f"{directives.location}: {error}") from None


def named_place(
    connection: Connection,
    project: Project,
    prefix_below: Callable[[str | None], str],
    *,
    storage_id: str | None = None,
    storage_label: str | None = None,
    credentials: Credentials | None = None,
    root_path: str | os.PathLike[str] | None = None,
) -> Directives | None:
    """The place that one of the arguments names for a project's dataset; None without any.

    Args:
        connection: the site that the storages are registered on.
        project: the project.
        prefix_below: from a storage's own prefix to the dataset's.
        storage_id: the id of a storage of the site.
        storage_label: or its label.
        credentials: or credentials with a URL that names a place.
        root_path: or a folder.

    Raises:
        InvalidArgumentError: more than one is given.
        StorageNotFoundError: the site has no such storage.
        DirectivesError: the storage is of a type that is not known, or names no bucket.
        CredentialsError: the credentials are of no form that would do, or name no place.
        FlywheelError: the site refuses, or cannot be reached.
    """
    named = {
        "storage_id": storage_id,
        "storage_label": storage_label,
        "credentials": credentials,
        "root_path": root_path,
    }
    given = [name for name, value in named.items() if value]
    if len(given) > 1:
        raise InvalidArgumentError(f"{' and '.join(given)} are given: name one of them")
    if root_path:
        root = os.path.abspath(os.fspath(root_path))  # noqa: PTH100 - links stay as written
        return Directives("fs", root, prefix_below(None), label=project.label)
    if credentials:
        kind, bucket, prefix = place_of_credentials(credentials)
        return Directives(kind, bucket, prefix_below(prefix))
    if storage_id:
        storage = storage_by_id(connection, storage_id)
    elif storage_label:
        storage = storage_by_label(connection, storage_label, project)
    else:
        return None
    found = {"type": storage.type, "bucket": storage.bucket, "prefix": prefix_below(storage.prefix)}
    info = {"dataset": found | {"storage_id": storage.id, "label": storage.label}}
    return Directives.from_info(info, f"{project.path} (storage {storage.label!r})")


def settled_place(
    project: Project, named: Directives | None, *, relocate: bool = False
) -> Directives:
    """Where a project's dataset goes: where the project says, which may be named once more.

    Args:
        project: the project.
        named: the place that the caller names, or None.
        relocate: the place that is named counts, whatever the project says.

    Raises:
        DirectivesError: nothing says where; or the project names another place, or none that
            can be.
    """
    if named is not None and relocate:
        return named
    present = Directives.from_info(project.info, project.path)
    if named is None:
        if present is None:
            raise DirectivesError(
                f"project {project.path} does not say where its dataset goes: name a storage_label"
                " (--storage), a storage_id, credentials with a url (--credentials), or a root_path"
                " for a folder (--root)"
            )
        return present
    if present is None:
        return named
    if _is_within(present, named, project):
        return present
    raise DirectivesError(
        f"project {project.path} has its dataset at {present.location}, not at {named.location}:"
        " name no storage to render into it, or say that the new place counts from now on"
        " (relocate=True, --relocate)"
    )


def _is_within(present: Directives, named: Directives, project: Project) -> bool:
    """Whether the place that a project says is the one that is named, or lies in it."""
    if present.storage_id and named.storage_id:
        return present.storage_id == named.storage_id
    if (present.type, present.bucket) != (named.type, named.bucket):
        return False
    # What is named ends in the project's own place, as a rule; what stands before it is the root.
    root = named.prefix.partition(f"/{project.group}/{project.id}")[0].rpartition("/")[0]
    root = root.removesuffix("datasets").rstrip("/")
    return not root or f"{present.prefix}/".startswith(f"{root}/")
