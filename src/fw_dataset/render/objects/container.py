"""The two passes over one primary table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fw_dataset.format.names import free_name
from fw_dataset.render.derived import DerivedTables
from fw_dataset.render.objects.drafts import Drafts
from fw_dataset.render.objects.naming import base_name, describe, is_dicom, name_tables
from fw_dataset.render.objects.output import ChecksOutput, ObjectsOutput, Output
from fw_dataset.render.objects.places import HEADER, QC, Found, Place, Places
from fw_dataset.render.objects.plain import printable
from fw_dataset.render.objects.quality import Checks, quality_model
from fw_dataset.render.objects.reading import InfoBatch, InfoReader
from fw_dataset.render.objects.spill import Spill
from fw_dataset.render.objects.survey import Survey
from fw_dataset.render.objects.tables import FindKeyword, plan_table
from fw_dataset.render.objects.writing import SharedColumns
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


class Container:
    """Makes the tables of the objects in one primary table.

    Args:
        name: the primary table's name.
        reader: reads its ``info``.
        places: finds the objects.
        spill: where rows wait.
        checks: make the table of checks, too.
    """

    def __init__(
        self, name: str, reader: InfoReader, places: Places, spill: Spill, *, checks: bool
    ) -> None:
        self._name = name
        self._reader = reader
        self._places = places
        self._spill = spill
        self._shared = SharedColumns(name)
        self._surveys: dict[Place, Survey] = {}
        self._find: dict[Place, FindKeyword] = {}
        self._drafts: Drafts | None = Drafts(spill, self._shared)
        self._checks = Checks(self._shared) if checks else None
        # By batch, where the rows of checks are, and the bytes that they took.
        self._checked: dict[int, tuple[int, int]] = {}
        # By batch, the rows of the primary table up to its end.
        self._done: list[int] = []
        self._rows = reader.total_rows
        self._unread = 0
        self._has_forgotten = False

    def survey(self, progress: ProgressCallback | None) -> list[Place]:
        """The first pass: see what there is, and where."""
        for batch in self._reader.batches(self._shared.read):
            self._unread += len(batch.unread)
            self._done.append(batch.done)
            found = self._places.find(batch.infos)
            self._see(batch, found)
            if self._checks is not None:
                checks = self._checks.make(batch)
                if checks is not None:
                    self._checked[batch.number] = (self._spill.add(checks), checks.nbytes)
            self._tell(progress, batch.done)
        return list(self._surveys)

    def _see(self, batch: InfoBatch, found: Mapping[Place, Found]) -> None:
        for place, objects in found.items():
            if place not in self._surveys:
                self._find[place] = _dictionary(place)
                survey = Survey(_remembered(self._find[place]))
                # Of a place that was forgotten, keys may have been seen before.
                survey.is_whole = not self._has_forgotten
                self._surveys[place] = survey
            self._surveys[place].see(objects.objects)
        if self._drafts is not None:
            self._drafts.see(batch, found, self._surveys, self._find)
        if len(self._surveys) > _MOST_PLACES:
            self._surveys = dict(self._by_rows()[: _MOST_PLACES // 2])
            self._find = {place: self._find[place] for place in self._surveys}
            self._has_forgotten = True
            # Which batches have which places would take too much memory.
            self._drafts = None

    def write(
        self, folder: Path, names: set[str], progress: ProgressCallback | None
    ) -> DerivedTables:
        """The second pass: write the tables.

        Args:
            folder: the folder of the version.
            names: the names that are taken, without case; those of the tables are added.
            progress: called after each batch.
        """
        ranked = self._by_rows()
        outputs = self._begin(dict(ranked[:MOST_TABLES]), folder, names)
        with _finishing(outputs), WorkBehind() as behind:
            for number, batch in enumerate(self._again(outputs)) if outputs else ():
                found = {} if batch is None else self._places.find(batch.infos)
                for output in outputs:
                    rows = output.rows(number, batch, found)
                    if rows is not None:
                        behind.do(output.writer.write, *rows)
                self._tell(progress, self._rows + self._done[number])
        made = DerivedTables()
        for output in outputs:
            self._add(output, made)
        self._report_left_out(ranked[MOST_TABLES:], names, made)
        return made

    def _again(self, outputs: Sequence[Output]) -> Iterator[InfoBatch | None]:
        """All batches once more; None for those that need not be read."""
        numbers = range(len(self._done))
        lacking = {
            number
            for number in numbers
            if self._drafts is None or any(output.lacks(number) for output in outputs)
        }
        batches = self._reader.batches(self._shared.read, lacking) if lacking else iter(())
        for number in numbers:
            yield next(batches) if number in lacking else None

    def _tell(self, progress: ProgressCallback | None, done: int) -> None:
        if progress is not None:
            progress(Progress("derive", self._name, done, 2 * self._rows))

    def _by_rows(self) -> list[tuple[Place, Survey]]:
        return sorted(self._surveys.items(), key=lambda item: (-item[1].rows, item[0].path))

    def _begin(
        self, surveys: Mapping[Place, Survey], folder: Path, names: set[str]
    ) -> list[Output]:
        """The tables, in the order in which they are shown."""
        waiting = max(_LEAST_WAITING, min(BYTES_PER_GROUP, _BYTES_WAITING // (len(surveys) + 1)))
        checks: list[Output] = []
        if self._checks is not None and self._checks.rows:
            model = quality_model(free_name(QC, names))
            names.add(model.id)
            writer = TableWriter(folder, model, bytes_per_group=waiting)
            checks = [ChecksOutput(model, writer, self._checks, self._checked, self._spill)]
        headers: list[Output] = []
        others: list[Output] = []
        drafts = [] if self._drafts is None else self._drafts.batches
        for place, name in name_tables(surveys, names).items():
            table = plan_table(name, place, surveys[place], describe(place), self._find[place])
            writer = TableWriter(folder, table.model, bytes_per_group=waiting)
            is_header = place.path[0] == HEADER and not place.asked
            output = ObjectsOutput(table, writer, self._shared, drafts, self._spill)
            (headers if is_header else others).append(output)
        return [*headers, *checks, *others]

    def _add(self, output: Output, made: DerivedTables) -> None:
        output.report.rows_read = self._rows
        output.report.skipped_rows = self._unread
        made.models[output.model.id] = output.model
        made.entries += output.writer.entries
        made.report[output.model.id] = output.report.to_dict(with_unknown=True)

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
def _finishing(outputs: Sequence[Output]) -> Iterator[None]:
    """Finish the files of tables, or let go of them when something was raised."""
    try:
        yield
        for output in outputs:
            output.writer.close()
    except BaseException:
        for output in outputs:
            output.writer.abort()
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
