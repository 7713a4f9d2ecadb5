"""Real headers: the studies beside the checkout, and the files that pydicom brings along."""

from __future__ import annotations

import gzip
import json
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.datadict import dictionary_VM, dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from fw_dataset.format.column_types import ColumnType
from fw_dataset.render.objects.wish import ObjectTables
from tests.support.object_tables import Derived, derive
from tests.support.shared_data import STUDIES, shared

SHIPPED = [
    *("CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "rtdose.dcm", "waveform_ecg.dcm"),
    *("JPEG2000.dcm", "liver_1frame.dcm", "nested_priv_SQ.dcm", "reportsi.dcm", "SC_rgb.dcm"),
]


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """All values but nulls, with the keys that lead there; a list is a value."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif value is not None:
        yield path, value


@pytest.mark.parametrize("study", STUDIES)
def test_every_leaf_of_a_study_is_found_again(study: str, tmp_path: Path) -> None:
    plain = tmp_path / "snapshot.db"
    plain.write_bytes(gzip.decompress(shared("data", study, "snapshot.db.gz").read_bytes()))
    with closing(sqlite3.connect(plain)) as connection:
        texts = [
            text if isinstance(text, bytes) else text.encode()
            for (text,) in connection.execute("select data from file order by id")
        ]
    infos = {record["uuid"]: record.get("info") or {} for record in map(json.loads, texts)}
    wanted = {
        (file, path): value for file, info in infos.items() for path, value in leaves(info) if path
    }

    derived = derive(
        {"files": texts},
        ObjectTables(headers=True, qc=True, custom_info=("files.*",)),
        rows_per_group=500,
    )

    found = dict(_leaves_of_tables(derived))
    assert found == wanted
    assert wanted


def _leaves_of_tables(derived: Derived) -> Iterator[tuple[tuple[str, tuple[str, ...]], Any]]:
    for table, model in derived.made.models.items():
        if table == "qc":
            continue  # the wide tables have the same
        top = tuple(model.to_dict()["path"])
        for row, one in zip(derived.rows(table), derived.objects(table), strict=True):
            for path, value in leaves(one, top):
                yield (row["file.id"], path), value


@pytest.fixture(scope="module")
def headers() -> dict[str, dict[str, Any]]:
    """The headers of shipped files, as an importer stores them."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some values are against the standard
        for name in SHIPPED:
            path = get_testdata_file(name, download=False)
            if path is not None:
                found[name] = _header(pydicom.dcmread(str(path), stop_before_pixels=True))
    assert len(found) >= 5
    return found


def _header(dataset: Dataset) -> dict[str, Any]:
    header = {}
    for element in dataset:
        key = element.keyword or f"{int(element.tag):08X}"
        header[key] = _value(element.value)
    return header


def _value(value: Any) -> Any:
    if isinstance(value, MultiValue):
        return [_value(item) for item in value]
    if isinstance(value, Dataset):
        return _header(value)
    if isinstance(value, (list, pydicom.Sequence)):
        return [_value(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    return None if value is None else str(value)


WHOLE = {"IS", "US", "SS", "UL", "SL", "SV", "UV", "US or SS"}
EXPECTED = {"DS": "double", "FL": "double", "FD": "double", "DA": "date32[day]"}


def test_types_are_as_the_dictionary_says(headers: dict[str, dict[str, Any]]) -> None:
    derived = derive_headers_of(headers)

    types = derived.types("header_dicom")
    known = {name: kind for name, kind in types.items() if tag_for_keyword(name) is not None}
    assert len(known) > 150
    for name, kind in known.items():
        tag = tag_for_keyword(name)
        assert tag is not None
        representation, multiplicity = dictionary_VR(tag), dictionary_VM(tag)
        wanted = "int64" if representation in WHOLE else EXPECTED.get(representation, "string")
        if multiplicity != "1" and representation != "SQ":
            wanted = f"list<element: {wanted}>"
        assert kind == wanted, name


def test_every_value_fits_or_is_kept(headers: dict[str, dict[str, Any]]) -> None:
    derived = derive_headers_of(headers)

    model = derived.model("header_dicom")
    for source, row in zip(headers.values(), derived.rows("header_dicom"), strict=True):
        extra = json.loads(row["extra"] or "{}")
        for key, value in source.items():
            if value is None:
                continue
            if key in extra:
                assert extra[key] == value
            else:
                assert _equal(row[key], value, model.column_type(key)), key
    # Dates with a time behind them, say: the few that are against the standard.
    assert sum(derived.made.report["header_dicom"]["values_that_did_not_fit"].values()) < 10


def _equal(held: Any, value: Any, kind: ColumnType) -> bool:
    if kind is ColumnType.JSON:
        return bool(json.loads(held) == value)
    if kind.item is not None and not isinstance(value, list):
        value = [value]
    if isinstance(held, list):
        pairs = zip(held, value, strict=True)
        return all(_equal(one, other, kind.item or kind) for one, other in pairs)
    if isinstance(held, date):
        return bool(held.strftime("%Y%m%d") == value)
    return bool(held == value)


def derive_headers_of(headers: dict[str, dict[str, Any]]) -> Derived:
    records = [
        json.dumps({"uuid": name, "info": {"header": {"dicom": header}}}).encode()
        for name, header in headers.items()
    ]
    return derive({"files": records})
