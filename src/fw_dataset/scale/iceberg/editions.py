"""One version of a dataset in all its tables."""

from __future__ import annotations

from collections.abc import Sequence

from fw_dataset.render.progress import Progress, ProgressCallback
from fw_dataset.scale.iceberg.publications import PublishedTable
from fw_dataset.scale.iceberg.states import DATASET
from fw_dataset.scale.iceberg.table_publishing import Edition, TablePublishing

__all__ = ["publish_tables"]


def publish_tables(
    edition: Edition, names: Sequence[str] | None, progress: ProgressCallback | None
) -> tuple[PublishedTable, ...]:
    """Publish tables one after the other, each at once or not at all.

    Args:
        edition: what is published.
        names: the tables; else all of the version, and those of the dataset that it lacks.
        progress: called after each table.
    """
    version = edition.version
    if names is None:
        names = [*version.table_names, *_of_other_versions(edition)]
    else:
        for name in names:
            version.model(name)  # says which tables there are, if it is none
    total = sum(version.rows.get(name, 0) for name in names)
    done: list[PublishedTable] = []
    for name in names:
        done.append(TablePublishing(edition, name).publish())
        if progress is not None:
            progress(Progress("publish", name, sum(one.rows for one in done), total))
    return tuple(done)


def _of_other_versions(edition: Edition) -> list[str]:
    """The tables that are published of the dataset, and that the version has not, or hides."""
    found = []
    for name in edition.home.tables():
        if name not in edition.version.table_names:
            there = edition.home.load(name)
            dataset = None if there is None else there.metadata.properties.get(DATASET)
            if dataset == edition.version.description.id:
                found.append(name)
    return found
