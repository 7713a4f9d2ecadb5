"""File records of the synthetic project: images, sidecars, tables and results, in versions.

A slot is one file of a visit. Each of its versions is a record of its own: the versions share
`_id.file_id`, every one has its `uuid`, and all but the newest say when they were replaced.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

from fw_dataset.demo.containers import (
    VOLUME_GEAR,
    acquisition_id,
    acquisition_start,
    analysis_id,
)
from fw_dataset.demo.headers import dicom_header, nifti_header
from fw_dataset.demo.identity import Record, digest, instant, object_id, short_id, uuid_text
from fw_dataset.demo.people import Cohort, Visit
from fw_dataset.demo.quality import bids_entry, header_quality, image_quality
from fw_dataset.demo.study import GROUP, PEOPLE, PROTOCOL


@dataclass(frozen=True, slots=True)
class Kind:
    """What sort of file: its name's ending, its platform type, and about how many bytes."""

    ending: str
    type: str | None
    mimetype: str | None
    size: int
    gear: str | None = None


KINDS = {
    "dicom": Kind(".dicom.zip", "dicom", "application/zip", 34_000_000),
    "nifti": Kind(".nii.gz", "nifti", "application/gzip", 21_000_000, "dcm2niix"),
    "sidecar": Kind(".json", "source code", "application/json", 2_400, "dcm2niix"),
    "bval": Kind(".bval", "bval", None, 480, "dcm2niix"),
    "bvec": Kind(".bvec", "bvec", None, 3_400, "dcm2niix"),
    "physio": Kind("_physio.csv", "tabular data", "text/csv", 820_000),
    "events": Kind("_events.tsv", "tabular data", "text/tab-separated-values", 5_300),
    "protocol": Kind("scan-protocol.pdf", "pdf", "application/pdf", 210_000),
    "volumes": Kind("aseg_stats.csv", "tabular data", "text/csv", 6_900, VOLUME_GEAR),
    "report": Kind("report.html", "HTML", "text/html", 1_300_000, VOLUME_GEAR),
    "archive": Kind("freesurfer.zip", "archive", "application/zip", 310_000_000, VOLUME_GEAR),
}
_BIDS_KINDS = ("nifti", "sidecar", "bval", "bvec", "events")
BETWEEN_VERSIONS = timedelta(days=21)
GEAR_VERSIONS = {"dcm2niix": "2.1.3_1.0.20220720", VOLUME_GEAR: "1.6.1_7.3.2"}


@dataclass(frozen=True, slots=True)
class Slot:
    """One file of a visit. `series` counts from 1; 0 is a file of the session or analysis."""

    kind: str
    series: int = 0


SLOTS = (
    *(Slot(kind, number) for number, series in enumerate(PROTOCOL, 1) for kind in series.kinds),
    Slot("protocol"),
    Slot("volumes"),
    Slot("report"),
    Slot("archive"),
)
"""The files of one visit, in the order in which they arrive."""


def version_count(cohort: Cohort, visit: Visit, slot: Slot) -> int:
    """Return how many versions of a file there are: mostly one, at most three."""
    chance = digest(cohort.seed, "versions", visit.id, slot.kind, slot.series, size=1)[0]
    if slot.kind not in ("dicom", "nifti", "volumes"):
        return 1
    return 3 if chance < 6 else 2 if chance < 38 else 1


def file_record(
    cohort: Cohort, visit: Visit, slot: Slot, version: int = 1, versions: int = 1
) -> Record:
    """Return one version of a file (versions count from 1, up to `versions`)."""
    key = (visit.id, slot.kind, slot.series)
    draw = random.Random(f"{cohort.seed}/file/{key}/{version}")
    lag = timedelta(hours=3, seconds=SLOTS.index(slot))
    made = acquisition_start(visit, slot.series) + lag + (version - 1) * BETWEEN_VERSIONS
    newest = version == versions
    info = _info(cohort.seed, visit, slot)
    return {
        "_id": {"file_id": object_id(cohort.seed, visit.start, "file", *key), "version": version},
        "uuid": uuid_text(cohort.seed, "file", *key, version),
        **_content(cohort.seed, slot, draw),
        **_place(cohort, visit, slot),
        **_provenance(cohort, slot, draw),
        "created": instant(made),
        "modified": instant(made + timedelta(hours=draw.randrange(1, 60))),
        "deleted": instant(made + timedelta(days=90)) if newest and draw.random() < 0.004 else None,
        "replaced": None if newest else instant(made + BETWEEN_VERSIONS),
        "tags": ["dicom-qc-done"] if slot.kind == "dicom" and draw.random() < 0.9 else [],
        "info": info,
        "info_exists": bool(info),
        "revision": draw.randrange(1, 7),
    }


def _content(seed: int, slot: Slot, draw: random.Random) -> Record:
    """Return what the file is: name, type, size in bytes, classification, checksum."""
    kind = KINDS[slot.kind]
    series = PROTOCOL[slot.series - 1] if slot.series else None
    image = slot.kind in ("dicom", "nifti")
    scale = series.volumes**0.5 if series is not None else 1.0
    return {
        "name": f"{series.label}{kind.ending}" if series is not None else kind.ending,
        "type": kind.type,
        "mimetype": kind.mimetype,
        "modality": "MR" if image else None,
        "size": int(kind.size * scale * (0.9 + 0.2 * draw.random())),
        "hash": f"{draw.getrandbits(384):096x}",
        "client_hash": None,
        "zip_member_count": series.matrix[2] if series and slot.kind == "dicom" else None,
        "classification": {
            "Intent": [series.intent],
            "Measurement": [series.measurement],
            **({"Features": ["Multi-Band"]} if series.scanning == "EP" else {}),
            **({"Custom": [series.task]} if series.task else {}),
        }
        if series is not None and image
        else {},
        "provider_id": short_id(seed, "provider"),
        "reference": False,
        "virus_scan": {"state": "clean"} if draw.random() < 0.97 else None,
    }


def _place(cohort: Cohort, visit: Visit, slot: Slot) -> Record:
    """Return where the file hangs: every level is named, those without one are null."""
    acquisition = acquisition_id(cohort, visit, slot.series) if slot.series else None
    result = analysis_id(cohort, visit) if KINDS[slot.kind].gear == VOLUME_GEAR else None
    parent = (
        {"type": "acquisition", "id": acquisition}
        if acquisition
        else {"type": "analysis", "id": result}
        if result
        else {"type": "session", "id": visit.id}
    )
    return {
        "parents": {
            "group": GROUP,
            "project": cohort.project_id,
            "subject": visit.person.id,
            "session": visit.id,
            "acquisition": acquisition,
            "analysis": result,
        },
        "parent_ref": parent,
    }


def _provenance(cohort: Cohort, slot: Slot, draw: random.Random) -> Record:
    """Return who or what made the file."""
    gear = KINDS[slot.kind].gear
    if gear is None:
        device = slot.kind == "dicom"
        name = "scanner-uplink" if device else PEOPLE[draw.randrange(len(PEOPLE))]
        origin = {"type": "device" if device else "user", "id": name}
        return {
            "origin": {**origin, "via": None},
            "gear_info": None,
            "deid_log_id": short_id(cohort.seed, "deid", draw.getrandbits(64)) if device else None,
        }
    job = f"{draw.getrandbits(96):024x}"
    return {
        # The person whose rule or click started the job: a key that tables do not name.
        "origin": {"type": "job", "id": job, "via": {"type": "user", "id": PEOPLE[1]}},
        "gear_info": {
            "id": short_id(cohort.seed, "gear", gear),
            "name": gear,
            "version": GEAR_VERSIONS[gear],
        },
        "deid_log_id": None,
    }


def _info(seed: int, visit: Visit, slot: Slot) -> Record:
    """Return what gears and people stored with the file: headers, quality, BIDS."""
    if not slot.series:
        return {}
    series = PROTOCOL[slot.series - 1]
    if slot.kind == "dicom":
        return {
            "header": dicom_header(seed, visit, slot.series, series),
            "qc": header_quality(seed, visit, slot.series),
        }
    info: Record = {}
    if slot.kind in _BIDS_KINDS:
        info["BIDS"] = bids_entry(visit, series, KINDS[slot.kind].ending)
    if slot.kind == "nifti":
        info["header"] = {"nifti": nifti_header(visit, series)}
        checks = image_quality(seed, visit, slot.series, series)
        if checks:
            info["qc"] = checks
    return info
