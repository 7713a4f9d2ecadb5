"""A real study's snapshot with edits that are known, and what a comparison must say of them."""

from __future__ import annotations

import gzip
import json
import sqlite3
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Any

from tests.support.snapshots import TABLES, write_snapshot

__all__ = ["Study", "edited", "read_snapshot"]

Record = dict[str, Any]
Study = dict[str, list[Record]]


def read_snapshot(path: Path, folder: Path) -> Study:
    """The records of a snapshot by table; the folder is worked in."""
    plain = folder / "snapshot.db"
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    with closing(sqlite3.connect(plain)) as connection:
        rows = {t: connection.execute(f"select data from {t} order by id") for t in TABLES}
        return {table: [json.loads(data) for (data,) in found] for table, found in rows.items()}


def edited(study: Study, path: Path) -> dict[str, Any]:
    """Write the study with edits to it; what ``diff --json`` has to say of its tables is returned.

    The study needs ten subjects, five sessions, two analyses, and thirty files of acquisitions.
    """
    new = deepcopy(study)
    added, removed = _add_a_session(new), _remove_an_acquisition(new)
    expected = {
        "projects": _edit_the_project(new),
        "subjects": _edit_subjects(new),
        "sessions": {**_edit_sessions(new), "added": 1},
        "acquisitions": {"added": 1, "removed": 1, "changed": 0, "columns": {}},
        "analyses": _edit_analyses(new),
        "files": _edit_files(new),
    }
    expected["files"]["added"] += added
    expected["files"]["removed"] += removed
    _say_the_same_otherwise(new)
    write_snapshot(path, {table: [(_key(one), one) for one in new[table]] for table in TABLES})
    return expected


def _key(record: Record) -> str:
    return str(record.get("uuid") or record["_id"])


def _add_a_session(study: Study) -> int:
    """A visit more of the first subject: an acquisition of two files, whose number is returned."""
    session = deepcopy(study["session"][0])
    session.update(_id="5e55" * 6, label="ses-followup")
    acquisition = deepcopy(study["acquisition"][0])
    acquisition.update(_id="acc0" * 6, label="anat_T2w", session=session["_id"])
    acquisition["parents"] = {**session["parents"], "session": session["_id"]}
    parents = {**acquisition["parents"], "acquisition": acquisition["_id"]}
    for number in (1, 2):
        study["file"].append(_new_file(_placed(study)[0], f"echo-{number}.nii.gz", parents))
    study["session"].append(session)
    study["acquisition"].append(acquisition)
    return 2


def _new_file(like: Record, name: str, parents: Record) -> Record:
    digits = name.encode().hex()[:24].ljust(24, "0")
    file = deepcopy(like)
    file.update(_id={"file_id": digits, "version": 1}, name=name, size=4096)
    file.update(uuid=f"{digits[:8]}-0000-4000-8000-{digits[8:20]}", parents=dict(parents))
    file["parent_ref"] = {"type": "acquisition", "id": parents["acquisition"]}
    return file


def _placed(study: Study) -> list[Record]:
    """The files of acquisitions."""
    return [file for file in study["file"] if file["parents"].get("acquisition")]


def _remove_an_acquisition(study: Study) -> int:
    """The last one, with its files, whose number is returned."""
    gone = study["acquisition"].pop(-2)["_id"]  # the last one is new
    kept = [file for file in study["file"] if file["parents"].get("acquisition") != gone]
    removed = len(study["file"]) - len(kept)
    study["file"] = kept
    return removed


def _edit_the_project(study: Study) -> dict[str, Any]:
    study["project"][0]["description"] = "Faces, looked at again"
    return {"added": 0, "removed": 0, "changed": 1, "columns": {"description": 1}}


def _edit_subjects(study: Study) -> dict[str, Any]:
    """Eight of them, one in two columns."""
    subjects = study["subject"]
    for subject in subjects[:5]:
        subject["label"] += " ✓"
    subjects[4]["tags"] = ["excluded", "moved a lot"]
    subjects[5]["species"] = "human"  # there was nothing
    subjects[6]["sex"] = None  # there was something
    subjects[7]["shoe size"] = 43  # a key that has no column
    columns = {"label": 5, "tags": 1, "species": 1, "sex": 1, "extra": 1}
    return {"added": 0, "removed": 0, "changed": 8, "columns": columns}


def _edit_sessions(study: Study) -> dict[str, Any]:
    first, second, third = study["session"][1:4]
    first["age"] += 86400
    second["timestamp"] = "2024-03-01T09:30:00.000+00:00"
    third["info"] = {**third["info"], "visit": {"number": 2}}
    columns = {"age": 1, "timestamp": 1, "info": 1}
    return {"added": 0, "removed": 0, "changed": 3, "columns": columns}


def _edit_analyses(study: Study) -> dict[str, Any]:
    """One is gone, and one was made by another gear."""
    study["analysis"].pop()
    study["analysis"][0]["gear_info"]["version"] = "2.0.0"
    return {"added": 0, "removed": 1, "changed": 1, "columns": {"gear_info.version": 1}}


def _edit_files(study: Study) -> dict[str, Any]:
    """Three are added, four removed, one replaced by its next version, and nine changed."""
    known = [file for file in _placed(study) if file["parents"]["session"] != "5e55" * 6]
    for number in range(3):
        study["file"].append(_new_file(known[0], f"{number}-notes.txt", known[0]["parents"]))
    gone = {_key(file) for file in known[1:5]}
    study["file"] = [file for file in study["file"] if _key(file) not in gone]
    known[5]["_id"]["version"] = 2
    for file in known[10:16]:
        file["tags"] = [*file["tags"], "checked"]
    for file in known[14:19]:  # two of them have new tags, too
        file["size"] += 1
    columns = {"tags": 6, "size": 5}
    return {"added": 3 + 1, "removed": 4 + 1, "changed": 9, "columns": columns}


def _say_the_same_otherwise(study: Study) -> None:
    """What is no difference: another offset, null for nothing, other keys first, other rows."""
    for table in ("subject", "session", "file"):
        for record in study[table]:
            assert record["modified"] == "2024-02-03T04:05:06.789+00:00"
            record["modified"] = "2024-02-03T05:35:06.789000+01:30"
    for subject in study["subject"]:
        subject.setdefault("cohort", None)
    study["acquisition"] = [
        {"created": one["created"], "label": one["label"], **one} for one in study["acquisition"]
    ]
    study["file"].reverse()
