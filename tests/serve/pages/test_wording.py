"""Numbers, sizes and instants as people read them."""

from __future__ import annotations

import pytest

from fw_dataset.serve.pages.wording import number, percent, plural, short_instant, size


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (99_949, "99.9 kB"),
        (99_950, "100 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (3_400_000_000, "3.4 GB"),
        (5 * 10**18, "5000 PB"),
    ],
)
def test_sizes(amount: int, said: str) -> None:
    assert size(amount) == said


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [
        (0, 0, "0 %"),
        (0, 10, "0 %"),
        (10, 10, "100 %"),
        (1, 1000, "<1 %"),
        (999, 1000, ">99 %"),
        (1, 3, "33 %"),
    ],
)
def test_a_share_is_nothing_or_all_only_if_it_is(part: int, whole: int, said: str) -> None:
    assert percent(part, whole) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(3, "3"), (12345, "12,345"), (2.5, "2.5"), (0.00001234, "1.234e-05"), (1e20, "1e+20")],
)
def test_numbers(value: float, said: str) -> None:
    assert number(value) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2023-05-01T10:20:30.004000", "2023-05-01 10:20:30 UTC"),
        ("2023-05-01T10:20:30Z", "2023-05-01 10:20:30 UTC"),
        ("2023-05-01T00:00:00+00:00", "2023-05-01"),
        ("2023-05-01 10:20:30.5+02", "2023-05-01 10:20:30.5+02"),
        ("infinity", "infinity"),
    ],
)
def test_instants(text: str, said: str) -> None:
    assert short_instant(text) == said


def test_nouns() -> None:
    assert [plural(n, "row") for n in (0, 1, 2000)] == ["0 rows", "1 row", "2,000 rows"]
    assert plural(2, "analysis", "analyses") == "2 analyses"
