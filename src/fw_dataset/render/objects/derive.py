"""Make tables of the objects in ``info``: headers, results of quality control, custom keys.

Every primary table is read to see which tables, keys and types there are, in all its rows. What its
rows become is drafted meanwhile; those that need other columns after all are read once more.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from fw_dataset.format.names import free_name
from fw_dataset.format.tables import PRIMARY_CONTAINERS
from fw_dataset.render.collector import collector_paused
from fw_dataset.render.derived import DerivedTables, PrimaryFiles
from fw_dataset.render.objects.container import Container
from fw_dataset.render.objects.naming import base_name
from fw_dataset.render.objects.places import Place, Places
from fw_dataset.render.objects.plain import printable
from fw_dataset.render.objects.reading import InfoReader
from fw_dataset.render.objects.spill import Spill
from fw_dataset.render.objects.wish import ObjectTables
from fw_dataset.render.progress import ProgressCallback
from fw_dataset.render.report import TableReport

__all__ = ["derive_objects"]


def derive_objects(
    sources: PrimaryFiles,
    folder: Path,
    wish: ObjectTables,
    taken: Collection[str],
    progress: ProgressCallback | None = None,
) -> DerivedTables:
    """Make the tables that are wanted of the objects in ``info``, below ``folder/tables``.

    A table is made where there is at least one object for it. What is asked for and nowhere to be
    found has an entry in the report instead, and so has a table that is one too many.

    Args:
        sources: the data files of the primary tables; one that is not there has no rows.
        folder: the folder of the version.
        wish: the tables that are wanted.
        taken: the names of tables that exist already, without case (``str.casefold``).
        progress: called now and then.
    """
    made = DerivedTables()
    names = set(taken)
    for name in PRIMARY_CONTAINERS:
        places = Places(name, wish)
        found: list[Place] = []
        if places.keys != [] and sources.get(name):
            reader = InfoReader(sources[name], places.keys)
            with Spill(folder) as spill, collector_paused():
                checks = wish.qc and name == "files"
                container = Container(name, reader, places, spill, checks=checks)
                found = container.survey(progress)
                made.add(container.write(folder, names, progress))
        for key in places.missing(found):
            _report_missing(Place(name, (key,), asked=True), names, made)
    return made


def _report_missing(place: Place, names: set[str], made: DerivedTables) -> None:
    table = free_name(base_name(place), names | made.report.keys())
    reason = f"no record of {place.container} has info.{printable('.'.join(place.path))}"
    made.report[table] = {**TableReport().to_dict(with_unknown=True), "not_made": reason}
