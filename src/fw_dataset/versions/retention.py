"""Which versions are kept when a dataset is pruned, and the pruning itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone

from fw_dataset.errors import (
    FWDatasetError,
    InvalidArgumentError,
    VersionNotFoundError,
    naming,
)
from fw_dataset.format.instants import parse_instant
from fw_dataset.format.names import LATEST
from fw_dataset.versions.catalog import Catalog, VersionInfo
from fw_dataset.versions.deletion import delete_id
from fw_dataset.versions.overview import list_versions

__all__ = ["Retention", "prune"]


@dataclass(frozen=True)
class Retention:
    """What is kept: a version stays if any of the rules keeps it, and the latest always does.

    Attributes:
        last: the number of newest versions that stay, or None.
        since: the instant from which on versions stay, or None.
        labels: the ids and labels of versions that stay.
    """

    last: int | None = None
    since: datetime | None = None
    labels: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        keep_last: int | None = None,
        keep_since: date | str | None = None,
        keep_labels: Iterable[str] | None = None,
    ) -> Retention:
        """The rules that a caller names.

        Args:
            keep_last: at least 1.
            keep_since: a day, which begins at midnight UTC, or an instant; as text, ISO 8601.
            keep_labels: ids and labels.

        Raises:
            InvalidArgumentError: there is no rule, or one cannot be.
        """
        if isinstance(keep_labels, str):
            raise InvalidArgumentError(
                f"keep_labels is the text {keep_labels!r}: give a list of labels"
            )
        labels = frozenset(keep_labels or ())
        if keep_last is None and keep_since is None and not labels:
            raise InvalidArgumentError(
                "nothing says what to keep: give keep_last, keep_since or keep_labels (--keep-last,"
                " --keep-since, --keep-label); the latest version stays in any case"
            )
        # True and False are numbers, too, for Python.
        if keep_last is not None and (type(keep_last) is not int or keep_last < 1):
            raise InvalidArgumentError(
                f"keep_last is {keep_last!r}: give a number from 1 on, as the latest version stays"
            )
        return cls(keep_last, None if keep_since is None else _instant(keep_since), labels)

    def unneeded(self, newest_first: Sequence[VersionInfo]) -> list[VersionInfo]:
        """The versions that no rule keeps, newest first.

        Raises:
            VersionNotFoundError: a label is that of no version: what was meant might be lost.
        """
        names = {name for info in newest_first for name in (info["version"], info["label"])}
        for label in sorted(self.labels - names - {LATEST}):
            raise VersionNotFoundError(
                f"there is no version {label!r} to keep; {naming(names, label)}"
            )
        return [
            info
            for place, info in enumerate(newest_first)
            if not info["latest"] and not self._keeps(place, info)
        ]

    def _keeps(self, place: int, info: VersionInfo) -> bool:
        is_recent = self.last is not None and place < self.last
        is_young = self.since is not None and parse_instant(info["created"]) >= self.since
        return is_recent or is_young or not self.labels.isdisjoint((info["version"], info["label"]))


def prune(catalog: Catalog, retention: Retention, *, dry_run: bool = True) -> list[VersionInfo]:
    """Delete the versions that no rule keeps, the oldest first.

    Args:
        catalog: the versions.
        retention: what is kept.
        dry_run: only say what would be deleted.

    Returns:
        What was, or would be, deleted, newest first.

    Raises:
        VersionNotFoundError: a label to keep is that of no version; nothing was deleted.
        VersionConflictError: another writer is at one of the versions.
        StorageError: a version could not be deleted. These two tell what was deleted before.
    """
    chosen = retention.unneeded(list_versions(catalog))
    if dry_run:
        return chosen
    deleted: list[VersionInfo] = []
    for info in reversed(chosen):
        try:
            delete_id(catalog, info["version"])
        except VersionNotFoundError:
            continue  # somebody else has deleted it
        except FWDatasetError as error:
            raise _telling(error, info, deleted) from None
        deleted.insert(0, info)
    return deleted


def _telling(
    error: FWDatasetError, failed: VersionInfo, deleted: Sequence[VersionInfo]
) -> FWDatasetError:
    """The same error, with what was done until then."""
    done = ", ".join(info["version"] for info in reversed(deleted)) or "nothing"
    return type(error)(f"version {failed['version']!r}: {error}; deleted until then: {done}")


def _instant(given: date | str) -> datetime:
    if isinstance(given, str):
        try:
            given = date.fromisoformat(given) if len(given) == 10 else parse_instant(given)
        except ValueError:
            raise InvalidArgumentError(
                f"keep_since is {given!r}: give a day such as 2024-06-01, or an instant such as"
                " 2024-06-01T12:00:00Z"
            ) from None
    if isinstance(given, datetime):
        return given if given.tzinfo is not None else given.replace(tzinfo=timezone.utc)
    return datetime(given.year, given.month, given.day, tzinfo=timezone.utc)
