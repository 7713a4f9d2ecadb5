"""Places among queries: how many, whose next, and that none is lost."""

from __future__ import annotations

import pytest

from fw_dataset.serve.turns import BusyError, Turn, Turns


def come(turns: list[Turn]) -> list[bool]:
    return [turn.has_come.is_set() for turn in turns]


def test_the_one_of_whom_fewest_run_comes_next() -> None:
    places = Turns(3, 20, 10)
    first = [places.take("a") for _ in range(5)]
    assert come(first) == [True, True, False, False, False]  # one place is for others
    other = [places.take("b") for _ in range(3)]
    assert come(other) == [True, False, False]
    third = places.take("c")
    assert not third.has_come.is_set()
    places.end(first[0])
    assert third.has_come.is_set()
    places.end(third)
    assert come(first[2:]) == [True, False, False]
    places.end(first[1])
    assert come(other) == [True, True, False]


def test_askers_with_as_many_take_turns() -> None:
    places = Turns(1, 20, 10)
    runs = places.take("a")
    queued = {name: [places.take(name) for _ in range(2)] for name in "abc"}
    order: list[tuple[str, Turn]] = []
    for _ in range(6):
        places.end(runs)
        [(name, runs)] = [
            (name, turn)
            for name, turns in queued.items()
            for turn in turns
            if turn.has_come.is_set() and turn not in [one for _, one in order]
        ]
        order.append((name, runs))
    assert "".join(name for name, _ in order) == "abcabc"


def test_who_leaves_the_queue_is_passed_over() -> None:
    places = Turns(1, 20, 10)
    runs, gone, waits = (places.take("a") for _ in range(3))
    places.end(gone)
    places.end(gone)
    places.end(runs)
    assert come([gone, waits]) == [False, True]
    places.end(waits)
    assert places.take("b").has_come.is_set()


def test_so_many_wait_of_one_and_of_all() -> None:
    places = Turns(2, 3, 2)
    taken = [places.take("a") for _ in range(3)]
    assert come(taken) == [True, False, False]
    with pytest.raises(BusyError, match="of your queries"):
        places.take("a")
    assert places.take("b").has_come.is_set()
    waits = places.take("b")
    with pytest.raises(BusyError, match="too many queries run") as caught:
        places.take("c")
    assert caught.value.retry_after >= 1
    places.end(waits)
    places.take("c")
