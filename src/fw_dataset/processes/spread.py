"""Where work is done: here, in processes of our own, or by an executor that a caller brings."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass

from fw_dataset.errors import InvalidArgumentError
from fw_dataset.processes.capacity import available_cpus, available_memory
from fw_dataset.processes.pool import ProcessPool

__all__ = ["Spread"]

# What one rendering may take: see benchmarks/README.md.
_BYTES_PER_WORKER = 1 << 30


@dataclass(frozen=True)
class Spread:
    """Where work is done.

    Attributes:
        executor: the caller's; it stays open.
        workers: the most processes of our own; 1 for none, None for as many as there are
            processors and memory for.
    """

    executor: Executor | None = None
    workers: int | None = None

    @classmethod
    def make(cls, executor: object, workers: object) -> Spread:
        """Check the arguments of a public function.

        Raises:
            InvalidArgumentError: both are given, or one is not what it must be.
        """
        if executor is not None and not isinstance(executor, Executor):
            hint = "client.get_executor(pure=False)" if hasattr(executor, "get_executor") else ""
            raise InvalidArgumentError(
                "executor: a concurrent.futures.Executor is expected, not one of type"
                f" {type(executor).__name__}" + (f"; of a Dask client: {hint}" if hint else "")
            )
        if workers is None:
            return cls(executor)
        if executor is not None:
            raise InvalidArgumentError("give executor or workers, not both")
        if not isinstance(workers, int) or isinstance(workers, bool) or workers < 1:
            raise InvalidArgumentError(f"workers {workers!r}: give a whole number from 1")
        return cls(None, workers)

    def processes(self, most: int) -> int:
        """How many processes of our own are worth their start for so many pieces of work.

        Args:
            most: how many pieces there are.
        """
        if self.executor is not None:
            return 0
        workers = self.workers
        if workers is None:
            workers = min(available_cpus(), available_memory() // _BYTES_PER_WORKER)
        workers = min(workers, most)
        return workers if workers > 1 else 0

    @contextmanager
    def over(self, most: int) -> Iterator[Executor | None]:
        """The executor for so many pieces of work; None if they are best done here.

        At the end processes of our own are ended; after an error, whatever they do.
        """
        workers = self.processes(most)
        if not workers:
            yield self.executor
        else:
            with ProcessPool(workers) as pool:
                yield pool
