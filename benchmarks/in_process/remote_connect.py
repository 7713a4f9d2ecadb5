"""Open datasets of one and of many versions in a slow store: ``FOLDER`` or ``ENDPOINT RUNS``.

With a folder alone, make the datasets; their buckets are named by their number of versions.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from fw_dataset import Dataset, render_snapshot
from fw_dataset.demo import write_benchmark_snapshot

VERSIONS = (1, 50)


def make(folder: Path) -> dict[str, int]:
    """Datasets that are alike but for the number of their versions.

    Returns:
        the objects in each bucket.
    """
    snapshot = folder / "snapshot.db.gz"
    write_benchmark_snapshot(snapshot, 200)
    first = folder / "first"
    root = first / "versions" / render_snapshot(snapshot, first).version
    found = {}
    for count in VERSIONS:
        bucket = folder / f"versions{count}"
        for number in range(count):
            copy = bucket / f"study/versions/v{number:03}"
            shutil.copytree(root, copy)
            marker = copy / "provenance/dataset_description.json"
            description = json.loads(marker.read_bytes())
            description |= {"version": f"v{number:03}", "version_label": f"v{number:03}"}
            marker.write_text(json.dumps(description))
        found[bucket.name] = sum(path.is_file() for path in bucket.rglob("*"))
    shutil.rmtree(first)
    snapshot.unlink()
    return found


def measure(endpoint: str, runs: int) -> dict[str, list[dict[str, float]]]:
    """Open and connect, each time as a new client.

    Returns:
        per bucket and run: ``seconds`` and ``requests``.
    """
    credentials = {"access_key_id": "a", "secret_access_key": "b", "endpoint": endpoint}
    found: dict[str, list[dict[str, float]]] = {}
    for count in VERSIONS:
        url = f"s3://versions{count}/study"
        for run in range(-1, runs):
            _requests(endpoint)
            began = time.perf_counter()
            connection = Dataset.open(url, credentials).connect()
            taken = time.perf_counter() - began
            requests = _requests(endpoint)
            assert connection.sql("select count(*) from subjects").fetchall()[0][0] > 0
            if run >= 0:  # the one before is the warm-up: imports
                found.setdefault(url, []).append({"seconds": taken, "requests": requests})
    return found


def _requests(endpoint: str) -> int:
    with urllib.request.urlopen(f"{endpoint}/-/requests") as answer:
        return int(answer.read())


def main(*arguments: str) -> Any:
    """Make the datasets, or measure."""
    if len(arguments) == 1:
        return make(Path(arguments[0]))
    return measure(arguments[0], int(arguments[1]))


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
