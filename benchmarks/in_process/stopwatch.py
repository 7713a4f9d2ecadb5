"""Time a program's parts from outside: wrap its functions, and take inner parts off outer ones."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

__all__ = ["Spent", "Stopwatch"]


@dataclass
class Spent:
    """What a part took, without the parts inside it.

    Attributes:
        cpu: seconds of CPU.
        wall: seconds that passed; parts in two threads pass at the same time.
    """

    cpu: float = 0.0
    wall: float = 0.0


class Stopwatch:
    """Adds up what the parts of a program take.

    CPU is that of the thread which runs the part. A part that lets other threads work for it, and
    runs while nothing else does, is timed with the clock of the whole process.
    """

    def __init__(self) -> None:
        self.parts: dict[str, Spent] = {}
        self._lock = threading.Lock()
        self._running = threading.local()

    @contextmanager
    def part(self, name: str, clock: Callable[[], float] = time.thread_time) -> Iterator[None]:
        """Time what happens inside."""
        above: Spent | None = getattr(self._running, "inner", None)
        self._running.inner = inner = Spent()
        cpu, wall = clock(), time.perf_counter()
        try:
            yield
        finally:
            cpu, wall = clock() - cpu, time.perf_counter() - wall
            self._running.inner = above
            if above is not None:
                above.cpu += cpu
                above.wall += wall
            with self._lock:
                spent = self.parts.setdefault(name, Spent())
                spent.cpu += cpu - inner.cpu
                spent.wall += wall - inner.wall

    def time_calls(self, owner: Any, name: str, part: str) -> None:
        """Time all calls of a function or method from now on.

        Raises:
            AttributeError: there is none of that name.
        """
        self._time_calls(owner, name, part, time.thread_time)

    def time_calls_alone(self, owner: Any, name: str, part: str) -> None:
        """The same for what runs while nothing else does but threads of its own.

        Raises:
            AttributeError: there is no function of that name.
        """
        self._time_calls(owner, name, part, time.process_time)

    def _time_calls(self, owner: Any, name: str, part: str, clock: Callable[[], float]) -> None:
        function = getattr(owner, name)

        @functools.wraps(function)
        def timed(*args: Any, **options: Any) -> Any:
            with self.part(part, clock):
                return function(*args, **options)

        setattr(owner, name, timed)
