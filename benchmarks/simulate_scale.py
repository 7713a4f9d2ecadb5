"""A site of ten thousand million file records, rendered by many workers: a simulation on paper.

    python benchmarks/simulate_scale.py [--projects N] [--rows N] [--largest N] [--workers N …]

It takes rates that were measured on one machine, and a site's shape, and tells sizes, times,
requests and costs, and what would break first. Nothing is rendered; the same arguments give the
same text, and docs/scale.md shows that of the defaults.
"""

from __future__ import annotations

import argparse
import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

DAY, HOUR = 86_400, 3_600


@dataclass(frozen=True)
class Rates:
    """What was measured, for each record of a file; where, stands behind it."""

    render_cpu: float = 42.18e-6
    """Seconds of one core, all work included. benchmarks/README.md, 1,000,000 file records."""
    snapshot_bytes: float = 552.0
    """Of the gzipped snapshot. docs/scale.md, "Measured for this page"."""
    sqlite_bytes: float = 3_386.0
    """Of the unpacked snapshot. The same."""
    parquet_bytes: float = 257.0
    """Of all primary tables. The same."""
    unpack_rate: float = 275e6
    """Bytes a second of one core, which cannot be shared. docs/scale.md, the same."""
    manifest_entry: float = 237.0
    """Bytes of one file in a version's manifest. The same."""
    iceberg_entry: float = 1_111.0
    """Bytes of one data file in an Iceberg manifest. The same."""
    view_seconds: float = 1.25 / 1_608
    """Of one view in connect_all without its query. benchmarks/README.md, 200 datasets."""
    open_requests: int = 10
    """To open and connect a dataset of one version. benchmarks/README.md, a store 25 ms away."""
    diff_bytes: float = 685 * 2**20 / 1e6
    """Of memory for a record that Dataset.diff compares. benchmarks/README.md."""


@dataclass(frozen=True)
class Site:
    """What there is to render, and with what. Prices are examples, in dollars."""

    projects: int = 20_000
    rows: int = 10_000_000_000
    largest: int = 50_000_000
    part_rows: int = 500_000
    file_rows: int = 2_000_000
    other_objects: int = 16  # of a version, beside the data files of its largest table
    views: int = 8  # of a dataset
    latency: float = 0.025  # of a request to the store
    at_once: int = 64  # requests of one reader
    page: int = 1_000  # objects in an answer to LIST
    scratch: float = 100e9  # bytes of disk that a worker has
    memory: float = 32e9  # bytes of memory that a reader has
    patience: float = 60.0  # seconds that a person waits
    price_gb_month: float = 0.023
    price_put: float = 0.005 / 1_000
    price_get: float = 0.0004 / 1_000
    price_core_hour: float = 0.04


def project_sizes(site: Site) -> list[int]:
    """The file records of each project: the largest, then ever fewer by a power of the rank."""
    low, high = 0.0, 4.0
    for _ in range(60):
        power = (low + high) / 2
        if sum(rank**-power for rank in range(1, site.projects + 1)) * site.largest > site.rows:
            low = power
        else:
            high = power
    return [max(1, round(site.largest * rank**-low)) for rank in range(1, site.projects + 1)]


def makespan(
    sizes: Sequence[int], site: Site, rates: Rates, workers: int, *, in_parts: bool
) -> float:
    """Seconds until all projects are rendered by so many workers of one core each.

    A worker unpacks a snapshot, and then each of its parts, or all of it, waits for a worker. Those
    of larger projects come first.
    """
    waiting = [(-size, 0) for size in sizes]  # not unpacked yet
    heapq.heapify(waiting)
    busy: list[tuple[float, int, bool]] = []  # when it is done, of which size, whether unpacking
    now, free = 0.0, workers
    while waiting or busy:
        while free and waiting:
            size, part = heapq.heappop(waiting)
            heapq.heappush(busy, (now + _seconds(-size, part, rates), size, part == 0))
            free -= 1
        now, size, was_unpacked = heapq.heappop(busy)
        free += 1
        if was_unpacked:
            for part in _parts(-size, site) if in_parts else [-size]:
                heapq.heappush(waiting, (size, part))
    return now


def _seconds(size: int, part: int, rates: Rates) -> float:
    if part == 0:
        return size * rates.sqlite_bytes / rates.unpack_rate
    return part * rates.render_cpu


def _parts(size: int, site: Site) -> Iterator[int]:
    for start in range(0, size, site.part_rows):
        yield min(site.part_rows, size - start)


def data_files(size: int, site: Site) -> int:
    """The data files of a project's largest table."""
    return math.ceil(size / site.file_rows)


def size_lines(sizes: Sequence[int], site: Site, rates: Rates) -> Iterator[tuple[str, ...]]:
    """What there is, and what comes of it."""
    total = sum(sizes)
    objects = sum(data_files(size, site) + site.other_objects for size in sizes)
    largest = data_files(sizes[0], site) + site.other_objects
    yield "file records", f"{total:,}"
    yield (
        "projects; records of the largest, the median",
        (f"{len(sizes):,}; {sizes[0]:,}, {sizes[len(sizes) // 2]:,}"),
    )
    yield "snapshots, gzipped", _bytes(total * rates.snapshot_bytes)
    yield (
        "snapshots, unpacked one by one; the largest",
        (f"{_bytes(total * rates.sqlite_bytes)}; {_bytes(sizes[0] * rates.sqlite_bytes)}"),
    )
    yield (
        "Parquet; of the largest project",
        (f"{_bytes(total * rates.parquet_bytes)}; {_bytes(sizes[0] * rates.parquet_bytes)}"),
    )
    yield "objects, one version a project", f"{objects:,}"
    yield "manifest of the largest version", _bytes(largest * rates.manifest_entry)
    yield "all manifests", _bytes(objects * rates.manifest_entry)
    yield (
        "Iceberg manifest of the largest table",
        _bytes(data_files(sizes[0], site) * rates.iceberg_entry),
    )


def time_lines(
    sizes: Sequence[int], site: Site, rates: Rates, workers: Sequence[int]
) -> Iterator[tuple[str, ...]]:
    """How long rendering takes with more and more workers."""
    cpu = sum(_seconds(size, 0, rates) + _seconds(size, size, rates) for size in sizes)
    for number in workers:
        whole = makespan(sizes, site, rates, number, in_parts=False)
        parts = makespan(sizes, site, rates, number, in_parts=True)
        yield f"{number:,}", _time(whole), _time(parts), f"{cpu / (parts * number):.0%}"


def cost_lines(sizes: Sequence[int], site: Site, rates: Rates) -> Iterator[tuple[str, ...]]:
    """Requests, and what is paid."""
    total = sum(sizes)
    objects = sum(data_files(size, site) + site.other_objects for size in sizes)
    unpack = sum(_seconds(size, 0, rates) for size in sizes) / HOUR
    render = total * rates.render_cpu / HOUR
    stored = total * (rates.parquet_bytes + rates.snapshot_bytes) / 1e9
    opening = len(sizes) * rates.open_requests
    listing = math.ceil(objects / site.page)
    cores = (unpack + render) * site.price_core_hour
    yield "core hours: unpacking, rendering", f"{unpack:,.0f}, {render:,.0f}", f"{cores:,.0f} once"
    yield "PUT, one for an object", f"{objects:,}", f"{objects * site.price_put:,.2f} once"
    yield (
        "stored, snapshots kept",
        _bytes(stored * 1e9),
        (f"{stored * site.price_gb_month:,.0f} a month"),
    )
    yield "LIST of all objects, one after the other", f"{listing:,}", _time(listing * site.latency)
    yield (
        f"GET to open all datasets, {site.at_once} at once",
        f"{opening:,}",
        _time(math.ceil(opening / site.at_once) * site.latency),
    )
    yield "the same, paid", f"{opening:,}", f"{opening * site.price_get:,.2f} each time"


def limit_lines(sizes: Sequence[int], site: Site, rates: Rates) -> list[tuple[str, ...]]:
    """What breaks, the nearest to this site first: at how much, and what there is."""
    largest = sizes[0]
    view = rates.view_seconds * site.views
    limits = [
        (
            "disk of a worker for the unpacked snapshot",
            f"{_bytes(site.scratch)} are full",
            site.scratch / rates.sqlite_bytes,
            "records in a project",
            largest,
        ),
        (
            "connect_all without its query",
            f"takes {_time(site.patience)}",
            site.patience / view,
            "datasets",
            len(sizes),
        ),
        (
            "unpacking, by one core",
            "takes an hour",
            HOUR * rates.unpack_rate / rates.sqlite_bytes,
            "records in a project",
            largest,
        ),
        (
            "diff of two versions, if its memory grows with them",
            f"{_bytes(site.memory)} are full",
            site.memory / rates.diff_bytes,
            "records in a project",
            largest,
        ),
        (
            "opening datasets of a store, each once",
            f"takes {_time(site.patience)}",
            site.patience / site.latency * site.at_once / rates.open_requests,
            "datasets",
            len(sizes),
        ),
        (
            "a project rendered whole, by one core",
            "takes a day",
            DAY / rates.render_cpu,
            "records in a project",
            largest,
        ),
        (
            "one manifest for a version",
            "has 10 MB",
            10e6 / rates.manifest_entry * site.file_rows,
            "records in a project",
            largest,
        ),
        (
            "the versions of one dataset, a page after the other",
            f"takes {_time(site.patience)}",
            site.patience / site.latency * site.page / (site.other_objects + 1),
            "versions",
            365,
        ),
    ]
    limits.sort(key=lambda limit: limit[2] / limit[4])
    return [
        (what, how, f"{_round(at):,} {unit}", f"{there:,}", f"{_ratio(at / there)} ×")
        for what, how, at, unit, there in limits
    ]


def report(site: Site, rates: Rates, workers: Sequence[int]) -> str:
    """All of it, as Markdown."""
    sizes = project_sizes(site)
    tables = (
        (("sizes", ""), size_lines(sizes, site, rates)),
        (
            ("workers of one core", "whole projects", f"parts of {site.part_rows:,}", "busy"),
            time_lines(sizes, site, rates, workers),
        ),
        (("requests and costs", "how many", "dollars, or time"), cost_lines(sizes, site, rates)),
        (("what breaks", "when", "at", "here", "room"), limit_lines(sizes, site, rates)),
    )
    return "\n".join(_table(head, lines) for head, lines in tables)


def _table(head: Sequence[str], lines: Iterator[tuple[str, ...]] | list[tuple[str, ...]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _bytes(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if number < 1000 or unit == "TB":
            return f"{number:.3g} {unit}"
        number /= 1000
    raise AssertionError("TB ends it")


def _time(seconds: float) -> str:
    for length, unit in ((DAY, "days"), (HOUR, "h"), (60, "min")):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"


def _ratio(number: float) -> str:
    return f"{number:.2f}" if number < 10 else f"{number:,.0f}"


def _round(number: float) -> int:
    """Two digits that count."""
    step = float(10 ** max(0, math.floor(math.log10(number)) - 1))
    return round(round(number / step) * step)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    for one in fields(Site):
        kind = type(one.default)
        parser.add_argument(f"--{one.name.replace('_', '-')}", type=kind, default=one.default)
    parser.add_argument("--workers", type=int, nargs="+", default=[16, 128, 1_024, 4_096])
    given = vars(parser.parse_args(arguments))
    workers = given.pop("workers")
    print(report(Site(**given), Rates(), workers), end="")


if __name__ == "__main__":
    main()
