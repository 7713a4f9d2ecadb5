"""Calls over an executor: their order, their errors, and what is left when they end early."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_dataset.errors import InvalidArgumentError, WorkerError
from fw_dataset.processes import fanning
from fw_dataset.processes.capacity import available_cpus
from fw_dataset.processes.fanning import fan_out
from fw_dataset.processes.spread import Spread
from tests.support.executors import BreakingExecutor


def double(number: int) -> int:
    if number < 0:
        raise ValueError(str(number))
    return 2 * number


@pytest.fixture(scope="module")
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(3) as executor:
        yield executor


@given(numbers=st.lists(st.integers(-2, 20), max_size=20))
def test_first_error_in_order_is_raised(threads: Executor, numbers: list[int]) -> None:
    calls = [(number,) for number in numbers]
    wrong = [number for number in numbers if number < 0]
    found: dict[int, int | None] = {}
    fanned = fan_out(threads, double, calls, stop_at_error=True)
    if wrong:
        with pytest.raises(ValueError, match=str(wrong[0])):
            found.update((place, outcome.value) for place, outcome in fanned)
    else:
        found.update((place, outcome.value) for place, outcome in fanned)
        assert found == {place: 2 * number for place, number in enumerate(numbers)}


@given(numbers=st.lists(st.integers(-2, 20), max_size=20))
def test_errors_are_collected(threads: Executor, numbers: list[int]) -> None:
    calls = [(number,) for number in numbers]
    found = dict(fan_out(threads, double, calls, stop_at_error=False))
    assert sorted(found) == list(range(len(numbers)))
    for place, number in enumerate(numbers):
        assert (found[place].error is not None) == (number < 0)
        assert number < 0 or found[place].value == 2 * number


def test_error_of_a_later_call_waits_for_those_before_it(threads: Executor) -> None:
    later = threading.Event()

    def call(place: int) -> None:
        if place == 0:
            later.wait(30)
        later.set()
        raise ValueError(f"call {place}")

    with pytest.raises(ValueError, match="call 0"):
        list(fan_out(threads, call, [(0,), (1,)], stop_at_error=True))


def test_error_of_the_calls_themselves_comes_behind_those_before_it(threads: Executor) -> None:
    def calls(first: int) -> Iterator[tuple[int]]:
        yield (first,)
        raise KeyError("calls")

    with pytest.raises(ValueError, match="-1"):
        list(fan_out(threads, double, calls(-1), stop_at_error=True))
    with pytest.raises(KeyError, match="calls"):
        list(fan_out(threads, double, calls(1), stop_at_error=True))


def test_what_has_not_begun_is_cancelled() -> None:
    done: list[int] = []
    go = threading.Event()

    def call(place: int) -> None:
        go.wait(30)
        time.sleep(0.01)
        done.append(place)
        raise ValueError

    with ThreadPoolExecutor(1) as one:
        fanned = fan_out(one, call, [(place,) for place in range(50)], stop_at_error=True)
        go.set()
        with pytest.raises(ValueError, match=r"^$"):
            list(fanned)
    assert len(done) < 5

    with ThreadPoolExecutor(1) as one:
        many = fan_out(one, time.sleep, [(0.01,)] * 500, stop_at_error=True)
        next(many)
        many.close()
        began = time.monotonic()
    assert time.monotonic() - began < 2


def test_no_more_wait_than_are_allowed(threads: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanning, "_MOST_WAITING", 3)
    asked = 0

    def calls() -> Iterator[tuple[int]]:
        nonlocal asked
        for number in range(20):
            asked += 1
            yield (number,)

    done = 0
    for _ in fan_out(threads, double, calls(), stop_at_error=True):
        done += 1
        assert asked <= done + 3
    assert done == 20


@pytest.mark.parametrize("error", [BrokenProcessPool("gone"), RuntimeError("closed")])
def test_a_broken_executor_is_told(error: Exception) -> None:
    told = f"BreakingExecutor.*lost what it was given to do: {type(error).__name__}: {error}"
    with pytest.raises(WorkerError, match=told):
        list(fan_out(BreakingExecutor(2, error), double, [(1,)] * 4, stop_at_error=True))
    found = dict(fan_out(BreakingExecutor(2, error), double, [(1,)] * 4, stop_at_error=False))
    assert [found[n].value for n in range(4)] == [2, 2, None, None]
    assert all(isinstance(found[n].error, WorkerError) for n in (2, 3))


def test_a_closed_executor_is_told() -> None:
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(WorkerError, match=r"ThreadPoolExecutor.*after shutdown"):
        list(fan_out(executor, double, [(1,)], stop_at_error=True))


class Client:
    """What somebody may give who has a cluster."""

    def get_executor(self) -> None:
        """As Dask's has."""


@pytest.mark.parametrize(
    ("executor", "workers", "told"),
    [
        (object(), None, "a concurrent.futures.Executor is expected, not one of type object"),
        (Client(), None, r"of a Dask client: client.get_executor\(pure=False\)"),
        (None, 0, "workers 0"),
        (None, True, "workers True"),
        (None, "2", "workers '2'"),
    ],
)
def test_what_is_no_executor_and_no_number_is_refused(
    executor: object, workers: object, told: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=told):
        Spread.make(executor, workers)


def test_executor_and_workers_exclude_each_other(threads: Executor) -> None:
    with pytest.raises(InvalidArgumentError, match="not both"):
        Spread.make(threads, 2)
    assert Spread.make(threads, None).executor is threads


def test_processes_are_no_more_than_the_work() -> None:
    assert [Spread(workers=4).processes(most) for most in (1, 2, 3, 9)] == [0, 2, 3, 4]
    assert Spread(workers=1).processes(9) == 0
    cpus = available_cpus()
    assert Spread().processes(9) in (0, *range(2, min(cpus, 9) + 1))
    with Spread(workers=4).over(1) as executor:
        assert executor is None
