"""What stands in a column for a value of the source, and what in ``extra``."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pytest

from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.tables import EXTRA, primary_table
from tests.support.rendering import ALL_TABLES, render, render_row, selection_of, there

COLUMNS = [(table, column) for table in ALL_TABLES for column in primary_table(table).columns]
NO_NULLS: dict[ColumnType, list[Any]] = {
    ColumnType.TEXT: ["", "0", "null"],
    ColumnType.JSON: [{}, [], "", 0, False, {"a": None}],
    ColumnType.TEXT_LIST: [[], [""]],
    ColumnType.INTEGER: [0, -1, 2**63 - 1, -(2**63)],
    ColumnType.NUMBER: [0.0, 1.5, -2, 1e300],
    ColumnType.BOOLEAN: [False, True],
}
MISFITS: dict[ColumnType, list[Any]] = {
    ColumnType.TEXT: [0, 1.5, True, ["a"], {"a": 1}],
    ColumnType.INSTANT: ["", "yesterday", "2020-13-01T00:00:00Z", 1577836800, True, ["2020"], {}],
    ColumnType.DATE: ["", "1980", "31.12.1980", 1980, False, [], {}, "1980-01-01T12:00:00Z"],
    ColumnType.TEXT_LIST: ["a", {"a": 1}, [1], [["a"]], ["a", 1], 0],
    ColumnType.INTEGER: ["1", 1.5, True, 2**63, -(2**63) - 1, [], {}],
    ColumnType.NUMBER: ["1.5", False, [1], {}, 2**53 + 1],
    ColumnType.BOOLEAN: [0, 1, "true", [], {}],
}
FLATTENED = [
    (table, path)
    for table in ALL_TABLES
    for path in sorted({c.path[0] for c in primary_table(table).columns if len(c.path) == 2})
]


def record(path: tuple[str, ...], value: Any) -> str:
    for key in reversed(path):
        value = {key: value}
    return json.dumps(value)


@pytest.mark.parametrize("table", ALL_TABLES)
def test_empty_record_is_a_row_of_nulls(table: str) -> None:
    assert there(render_row(table, "{}")) == {}


@pytest.mark.parametrize("table", ALL_TABLES)
def test_record_of_nulls_is_a_row_of_nulls(table: str) -> None:
    source: dict[str, Any] = {"unknown": None}
    for column in primary_table(table).columns:
        target = source
        for key in column.path[:-1]:
            target = target.setdefault(key, {})
        target[column.path[-1]] = None

    rendered = render(table, json.dumps(source))

    assert there(rendered.rows[0]) == {}
    assert rendered.report.unfit == {}
    assert rendered.report.unknown == {}


@pytest.mark.parametrize(("table", "path"), FLATTENED)
def test_empty_object_where_columns_flatten_is_nothing(table: str, path: str) -> None:
    assert there(render_row(table, f'{{"{path}": {{}}}}')) == {}


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_value_that_fits_stands_in_its_column_alone(table: str, column: Any) -> None:
    values = NO_NULLS.get(column.type, [])

    rows = render(table, *(record(column.path, value) for value in values)).rows

    for value, row in zip(values, map(there, rows), strict=True):
        assert list(row) == [column.name]
        kept = json.loads(row[column.name]) if column.type is ColumnType.JSON else row[column.name]
        assert kept == value


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_value_that_does_not_fit_stands_in_extra_and_is_counted(table: str, column: Any) -> None:
    values = MISFITS.get(column.type, [])
    if column.name == "job":  # of an object the identifier is taken
        values = [value for value in values if not isinstance(value, dict)]
    sources = [record(column.path, value) for value in values]

    rendered = render(table, *sources)

    for source, row in zip(sources, map(there, rendered.rows), strict=True):
        assert list(row) == [EXTRA]
        assert json.loads(row[EXTRA]) == json.loads(source)
    assert rendered.report.unfit == ({column.name: len(values)} if values else {})
    assert rendered.report.unknown == {}


@pytest.mark.parametrize(("table", "path"), FLATTENED)
@pytest.mark.parametrize("value", ["text", 1, True, [], [{"id": 1}]])
def test_no_object_where_columns_flatten_is_counted(table: str, path: str, value: Any) -> None:
    rendered = render(table, json.dumps({path: value}))

    assert json.loads(rendered.rows[0][EXTRA]) == {path: value}
    assert rendered.report.unfit == {path: 1}


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00"),
        ("2020-01-01T00:00:00.004+00:00", "2020-01-01T00:00:00.004000"),
        ("2020-01-01T00:00:00.123456+00:00", "2020-01-01T00:00:00.123456"),
        ("2020-01-01T00:00:00+05:30", "2019-12-31T18:30:00"),
        ("2019-12-31T19:00:00.5-05:00", "2020-01-01T00:00:00.500000"),
        ("2020-02-29T23:59:59-00:30", "2020-03-01T00:29:59"),
        ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999"),
    ],
)
@pytest.mark.parametrize("column", ["created", "modified", "deleted", "replaced"])
def test_instants_are_utc_with_the_offset_folded_in(column: str, text: str, instant: str) -> None:
    rendered = render("files", json.dumps({column: text}))

    assert there(rendered.rows[0]) == {column: datetime.fromisoformat(instant)}
    assert rendered.table.schema.field(column).type == pa.timestamp("us")


@pytest.mark.parametrize(
    "text",
    [
        "2020-01-01T00:00:00",
        "2020-01-01T00:00:00.123456789Z",
        "2020-06-30T23:59:60Z",
        "2020-01-01T24:00:00Z",
        "2020-01-01",
        "0001-01-01T00:00:00+05:00",
        "9999-12-31T23:59:59-05:00",
        " 2020-01-01T00:00:00Z",
    ],
)
def test_instants_that_a_column_would_change_stay_as_they_are(text: str) -> None:
    rendered = render("sessions", json.dumps({"timestamp": text}))

    assert there(rendered.rows[0]) == {EXTRA: json.dumps({"timestamp": text}).replace(" ", "", 1)}
    assert rendered.report.unfit == {"timestamp": 1}


def test_deleted_and_replaced_are_null_where_they_did_not_happen() -> None:
    rows = render("files", '{"deleted": null}', "{}", '{"replaced": "2020-01-01T00:00:00Z"}').rows

    assert [row["deleted"] for row in rows] == [None, None, None]
    assert [row["replaced"] for row in rows] == [None, None, datetime.fromisoformat("2020-01-01")]


@pytest.mark.parametrize("value", [True, False])
def test_deleted_as_a_boolean_is_no_instant(value: bool) -> None:
    row = render_row("files", json.dumps({"deleted": value}))

    assert there(row) == {EXTRA: json.dumps({"deleted": value}).replace(" ", "")}


@pytest.mark.parametrize(
    "text",
    [
        "1980-02-29T00:00:00+00:00",
        "1980-02-29T00:00:00.000Z",
        "1980-02-29T00:00:00",
        "1980-02-29 00:00",
        "1980-02-29T00:00:00.000000000-00:00",
    ],
)
def test_midnight_is_a_date_and_its_spelling_is_kept(text: str) -> None:
    rendered = render("subjects", json.dumps({"date_of_birth": text}))

    row = rendered.rows[0]
    assert row["date_of_birth"] == date(1980, 2, 29)
    assert json.loads(row[EXTRA]) == {"date_of_birth": text}
    assert rendered.report.unfit == {}


def test_files_are_identified_by_uuid_file_and_version() -> None:
    source = '{"uuid": "u", "_id": {"file_id": "f", "version": 3, "x": 1}, "id": "other"}'

    row = there(render_row("files", source))

    assert json.loads(row.pop(EXTRA)) == {"_id": {"x": 1}, "id": "other"}
    assert row == {"id": "u", "file_id": "f", "version": 3}


@pytest.mark.parametrize(
    ("job", "column"),
    [
        ('"j"', "j"),
        ('{"_id": "j", "state": "done"}', "j"),
        ('{"id": "j"}', "j"),
        ('{"_id": null, "id": "i"}', None),
        ('{"_id": 5}', None),
        ("{}", None),
    ],
)
def test_job_of_an_analysis_is_its_identifier(job: str, column: str | None) -> None:
    rendered = render("analyses", f'{{"job": {job}}}')

    row = rendered.rows[0]
    assert row["job"] == column
    assert json.loads(row[EXTRA] or "{}") == ({} if job == '"j"' else {"job": json.loads(job)})
    assert rendered.report.unfit == {}


def test_extra_is_nested_as_the_source() -> None:
    source = '{"size": "12 MB", "gear_info": {"category": "qa", "name": "g"}, "b": 1, "a": {"d":1}}'

    row = there(render_row("files", source))

    extra = json.loads(row.pop(EXTRA))
    assert extra == {"a": {"d": 1}, "b": 1, "gear_info": {"category": "qa"}, "size": "12 MB"}
    assert row == {"gear_info.name": "g"}


@pytest.mark.parametrize("odd", ["", '"size": "12 MB", '])
def test_order_of_the_keys_does_not_change_extra(odd: str) -> None:
    one = f'{{{odd}"b": 1, "gear_info": {{"d": 2, "c": 1}}, "a": 2}}'
    other = f'{{"a": 2, "b": 1, {odd}"gear_info": {{"c": 1, "d": 2}}}}'

    assert render_row("files", one)[EXTRA] == render_row("files", other)[EXTRA]


def test_json_columns_keep_the_text_of_the_source() -> None:
    info = '{"b" : 1.50,  "a":[ 1e2, "\\u00e9" ]}'

    assert render_row("subjects", f'{{"info":{info}}}')["info"] == info


@pytest.mark.parametrize("table", ALL_TABLES)
def test_batch_without_rows_has_all_columns(table: str) -> None:
    batch = render(table).batches[0]

    assert batch.num_rows == 0
    assert batch.schema.equals(selection_of(table).model.to_arrow(), check_metadata=True)


@pytest.mark.parametrize("table", ALL_TABLES)
def test_columns_have_the_types_of_the_schema_whatever_is_in_them(table: str) -> None:
    for source in ("{}", '{"x": 1}', '{"_id": 1, "label": NaN, "created": "no", "info": 1e400}'):
        (batch,) = render(table, source).batches

        assert batch.schema.equals(selection_of(table).model.to_arrow(), check_metadata=True)
