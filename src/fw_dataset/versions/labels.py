"""Labels: the human names of versions, one version each."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from fw_dataset.errors import VersionConflictError
from fw_dataset.format.description import DatasetDescription
from fw_dataset.format.names import check_label
from fw_dataset.versions.catalog import Catalog, CommittedVersion
from fw_dataset.versions.rewriting import rewrite

__all__ = ["check_label_is_free", "check_names_are_free", "relabel"]


def check_names_are_free(
    version: str, label: str | None, others: Iterable[CommittedVersion]
) -> None:
    """Make sure that a new version can have this id and this label, if any.

    Raises:
        InvalidNameError: it cannot be a label.
        VersionConflictError: one is the label or the id of another version.
    """
    known = list(others)
    _check_is_free("version id", version, version, known)
    if label is not None:
        check_label_is_free(label, version, known)


def check_label_is_free(label: str, version: str, others: Iterable[CommittedVersion]) -> None:
    """Make sure that ``label`` can be that of ``version``.

    Raises:
        InvalidNameError: it cannot be a label.
        VersionConflictError: it is the label or the id of another version.
    """
    check_label(label)
    _check_is_free("label", label, version, others)


def _check_is_free(kind: str, name: str, version: str, others: Iterable[CommittedVersion]) -> None:
    for other in others:
        if other.id != version and name in (other.id, other.label):
            raise VersionConflictError(
                f"{kind} {name!r} is taken by version {other.id!r}"
                f" of {other.description.created:%Y-%m-%d}; choose another"
            )


def relabel(catalog: Catalog, version: str, label: str) -> CommittedVersion:
    """Give a version another label; readers see the old or the new.

    Raises:
        InvalidNameError: it cannot be a label.
        VersionConflictError: it is taken.
        VersionNotFoundError: there is no such version.
        ObjectNotFoundError: it was deleted meanwhile.
    """
    with catalog.storage.exclusive():
        found = catalog.find(version)
        check_label_is_free(label, found.id, catalog.versions())
        if found.label != label:
            # Not simply put: a description must not rise again from a version that was deleted.
            rewrite(catalog.storage, found.layout.description, partial(_labelled, label))
    return catalog.find_id(found.id)


def _labelled(label: str, content: bytes) -> bytes:
    description = DatasetDescription.from_json(content)
    return description.model_copy(update={"version_label": label}).to_json()
