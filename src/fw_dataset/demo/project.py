"""The synthetic project as a snapshot file, as large as wanted and the same for a seed."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from fw_dataset.demo.containers import (
    acquisition_record,
    analysis_record,
    project_record,
    session_record,
    subject_record,
)
from fw_dataset.demo.files import SLOTS, Slot, file_record, version_count
from fw_dataset.demo.identity import Record, digest, instant, object_id, random_for, uuid_text
from fw_dataset.demo.oddities import odd_json, oddity_at
from fw_dataset.demo.people import Cohort, Visit
from fw_dataset.demo.snapshot_file import Row, SnapshotCounts, write_snapshot_file
from fw_dataset.demo.study import GROUP, PEOPLE, PROTOCOL, STUDY_START

DEFAULT_SEED = 20240501
DEFAULT_SUBJECTS = 40

_encode = msgspec.json.Encoder().encode
_PROJECT_FILES = (
    ("participants.tsv", "tabular data", 2_900),
    ("dataset_description.json", "source code", 640),
    ("README", None, 1_800),
)
_BENCHMARK_FILES = tuple((slot, 1, 1) for slot in SLOTS if slot.kind not in ("report", "archive"))
"""Slot, version and versions of the 29 files of a benchmark visit: 8 carry DICOM headers."""


def write_snapshot(
    path: str | os.PathLike[str],
    *,
    subjects: int = DEFAULT_SUBJECTS,
    seed: int = DEFAULT_SEED,
    odd_values: bool = True,
) -> SnapshotCounts:
    """Write a longitudinal neuroimaging project as a snapshot and say what is in it.

    `path` ends in `.db`, or in `.db.gz` for a gzipped file; an existing file is replaced
    when the new one is whole. A subject has one to three sessions and some 30 files in each.
    `odd_values` puts into some records what real projects hold and schemas do not foresee
    (see `oddities`); small projects get only the first of them. Equal arguments give equal
    bytes, and memory does not grow with the number of subjects.

    Raises ValueError when `subjects` is below 1, OSError when the file cannot be written.
    """
    if subjects < 1:
        raise ValueError(f"a project needs at least one subject, not {subjects}")
    cohort = Cohort(seed)

    def rows(table: str) -> Iterator[Row]:
        return _rows(table, _RECORDS[table](cohort, subjects), odd_values)

    return write_snapshot_file(Path(path), rows)


def write_benchmark_snapshot(
    path: str | os.PathLike[str], files: int, seed: int = DEFAULT_SEED
) -> SnapshotCounts:
    """Write a snapshot of exactly `files` file records (at least 1) for measuring speed.

    About 28 % of the files carry a DICOM header of 80 to 90 keys (6 kB of JSON each), the
    others are small; 100 000 file records make about 250 MB of JSON. Sessions, subjects and
    the other tables are in proportion. Records stand in random order, as they do in a database
    that many people wrote to: neighbours belong to different sessions. There are no odd
    values. Memory grows by four bytes a file.

    Raises ValueError when `files` is below 1, OSError when the file cannot be written.
    """
    if files < 1:
        raise ValueError(f"a benchmark needs at least one file, not {files}")
    cohort = Cohort(seed, complete=True)

    def rows(table: str) -> Iterator[Row]:
        return _rows(table, _BENCHMARK_RECORDS[table](cohort, files), odd_values=False)

    return write_snapshot_file(Path(path), rows)


def _rows(table: str, records: Iterator[Record], odd_values: bool) -> Iterator[Row]:
    """Turn records into rows; every so many of them become odd when that is wanted."""
    for place, record in enumerate(records):
        identifier = record["uuid"] if table == "file" else record["_id"]
        oddity = oddity_at(table, place) if odd_values else None
        if oddity is None:
            yield identifier, _encode(record), False
        else:
            yield identifier, odd_json(record, oddity), True


def _visits(cohort: Cohort, subjects: int) -> Iterator[Visit]:
    for index in range(subjects):
        person = cohort.person(index)
        for number in person.visits:
            yield cohort.visit(person, number)


def _projects(cohort: Cohort, _size: int) -> Iterator[Record]:
    yield project_record(cohort)


def _subjects(cohort: Cohort, subjects: int) -> Iterator[Record]:
    for index in range(subjects):
        yield subject_record(cohort, cohort.person(index))


def _sessions(cohort: Cohort, subjects: int) -> Iterator[Record]:
    for visit in _visits(cohort, subjects):
        yield session_record(cohort, visit)


def _acquisitions(cohort: Cohort, subjects: int) -> Iterator[Record]:
    for visit in _visits(cohort, subjects):
        for number in range(1, len(PROTOCOL) + 1):
            yield acquisition_record(cohort, visit, number)


def _analysed(cohort: Cohort, visit: Visit) -> bool:
    """Whether the volume analysis of a visit went through: it fails now and then."""
    return cohort.complete or digest(cohort.seed, "analysed", visit.id, size=1)[0] >= 10


def _analyses(cohort: Cohort, subjects: int) -> Iterator[Record]:
    for visit in _visits(cohort, subjects):
        if _analysed(cohort, visit):
            yield analysis_record(cohort, visit)


def _slots(cohort: Cohort, visit: Visit) -> Iterator[Slot]:
    analysed = _analysed(cohort, visit)
    for slot in SLOTS:
        if analysed or slot.kind not in ("volumes", "report", "archive"):
            yield slot


def _files(cohort: Cohort, subjects: int) -> Iterator[Record]:
    yield from _project_files(cohort)
    for visit in _visits(cohort, subjects):
        for slot in _slots(cohort, visit):
            versions = version_count(cohort, visit, slot)
            for version in range(1, versions + 1):
                yield file_record(cohort, visit, slot, version, versions)


def _project_files(cohort: Cohort) -> Iterator[Record]:
    """Yield the files that hang on the project itself: small records with few keys."""
    for name, kind, size in _PROJECT_FILES:
        file_id = object_id(cohort.seed, STUDY_START, "project-file", name)
        yield {
            "_id": {"file_id": file_id, "version": 1},
            "uuid": uuid_text(cohort.seed, "project-file", name),
            "name": name,
            "type": kind,
            "size": size,
            "hash": digest(cohort.seed, "project-file", name, size=48).hex(),
            "parents": {"group": GROUP, "project": cohort.project_id},
            "parent_ref": {"type": "project", "id": cohort.project_id},
            "origin": {"type": "user", "id": PEOPLE[0]},
            "created": instant(STUDY_START),
            "modified": instant(STUDY_START),
            "info": {},
        }


_RECORDS: dict[str, Callable[[Cohort, int], Iterator[Record]]] = {
    "project": _projects,
    "subject": _subjects,
    "session": _sessions,
    "acquisition": _acquisitions,
    "file": _files,
    "analysis": _analyses,
}


def _scattered(cohort: Cohort, table: str, count: int) -> array[int]:
    """Return the numbers below `count` in random order."""
    order = array("I", range(count))
    random_for(cohort.seed, "order", table).shuffle(order)
    return order


def _benchmark_visit(cohort: Cohort, index: int) -> Visit:
    return cohort.visit(cohort.person(index // 3), index % 3)


def _visit_count(files: int) -> int:
    return -(-files // len(_BENCHMARK_FILES))


def _benchmark_subjects(cohort: Cohort, files: int) -> Iterator[Record]:
    for index in _scattered(cohort, "subject", -(-_visit_count(files) // 3)):
        yield subject_record(cohort, cohort.person(index))


def _benchmark_sessions(cohort: Cohort, files: int) -> Iterator[Record]:
    for index in _scattered(cohort, "session", _visit_count(files)):
        yield session_record(cohort, _benchmark_visit(cohort, index))


def _benchmark_acquisitions(cohort: Cohort, files: int) -> Iterator[Record]:
    series = len(PROTOCOL)
    for index in _scattered(cohort, "acquisition", _visit_count(files) * series):
        visit = _benchmark_visit(cohort, index // series)
        yield acquisition_record(cohort, visit, index % series + 1)


def _benchmark_analyses(cohort: Cohort, files: int) -> Iterator[Record]:
    for index in _scattered(cohort, "analysis", _visit_count(files)):
        yield analysis_record(cohort, _benchmark_visit(cohort, index))


def _benchmark_files(cohort: Cohort, files: int) -> Iterator[Record]:
    each = len(_BENCHMARK_FILES)
    for index in _scattered(cohort, "file", files):
        visit = _benchmark_visit(cohort, index // each)
        yield file_record(cohort, visit, *_BENCHMARK_FILES[index % each])


_BENCHMARK_RECORDS: dict[str, Callable[[Cohort, int], Iterator[Record]]] = {
    "project": _projects,
    "subject": _benchmark_subjects,
    "session": _benchmark_sessions,
    "acquisition": _benchmark_acquisitions,
    "file": _benchmark_files,
    "analysis": _benchmark_analyses,
}
