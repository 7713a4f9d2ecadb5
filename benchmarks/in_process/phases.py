"""Render once and say what each phase took: ``SNAPSHOT DESTINATION``.

The phases are timed by wrapping the library's functions from outside, which costs a little
itself; so they are approximate, and their sum is a bit above an undisturbed run's.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from typing import Any

from benchmarks.in_process.stopwatch import Stopwatch

IMPORT = "start and imports"
# DuckDB has threads of its own, which no wrapper can see into.
REST = "DuckDB's threads and all else"


def main(source: str, destination: str) -> dict[str, Any]:
    """Render, timed.

    Returns:
        ``phases``: per phase its CPU and wall seconds, in the order in which they come; and
        ``total``: those of the whole process, its end aside.
    """
    start = time.perf_counter()
    from fw_dataset import builder  # noqa: PLC0415 - the import is a phase of its own

    phases = {IMPORT: {"cpu": time.process_time(), "wall": time.perf_counter() - start}}
    watch = Stopwatch()
    _wrap(builder, watch)
    builder.render_snapshot(source, destination)
    total = {"cpu": time.process_time(), "wall": time.perf_counter() - start}
    phases |= {name: {"cpu": s.cpu, "wall": s.wall} for name, s in watch.parts.items()}
    # Threads render and compress at the same time: what is left of the wall time means nothing.
    rest = total["cpu"] - sum(spent["cpu"] for spent in phases.values())
    return {"phases": {**phases, REST: {"cpu": rest, "wall": 0.0}}, "total": total}


def _wrap(builder: Any, watch: Stopwatch) -> None:
    from fw_dataset.render.batches import BatchRenderer  # noqa: PLC0415
    from fw_dataset.render.decoding import FastDecoder  # noqa: PLC0415
    from fw_dataset.render.exact import ExactReader  # noqa: PLC0415
    from fw_dataset.render.extraction import Extractor  # noqa: PLC0415
    from fw_dataset.render.parquet import TableWriter  # noqa: PLC0415
    from fw_dataset.snapshot import Snapshot  # noqa: PLC0415

    alone = time.process_time
    _time_opening(builder, watch)
    watch.time_calls(Snapshot, "_put_in_order", "order")
    watch.time_items(Snapshot, "batches", "read")
    watch.time_calls(FastDecoder, "decode", "decode")
    watch.time_calls(ExactReader, "read", "decode exactly")
    watch.time_calls(Extractor, "extract", "extract")
    watch.time_calls(BatchRenderer, "render", "columns")
    watch.time_calls(TableWriter, "write", "compress")
    watch.time_calls(TableWriter, "close", "compress")
    watch.time_calls(builder, "stage", "stage", alone)
    watch.time_calls(builder, "commit", "publish", alone)


def _time_opening(builder: Any, watch: Stopwatch) -> None:
    """Opening unpacks and hashes in threads of its own; what happens once it is open does not
    belong to it."""
    opened = builder.open_snapshot

    @contextmanager
    def timed(*args: Any, **options: Any) -> Any:
        opening = opened(*args, **options)
        with watch.part("unpack", time.process_time):
            snapshot = opening.__enter__()
        try:
            yield snapshot
        finally:
            opening.__exit__(None, None, None)

    builder.open_snapshot = timed


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2])))
