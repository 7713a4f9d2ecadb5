"""Quality control and BIDS entries of the synthetic files, as gears leave them in `info`.

Every gear keeps its checks under `info.qc.{gear}.{check}` with a state (PASS, FAIL, NA) and
says under `job_info` which job wrote them.
"""

from __future__ import annotations

import random

from fw_dataset.demo.identity import Record, short_id
from fw_dataset.demo.people import Visit, scanner_tsnr
from fw_dataset.demo.study import Series

TSNR_LIMIT = 40.0
"""Runs below this temporal signal-to-noise fail their check."""
MOTION_LIMIT = 0.30
"""Runs above this mean framewise displacement (mm) fail their check."""


def image_quality(seed: int, visit: Visit, number: int, series: Series) -> Record:
    """Return `info.qc` of a NIfTI file; empty where no gear looks at the series."""
    draw = random.Random(f"{seed}/quality/{visit.id}/{number}")
    if series.functional:
        checks = _time_course(visit, draw, resting=series.task == "rest")
    elif series.suffix in ("T1w", "T2w"):
        checks = _anatomy(visit, draw)
    else:
        return {}
    job = _job(seed, visit, number, "mriqc", "24.0.2")
    return {"mriqc": {**checks, "job_info": job}}


def header_quality(seed: int, visit: Visit, number: int) -> Record:
    """Return `info.qc` of a DICOM file: whether the header is whole and the slices all there."""
    draw = random.Random(f"{seed}/header-quality/{visit.id}/{number}")
    missing = draw.randrange(1, 4) if draw.random() < 0.03 else 0
    return {
        "dicom-qc": {
            "jsonschema-validation": {"state": "PASS", "data": []},
            "slice_consistency": {
                "state": "FAIL" if missing else "PASS",
                "data": {"missing_slices": missing},
            },
            "bed_moving": {"state": "NA", "data": None},
            "job_info": _job(seed, visit, number, "dicom-qc", "0.5.2"),
        }
    }


def bids_entry(visit: Visit, series: Series, extension: str) -> Record:
    """Return `info.BIDS` of a file: where it stands in the BIDS tree of the project."""
    if not series.bids:
        return {"ignore": True}
    subject, session = visit.person.label[4:], visit.label.replace("-", "")
    task = f"_task-{series.task}" if series.task else ""
    entry: Record = {
        "Path": f"sub-{subject}/ses-{session}/{series.bids}",
        "Filename": f"sub-{subject}_ses-{session}{task}_{series.suffix}{extension}",
        "Suffix": series.suffix,
        "ignore": False,
        "valid": True,
        "error_message": "",
    }
    if series.task:
        entry["Task"] = series.task
    return entry


def _time_course(visit: Visit, draw: random.Random, *, resting: bool) -> Record:
    motion = visit.motion * (1.0 + draw.gauss(0.0, 0.06)) * (1.0 if resting else 1.15)
    signal = scanner_tsnr(visit.person.site.scanner, visit.start)
    signal = max(6.0, signal - 34.0 * (motion - 0.14) + draw.gauss(0.0, 1.8))
    return {
        "tsnr": {"state": _state(signal >= TSNR_LIMIT), "value": round(signal, 2)},
        "fd_mean": {"state": _state(motion <= MOTION_LIMIT), "value": round(motion, 4)},
        "dvars_std": {"state": "NA", "value": round(1.05 + motion + draw.gauss(0.0, 0.05), 4)},
    }


def _anatomy(visit: Visit, draw: random.Random) -> Record:
    contrast = max(1.1, 3.6 - 2.0 * visit.motion + draw.gauss(0.0, 0.22))
    entropy = 0.52 + 0.28 * visit.motion + draw.gauss(0.0, 0.02)
    return {
        "cnr": {"state": _state(contrast >= 2.6), "value": round(contrast, 3)},
        "efc": {"state": _state(entropy <= 0.7), "value": round(entropy, 4)},
        "outliers": {"state": "NA", "value": None},
    }


def _job(seed: int, visit: Visit, number: int, gear: str, version: str) -> Record:
    return {
        "version": version,
        "job_id": short_id(seed, "job", gear, visit.id, number),
        "inputs": {},
        "config": {"debug": False, "tag": gear},
    }


def _state(passed: bool) -> str:
    return "PASS" if passed else "FAIL"
