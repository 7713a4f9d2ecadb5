"""Rows that are drafted while keys are surveyed are those that would be made afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fw_dataset.render.objects import container, drafts
from fw_dataset.render.objects.reading import InfoReader
from tests.support.json_texts import Json, Literal, Members
from tests.support.object_tables import Derived, derive, files

# Of each kind that changes a column or the rest: what fits, what widens, what is no JSON.
VALUES: list[Json] = [
    None,
    "",
    "20240102",
    "text",
    True,
    Literal("1"),
    Literal("2.50"),
    Literal("NaN"),
    Literal("123456789012345678901234567890"),
    [Literal("1")],
    [Literal("1.5"), Literal("NaN")],
    ["a", None],
    [],
    Members([]),
    Members([("b", Literal("1"))]),
    Members([("b", "1"), ("b", Literal("2"))]),
    Members([("b", Members([])), ("c", [Members([])])]),
]
KEYS = ["a", "A", "", "StudyDate", "EchoTime", "ImageType", "PatientName"]
OBJECTS = st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(VALUES)), max_size=4)
INFOS = st.lists(st.tuples(st.sampled_from(["header", "qc"]), OBJECTS), min_size=1, max_size=12)


def derived_of(infos: list[tuple[str, list[tuple[str, Json]]]]) -> Derived:
    objects = [Members([(family, Members([("dicom", Members(own))]))]) for family, own in infos]
    return derive({"files": files(objects)}, rows_per_group=2)


def told(derived: Derived) -> list[Any]:
    """Everything: hashes of files, schemas, counts."""
    made = derived.made
    return [made.entries, {name: m.to_dict() for name, m in made.models.items()}, made.report]


# Each example takes three derivations.
@settings(max_examples=settings().max_examples // 4)
@given(INFOS)
def test_drafts_change_nothing(infos: list[tuple[str, list[tuple[str, Json]]]]) -> None:
    drafted = told(derived_of(infos))
    for module, name in ((drafts, "_MOST_PLANS"), (container, "_MOST_PLACES")):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, name, -1 if name == "_MOST_PLANS" else 2)
            assert told(derived_of(infos)) == drafted


@pytest.mark.parametrize(
    ("values", "read_again"),
    [
        ([Literal("1")] * 7, []),
        ([Literal("1"), None, None, Literal("2"), "", "t"], [0, 1]),
        ([Literal("1.5"), Literal("2"), Literal("3"), Literal("4")], []),
        ([Literal("1"), Literal("2"), Literal("3.5"), Literal("4")], [0]),
        (["t", "u", Literal("NaN"), "v"], [0]),
    ],
)
def test_only_other_columns_are_read_again(
    values: list[Json], read_again: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[int]] = []
    batches = InfoReader.batches

    def noted(self: InfoReader, columns: Any, only: Any = None) -> Any:
        if only is not None:
            asked.append(sorted(only))
        return batches(self, columns, only)

    monkeypatch.setattr(InfoReader, "batches", noted)
    derived_of([("header", [("a", value), ("StudyDate", "20240102")]) for value in values])
    assert asked == ([read_again] if read_again else [])
