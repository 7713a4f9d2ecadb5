"""The storages that are registered on a site, and how to get into them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fw_dataset.errors import (
    FlywheelDeniedError,
    FlywheelError,
    FlywheelNotFoundError,
    StorageNotFoundError,
    naming,
)
from fw_dataset.flywheel.connection import Connection, address
from fw_dataset.flywheel.projects import Project

__all__ = [
    "StorageRecord",
    "list_storages",
    "storage_by_id",
    "storage_by_label",
    "storage_credentials",
]


# As the types of storage name what holds the objects.
_BUCKETS = ("bucket", "container", "path")


@dataclass(frozen=True)
class StorageRecord:
    """A storage of a site; what opens it is not in here.

    Attributes:
        id: its id.
        label: its name.
        type: ``"s3"``, ``"gs"``, ``"az"`` or ``"fs"``.
        bucket: the bucket or container, or the root folder.
        prefix: where in the bucket it begins.
        refs: the group or project that it is for.
    """

    id: str
    label: str
    type: str
    bucket: str
    prefix: str
    refs: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> StorageRecord:
        """Read the platform's record; each type of storage has its own names for its place."""
        config = _mapping(record.get("config"))
        return cls(
            id=record["_id"],
            label=_text(record.get("label")),
            type=_text(config.get("type")),
            bucket=next(filter(None, (_text(config.get(name)) for name in _BUCKETS)), ""),
            prefix=_text(config.get("prefix")).strip("/"),
            refs=_mapping(record.get("refs")),
        )

    def nearness(self, project: Project) -> int:
        """How much it is meant for a project: 2 for this one, 1 for its group, 0 for all."""
        if self.refs.get("project") == project.id:
            return 2
        return int(bool(project.group) and self.refs.get("group") == project.group)


def list_storages(connection: Connection) -> Iterator[StorageRecord]:
    """The storages that the key may see, page by page.

    Raises:
        FlywheelError: the site refuses, or cannot be reached.
    """
    records = connection.pages("/xfer/storages", what="the list of storages")
    return (StorageRecord.from_record(record) for record in records)


def storage_by_id(connection: Connection, storage_id: str) -> StorageRecord:
    """The storage of an id.

    Raises:
        StorageNotFoundError: there is none; it may have been deleted.
        FlywheelError: the site refuses, or cannot be reached.
    """
    what = f"storage {storage_id!r}"
    try:
        record = connection.ask_record("GET", address("xfer", "storages", storage_id), what=what)
    except FlywheelNotFoundError as error:
        raise _gone(what, connection, error) from None
    if not isinstance(record.get("config"), dict):
        raise FlywheelError(f"{what}: the answer does not say where it is (it has no config)")
    return StorageRecord.from_record(record)


def storage_by_label(connection: Connection, label: str, project: Project) -> StorageRecord:
    """The storage of a label; of several, the one that is meant for the project.

    Raises:
        StorageNotFoundError: there is none of that label, or several that fit alike.
        FlywheelError: the site refuses, or cannot be reached.
    """
    storages = list(list_storages(connection))
    named = [storage for storage in storages if storage.label == label]
    if not named:
        known = naming((storage.label for storage in storages), label)
        raise StorageNotFoundError(f"storage {label!r}: {connection.host} has none; {known}")
    nearest = max(storage.nearness(project) for storage in named)
    fitting = [storage for storage in named if storage.nearness(project) == nearest]
    if len(fitting) > 1:
        ids = ", ".join(storage.id for storage in fitting)
        raise StorageNotFoundError(
            f"storage {label!r}: {len(fitting)} storages have this label; name one by its id: {ids}"
        )
    return fitting[0]


def storage_credentials(
    connection: Connection, storage_id: str, what: str | None = None
) -> dict[str, str]:
    """What opens a storage, as ``{"url": …}``. It is secret, and the caller keeps it so.

    Raises:
        StorageNotFoundError: there is no such storage; it may have been deleted.
        FlywheelDeniedError: the key may not use it.
        FlywheelError: the site gives none, refuses otherwise, or cannot be reached.
    """
    what = what or f"storage {storage_id!r}"
    try:
        answer = connection.ask(
            "GET",
            address("xfer", "storage-creds", storage_id),
            what=f"credentials of {what}",
            private=True,
        )
    except FlywheelNotFoundError as error:
        way_out = "; give credentials of your own, or render to another storage (relocate)"
        raise _gone(what, connection, error, way_out) from None
    except FlywheelDeniedError as error:
        if error.status != 403:
            raise
        denied = FlywheelDeniedError(
            f"credentials of {what}: {connection.host} refuses them to this API key (403);"
            " ask the site's admin for the right to use this storage"
        )
        denied.status = 403
        raise denied from None
    url = answer.get("url") if isinstance(answer, dict) else None
    if not isinstance(url, str) or not url:
        raise FlywheelError(f"credentials of {what}: {connection.host} gives none")
    return {"url": url}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _gone(
    what: str, connection: Connection, error: FlywheelNotFoundError, way_out: str = ""
) -> StorageNotFoundError:
    gone = StorageNotFoundError(
        f"{what}: {connection.host} does not have it; it may have been deleted{way_out}"
    )
    gone.status = error.status
    return gone
