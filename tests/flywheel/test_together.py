"""Many at once: in order, lazily, a few at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_dataset.flywheel import each_done
from tests.support.flywheel_sites import run_python


class Watched:
    """Counts what is taken, begun, under way and done."""

    def __init__(self, *, seconds: float = 0.0) -> None:
        self.taken = self.begun = self.under_way = self.most = 0
        self.seconds = seconds
        self._lock = threading.Lock()

    def items(self, count: int) -> Iterator[int]:
        for number in range(count):
            self.taken += 1
            yield number

    def __call__(self, item: int) -> int:
        with self._lock:
            self.begun += 1
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        time.sleep(self.seconds)
        with self._lock:
            self.under_way -= 1
        return item * 2


@given(st.integers(0, 40), st.integers(1, 12))
def test_the_order(count: int, at_once: int) -> None:
    watched = Watched()
    assert list(each_done(watched, watched.items(count), at_once)) == [
        2 * number for number in range(count)
    ]


def test_the_order_though_the_first_takes_longest() -> None:
    def slowly(item: int) -> int:
        time.sleep((5 - item) * 0.02)
        return item

    assert list(each_done(slowly, range(5))) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("at_once", [1, 3, 10])
def test_a_few_at_a_time(at_once: int) -> None:
    watched = Watched(seconds=0.01)
    assert len(list(each_done(watched, watched.items(40), at_once))) == 40
    assert watched.most == at_once


@pytest.mark.parametrize("at_once", [1, 4])
def test_items_are_taken_as_they_are_wanted(at_once: int) -> None:
    watched = Watched()
    done = each_done(watched, watched.items(1000), at_once)
    assert watched.taken == 0
    for wanted in range(1, 20):
        next(done)
        assert wanted <= watched.taken <= wanted + at_once


def test_errors_in_their_turn() -> None:
    def picky(item: int) -> int:
        if item in (3, 5):
            raise ValueError(f"no {item}")
        return item

    done = each_done(picky, range(8), 8)
    assert [next(done) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="no 3"):
        next(done)
    assert list(done) == []


def test_an_error_of_the_items() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise LookupError("no more pages")

    done = each_done(Watched(), items(), 1)
    assert next(done) == 2
    with pytest.raises(LookupError, match="no more pages"):
        next(done)


def test_whoever_wants_no_more_stops_it() -> None:
    before = threading.active_count()
    watched = Watched(seconds=0.5)
    done = each_done(watched, watched.items(1000), 4)
    next(done)
    began = time.monotonic()
    done.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 0.4, "nobody is waited for"
    deadline = time.monotonic() + 10
    while threading.active_count() > before:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert watched.taken <= 5
    assert watched.begun <= 5


INTERRUPTED = """
import os, signal, threading, time
from fw_dataset.flywheel import each_done
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    for _ in each_done(lambda _: time.sleep(60), range(100)):
        pass
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interruption_holds_nobody_up() -> None:
    began = time.monotonic()
    status, out, err = run_python(INTERRUPTED)
    assert (status, out, err) == (0, "interrupted\n", "")
    assert time.monotonic() - began < 20
