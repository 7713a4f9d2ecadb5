"""A small study of which tables can be derived, with the bytes of its tabular files."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

from fw_dataset import Dataset, add_derived
from tests.support.datasets import CREATED, identifier, small_study
from tests.support.snapshots import write_snapshot

__all__ = ["ALL", "TABLES", "add_all", "scores_id", "write_files", "write_study"]

ALL: dict[str, Any] = {
    "headers": True,
    "qc": True,
    "custom_info": ["subjects.demographics", "files.BIDS"],
}
"""What can be asked of it, but for tabular files."""

TABLES = {
    "header_dicom": 3,
    "info_files_bids": 3,
    "info_subjects_demographics": 2,
    "qc": 6,
    "qc_mriqc": 3,
    "scores": 5,
    "visits": 2,
}
"""The rows of every table that can be derived."""

_SCORES = {0: b"id,score\n00072,1.5\n00073,n/a\n", 1: b"id;score\n1;2\n2;3\n3;4\n"}
_VISITS = "visit\twhen\n1\t2024-01-01\n2\t2024-02-01\n".encode("utf-16")


def write_study(folder: Path) -> Path:
    """Write its snapshot; the path is returned."""
    study = small_study(subjects=3, files=1)
    for number, (_, record) in enumerate(study["subject"]):
        if number < 2:
            _info(record)["demographics"] = {"age": 30 + number, "hand": "left"}
    for number, (_, record) in enumerate(study["file"]):
        _info(record).update(_derivable(number))
    study["file"] += [_tabular(number) for number in range(3)]
    folder.mkdir(parents=True, exist_ok=True)
    return write_snapshot(folder / "snapshot.db.gz", study)


def write_files(folder: Path) -> Path:
    """Write the bytes of its tabular files; the folder is returned."""
    contents = {**{n: ("scores.csv", text) for n, text in _SCORES.items()}}
    contents[2] = ("visits.tsv.gz", gzip.compress(_VISITS, mtime=0))
    for number, (name, content) in contents.items():
        path = folder / scores_id(number) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def scores_id(number: int) -> str:
    """The ``file_id`` of a tabular file."""
    return identifier(6 << 40 | number)


def add_all(root: Path, files: Path, **options: Any) -> list[str]:
    """What processes do: add all tables to a dataset."""
    return add_derived(Dataset.open(root), **ALL, tabular_files=files, **options)


def render_all(snapshot: Path, root: Path, **options: Any) -> str:
    """Render it with all tables; the version is returned."""
    from fw_dataset import render_snapshot

    return render_snapshot(snapshot, root, created=CREATED, **ALL, **options).version


def _info(record: Any) -> dict[str, Any]:
    info: dict[str, Any] = record["info"]
    return info


def _derivable(number: int) -> dict[str, Any]:
    return {
        "header": {"dicom": {"EchoTime": 0.5, "SliceThickness": number, "private.x": [1, 2]}},
        "BIDS": {"Suffix": "T1w", "number": number},
        "qc": {
            "mriqc": {
                "snr": {"state": "PASS", "data": {"value": 40 + number}},
                "motion": {"state": "FAIL" if number else "PASS", "data": None},
                "job_info": {"job_id": f"job-{number}", "version": "1.0"},
            }
        },
    }


def _tabular(number: int) -> tuple[object, dict[str, Any]]:
    uuid = f"00000000-0000-4000-9000-{number:012x}"
    record: dict[str, Any] = {
        "_id": {"file_id": scores_id(number), "version": 1},
        "uuid": uuid,
        "name": "visits.tsv.gz" if number == 2 else "scores.csv",
        "type": "tabular data",
        "parents": {"group": "lab", "project": identifier(1)},
    }
    if number == 1:  # of the same name elsewhere
        record["parents"]["subject"] = identifier(2 << 32)
    return uuid, record
