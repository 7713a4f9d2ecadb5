"""The two passes over one primary table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from fw_dataset.format.names import free_name
from fw_dataset.format.schema import DataModel
from fw_dataset.render.derived import DerivedTables
from fw_dataset.render.objects.naming import base_name, describe, is_dicom, name_tables
from fw_dataset.render.objects.places import HEADER, QC, Found, Place, Places
from fw_dataset.render.objects.plain import printable
from fw_dataset.render.objects.quality import LatestChecks, QualityWriter, quality_model
from fw_dataset.render.objects.reading import InfoBatch, InfoReader
from fw_dataset.render.objects.survey import Survey
from fw_dataset.render.objects.tables import plan_table
from fw_dataset.render.objects.writing import ObjectWriter, SharedColumns
from fw_dataset.render.parquet import BYTES_PER_GROUP, TableWriter
from fw_dataset.render.progress import Progress, ProgressCallback
from fw_dataset.render.report import TableReport
from fw_dataset.render.threads import WorkBehind

if TYPE_CHECKING:  # it loads pydicom, which only the headers of DICOM files need
    from fw_dataset.render.objects.dictionary import Keyword

__all__ = ["MOST_TABLES", "Container"]

MOST_TABLES = 500
"""So many tables are made of a container's objects at most: those with the most rows."""

_MOST_PLACES = 4 * MOST_TABLES
_MOST_NAMED = 1000
# What waits in the writers of all tables together, but for the least that each needs.
_BYTES_WAITING = 256 << 20
_LEAST_WAITING = 4 << 20


class _Table(Protocol):
    """Makes the rows of one table."""

    model: DataModel
    writer: TableWriter
    report: TableReport

    def rows(self, batch: InfoBatch, found: Mapping[Place, Found]) -> pa.RecordBatch | None:
        """Those of a batch, None where it has none."""


class Container:
    """Makes the tables of the objects in one primary table.

    Args:
        name: the primary table's name.
        reader: reads its ``info``.
        places: finds the objects.
        checks: make the table of checks, too.
    """

    def __init__(self, name: str, reader: InfoReader, places: Places, *, checks: bool) -> None:
        self._name = name
        self._reader = reader
        self._places = places
        self._surveys: dict[Place, Survey] = {}
        self._latest = LatestChecks() if checks else None
        self._rows = reader.total_rows
        self._unread = 0
        self._passes = 0

    def survey(self, progress: ProgressCallback | None) -> list[Place]:
        """The first pass: see what there is, and where."""
        columns = [] if self._latest is None else ["id", "file_id", "version"]
        for batch in self._batches(columns, progress):
            self._unread += len(batch.unread)
            for place, found in self._places.find(batch.infos).items():
                if place not in self._surveys:
                    self._surveys[place] = Survey(_remembered(_dictionary(place)))
                self._surveys[place].see(found.objects)
            if self._latest is not None:
                self._latest.see(batch)
            if len(self._surveys) > _MOST_PLACES:
                self._surveys = dict(self._by_rows()[: _MOST_PLACES // 2])
        return list(self._surveys)

    def write(
        self, folder: Path, names: set[str], progress: ProgressCallback | None
    ) -> DerivedTables:
        """The second pass: write the tables.

        Args:
            folder: the folder of the version.
            names: the names that are taken, without case; those of the tables are added.
            progress: called after each batch.
        """
        shared = SharedColumns(self._name)
        ranked = self._by_rows()
        tables = self._begin(dict(ranked[:MOST_TABLES]), folder, names, shared)
        with _finishing(tables), WorkBehind() as behind:
            for batch in self._batches(shared.read, progress) if tables else ():
                found = self._places.find(batch.infos)
                for table in tables:
                    rows = table.rows(batch, found)
                    if rows is not None:
                        behind.do(table.writer.write, rows)
        made = DerivedTables()
        for table in tables:
            self._add(table, made)
        self._report_left_out(ranked[MOST_TABLES:], names, made)
        return made

    def _batches(
        self, columns: Sequence[str], progress: ProgressCallback | None
    ) -> Iterator[InfoBatch]:
        for batch in self._reader.batches(columns):
            yield batch
            if progress is not None:
                done = self._passes * self._rows + batch.done
                progress(Progress("derive", self._name, done, 2 * self._rows))
        self._passes += 1

    def _by_rows(self) -> list[tuple[Place, Survey]]:
        return sorted(self._surveys.items(), key=lambda item: (-item[1].rows, item[0].path))

    def _begin(
        self, surveys: Mapping[Place, Survey], folder: Path, names: set[str], shared: SharedColumns
    ) -> list[_Table]:
        """The tables, in the order in which they are shown."""
        with_checks = self._latest is not None and self._latest.rows > 0
        waiting = max(_LEAST_WAITING, min(BYTES_PER_GROUP, _BYTES_WAITING // (len(surveys) + 1)))
        tables: list[_Table] = []
        if self._latest is not None and with_checks:
            model = quality_model(free_name(QC, names))
            names.add(model.id)
            writer = TableWriter(folder, model, bytes_per_group=waiting)
            tables.append(QualityWriter(model, writer, shared, self._latest.found()))
        headers = 0
        for place, name in name_tables(surveys, names).items():
            table = plan_table(name, place, surveys[place], describe(place), _dictionary(place))
            writer = TableWriter(folder, table.model, bytes_per_group=waiting)
            headers += place.path[0] == HEADER and not place.asked
            tables.append(ObjectWriter(table, writer, shared))
        if with_checks:
            tables.insert(headers, tables.pop(0))
        return tables

    def _add(self, table: _Table, made: DerivedTables) -> None:
        table.report.rows_read = self._rows
        table.report.skipped_rows = self._unread
        made.models[table.model.id] = table.model
        made.entries += table.writer.entries
        made.report[table.model.id] = table.report.to_dict(with_unknown=True)

    def _report_left_out(
        self, surveys: Sequence[tuple[Place, Survey]], names: set[str], made: DerivedTables
    ) -> None:
        """Name the tables that are too many, with the rows that they would have."""
        for place, survey in surveys[:_MOST_NAMED]:
            name = free_name(base_name(place), names | made.report.keys())
            reason = (
                f"{survey.rows} rows at info.{printable('.'.join(place.path))}: "
                f"only the {MOST_TABLES} places with the most rows have tables"
            )
            made.report[name] = {**TableReport().to_dict(with_unknown=True), "not_made": reason}


@contextmanager
def _finishing(tables: Sequence[_Table]) -> Iterator[None]:
    """Finish the files of tables, or let go of them when something was raised."""
    try:
        yield
        for table in tables:
            table.writer.close()
    except BaseException:
        for table in tables:
            table.writer.abort()
        raise


def _dictionary(place: Place) -> Callable[[Any], Keyword | None]:
    if not is_dicom(place):
        return _no_keyword
    from fw_dataset.render.objects.dictionary import find_keyword  # noqa: PLC0415 - loads pydicom

    return find_keyword


def _no_keyword(_: Any) -> Keyword | None:
    return None


def _remembered(find: Callable[[Any], Keyword | None]) -> Callable[[Any], bool]:
    """Whether the dictionary has a key."""
    known: dict[Any, bool] = {}

    def knows(key: Any) -> bool:
        if key not in known:
            known[key] = find(key) is not None
        return known[key]

    return knows
