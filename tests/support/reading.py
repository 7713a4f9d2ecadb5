"""Reading Parquet files of a storage through DuckDB, with all that is asked of it counted."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from fw_dataset.format.names import quote_literal
from fw_dataset.storage import MemoryStorage
from fw_dataset.storage.parts import PartStore
from fw_dataset.storage.reading import ReadFileSystem

__all__ = [
    "CountingStorage",
    "columns_file",
    "local",
    "parquet",
    "queried",
    "settled",
    "sizes",
    "view",
]

Part = tuple[str, int, int]


class CountingStorage(MemoryStorage):
    """A storage that takes its time and remembers what was asked.

    Attributes:
        rounds: the parts of each call of ``get_parts``, in the order they came.
        most_at_once: the most of these calls that were under way at the same time.
        delay: seconds that each of them takes.
        before: called with the parts of each call, in the thread that calls.
    """

    def __init__(self, delay: float = 0.0) -> None:
        super().__init__()
        self.rounds: list[list[Part]] = []
        self.most_at_once = 0
        self.delay = delay
        self.before: Callable[[Sequence[Part]], None] = lambda _: None
        self._now = 0
        self._counting = threading.Lock()

    @property
    def parts(self) -> list[Part]:
        """All parts that were asked for."""
        return [part for asked in self.rounds for part in asked]

    @property
    def bytes_read(self) -> int:
        """Their length together."""
        return sum(stop - start for _, start, stop in self.parts)

    def hold_until(self, number: int) -> None:
        """From now on, let calls wait until so many of them are under way at the same time."""
        met = threading.Event()

        def wait(_: Sequence[Part]) -> None:
            if self._now >= number:
                met.set()
            met.wait(10)

        self.before = wait

    def get_parts(self, parts: Sequence[Part]) -> Sequence[bytes]:
        """The parts; less where there is less."""
        with self._counting:
            self.rounds.append(list(parts))
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            self.before(parts)
            time.sleep(self.delay)
            return [self.get(key)[start:stop] for key, start, stop in parts]
        finally:
            with self._counting:
                self._now -= 1


def parquet(table: pa.Table, **options: Any) -> bytes:
    """A table as a Parquet file."""
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def columns_file(rows: int, groups: int, columns: int = 4, seed: int = 0) -> bytes:
    """A Parquet file of incompressible numbers: so many row groups of so many rows each."""
    count, random = rows * groups, Random(seed)
    numbers = [
        pa.Array.from_buffers(pa.uint64(), count, [None, pa.py_buffer(random.randbytes(8 * count))])
        for _ in range(columns)
    ]
    table = pa.table(dict(zip((f"c{number}" for number in range(columns)), numbers, strict=True)))
    return parquet(table, row_group_size=rows, compression="none", use_dictionary=False)


def sizes(storage: MemoryStorage) -> dict[str, int]:
    """The lengths of all objects, as a manifest has them."""
    return {item.key: item.size for item in storage.list()}


def view(system: ReadFileSystem, keys: Sequence[str], options: str = "") -> str:
    """SQL that reads files."""
    paths = ", ".join(quote_literal(system.path(key)) for key in keys)
    return f"read_parquet([{paths}], hive_partitioning = false{options})"


@contextmanager
def queried(system: ReadFileSystem, threads: int = 4) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that knows the file system."""
    with duckdb.connect() as connection:
        connection.register_filesystem(system)
        connection.execute(f"set threads = {threads}")
        yield connection


def settled(reading: ReadFileSystem | PartStore) -> None:
    """Wait until nothing is fetched ahead any more."""
    parts = reading if isinstance(reading, PartStore) else reading._parts
    deadline = time.monotonic() + 30
    while parts._jobs:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def local(folder: Path, storage: MemoryStorage) -> list[str]:
    """The objects as files in a folder."""
    found = []
    for number, key in enumerate(sizes(storage)):
        path = folder / f"{number:04}.parquet"
        path.write_bytes(storage.get(key))
        found.append(str(path))
    return found
