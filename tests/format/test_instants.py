"""Instants as datasets spell them, today and in older releases."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_dataset.format.instants import format_instant, parse_instant

UTC = timezone.utc
# Readers in the field parse with this.
FIELD_FORMAT = "%Y-%m-%dT%H:%M:%S.%f%z"
offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(timezones=offsets).filter(lambda moment: 1 < moment.year < 9999)


@pytest.mark.parametrize(
    "text",
    [
        "2025-09-24T20:24:22.004+00:00",
        "2025-09-24T20:24:22.004Z",
        "2025-09-24T20:24:22.004z",
        "2025-09-24T20:24:22.004000+00:00",
        "2025-09-24T20:24:22.004000999Z",
        "2025-09-24T20:24:22.004",
        "2025-09-24 20:24:22.004+00:00",
        "2025-09-24T22:24:22.004+0200",
        "2025-09-24T14:54:22.004-05:30",
        " 2025-09-24T20:24:22.004Z\n",
    ],
)
def test_spellings_of_one_instant(text: str) -> None:
    assert parse_instant(text) == datetime(2025, 9, 24, 20, 24, 22, 4000, UTC)


@pytest.mark.parametrize("text", ["2025-09-24T20:24:22Z", "2025-09-24T20:24:22+00:00"])
def test_no_fraction(text: str) -> None:
    assert parse_instant(text) == datetime(2025, 9, 24, 20, 24, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", "2025", "2025-09-24", "20:24:22", "2025-09-24T20:24", "2025-13-01T00:00:00Z"),
        *(
            "2025-02-30T00:00:00Z",
            "2025-09-24T24:00:00Z",
            "2025-09-24T20:60:00Z",
            "0000-01-01T00:00:00Z",
        ),
        *("2025-09-24T20:24:60Z", "2025-09-24T20:24:22+25:00", "2025-09-24T20:24:22.+00:00"),
        *("2025-09-24T20:24:22.0000000001Z", "2025-09-24T20:24:22ZZ", "٢٠٢٥-09-24T20:24:22Z"),
        *("1758745462", "2025-09-24T20:24:22 UTC"),
    ],
)
def test_no_instants(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        parse_instant(text)

    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_instants_outside_of_the_years_are_refused_as_all_others(text: str) -> None:
    with pytest.raises(ValueError, match="is not an instant"):
        parse_instant(text)


@given(instants)
def test_iso_texts_of_python_are_read(moment: datetime) -> None:
    read = parse_instant(moment.isoformat())

    assert read == moment
    assert read.utcoffset() == timedelta(0)


@given(instants)
def test_written_instants_are_read_again_to_the_millisecond(moment: datetime) -> None:
    text = format_instant(moment)

    cut = moment - timedelta(microseconds=moment.microsecond % 1000)
    assert parse_instant(text) == cut
    assert datetime.strptime(text, FIELD_FORMAT).astimezone(UTC) == cut
    assert text.endswith("+00:00")
    assert len(text) == len("2025-09-24T20:24:22.004+00:00")


@given(instants, instants)
def test_written_instants_sort_as_they_follow_each_other(one: datetime, other: datetime) -> None:
    first, second = sorted([one, other])

    assert format_instant(first) <= format_instant(second)


def test_without_a_zone_it_is_utc() -> None:
    assert format_instant(datetime.fromisoformat("2025-09-24")) == "2025-09-24T00:00:00.000+00:00"
    assert parse_instant("2025-09-24T00:00:00") == datetime(2025, 9, 24, tzinfo=UTC)
