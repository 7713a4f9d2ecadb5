"""The table ``qc``: a row for each check that a gear left on a file.

A gear writes ``info.qc.{gear}``: an object of checks, and beside them ``job_info`` (and sometimes
``gear_info``) about the job that wrote them. Each check is a row. What is told of the job beyond
its id and the gear's version stands in ``extra`` of each of its rows, as the gear wrote it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from fw_dataset.format.schema import DataModel
from fw_dataset.format.tables import EXTRA
from fw_dataset.render.objects.places import QC
from fw_dataset.render.objects.plain import Repeated, as_object, printable, to_json
from fw_dataset.render.objects.reading import InfoBatch
from fw_dataset.render.objects.tables import EXTRA_COLUMN, shared_columns
from fw_dataset.render.objects.values import Fit, read_json
from fw_dataset.render.objects.writing import SharedColumns
from fw_dataset.render.report import TableReport
from fw_dataset.render.values import POOL

__all__ = ["Checks", "quality_model"]

_JOB, _GEAR = "job_info", "gear_info"
_NO_CHECKS = (_JOB, _GEAR)
_STATE = "state"
# Gears of different years tell these at different places; the first is where today's do.
_VERSIONS = (
    (_JOB, "version"),
    (_JOB, _GEAR, "version"),
    (_GEAR, "version"),
    (_JOB, "gear", "version"),
)
_JOBS = ((_JOB, "job_id"), (_JOB, "id"), (_JOB, "job", "id"))


def _text(title: str, description: str, **more: Any) -> dict[str, Any]:
    return {"type": ["string", "null"], "title": title, "description": description, **more}


_COLUMNS: Mapping[str, Mapping[str, Any]] = {
    "gear": _text("Gear", "The gear that checked the file: a key of info.qc."),
    "gear_version": _text("Gear version", "The gear's version, as its job_info tells it."),
    "job_id": _text("Job", "Identifier of the job that checked the file."),
    "check": _text(
        "Check",
        "The check: a key of what the gear wrote; null where it wrote something other than checks.",
    ),
    "state": _text("State", "What came of the check, as it is spelled: PASS, FAIL, NA or other."),
    "latest": {
        "type": ["boolean", "null"],
        "title": "Latest",
        "description": "Whether no newer version of the same file has this gear's check.",
    },
    "payload": _text(
        "Result", "All that the check holds, as JSON.", contentMediaType="application/json"
    ),
}


_TEXTS = (*(name for name in _COLUMNS if name != "latest"), EXTRA)


def quality_model(name: str) -> DataModel:
    """The schema of the table, which is always the same."""
    properties = shared_columns("files")
    properties |= {column: dict(prop) for column, prop in _COLUMNS.items()}
    properties[EXTRA] = dict(EXTRA_COLUMN)
    description = "Checks of quality: one row for each file version, gear and check."
    return DataModel(id=name, description=description, properties=properties)


@dataclass
class _Job:
    """What a gear tells of the job that wrote its checks.

    Attributes:
        version: the gear's version.
        id: the job's identifier.
        rest: what else it tells, under the keys at which it does.
    """

    version: str | None = None
    id: str | None = None
    rest: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def extra(self) -> str | None:
        """What else it tells, as JSON."""
        return to_json(self.rest) if self.rest else None


_NO_JOB = _Job()
_Checks = list[tuple[str | None, Any]]


def _gears(info: Mapping[str, Any]) -> Iterator[tuple[str, _Checks, Mapping[str, Any]]]:
    """Each gear, its checks with their values, and all that it wrote.

    What is no object is one value without the name of a check, and so is what a gear told of its
    job where it wrote no checks.
    """
    for gear, value in (as_object(info.get(QC)) or {}).items():
        results = as_object(value)
        if results is None:
            if value is not None:
                yield gear, [(None, value)], {}
            continue
        checks: _Checks = []
        for check, one in results.items():
            if one is None or check in _NO_CHECKS:
                continue
            if type(one) is Repeated:
                checks += [(check, each) for each in one.values]
            else:
                checks.append((check, one))
        if checks:
            yield gear, checks, results
        elif any(results.get(key) is not None for key in _NO_CHECKS):
            yield gear, [(None, None)], results


def _job(results: Mapping[str, Any]) -> _Job:
    if not results:
        return _NO_JOB
    rest = {key: results[key] for key in _NO_CHECKS if results.get(key) is not None}
    job = _Job(_first_text(results, _VERSIONS), _first_text(results, _JOBS), rest)
    told = rest.get(_JOB)
    if isinstance(told, dict):
        # What stands in the columns as it is need not be told twice.
        held = {"version": job.version, "job_id": job.id}
        left = {
            key: value
            for key, value in told.items()
            if value is not None and not (isinstance(value, str) and held.get(key) == value)
        }
        rest[_JOB] = left
        if not left:
            del rest[_JOB]
    return job


def _first_text(results: Mapping[str, Any], paths: tuple[tuple[str, ...], ...]) -> str | None:
    for path in paths:
        value: Any = results
        for key in path:
            value = (as_object(value) or {}).get(key)
        if isinstance(value, str):
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return to_json(value)
    return None


class Checks:
    """Makes the rows of the checks, all but which of them are the latest.

    For that it keeps two numbers a row, so that a million files need no more than some ten
    megabytes.

    Args:
        shared: the columns that rows begin with.

    Attributes:
        report: counts values that do not fit.
    """

    def __init__(self, shared: SharedColumns) -> None:
        self.report = TableReport()
        self._shared = shared
        self._keys = array("q")
        self._versions = array("q")

    @property
    def rows(self) -> int:
        """The rows that were made."""
        return len(self._keys)

    def make(self, batch: InfoBatch) -> pa.RecordBatch | None:
        """The rows of a batch, None where it has no checks."""
        places: list[int] = []
        texts: dict[str, list[str | None]] = {name: [] for name in _TEXTS}
        files, versions = _files(batch)
        for row, info in enumerate(batch.infos):
            if QC not in info:
                continue
            file, version = files[row], versions[row]
            for gear, checks, results in _gears(info):
                for check, _ in checks:
                    places.append(row)
                    # Equal hashes of unlike checks are as good as impossible: 64 bits.
                    self._keys.append(hash((file, gear, check)))
                    self._versions.append(version)
                self._append(texts, printable(gear), checks, _job(results))
        if not places:
            return None
        columns = self._shared.of(batch.rows, places)
        for name, column in texts.items():
            columns[name] = pa.array(column, pa.string(), memory_pool=POOL)
        return pa.RecordBatch.from_pydict(columns)

    def latest(self) -> pa.BooleanArray:
        """For each row, in order, whether no newer version of its file has the gear's check."""
        keys = pa.array(self._keys, pa.int64())
        versions = pa.array(self._versions, pa.int64())
        table = pa.table({"key": keys, "version": versions})
        newest = table.group_by("key").aggregate([("version", "max")]).combine_chunks()
        place = pc.index_in(keys, value_set=newest["key"])
        return pc.equal(versions, pc.take(newest["version_max"], place)).combine_chunks()

    def _append(
        self, texts: dict[str, list[str | None]], gear: str, checks: _Checks, job: _Job
    ) -> None:
        """Put a gear's rows behind the others."""
        for name, text in (("gear", gear), ("gear_version", job.version), ("job_id", job.id)):
            texts[name] += [text] * len(checks)
        names, states = texts["check"], texts["state"]
        payloads, extras = texts["payload"], texts[EXTRA]
        for check, value in checks:
            fitted = Fit() if value is None else read_json(value)
            names.append(None if check is None else printable(check))
            states.append(_state(value))
            payloads.append(fitted.column)
            if fitted.rest is None:
                extras.append(job.extra)
            else:
                self.report.count(["payload"], ())
                extras.append(to_json({**job.rest, check or "": fitted.rest}))


def _files(batch: InfoBatch) -> tuple[list[str], list[int]]:
    """Of each row the file, which all its versions share, and the number of the version."""
    rows = batch.rows
    names = rows.schema.names
    own = rows.column("id").to_pylist()
    files = rows.column("file_id").to_pylist() if "file_id" in names else own
    files = [one if file is None else file for file, one in zip(files, own, strict=True)]
    if "version" not in names:
        return files, [-1] * len(own)
    return files, rows.column("version").fill_null(-1).to_pylist()


def _state(value: Any) -> str | None:
    state = value.get(_STATE) if isinstance(value, dict) else None
    if isinstance(state, str) or state is None:
        return state
    return to_json(state) if isinstance(state, (bool, int, float)) else None
