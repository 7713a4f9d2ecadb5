"""Render on one process, a pool or a Dask cluster: ``WAY PROCESSES ROWS SOURCE DESTINATION…``.

With several destinations, the snapshot is rendered into each of them as a job of its own. ``ROWS``
is the size of a part, 0 for what it is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fw_dataset import RenderJob, render_many, render_snapshot
from fw_dataset.render import parquet

CREATED = "2024-01-01T00:00:00Z"


def main(way: str, processes: str, rows: str, source: str, *destinations: str) -> None:
    """Render."""
    if int(rows):
        parquet.ROWS_PER_FILE = int(rows)
    with _spread(way, int(processes)) as spread:
        if len(destinations) == 1:
            render_snapshot(source, destinations[0], created=CREATED, **spread)
        else:
            render_many([RenderJob(source, one, created=CREATED) for one in destinations], **spread)


@contextmanager
def _spread(way: str, processes: int) -> Iterator[dict[str, Any]]:
    if way != "dask":
        yield {"workers": processes}
        return
    from distributed import Client, LocalCluster  # noqa: PLC0415 - it may be missing

    with (
        LocalCluster(n_workers=processes, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield {"executor": client.get_executor(pure=False, retries=2)}


if __name__ == "__main__":
    main(*sys.argv[1:])
