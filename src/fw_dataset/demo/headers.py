"""Headers of the synthetic images: DICOM as a header importer stores it, and NIfTI sidecars.

DICOM times are milliseconds and lengths millimetres; the NIfTI sidecar follows BIDS and has
seconds. Single values stand bare and several values stand in a list, as pydicom gives them,
so that the same key can be a number in one file and a list in another.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone

from fw_dataset.demo.identity import Record, dicom_uid
from fw_dataset.demo.people import Visit
from fw_dataset.demo.study import Scanner, Series

MR_STORAGE = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR_STORAGE = "1.2.840.10008.5.1.4.1.1.4.1"
VARIANTS = {
    "GR": ["SP", "MP"],
    "SE": ["SK", "SP", "MP"],
    "EP": ["SK", "SP"],
}


def dicom_header(seed: int, visit: Visit, number: int, series: Series) -> Record:
    """Return `info.header` of a DICOM series: some 88 keys, and values for each slice."""
    draw = random.Random(f"{seed}/dicom/{visit.id}/{number}")
    when = local_clock(visit) + timedelta(minutes=6 * number)
    header = {
        **_identity(seed, visit, number, series),
        **_clock(when, local_clock(visit)),
        **_place(visit),
        **_patient(visit),
        **_sequence(series, visit.person.site.scanner, draw),
        **_geometry(series, draw),
        **_pixels(series, draw),
        **_procedure(seed, visit, when),
        **_private(seed, visit, number, draw),
    }
    return {"dicom": header, "dicom_array": _slices(series, draw)}


def local_clock(visit: Visit) -> datetime:
    """Return the start of the visit as the clock on the scanner's wall showed it."""
    return visit.start.astimezone(timezone(timedelta(minutes=visit.offset)))


def _identity(seed: int, visit: Visit, number: int, series: Series) -> Record:
    study = dicom_uid(seed, "study", visit.id)
    series_uid = dicom_uid(seed, "series", visit.id, number)
    enhanced = visit.person.site.scanner.manufacturer == "Philips" and series.functional
    return {
        "SpecificCharacterSet": "ISO_IR 192",
        "ImageType": ["ORIGINAL", "PRIMARY", "M", "NORM", "DIS2D"]
        if not series.functional
        else ["ORIGINAL", "PRIMARY", "M", "MB", "ND", "MOSAIC"],
        "SOPClassUID": ENHANCED_MR_STORAGE if enhanced else MR_STORAGE,
        "SOPInstanceUID": f"{series_uid}.1",
        "AccessionNumber": f"ACC{visit.id[-10:].upper()}",
        "Modality": "MR",
        "StudyDescription": "RESEARCH^AGEING BRAINS",
        "SeriesDescription": series.label.partition(" - ")[2],
        "ProtocolName": series.label.partition(" - ")[2],
        "StudyInstanceUID": study,
        "SeriesInstanceUID": series_uid,
        "FrameOfReferenceUID": dicom_uid(seed, "frame", visit.id),
        "SeriesNumber": number,
        "AcquisitionNumber": 1,
        "InstanceNumber": 1,
    }


def _clock(when: datetime, study: datetime) -> Record:
    day, time = when.strftime("%Y%m%d"), when.strftime("%H%M%S.%f")
    return {
        "StudyDate": study.strftime("%Y%m%d"),
        "SeriesDate": day,
        "AcquisitionDate": day,
        "StudyTime": study.strftime("%H%M%S.%f"),
        "SeriesTime": time,
        "AcquisitionTime": time,
    }


def _place(visit: Visit) -> Record:
    site = visit.person.site
    scanner = site.scanner
    return {
        "Manufacturer": scanner.manufacturer,
        "ManufacturerModelName": scanner.model,
        "InstitutionName": site.institution,
        "InstitutionAddress": f"{site.city}, fictional",
        "StationName": scanner.station,
        "DeviceSerialNumber": scanner.serial,
        "SoftwareVersions": scanner.software,
        "MagneticFieldStrength": scanner.field,
        "ReceiveCoilName": scanner.coil,
        "ReferringPhysicianName": None,
    }


def _patient(visit: Visit) -> Record:
    person = visit.person
    return {
        "PatientName": person.label,
        "PatientID": person.label,
        "PatientBirthDate": "",
        "PatientSex": "F" if person.sex == "female" else "M",
        "PatientAge": f"{int(visit.age_seconds // 31_557_600):03d}Y",
        "PatientSize": round(person.height, 2),
        "PatientWeight": visit.weight,
        "DeidentificationMethod": ["profile: basic", "clean descriptors"],
        "BodyPartExamined": "BRAIN",
        "PatientPosition": "HFS",
    }


def _sequence(series: Series, scanner: Scanner, draw: random.Random) -> Record:
    # Vendors reach slightly different echo times with the same protocol.
    echo = series.te * {"SIEMENS": 1.0, "Philips": 1.012}.get(scanner.manufacturer, 0.985)
    train = max(1, series.matrix[1] // 2) if series.scanning != "GR" else 1
    return {
        "ScanningSequence": series.scanning if series.ti is None else [series.scanning, "IR"],
        "SequenceVariant": VARIANTS[series.scanning],
        "ScanOptions": ["PFP", "FS"] if series.scanning == "EP" else None,
        "MRAcquisitionType": "2D" if series.scanning == "EP" else "3D",
        "SequenceName": f"*{series.sequence}",
        "RepetitionTime": series.tr,
        "EchoTime": round(echo, 3),
        "InversionTime": series.ti,
        "FlipAngle": series.flip,
        "ImagingFrequency": round(42.577478518 * 2.8936 + draw.gauss(0.0, 0.0004), 6),
        "ImagedNucleus": "1H",
        "EchoTrainLength": train,
        "PercentPhaseFieldOfView": round(100.0 * series.matrix[1] / series.matrix[0], 2),
        "PixelBandwidth": round(2290 + draw.gauss(0.0, 4.0)),
        "SAR": round(abs(draw.gauss(0.09, 0.04)), 12),
        "dBdt": round(abs(draw.gauss(38.0, 6.0)), 6),
        "DiffusionBValue": 2000.0 if series.suffix == "dwi" else None,
    }


def _geometry(series: Series, draw: random.Random) -> Record:
    tilt = draw.gauss(0.0, 0.08)
    corner = [round(draw.gauss(-100.0, 6.0), 9) for _ in range(3)]
    return {
        "SliceThickness": series.voxel[2],
        "SpacingBetweenSlices": series.voxel[2],
        "NumberOfPhaseEncodingSteps": series.matrix[1],
        "InPlanePhaseEncodingDirection": "COL" if series.scanning == "EP" else "ROW",
        "AcquisitionMatrix": [series.matrix[0], 0, 0, series.matrix[1]],
        "ImagePositionPatient": corner,
        "ImageOrientationPatient": [1.0, 0.0, round(tilt, 12), 0.0, round(1 - tilt * tilt, 12), 0],
        "SliceLocation": corner[2],
        "PixelSpacing": [series.voxel[0], series.voxel[1]],
        "NumberOfTemporalPositions": series.volumes if series.functional else None,
    }


def _pixels(series: Series, draw: random.Random) -> Record:
    centre = round(abs(draw.gauss(620.0, 160.0)), 1)
    # Two windows in some files, one in others: a list here, a number there.
    several = draw.random() < 0.2
    return {
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": series.matrix[1],
        "Columns": series.matrix[0],
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "SmallestImagePixelValue": 0,
        "LargestImagePixelValue": draw.randrange(900, 4095),
        "WindowCenter": [centre, 300.5] if several else centre,
        "WindowWidth": [centre * 2, 1400.0] if several else centre * 2,
    }


def _procedure(seed: int, visit: Visit, when: datetime) -> Record:
    code = {"CodeValue": "AGEBRAIN1", "CodingSchemeDesignator": "99MEM", "CodeMeaning": "Brain"}
    reference = dicom_uid(seed, "series", visit.id, 1)
    return {
        "PerformedProcedureStepStartDate": when.strftime("%Y%m%d"),
        "PerformedProcedureStepStartTime": when.strftime("%H%M%S.%f"),
        "PerformedProcedureStepID": f"MR{visit.id[-12:]}",
        "RequestAttributesSequence": [
            {
                "RequestedProcedureID": f"MR{visit.id[-6:]}",
                "ScheduledProcedureStepDescription": visit.label,
                "ScheduledProtocolCodeSequence": [code],
            }
        ],
        "ReferencedImageSequence": [
            {
                "ReferencedSOPClassUID": MR_STORAGE,
                "ReferencedSOPInstanceUID": f"{reference}.{image}",
            }
            for image in range(1, 4)
        ],
    }


def _private(seed: int, visit: Visit, number: int, draw: random.Random) -> Record:
    """Return private elements, keyed by their tags as eight hex digits."""
    if visit.person.site.scanner.manufacturer == "SIEMENS":
        return {
            "00190010": "SIEMENS MR HEADER",
            "0019100A": draw.randrange(1, 90),
            "00191029": [round(draw.random() * 800, 1) for _ in range(24)],
            "00511011": "p2 s8",
            "0051100F": "HC1-7;NC1,2",
        }
    if visit.person.site.scanner.manufacturer == "Philips":
        return {
            "20010010": "Philips Imaging DD 001",
            "20011003": 0.0,
            "20011083": round(127.75 + draw.gauss(0.0, 0.01), 6),
            "20051030": [800.0, 0],
        }
    return {
        "00090010": "GEMS_IDEN_01",
        "00091027": draw.randrange(1_600_000_000, 1_700_000_000),
        "00431002": draw.randrange(4),
        "0043102A": dicom_uid(seed, "ge", visit.id, number),
    }


def _slices(series: Series, draw: random.Random) -> Record:
    """Return values that change from slice to slice: at most 64 of them are kept."""
    count = min(64, series.matrix[2])
    first = draw.gauss(-70.0, 5.0)
    return {
        "SliceLocation": [round(first + series.voxel[2] * index, 6) for index in range(count)],
        "InstanceNumber": list(range(1, count + 1)),
    }


def nifti_header(visit: Visit, series: Series) -> Record:
    """Return `info.header.nifti`: the converter's sidecar (seconds, as BIDS wants)."""
    scanner = visit.person.site.scanner
    header: Record = {
        "Manufacturer": scanner.manufacturer.title(),
        "ManufacturersModelName": scanner.model,
        "InstitutionName": visit.person.site.institution,
        "StationName": scanner.station,
        "MagneticFieldStrength": int(scanner.field),
        "SeriesDescription": series.label.partition(" - ")[2],
        "RepetitionTime": series.tr / 1000.0,
        "EchoTime": round(series.te / 1000.0, 5),
        "FlipAngle": series.flip,
        "SliceThickness": series.voxel[2],
        "dim": [3 if series.volumes == 1 else 4, *series.matrix, series.volumes],
    }
    if series.functional:
        header["TaskName"] = series.task
        header["MultibandAccelerationFactor"] = 8
        header["PhaseEncodingDirection"] = "j-"
    return header
