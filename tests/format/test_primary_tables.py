"""The columns of the primary tables, to the letter: as pinned here and as the format says."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest

from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.tables import EXTRA, INFO, PRIMARY_CONTAINERS, primary_table
from tests.support.shared_data import shared

TYPES = {
    "J": (ColumnType.JSON, pa.string()),
    "T": (ColumnType.INSTANT, pa.timestamp("us")),
    "D": (ColumnType.DATE, pa.date32()),
    "L": (ColumnType.TEXT_LIST, pa.list_(pa.string())),
    "I": (ColumnType.INTEGER, pa.int64()),
    "F": (ColumnType.NUMBER, pa.float64()),
    "B": (ColumnType.BOOLEAN, pa.bool_()),
    "": (ColumnType.TEXT, pa.string()),
}

PINNED = {
    "projects": """
        id, label, parents.group, description, created T, modified T, deleted T, tags L, notes J,
        permissions J, providers J, templates J, revision I, info_exists B, info J, extra J
    """,
    "subjects": """
        id, label, parents.group, parents.project, created T, modified T, deleted T, firstname,
        lastname, sex, date_of_birth D, age I, cohort, mlset, source.id, source.type, type, race,
        ethnicity, species, strain, state, tags L, code, master_code, notes J, permissions J,
        copy_of, original_copy_of, revision I, info_exists B, info J, extra J
    """,
    "sessions": """
        id, label, parents.group, parents.project, parents.subject, created T, modified T,
        deleted T, timestamp T, timezone, notes J, operator, uid, uid_scope, satisfies_template B,
        project_has_template B, copy_of, original_copy_of, age I, weight F, source.id, source.type,
        tags L, permissions J, revision I, info_exists B, info J, extra J
    """,
    "acquisitions": """
        id, label, parents.group, parents.project, parents.subject, parents.session, created T,
        modified T, deleted T, timestamp T, timezone, tags L, uid, uid_scope, source.id,
        source.type, notes J, metadata J, collections L, copy_of, original_copy_of, permissions J,
        revision I, info_exists B, info J, extra J
    """,
    "analyses": """
        id, label, description, parents.group, parents.project, parents.subject, parents.session,
        parents.acquisition, parent.id, parent.type, created T, modified T, deleted T, timestamp T,
        notes J, tags L, gear_info.name, gear_info.category, gear_info.version, gear_info.id,
        job_id, job, inputs J, compute_provider_id, revision I, info_exists B, info J, extra J
    """,
    "files": """
        id, version I, file_id, name, parents.group, parents.project, parents.subject,
        parents.session, parents.acquisition, parents.analysis, parent_ref.id, parent_ref.type,
        type, size I, created T, modified T, modality, classification.Intent L,
        classification.Measurement L, classification.Features L, classification.Custom L,
        classification.type L, hash, provider_id, restored_from I, zip_member_count I, path,
        restored_by J, client_hash, deid_log_id, gear_info.name, gear_info.version, gear_info.id,
        origin.id, origin.type, source.type, source.id, deid_log_skip_reason, deleted T,
        reference B, copy_of J, original_copy_of J, replaced T, virus_scan.state, tags L, mimetype,
        revision I, info_exists B, info J, extra J
    """,
}


def columns(text: str) -> list[tuple[str, str]]:
    """Names and letters of a list such as ``id, created T``."""
    parted = (part.split() for part in text.split(","))
    return [(name, letter[0] if letter else "") for name, *letter in parted]


def documented() -> dict[str, list[tuple[str, str]]]:
    """The tables as the format's text lists them."""
    found = {}
    text = shared("format.md").read_text(encoding="utf-8")
    for name, listed in re.findall(r"^\| (\w+)[^|]* \| (id, .*) \|$", text, re.MULTILINE):
        # What stands in brackets explains.
        found[name] = [*columns(re.sub(r" \([^)]*\)", "", listed)), (INFO, "J"), (EXTRA, "J")]
    return found


def test_pinned_columns_are_those_of_the_format() -> None:
    assert documented() == {name: columns(text) for name, text in PINNED.items()}


def test_there_is_a_table_for_every_container() -> None:
    assert dict(PRIMARY_CONTAINERS) == {
        "projects": "project",
        "subjects": "subject",
        "sessions": "session",
        "acquisitions": "acquisition",
        "analyses": "analysis",
        "files": "file",
    }


@pytest.mark.parametrize("name", PINNED)
def test_columns_names_order_and_types(name: str) -> None:
    table = primary_table(name)
    expected = [(column, *TYPES[letter]) for column, letter in columns(PINNED[name])]

    kinds = [(column, table.model.column_type(column)) for column in table.model.properties]
    assert kinds == [(column, kind) for column, kind, _ in expected]
    fields = [(field.name, field.type) for field in table.model.to_arrow()]
    assert fields == [(column, arrow) for column, _, arrow in expected]
    assert [column.name for column in table.columns] == [c for c, *_ in expected if c != EXTRA]
    assert [column.type for column in table.columns] == [k for c, k, _ in expected if c != EXTRA]


@pytest.mark.parametrize("name", PINNED)
def test_paths_are_the_names_but_for_identifiers(name: str) -> None:
    renamed: dict[tuple[str, ...], tuple[str, ...]] = {("id",): ("_id",)}
    if name == "files":
        renamed = {
            ("id",): ("uuid",),
            ("file_id",): ("_id", "file_id"),
            ("version",): ("_id", "version"),
        }
    for column in primary_table(name).columns:
        dotted = tuple(column.name.split("."))
        assert column.path == renamed.get(dotted, dotted)


@pytest.mark.parametrize("name", PINNED)
def test_schemas_are_complete(name: str) -> None:
    model = primary_table(name).model

    assert model.id == name
    assert model.description
    assert model.schema_ == "http://json-schema.org/draft-07/schema#"
    assert model.type == "object"
    for column, prop in model.properties.items():
        assert prop["title"].strip(), column
        assert prop["description"].endswith("."), column
        nullable = isinstance(prop["type"], list)
        assert nullable == (column not in model.required), column
        assert not nullable or prop["type"][1] == "null", column
        letter = dict(columns(PINNED[name]))[column]
        assert (prop.get("contentMediaType") == "application/json") == (letter == "J"), column
        assert prop.get("format") == {"T": "date-time", "D": "date", "I": "bigint"}.get(letter)
        assert ("items" in prop) == (letter == "L"), column


@pytest.mark.parametrize("name", PINNED)
def test_descriptions_ride_in_the_fields(name: str) -> None:
    model = primary_table(name).model

    for field in model.to_arrow():
        described = model.properties[field.name]["description"]
        assert field.metadata == {b"description": described.encode()}


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("projects", ()),
        ("subjects", ()),
        ("sessions", ("subject",)),
        ("acquisitions", ("subject", "session")),
        ("analyses", ("subject", "session", "acquisition")),
        ("files", ("subject", "session", "acquisition", "analysis")),
    ],
)
def test_rows_are_ordered_by_their_place_in_the_tree(name: str, order: tuple[str, ...]) -> None:
    assert primary_table(name).order == order


@pytest.mark.parametrize("name", ["", "project", "header_dicom", "../files", "Files"])
def test_other_names_are_no_primary_tables(name: str) -> None:
    with pytest.raises(KeyError):
        primary_table(name)
