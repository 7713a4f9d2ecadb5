"""Who has signed in."""

from __future__ import annotations

from fw_dataset.serve.pages.sessions import Sessions


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_session_holds_until_it_ends() -> None:
    clock = Clock()
    sessions = Sessions(10, clock)
    first, second = sessions.begin("me"), sessions.begin("you")
    assert first != second
    assert len(first) >= 40
    assert sessions.owner(first) == "me"
    sessions.end(first)
    assert sessions.owner(first) is None
    clock.now = 9.9
    assert sessions.owner(second) == "you"
    clock.now = 10
    assert sessions.owner(second) is None


def test_nothing_else_is_a_session() -> None:
    sessions = Sessions()
    assert {sessions.owner(text) for text in (None, "", "x", "é")} == {None}
    sessions.end(None)


def test_sessions_are_bounded_and_the_oldest_gives_way() -> None:
    sessions = Sessions()
    first = sessions.begin("me")
    others = [sessions.begin("me") for _ in range(1000)]
    assert sessions.owner(first) is None
    assert {sessions.owner(number) for number in others} == {"me"}
