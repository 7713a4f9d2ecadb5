"""When to ask again: pauses that grow, up to a bound, and what the platform asks for."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_dataset.flywheel.retries import PASSING, Retries, asked_to_wait

seconds = st.floats(0, 1000)


def test_pauses_grow_up_to_a_bound() -> None:
    retries = Retries(times=8, first=1.0, longest=20.0)
    pauses = [retries.pause(number) for number in range(1, 9)]
    assert retries.pause(9) is None
    for pause, usual in zip(pauses, (1, 2, 4, 8, 16, 20, 20, 20), strict=True):
        assert pause is not None
        assert usual / 2 <= pause <= usual
    assert len({retries.pause(3) for _ in range(20)}) > 1, "clients do not come back together"


def test_what_the_platform_asks_for_counts() -> None:
    retries = Retries(times=2, first=1.0, longest=2.0, patience=60.0)
    assert retries.pause(1, 30.0) == 30.0
    assert retries.pause(1, 60.0) == 60.0
    assert retries.pause(1, 60.5) is None
    assert retries.pause(3, 1.0) is None
    pause = retries.pause(1, 0.0)
    assert pause is not None
    assert pause >= 0.5


def test_no_patience_at_all() -> None:
    assert Retries(times=0).pause(1) is None
    assert Retries(patience=0.0).pause(1, 0.1) is None
    assert Retries(patience=0.0).pause(1) is not None


@given(
    st.integers(1, 2000),
    seconds | st.none(),
    st.builds(
        Retries, times=st.integers(0, 3000), first=seconds, longest=seconds, patience=seconds
    ),
)
def test_bounds(repetition: int, asked: float | None, retries: Retries) -> None:
    pause = retries.pause(repetition, asked)
    if repetition > retries.times or (asked is not None and asked > retries.patience):
        assert pause is None
        return
    assert pause is not None
    assert (asked or 0.0) <= pause <= max(retries.longest, asked or 0.0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("١٢", None),
        ("²", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
        ("Sun, 06 Nov 1994 08:49:37", 0),
        ("Sun, 99 Nov 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 99999 08:49:37 GMT", None),
    ],
)
def test_retry_after(value: str, expected: float | None) -> None:
    assert asked_to_wait({"retry-after": value}) == expected
    assert asked_to_wait({}) is None


@pytest.mark.parametrize("hours", [-5, 0, 3])
def test_a_date_to_come(hours: int) -> None:
    zone = timezone(timedelta(hours=hours))
    moment = datetime.now(timezone.utc) + timedelta(seconds=90)
    found = asked_to_wait({"retry-after": format_datetime(moment.astimezone(zone))})
    assert found is not None
    assert 85 <= found <= 90


@given(st.text(max_size=40))
def test_any_header(value: str) -> None:
    found = asked_to_wait({"retry-after": value})
    assert found is None or found >= 0


def test_what_passes() -> None:
    assert {429, 500, 502, 503, 504} == PASSING
