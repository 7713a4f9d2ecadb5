"""The headers of DICOM files: the dictionary says what a keyword's column is."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.support.json_texts import Json, Literal, Members
from tests.support.object_tables import Derived, derive, derive_headers, files, json_of


def derive_dicom(*headers: dict[str, Any]) -> Derived:
    return derive_headers([json_of(header) for header in headers], kind="dicom")


TYPES = {
    "SeriesNumber": "int64",  # IS
    "Rows": "int64",  # US
    "EchoTime": "double",  # DS
    "DiffusionBValue": "double",  # FD
    "SeriesDate": "date32[day]",
    "SeriesTime": "string",
    "AcquisitionDateTime": "string",
    "RequestAttributesSequence": "string",
    "PixelData": "string",
    "FrameIncrementPointer": "list<element: string>",
    "ImageType": "list<element: string>",
    "AcquisitionMatrix": "list<element: int64>",
    "PixelSpacing": "list<element: double>",
    "WindowCenter": "list<element: double>",
    "PatientName": "string",
    "SmallestImagePixelValue": "int64",  # US or SS
    "LUTDescriptor": "list<element: int64>",
    "LUTData": "list<element: string>",  # US or OW
    "DateOfSecondaryCapture": "date32[day]",
    "CalibrationDate": "list<element: date32[day]>",
}


@pytest.mark.parametrize("value", [1, 1.5, "x", "20240131", ["a", "b"], [1, 2], {"a": 1}, True])
def test_types_do_not_depend_on_values(value: Any) -> None:
    derived = derive_dicom(dict.fromkeys(TYPES, value))

    assert derived.types("header_dicom") == TYPES


def test_title_and_description_are_the_dictionarys() -> None:
    prop = derive_dicom({"EchoTime": 1}).model("header_dicom").properties["EchoTime"]

    assert prop == {
        "type": ["number", "null"],
        "title": "Echo Time",
        "description": "DICOM element (0018,0081), VR DS, VM 1 (DICOM PS3.6).",
        "path": ["header", "dicom", "EchoTime"],
    }


def test_keywords_come_by_their_tags_and_others_behind_them() -> None:
    derived = derive_dicom({"b": 1, "Rows": 1, "00190010": "x", "Modality": "MR", "a": {"c": 1}})

    names = ["Modality", "Rows", "00190010", "a.c", "b"]
    assert list(derived.types("header_dicom")) == names


FITS = [
    ("SeriesNumber", 3, 3, None),
    ("SeriesNumber", 3.0, 3, None),
    ("SeriesNumber", " 12 ", 12, None),
    ("SeriesNumber", "+12", 12, None),
    ("SeriesNumber", "", None, '{"SeriesNumber":""}'),
    ("EchoTime", 3, 3.0, None),
    ("EchoTime", " 2.50", 2.5, None),
    ("EchoTime", "-1e3", -1000.0, None),
    ("SeriesDate", "20240131", date(2024, 1, 31), None),
    ("SeriesDate", "2024-01-31", date(2024, 1, 31), None),
    ("SeriesDate", "2024.01.31", date(2024, 1, 31), None),
    ("SeriesDate", "", None, '{"SeriesDate":""}'),
    ("CalibrationDate", "20240131", [date(2024, 1, 31)], None),
    ("CalibrationDate", ["20240131", None], [date(2024, 1, 31), None], None),
    ("WindowCenter", 40, [40.0], None),
    ("WindowCenter", [40, "300.5"], [40.0, 300.5], None),
    ("ImageType", "ORIGINAL", ["ORIGINAL"], None),
    ("RequestAttributesSequence", [{"a": [1]}], '[{"a":[1]}]', None),
    ("RequestAttributesSequence", {"a": 1}, '{"a":1}', None),
    ("RequestAttributesSequence", "x", '"x"', None),
    ("PatientID", 12345, "12345", '{"PatientID":12345}'),
]


@pytest.mark.parametrize(("name", "value", "column", "extra"), FITS)
def test_fits(name: str, value: Any, column: Any, extra: str | None) -> None:
    derived = derive_dicom({name: value})

    assert derived.column("header_dicom", name) == [column]
    assert derived.extras("header_dicom") == [extra]
    assert derived.made.report["header_dicom"]["values_that_did_not_fit"] == {}


MISFITS = [
    ("SeriesNumber", 1.5),
    ("SeriesNumber", "1.5"),
    ("SeriesNumber", True),
    ("SeriesNumber", [1]),
    ("SeriesNumber", 2**63),
    ("SeriesNumber", {"a": 1}),
    ("Rows", "12"),
    ("EchoTime", "about 3"),
    ("EchoTime", "1e999"),
    ("EchoTime", 2**53 + 1),
    ("EchoTime", [1.0, 2.0]),
    ("SeriesDate", "20241331"),
    ("SeriesDate", "2024-0131"),
    ("SeriesDate", 20240131),
    ("PixelSpacing", [1.0, "x"]),
    ("PixelSpacing", [[1.0]]),
    ("PatientName", {"Alphabetic": "A^B"}),
    ("ImageType", ["ORIGINAL", {"a": 1}]),
]


@pytest.mark.parametrize(("name", "value"), MISFITS)
def test_does_not_fit(name: str, value: Any) -> None:
    derived = derive_dicom({name: value, "Modality": "MR"}, {"Modality": "CT"})

    assert derived.column("header_dicom", name) == [None, None]
    assert derived.objects("header_dicom") == [{name: value, "Modality": "MR"}, {"Modality": "CT"}]
    assert derived.made.report["header_dicom"]["values_that_did_not_fit"] == {name: 1}


def test_spelling_of_numbers_in_columns_of_text() -> None:
    header = Members([("PatientID", Literal("70.10")), ("SoftwareVersions", Literal("1.50"))])
    derived = derive_headers([header], kind="dicom")

    assert derived.column("header_dicom", "PatientID") == ["70.10"]
    assert derived.column("header_dicom", "SoftwareVersions") == [["1.50"]]


def test_a_keyword_keeps_its_name() -> None:
    derived = derive_dicom({"ECHOTIME": "x", "EchoTime": 1, "echotime": 2})

    assert derived.types("header_dicom") == {
        "EchoTime": "double",
        "ECHOTIME_2": "string",
        "echotime_3": "int64",
    }


def test_kinds_that_differ_by_case() -> None:
    kinds: list[tuple[str, Json]] = [
        (kind, Members([("Rows", "x")])) for kind in ("DICOM", "dicom", "Dicom", "dicom_array")
    ]
    derived = derive({"files": files([Members([("header", Members(kinds))])])})

    paths = {name: model.to_dict()["path"][-1] for name, model in derived.made.models.items()}
    assert paths == {
        "header_dicom": "dicom",
        "header_dicom_2": "DICOM",
        "header_dicom_3": "Dicom",
        "header_dicom_array": "dicom_array",
    }
    assert derived.types("header_dicom_3") == {"Rows": "int64"}
    assert derived.types("header_dicom_array") == {"Rows": "string"}


def test_pydicom_is_loaded_only_for_dicom_headers() -> None:
    program = (
        "import sys, fw_dataset.render.objects.container, fw_dataset.render.objects.derive;"
        "sys.exit('pydicom' in sys.modules)"
    )
    environment = {"PYTHONPATH": str(Path(sys.modules["fw_dataset"].__path__[0]).parent)}
    done = subprocess.run([sys.executable, "-c", program], check=False, env=environment)
    assert done.returncode == 0
