"""Records that cannot be read are refused by name, and so is what is nested beyond reason."""

from __future__ import annotations

import json

import pytest

from fw_dataset.errors import RecordError, SnapshotError
from fw_dataset.render.json_tree import parse
from tests.support.rebuilding import assert_rebuilt
from tests.support.rendering import ALL_TABLES, render_batches

UNREADABLE = {
    b"": "it is not JSON: Expecting value at character 0",
    b"  ": "it is not JSON: Expecting value at character 2",
    b"nothing": "it is not JSON: Expecting value at character 0",
    b'{"a": 1': "it is not JSON: Expecting ',' delimiter at character 7",
    b'{"a": 1} {': "it is not JSON: Extra data at character 9",
    b'{"a": 1},{"b": 2}': "it is not JSON: Extra data at character 8",
    b'{"label": "\xff"}': "it is not UTF-8 text (byte 11)",
    b'{"info": {"a": "\xff"}}': "it is not UTF-8 text (byte 16)",
    b'{"x": "\xed\xa0\x80"}': "it is not UTF-8 text (byte 7)",
    '{"a": 1}'.encode("utf-16"): "it is not UTF-8 text (byte 0)",
    b"[]": "it is not a JSON object but a list",
    b"null": "it is not a JSON object but null",
    b"true": "it is not a JSON object but a boolean",
    b"1": "it is not a JSON object but a scalar",
    b'"text"': "it is not a JSON object but a scalar",
}
INVALID_INSIDE = [
    *(b'"\\q"', b'"\\u12"', b'"\\x41"', b"01", b"1.", b".5", b"+1", b"1e", b"-", b"0x1", b"1_0"),
    *(b"nul", b"True", b"nan", b"[1,]", b'{"a":}', b"{a:1}", b"'a'", b'{"a" 1}', b'"a', b"/**/1"),
]


@pytest.mark.parametrize("source", UNREADABLE)
def test_unreadable_record_is_named_with_the_reason(source: bytes) -> None:
    with pytest.raises(RecordError) as raised:
        render_batches("files", [[b"{}", source]])

    error = raised.value
    assert (error.table, error.record_id, error.reason) == ("file", "1", UNREADABLE[source])
    assert isinstance(error, SnapshotError)
    assert str(error).startswith(f"record '1' of table 'file': {error.reason}")
    assert "\n" not in str(error)


def test_record_without_data_is_named() -> None:
    with pytest.raises(RecordError, match="record '0' of table 'subject': it has no data"):
        render_batches("subjects", [[None]])


@pytest.mark.parametrize("member", ["info", "x", "notes", "label", "created", "tags", "age"])
@pytest.mark.parametrize("value", INVALID_INSIDE)
def test_invalid_json_inside_a_record_is_refused(member: str, value: bytes) -> None:
    with pytest.raises(RecordError, match="it is not JSON"):
        render_batches("sessions", [[b'{"_id": "s", "%s": %s}' % (member.encode(), value)]])


@pytest.mark.parametrize("table", ALL_TABLES)
def test_all_records_may_be_unreadable(table: str) -> None:
    rendered = render_batches(table, [list(UNREADABLE), [None]], skip_errors=True)

    assert rendered.rows == []
    assert rendered.report.skipped_rows == len(UNREADABLE) + 1


@pytest.mark.parametrize("member", ["info", "x", "notes", "label", "parents"])
@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("depth", [50, 150, 300, 450, 600, 800, 940, 970, 990, 1010, 3000, 100_000])
def test_deep_nesting_is_kept_or_refused(member: str, opening: str, depth: int) -> None:
    closing = "]" if opening == "[" else "}"
    source = f'{{"{member}": {opening * depth}1{closing * depth}}}'.encode()

    rendered = render_batches("sessions", [[b'{"_id": "s"}', source]], skip_errors=True)

    assert rendered.rows[0]["id"] == "s"
    if depth <= 150:  # MongoDB, where records come from, goes to 100
        assert_rebuilt("sessions", source, rendered.rows[1])
    elif len(rendered.rows) == 1:
        assert rendered.report.skipped == [
            {"id": "1", "reason": "it is nested too deeply to be read"}
        ]
    else:
        texts = [value for value in rendered.rows[1].values() if isinstance(value, str)]
        assert any(text.count(opening) == depth for text in texts)


def test_record_of_ten_megabytes_is_kept() -> None:
    note = "é\\n" * 1_700_000
    source = f'{{"_id": "s", "label": "{note}", "info": {{"n": "{note}"}}, "x": "{note}"}}'.encode()
    assert len(source) > 10_000_000

    (row,) = render_batches("sessions", [[source]]).rows

    text = note.replace("\\n", "\n")
    assert row["label"] == text
    assert json.loads(row["info"]) == {"n": text}
    assert json.loads(row["extra"]) == {"x": text}


def test_wide_record_is_kept() -> None:
    wide = {f"key {n}": n for n in range(20_000)}
    source = json.dumps({"info": wide, "parents": wide}).encode()

    (row,) = render_batches("sessions", [[source]]).rows

    assert_rebuilt("sessions", source, row)


def test_parse_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        parse(b"[" * 100_000)
    with pytest.raises(ValueError, match="not UTF-8"):
        parse(b"\xff")
    with pytest.raises(ValueError, match="not JSON"):
        parse(b"{")
