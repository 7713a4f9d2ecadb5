"""The report counts what was odd, and never tells a value."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from fw_dataset.format.tables import EXTRA, primary_table
from fw_dataset.render.report import RenderingReport, TableReport
from tests.support.json_texts import Style
from tests.support.records import records
from tests.support.rendering import ALL_TABLES, Rendered, render, render_batches

SECRET = "Jane-Doe-1980"


def report_of(rendered: Rendered) -> dict[str, object]:
    return rendered.report.to_dict(with_unknown=True)


def test_counts_of_a_plain_table() -> None:
    rendered = render("subjects", '{"_id": "a"}', '{"_id": "b", "label": null}')

    assert report_of(rendered) == {
        "rows_read": 2,
        "rows_written": 2,
        "rows_skipped": 0,
        "values_that_did_not_fit": {},
        "keys_without_a_column": {},
        "skipped": [],
    }


def test_values_that_did_not_fit_are_counted_per_column() -> None:
    rendered = render(
        "subjects",
        '{"_id": 1, "age": "old", "parents": {"group": 5, "project": "p"}}',
        '{"age": 1.5, "created": "never"}',
        '{"age": 7, "source": "text"}',
        '{"age": null}',
    )

    assert rendered.report.unfit == {
        "id": 1,
        "age": 2,
        "parents.group": 1,
        "created": 1,
        "source": 1,
    }


def test_keys_without_a_column_are_counted_per_record() -> None:
    rendered = render(
        "subjects",
        '{"x": 1, "parents": {"y": 1}}',
        '{"x": 1, "age": "odd"}',
        '{"x": {"z": 1}, "label": "\\ud800"}',
        '{"x": null, "w": null}',
        '{"x": 1, "x": 2}',
    )

    assert rendered.report.unknown == {"x": 4, "parents.y": 1}


def test_repeated_column_counts_every_value() -> None:
    rendered = render("subjects", '{"label": "a", "label": "b"}', '{"label": "c"}')

    assert rendered.report.unfit == {"label": 2}


def test_values_in_json_that_sql_cannot_read_are_counted() -> None:
    rendered = render("subjects", '{"info": {"a": "\\ud800", "b": 1}}', '{"info": {"a": NaN}}')

    assert rendered.report.unfit == {"info": 1}


def test_unreadable_records_are_named_with_the_reason() -> None:
    batch = [b"{", None, b'{"_id": "a"}', b"[]", b"\xff"]

    rendered = render_batches("subjects", [batch], skip_errors=True)

    report = rendered.report
    assert (report.rows_read, report.rows_written, report.skipped_rows) == (5, 1, 4)
    reasons = {entry["id"]: entry["reason"] for entry in report.skipped}
    assert reasons.keys() == {"0", "1", "3", "4"}
    assert reasons["1"] == "it has no data"
    assert reasons["3"] == "it is not a JSON object but a list"
    assert reasons["4"] == "it is not UTF-8 text (byte 0)"


def test_a_thousand_unreadable_records_are_named_and_all_are_counted() -> None:
    rendered = render_batches("subjects", [[b"[]"] * 1500], skip_errors=True)

    assert rendered.report.skipped_rows == 1500
    assert len(rendered.report.skipped) == 1000


def test_a_thousand_unknown_keys_are_named() -> None:
    rendered = render("subjects", json.dumps({f"k{n}": n for n in range(1500)}))

    assert len(rendered.report.unknown) == 1000


def test_surrogate_in_an_unknown_key_does_not_break_the_report() -> None:
    rendered = render("subjects", '{"\\ud800": 1}')
    report = RenderingReport({"subjects": rendered.report})

    keys = json.loads(report.to_json())["tables"]["subjects"]["keys_without_a_column"]
    assert keys == {"\\ud800": 1}


def test_no_value_stands_in_report_or_log() -> None:
    odd = [
        f'{{"_id": ["{SECRET}"], "age": "{SECRET}", "created": "{SECRET}", "x": "{SECRET}"}}',
        f'{{"parents": "{SECRET}", "tags": "{SECRET}", "info": "{SECRET}\\ud800"}}',
        f'{{"label": "{SECRET}", "label": "{SECRET}"}}',
        f'{{"label": "{SECRET}"',
        f'"{SECRET}"',
        f'["{SECRET}"]',
        f'{{"label": "{SECRET}\\q"}}',
        f"{SECRET}",
    ]
    batch: list[bytes | None] = [text.encode() for text in odd]
    rendered = render_batches("subjects", [[*batch, SECRET.encode() + b"\xff"]], skip_errors=True)
    report = RenderingReport({"subjects": rendered.report})

    assert rendered.report.skipped_rows == 6
    assert SECRET.encode() not in report.to_json()
    assert SECRET not in report.log()


def test_keys_are_left_out_where_extra_is() -> None:
    report = TableReport(rows_read=1, rows_written=1, unknown={"Jane": 1}, unfit={"age": 1})

    assert b"Jane" in RenderingReport({"subjects": report}).to_json()
    assert b"Jane" not in RenderingReport({"subjects": report}, with_unknown=False).to_json()
    assert "Jane" not in RenderingReport({"subjects": report}).log()


def test_log_says_what_was_counted() -> None:
    report = TableReport(5, 4, {"size": 2}, {"x": 3}, [{"id": "i", "reason": "r"}], 1)

    assert RenderingReport({"files": report}).log().splitlines() == [
        "files: 5 records read, 4 rows written",
        "files: 1 records could not be read and were skipped",
        "files: 2 values did not fit column size and stand in extra",
    ]


@given(data=st.data(), table=st.sampled_from(ALL_TABLES))
def test_extra_is_there_exactly_where_something_was_counted(
    data: st.DataObject, table: str
) -> None:
    source = Style().write(data.draw(records(table)))

    rendered = render(table, source)

    (row,) = rendered.rows
    report = rendered.report
    # A midnight as a date and a whole job stand in both, and nothing was odd about them.
    kept_twice = '"date_of_birth"' in source or '"job"' in source
    assert (row[EXTRA] is not None) == bool(report.unfit or report.unknown) or kept_twice
    assert report.rows_written == 1
    columns = primary_table(table).columns
    assert report.unfit.keys() <= {name for c in columns for name in (c.name, c.path[0])}
