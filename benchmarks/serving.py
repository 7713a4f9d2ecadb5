"""The service under load: many clients at once, on this machine."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlsplit

from benchmarks.figures import Case, Figure
from benchmarks.processes import FailedRunError, measure
from benchmarks.rendering import RENDER
from benchmarks.setting import Setting

__all__ = ["CLIENTS", "measure_serving"]

CLIENTS = 16
_SECONDS, _QUICK_SECONDS = 60, 3
_QUESTIONS = {
    "count": "SELECT count(*) AS n FROM files",
    "group": "SELECT type, count(*) AS n, sum(size) AS bytes FROM files GROUP BY ALL ORDER BY ALL",
    "join": (
        'SELECT s.label, count(*) AS n FROM files f JOIN sessions s ON s.id = f."parents.session"'
        " GROUP BY ALL ORDER BY ALL"
    ),
    "rows, in pages": "SELECT id, name, size, created FROM files ORDER BY id LIMIT 3000",
}
_MEMORY_EVERY = 0.5


@dataclass
class _Load:
    """What the clients saw.

    Attributes:
        waited: how long each question took, by its name.
        lost: what went wrong.
        answers: what each question was answered with, as often as it differed.
        memory: bytes of the server and its processes, in the order of time.
    """

    waited: dict[str, list[float]] = field(default_factory=lambda: {n: [] for n in _QUESTIONS})
    lost: list[str] = field(default_factory=list)
    answers: dict[str, set[int]] = field(default_factory=lambda: {n: set() for n in _QUESTIONS})
    memory: list[int] = field(default_factory=list)


def measure_serving(setting: Setting) -> Case:
    """Render a snapshot, serve it, and have clients ask one question after the other."""
    snapshot = setting.snapshot()
    dataset = setting.fresh("served")
    measure([sys.executable, "-c", RENDER, str(snapshot.path), str(dataset)], folder=setting.work)
    seconds = _SECONDS if setting.goals else _QUICK_SECONDS
    case = Case(f"Serving {snapshot.records} to {CLIENTS} clients at once, for {seconds} s")
    with _server(dataset) as (url, process):
        load = _loaded(url, process.pid, seconds)
    for name, waited in load.waited.items():
        if not waited:
            raise FailedRunError(f"no client had an answer to {name!r}: {load.lost[:3]}")
        case.figures += [
            Figure(name, "answers", len(waited), "times"),
            Figure(name, "p50", median(waited), "s"),
            Figure(
                name, "p99", quantiles(waited, n=100)[-1] if len(waited) > 1 else waited[0], "s"
            ),
        ]
        case.runs[name] = sorted(waited)
    if load.memory:
        third = max(1, len(load.memory) // 3)
        case.figures += [
            Figure("memory", "at first", max(load.memory[:third]), "bytes"),
            Figure("memory", "at last", max(load.memory[-third:]), "bytes"),
        ]
    total = sum(map(len, load.waited.values()))
    differing = [name for name, found in load.answers.items() if len(found) != 1]
    case.notes += [
        f"{total / seconds:.0f} answers a second; {len(load.lost)} were lost"
        + (f", such as {load.lost[0]}" if load.lost else ""),
        f"differing answers to one question: {', '.join(differing) or 'none'}",
        "the clients are threads of one process on the same machine; memory is that of the server"
        " and all its processes, the highest of the first and of the last third",
    ]
    return case


@contextmanager
def _server(dataset: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "fw_dataset", "serve", str(dataset), "--port", "0"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        found = re.match(r"serving at (\S+)", process.stdout.readline())
        if found is None:
            raise FailedRunError("the server does not start; is the extra `serve` installed?")
        yield found[1], process
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _loaded(url: str, pid: int, seconds: float) -> _Load:
    load = _Load()
    end = time.monotonic() + seconds
    clients = [
        threading.Thread(target=_client, args=(url, number, end, load)) for number in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    while time.monotonic() < end:
        used = _memory(pid)
        if used:
            load.memory.append(used)
        time.sleep(_MEMORY_EVERY)
    for client in clients:
        client.join()
    return load


def _client(url: str, number: int, end: float, load: _Load) -> None:
    names = list(_QUESTIONS)
    place = number
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    while time.monotonic() < end:
        name = names[place % len(names)]
        place += 1
        began = time.monotonic()
        try:
            rows = _ask(connection, _QUESTIONS[name])
        except (OSError, http.client.HTTPException, FailedRunError, ValueError) as error:
            load.lost.append(f"{type(error).__name__}: {error}")
            connection.close()
            continue
        load.waited[name].append(time.monotonic() - began)
        load.answers[name].add(hash(json.dumps(rows)))
    connection.close()


def _ask(connection: http.client.HTTPConnection, sql: str) -> list[object]:
    """All rows of a query, page by page."""
    body = json.dumps({"query": sql})
    connection.request("POST", "/search", body, {"Content-Type": "application/json"})
    rows: list[object] = []
    while True:
        response = connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise FailedRunError(f"{response.status} {content[:200]!r}")
        page = json.loads(content)
        rows += page["data"]
        if "pagination" not in page:
            return rows
        connection.request("GET", urlsplit(page["pagination"]["next_page_url"]).path)


def _memory(pid: int) -> int:
    """The resident bytes of a process and its children; 0 where the system does not tell."""
    children = Path(f"/proc/{pid}/task").glob("*/children")
    pids = [pid]
    try:
        pids += [int(child) for found in children for child in found.read_text().split()]
        pages = sum(int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in pids)
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
