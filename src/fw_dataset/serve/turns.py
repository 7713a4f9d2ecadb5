"""Whose query comes next: so many run at once, and who asks much does not keep others waiting."""

from __future__ import annotations

import asyncio
from collections import Counter, deque

__all__ = ["BusyError", "Turn", "Turns"]

_RETRY_SECONDS = 2


class BusyError(Exception):
    """Too many queries run and wait.

    Attributes:
        retry_after: in how many seconds to come back.
    """

    def __init__(self, message: str, retry_after: int = _RETRY_SECONDS) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class Turn:
    """A place in the queue, and then among those that run."""

    def __init__(self, asker: str) -> None:
        self.asker = asker
        self.has_come = asyncio.Event()


class Turns:
    """So many places, which are given to the askers in turn.

    Of those who wait, the one of whom the fewest run comes next. While there are several places,
    nobody has all of them: a short question of somebody else finds one at any time.

    Args:
        places: how many run at once.
        waiting: how many more may wait.
        waiting_of_one: how many of them may be of one asker.
    """

    def __init__(self, places: int, waiting: int, waiting_of_one: int) -> None:
        self._places, self._waiting, self._waiting_of_one = places, waiting, waiting_of_one
        self._places_of_one = max(1, places - 1)
        self._running: Counter[str] = Counter()
        # The order is that in which the askers come next.
        self._queues: dict[str, deque[Turn]] = {}

    def take(self, asker: str) -> Turn:
        """A turn, which has come at once if there is a place.

        Raises:
            BusyError: too many wait.
        """
        turn = Turn(asker)
        if self._has_place(asker) and asker not in self._queues:
            self._begin(turn)
            return turn
        if sum(map(len, self._queues.values())) >= self._waiting:
            raise BusyError("too many queries run at the moment")
        if len(self._queues.get(asker, ())) >= self._waiting_of_one:
            raise BusyError("too many of your queries wait for their turn")
        self._queues.setdefault(asker, deque()).append(turn)
        return turn

    def end(self, turn: Turn) -> None:
        """Leave, whether the turn has come or not."""
        asker = turn.asker
        if turn.has_come.is_set():
            self._running[asker] -= 1
            self._running += Counter()  # nobody is kept who has nothing here
        elif turn in self._queues.get(asker, ()):
            self._queues[asker].remove(turn)
            if not self._queues[asker]:
                del self._queues[asker]
        self._go_on()

    def _go_on(self) -> None:
        while askers := [asker for asker in self._queues if self._has_place(asker)]:
            asker = min(askers, key=self._running.__getitem__)
            queue = self._queues.pop(asker)
            self._begin(queue.popleft())
            if queue:
                self._queues[asker] = queue

    def _has_place(self, asker: str) -> bool:
        return self._running.total() < self._places and self._running[asker] < self._places_of_one

    def _begin(self, turn: Turn) -> None:
        self._running[turn.asker] += 1
        turn.has_come.set()
