"""The tables of checks: long and wide."""

from __future__ import annotations

import json
from typing import Any

from tests.support.object_tables import Derived, derive, files, json_of

JOB = {"version": "1.2.0", "job_id": "j1", "config": {"debug": False}, "inputs": {}}


def derive_checks(*qcs: Any) -> Derived:
    return derive({"files": files([json_of({"qc": qc}) for qc in qcs])})


def versions_of_a_file(*qcs: Any) -> list[bytes]:
    return [
        json.dumps(
            {
                "_id": {"file_id": "f", "version": number},
                "uuid": f"u{number}",
                "info": {"qc": qc},
                "parents": {"group": "g", "subject": "s"},
            }
        ).encode()
        for number, qc in enumerate(qcs, 1)
    ]


def test_a_row_for_each_check() -> None:
    derived = derive_checks(
        {"mriqc": {"tsnr": {"state": "PASS", "value": 50}, "x": {"state": "na"}, "job_info": JOB}}
    )

    rows = [
        {name: row[name] for name in ("gear", "gear_version", "job_id", "check", "state", "latest")}
        for row in derived.rows("qc")
    ]
    shared = {"gear": "mriqc", "gear_version": "1.2.0", "job_id": "j1", "latest": True}
    assert rows == [
        {**shared, "check": "tsnr", "state": "PASS"},
        {**shared, "check": "x", "state": "na"},
    ]
    payloads = ['{"state":"PASS","value":50}', '{"state":"na"}']
    assert derived.column("qc", "payload") == payloads
    extra = '{"job_info":{"config":{"debug":false},"inputs":{}}}'
    assert derived.extras("qc") == [extra, extra]


def test_the_columns_are_always_the_same() -> None:
    one = derive_checks({"a": {"b": {"state": "PASS"}}}).model("qc")
    other = derive_checks({"a": 1}, {"c": {"d": None, "job_info": {"x": 1}}}).model("qc")

    assert one == other
    assert list(one.properties)[-9:] == [
        "file.version",
        "gear",
        "gear_version",
        "job_id",
        "check",
        "state",
        "latest",
        "payload",
        "extra",
    ]


def test_latest() -> None:
    check = {"state": "PASS"}
    records = versions_of_a_file(
        {"a": {"x": check, "y": check}}, {"a": {"x": check}, "b": {"x": check}}, {}, {"b": {"x": 1}}
    )
    derived = derive({"files": [*records, *files([json_of({"qc": {"a": {"x": check}}})])]})

    rows = derived.rows("qc")
    found = [(r["file.version"], r["gear"], r["check"], r["latest"]) for r in rows]
    assert found == [
        (1, "a", "x", False),
        (1, "a", "y", True),
        (2, "a", "x", True),
        (2, "b", "x", False),
        (4, "b", "x", True),
        (1, "a", "x", True),
    ]
    assert rows[0]["parents.group"] == "g"
    assert [row["file.id"] for row in rows[:3]] == ["u1", "u1", "u2"]
    assert {row["parents.file"] for row in rows[:5]} == {"f"}


def test_where_gears_tell_of_the_job() -> None:
    derived = derive_checks(
        {"a": {"x": 1, "job_info": {"gear_info": {"version": "2"}, "job_id": "j"}}},
        {"a": {"x": 1, "job_info": {"id": 7}, "gear_info": {"version": "3"}}},
        {"a": {"x": 1, "job_info": "none"}},
        {"a": {"x": 1, "job_info": {"version": 4.5}}},
    )

    assert derived.column("qc", "gear_version") == ["2", "3", None, "4.5"]
    assert derived.column("qc", "job_id") == ["j", "7", None, None]
    assert [json.loads(extra or "{}") for extra in derived.extras("qc")] == [
        {"job_info": {"gear_info": {"version": "2"}}},
        {"job_info": {"id": 7}, "gear_info": {"version": "3"}},
        {"job_info": "none"},
        {"job_info": {"version": 4.5}},
    ]


def test_what_are_no_checks() -> None:
    derived = derive_checks(
        {"a": "failed", "b": [1], "c": None, "d": {}, "e": {"job_info": {"job_id": "j"}}},
        {"f": {"x": None, "y": "text", "z": [1, 2], "v": {"state": 1}, "w": {"state": {}}}},
    )

    rows = derived.rows("qc")
    assert [(r["gear"], r["check"], r["state"], r["payload"]) for r in rows] == [
        ("a", None, None, '"failed"'),
        ("b", None, None, "[1]"),
        ("e", None, None, None),
        ("f", "y", None, '"text"'),
        ("f", "z", None, "[1,2]"),
        ("f", "v", "1", '{"state":1}'),
        ("f", "w", None, '{"state":{}}'),
    ]
    assert rows[2]["job_id"] == "j"


def test_odd_payloads() -> None:
    info = r'{"qc": {"g": {"x": {"state": "\ud800", "v": 1}, "y": NaN, "x": 2, "\ud800": 3}}}'
    derived = derive({"files": [f'{{"uuid": "u", "info": {info}}}'.encode()]})

    rows = derived.rows("qc")
    found = [(row["check"], row["state"], row["payload"], row["extra"]) for row in rows]
    assert found == [
        ("x", None, '{"v":1}', '{"x":{"state":"\\ud800"}}'),
        ("x", None, "2", None),
        ("y", None, "NaN", None),
        ("\\ud800", None, "3", None),
    ]


def test_the_wide_table() -> None:
    derived = derive_checks(
        {"dicom-qc": {"a": {"state": "PASS", "data": []}, "job_info": JOB}},
        {"dicom-qc": {"a": {"state": "FAIL", "data": {"n": 1}}}, "none": 1},
    )

    assert list(derived.tables) == ["qc", "qc_dicom_qc"]
    assert derived.column("qc_dicom_qc", "a.state") == ["PASS", "FAIL"]
    assert derived.column("qc_dicom_qc", "a.data") == ["[]", '{"n":1}']
    assert derived.column("qc_dicom_qc", "job_info.version") == ["1.2.0", None]
    assert derived.column("qc_dicom_qc", "file.id") == ["u0", "u1"]


def test_a_gear_that_has_the_name_of_the_long_table() -> None:
    derived = derive_checks({"": {"x": {"state": "PASS"}}})

    assert list(derived.tables) == ["qc", "qc_2"]
    assert derived.column("qc", "gear") == [""]
