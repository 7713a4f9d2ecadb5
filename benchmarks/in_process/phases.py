"""Render once and say what each phase took: ``SNAPSHOT DESTINATION``.

The phases are timed by wrapping the library's functions from outside, which costs a little
itself; so they are approximate, and their sum is a bit above an undisturbed run's.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from benchmarks.in_process.stopwatch import Stopwatch

IMPORT, REST = "start and imports", "all else"
# Module, name in it, phase; what calls the others comes last, and is timed without them.
_CALLS = (
    ("fw_dataset.snapshot.order", "OrderedTable._sort", "order"),
    ("fw_dataset.snapshot.order", "OrderedTable._read", "read"),
    ("fw_dataset.render.decoding", "FastDecoder.begin", "cut"),
    ("fw_dataset.render.decoding", "_Plan.parse", "decode"),
    ("fw_dataset.render.exact", "ExactReader.read", "decode exactly"),
    ("fw_dataset.render.parquet", "FileWriter.write", "compress"),
    ("fw_dataset.render.parquet", "FileWriter.close", "compress"),
    ("fw_dataset.render.batches", "BatchRenderer.finish", "columns"),
)
# Nothing else runs meanwhile, but their own threads.
_ALONE = (
    ("fw_dataset.pipeline", "stage", "stage"),
    ("fw_dataset.pipeline", "commit", "publish"),
)


def main(source: str, destination: str) -> dict[str, Any]:
    """Render, timed.

    Returns:
        ``phases``: per phase its CPU and wall seconds, in the order in which they come;
        ``total``: those of the whole process, its end aside; ``missing``: the functions that the
        library has no more, whose time is in other phases.
    """
    start = time.perf_counter()
    builder = import_module("fw_dataset.pipeline")
    phases = {IMPORT: {"cpu": time.process_time(), "wall": time.perf_counter() - start}}
    watch = Stopwatch()
    missing = _wrap(builder, watch)
    builder.render_snapshot(source, destination)
    total = {"cpu": time.process_time(), "wall": time.perf_counter() - start}
    phases |= {name: {"cpu": s.cpu, "wall": s.wall} for name, s in watch.parts.items()}
    # Threads render and compress at the same time: what is left of the wall time means nothing.
    rest = total["cpu"] - sum(spent["cpu"] for spent in phases.values())
    phases[REST] = {"cpu": rest, "wall": 0.0}
    return {"phases": phases, "total": total, "missing": missing}


def _wrap(builder: Any, watch: Stopwatch) -> list[str]:
    """Wrap the phases; the names that are not there are returned."""
    missing = []
    _time_opening(builder, watch)
    for points, wrap in (
        (_CALLS, watch.time_calls),
        (_ALONE, watch.time_calls_alone),
    ):
        for module, path, phase in points:
            *parents, name = path.split(".")
            try:
                owner: Any = import_module(module)
                for parent in parents:
                    owner = getattr(owner, parent)
                wrap(owner, name, phase)
            except (ImportError, AttributeError):
                missing.append(f"{module}.{path}")
    return missing


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
