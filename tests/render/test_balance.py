"""Texts that are no records by themselves, but would be if their neighbours were joined to them."""

from __future__ import annotations

import pytest

from fw_dataset.errors import RecordError
from tests.support.rendering import render, render_batches

BALANCED = [
    (b'{"_id":"1"},{"_id":"2"}', b'{"_id":"3","notes":[{"y":1}', b'{"z":2}]}'),
    (b'{"_id":"1"},0,{"_id":"2"}', b'{"_id":"3","notes":[{"y":1}', b'{"z":2}]}'),
    (b'{"_id":"1"}', b'{"_id":"2"},{"_id":"3"}'),
    (b"1", b'{"_id":"2"}'),
]


@pytest.mark.parametrize("texts", BALANCED)
def test_no_record_is_completed_by_its_neighbours(texts: tuple[bytes, ...]) -> None:
    with pytest.raises(RecordError, match="it is not"):
        render("subjects", *texts)


def test_the_sound_ones_of_them_are_kept_where_errors_are_skipped() -> None:
    sound = b'{"_id":"9"}'
    rendered = render_batches("subjects", [[*BALANCED[0], sound]], skip_errors=True)
    assert [row["id"] for row in rendered.rows] == ["9"]
    assert rendered.report.skipped_rows == len(BALANCED[0])
