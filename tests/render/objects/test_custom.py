"""Keys of ``info`` that a caller names, and what of ``info`` is no table."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fw_dataset.errors import InvalidArgumentError
from fw_dataset.render.objects.wish import ObjectTables
from tests.support.object_tables import ALL, Derived, derive


def records(*infos: Any, **more: Any) -> list[bytes]:
    return [
        json.dumps({"_id": f"i{number}", "info": info, **more}).encode()
        for number, info in enumerate(infos)
    ]


def derive_custom(*custom_info: str, **of: list[bytes]) -> Derived:
    return derive(of, ObjectTables(custom_info=custom_info))


def test_a_key_of_subjects() -> None:
    subjects = records(
        {"demographics": {"age": 30, "scores": {"a": 1.5}}}, {}, {"demographics": {"age": 40}}
    )
    derived = derive_custom("subjects.demographics", subjects=subjects)

    assert list(derived.tables) == ["info_subjects_demographics"]
    rows = derived.rows("info_subjects_demographics")
    assert [(row["parents.subject"], row["age"], row["scores.a"]) for row in rows] == [
        ("i0", 30, 1.5),
        ("i2", 40, None),
    ]
    properties = derived.model("info_subjects_demographics").properties
    assert list(properties) == [
        "parents.group",
        "parents.project",
        "parents.subject",
        "parents.session",
        "parents.acquisition",
        "parents.analysis",
        "age",
        "scores.a",
        "extra",
    ]
    assert properties["scores.a"]["path"] == ["demographics", "scores", "a"]


OWN = {
    "projects": "parents.project",
    "subjects": "parents.subject",
    "sessions": "parents.session",
    "acquisitions": "parents.acquisition",
    "analyses": "parents.analysis",
}


@pytest.mark.parametrize("container", OWN)
def test_a_row_has_its_own_id_at_its_own_level(container: str) -> None:
    parents = {"group": "g", "project": "p"}
    derived = derive_custom(
        f"{container}.a", **{container: records({"a": {"x": 1}}, parents=parents)}
    )

    (row,) = derived.rows(f"info_{container}_a")
    assert row[OWN[container]] == "i0"
    assert row["parents.group"] == "g"


def test_all_keys() -> None:
    info = {"a": {"x": 1}, "b": 2, "header": {"k": {"y": 1}}, "qc": {"g": {"c": 1}}, "n": None}
    record = json.dumps({"uuid": "u", "info": info}).encode()
    derived = derive(
        {"files": [record], "sessions": records(info)},
        ObjectTables(custom_info=("files.*", "sessions.*", "sessions.a")),
    )

    assert list(derived.tables) == [
        "info_sessions_a",
        "info_sessions_b",
        "info_sessions_header",
        "info_sessions_qc",
        "info_files_a",
        "info_files_b",
    ]
    assert derived.column("info_files_b", "value") == [2]
    assert derived.model("info_files_b").properties["value"]["path"] == ["b"]


def test_values_that_are_no_objects_beside_objects() -> None:
    sessions = records({"a": 1}, {"a": {"value": "x"}}, {"a": 2.5}, {"a": None}, {"a": {}})
    derived = derive_custom("sessions.a", sessions=sessions)

    assert derived.column("info_sessions_a", "value") == [1.0, None, 2.5, None]
    assert derived.column("info_sessions_a", "value_2") == [None, "x", None, None]
    assert derived.objects("info_sessions_a") == [1.0, {"value": "x"}, 2.5, {}]


def test_values_that_are_no_objects_are_rebuilt_as_they_were() -> None:
    for values in (["", 1, 1.5, True, "1"], [[None], 2, [2]], [[], [None], "0.5"]):
        derived = derive_custom("sessions.a", sessions=records(*({"a": one} for one in values)))
        assert [repr(one) for one in derived.objects("info_sessions_a")] == list(map(repr, values))


def test_a_key_with_dots_is_itself_or_else_a_path() -> None:
    literal = derive_custom("subjects.a.b", subjects=records({"a.b": {"x": 1}, "a": {"b": 2}}))
    path = derive_custom("subjects.a.b", subjects=records({"a": {"b": {"x": 1}}}))
    both = derive_custom("subjects.a.b", subjects=records({"a.b": 1}, {"a": {"b": 2}}))

    assert literal.model("info_subjects_a_b").properties["x"]["path"] == ["a.b", "x"]
    assert path.model("info_subjects_a_b").properties["x"]["path"] == ["a", "b", "x"]
    assert [both.column(name, "value") for name in both.tables] == [[2], [1]]
    assert list(both.tables) == ["info_subjects_a_b", "info_subjects_a_b_2"]


def test_what_no_record_has_is_reported() -> None:
    derived = derive_custom("subjects.a", "sessions.b", subjects=records({"b": 1}))

    assert derived.tables == {}
    assert {name: entry["not_made"] for name, entry in derived.made.report.items()} == {
        "info_subjects_a": "no record of subjects has info.a",
        "info_sessions_b": "no record of sessions has info.b",
    }
    assert derived.made.report["info_subjects_a"]["rows_written"] == 0


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("patients.a", "there is no container 'patients'"),
        ("subject.a", "did you mean 'subjects'"),
        ("subjects", "name a key"),
        ("subjects.", "name a key"),
        ("", "there is no container ''"),
        ("; drop table files.a", "there is no container"),
    ],
)
def test_names_that_cannot_be(name: str, reason: str) -> None:
    with pytest.raises(InvalidArgumentError, match="custom_info") as raised:
        ObjectTables(custom_info=(name,))

    assert reason in str(raised.value)


def test_a_text_is_no_list_of_names() -> None:
    with pytest.raises(InvalidArgumentError, match="give a list"):
        ObjectTables(custom_info="subjects.a")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "info",
    [
        *("null", "[]", "[1]", '"text"', "1", "NaN", "{}", '{"header": null}', '{"header": 1}'),
        *('{"header": []}', '{"header": {"k": 1}}', '{"header": {"k": [{}]}}', '{"qc": "x"}'),
        *('{"qc": []}', '{"qc": {"g": null}}', r'{"header": {"k": "\ud800"}}'),
    ],
)
def test_what_is_no_object_has_no_row(info: str) -> None:
    derived = derive({"files": [f'{{"uuid": "u", "info": {info}}}'.encode(), b'{"uuid": "v"}']})

    assert derived.tables == {}
    assert derived.made.report == {}


def test_rows_are_in_the_order_of_the_files_and_skip_those_without() -> None:
    infos = [{"header": {"k": {"a": number}}} if number % 3 else {} for number in range(20)]
    derived = derive(
        {"files": [json.dumps({"uuid": f"u{n}", "info": i}).encode() for n, i in enumerate(infos)]}
    )

    assert derived.column("header_k", "a") == [n for n in range(20) if n % 3]
    assert derived.column("header_k", "file.id") == [f"u{n}" for n in range(20) if n % 3]


def test_names_that_are_taken() -> None:
    record = json.dumps({"uuid": "u", "info": {"header": {"k": {}}, "qc": {"g": {"c": 1}}}})
    derived = derive({"files": [record.encode()]}, ALL, taken=frozenset({"header_k", "qc"}))

    assert list(derived.tables) == ["header_k_2", "qc_2", "qc_g"]


def test_without_sources() -> None:
    assert derive({}).made.report == {}
