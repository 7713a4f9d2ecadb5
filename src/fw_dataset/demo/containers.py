"""Records of the synthetic project, its subjects, sessions, acquisitions and analyses.

The keys are those of the platform's database documents, not of its API's answers: they hold
keys that no table of a dataset names (`project` beside `parents`, `subject` as an object,
`public`), and values that are missing or null.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from fw_dataset.demo.identity import (
    Record,
    dicom_uid,
    instant,
    local_instant,
    object_id,
    random_for,
    short_id,
)
from fw_dataset.demo.people import MONTH, Cohort, Person, Visit
from fw_dataset.demo.study import GROUP, PEOPLE, PROJECT_LABEL, PROTOCOL, SITES, STUDY_START

VOLUME_GEAR = "freesurfer-recon-all"
ETHNICITIES = ("Not Hispanic or Latino", "Hispanic or Latino", "Unknown or Not Reported", None)
RACES = ("White", "Asian", "Black or African American", "More Than One Race", None)


def acquisition_start(visit: Visit, number: int) -> datetime:
    """Return when the series with this number (from 1) began."""
    return visit.start + timedelta(minutes=6 * number)


def acquisition_id(cohort: Cohort, visit: Visit, number: int) -> str:
    """Return the id of the acquisition that holds the series with this number."""
    return object_id(cohort.seed, acquisition_start(visit, number), "acquisition", visit.id, number)


def analysis_id(cohort: Cohort, visit: Visit) -> str:
    """Return the id of the visit's volume analysis."""
    return object_id(cohort.seed, visit.start + timedelta(days=2), "analysis", visit.id)


def parents(cohort: Cohort, visit: Visit | None = None, *, leaf: bool = False) -> Record:
    """Return `parents` down to the session, or to the subject when `leaf` is false."""
    found: Record = {"group": GROUP, "project": cohort.project_id}
    if visit is not None:
        found["subject"] = visit.person.id
        if leaf:
            found["session"] = visit.id
    return found


def permissions(seed: int) -> list[Record]:
    """Return who may do what: four people, all at example.org."""
    return [
        {"_id": user, "role_ids": [short_id(seed, "role", rank // 2)]}
        for rank, user in enumerate(PEOPLE)
    ]


def _note(seed: int, made: datetime, text: str, *key: object) -> Record:
    user = PEOPLE[len(text) % len(PEOPLE)]
    written = instant(made)
    return {
        "_id": object_id(seed, made, "note", *key),
        "user": user,
        "text": text,
        "created": written,
        "modified": written,
    }


def project_record(cohort: Cohort) -> Record:
    """Return the one project record."""
    made = STUDY_START - 3 * MONTH
    return {
        "_id": cohort.project_id,
        "label": PROJECT_LABEL,
        "description": "Synthetic: three sites, three yearly visits, nobody in it is real.",
        "group": GROUP,
        "parents": {"group": GROUP},
        "permissions": permissions(cohort.seed),
        "providers": {"storage": short_id(cohort.seed, "provider")},
        "templates": [{"session": {"subject": {"code": "^sub-"}}, "acquisitions": []}],
        "tags": ["synthetic", "longitudinal"],
        "notes": [_note(cohort.seed, made, "Protocol 2.1 approved", "project")],
        "info": {
            "protocol": {"version": "2.1", "sites": [site.key for site in SITES]},
            "BIDS": {"Name": PROJECT_LABEL, "BIDSVersion": "1.8.0", "Authors": []},
        },
        "info_exists": True,
        "editions": {"lab": True},
        "copyable": True,
        "public": False,
        "created": instant(made),
        "modified": instant(STUDY_START + 38 * MONTH),
        "deleted": None,
        "revision": 12,
    }


def subject_record(cohort: Cohort, person: Person) -> Record:
    """Return the record of one subject."""
    draw = random_for(cohort.seed, "subject-record", person.index)
    return {
        "_id": person.id,
        "label": person.label,
        "code": person.label,
        "master_code": None,
        "parents": parents(cohort),
        "project": cohort.project_id,
        "firstname": None,
        "lastname": None,
        "sex": person.sex if draw.random() < 0.97 else None,
        "type": "human",
        "race": draw.choice(RACES),
        "ethnicity": draw.choice(ETHNICITIES),
        "species": None,
        "strain": None,
        "mlset": draw.choice(("Training", "Training", "Validation", "Test", None)),
        "cohort": "Study",
        "state": None,
        "permissions": permissions(cohort.seed),
        "tags": [person.site.key.lower()] + (["apoe-e4"] if draw.random() < 0.25 else []),
        "notes": [],
        "info": _subject_info(person, draw),
        "info_exists": True,
        "created": instant(person.enrolled),
        "modified": instant(person.enrolled + 2 * MONTH),
        "deleted": None,
        "revision": draw.randrange(1, 9),
    }


def _subject_info(person: Person, draw: random.Random) -> Record:
    asked = draw.random() < 0.9
    return {
        "site": person.site.key,
        "enrolment": {"consented": True, "arm": "observation"},
        "demographics": {
            "education_years": person.education if asked else None,
            "handedness": "right" if draw.random() < 0.89 else "left",
            "height_m": round(person.height, 2),
        },
        "neuropsychology": {"moca_baseline": person.moca},
    }


def session_record(cohort: Cohort, visit: Visit) -> Record:
    """Return the record of one session: age in seconds, weight in kg."""
    draw = random_for(cohort.seed, "session-record", visit.id)
    person = visit.person
    notes = ["Participant felt cold, blanket given"] if draw.random() < 0.08 else []
    return {
        "_id": visit.id,
        "label": visit.label,
        "parents": parents(cohort, visit),
        "group": GROUP,
        "project": cohort.project_id,
        "subject": {"_id": person.id, "code": person.label, "sex": person.sex},
        "age": visit.age_seconds,
        "weight": visit.weight if draw.random() < 0.93 else None,
        "operator": draw.choice(PEOPLE) if draw.random() < 0.8 else None,
        "timestamp": local_instant(visit.start, visit.offset),
        "timezone": person.site.timezone,
        "uid": dicom_uid(cohort.seed, "study", visit.id),
        "permissions": permissions(cohort.seed),
        "satisfies_template": draw.random() < 0.95,
        "project_has_template": True,
        "public": False,
        "tags": ["repeat-needed"] if visit.motion > 0.3 else [],
        "notes": [_note(cohort.seed, visit.start, text, visit.id) for text in notes],
        "info": {"visit": visit.number, "site": person.site.key},
        "info_exists": True,
        "created": instant(visit.start + timedelta(hours=3)),
        "modified": instant(visit.start + timedelta(days=3)),
        "deleted": None,
        "revision": draw.randrange(2, 30),
    }


def acquisition_record(cohort: Cohort, visit: Visit, number: int) -> Record:
    """Return the record of the acquisition that holds the series with this number."""
    draw = random.Random(f"{cohort.seed}/acquisition/{visit.id}/{number}")
    start = acquisition_start(visit, number)
    series = PROTOCOL[number - 1]
    repeat = draw.random() < 0.02
    return {
        "_id": acquisition_id(cohort, visit, number),
        "label": series.label,
        "session": visit.id,
        "parents": parents(cohort, visit, leaf=True),
        "timestamp": local_instant(start, visit.offset),
        "timezone": visit.person.site.timezone,
        "uid": dicom_uid(cohort.seed, "series", visit.id, number),
        "permissions": permissions(cohort.seed)[:2],
        "metadata": {},
        "collections": [short_id(cohort.seed, "collection", 1)] if draw.random() < 0.05 else [],
        "public": False,
        "tags": ["repeat"] if repeat else [],
        "notes": [_note(cohort.seed, start, "Moved", visit.id, number)] if repeat else [],
        "info": {} if draw.random() < 0.9 else {"comment": "table moved between series"},
        "info_exists": True,
        "created": instant(start + timedelta(hours=3)),
        "modified": instant(start + timedelta(hours=4)),
        "deleted": instant(start + 6 * MONTH) if draw.random() < 0.004 else None,
        "revision": draw.randrange(1, 6),
    }


def analysis_record(cohort: Cohort, visit: Visit) -> Record:
    """Return the record of a visit's volume analysis: volumes are mm³."""
    draw = random_for(cohort.seed, "analysis-record", visit.id)
    made = visit.start + timedelta(days=2)
    return {
        "_id": analysis_id(cohort, visit),
        "label": f"{VOLUME_GEAR} {instant(made)}",
        "description": None,
        "parent": {"type": "session", "id": visit.id},
        "parents": parents(cohort, visit, leaf=True),
        "gear_info": {
            "id": short_id(cohort.seed, "gear", VOLUME_GEAR),
            "category": "analysis",
            "name": VOLUME_GEAR,
            "version": "1.6.1_7.3.2",
            "capabilities": ["bids"],
        },
        "job": short_id(cohort.seed, "analysis-job", visit.id),
        "compute_provider_id": short_id(cohort.seed, "compute"),
        "inputs": [
            {
                "type": "acquisition",
                "id": acquisition_id(cohort, visit, 2),
                "name": "2 - T1w_MPRAGE.nii.gz",
            }
        ],
        "tags": [],
        "notes": [],
        "info": {
            "volumes": _volumes(visit, draw),
            "runtime_hours": round(abs(draw.gauss(6.4, 0.8)), 2),
        },
        "info_exists": True,
        "created": instant(made),
        "modified": instant(made + timedelta(hours=8)),
        "deleted": None,
        "revision": 4,
    }


def _volumes(visit: Visit, draw: random.Random) -> Record:
    left = visit.hippocampus * (0.488 + draw.gauss(0.0, 0.003))
    return {
        "hippocampus": round(visit.hippocampus, 1),
        "hippocampus_left": round(left, 1),
        "hippocampus_right": round(visit.hippocampus - left, 1),
        "estimated_total_intracranial": round(visit.person.brain + draw.gauss(0.0, 4e3), 1),
    }
