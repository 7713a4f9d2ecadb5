"""How much of the machine this process may use."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["available_cpus", "available_memory"]

_GROUPS = Path("/sys/fs/cgroup")


def available_cpus() -> int:
    """The processors that this process may run on, at least 1: not all that the machine has."""
    count = getattr(os, "process_cpu_count", None)  # Python 3.13 and later
    if count is not None:
        cpus = count() or 1
    elif hasattr(os, "sched_getaffinity"):
        cpus = len(os.sched_getaffinity(0))
    else:
        cpus = os.cpu_count() or 1
    for quota, period in (line.split()[:2] for line in _limits("cpu.max")):
        if quota != "max":
            cpus = min(cpus, int(quota) // int(period))
    return max(cpus, 1)


def available_memory() -> int:
    """The memory that this process and those it starts may take together, in bytes."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [int(line) for line in _limits("memory.max") if line != "max"]
    return min([memory, *limits])


def _limits(name: str) -> list[str]:
    """What the control groups say that this process is in, innermost first; [] without any."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    own = next((line[3:].strip("/") for line in lines if line.startswith("0::")), "")
    inner = _GROUPS / own
    found = []
    for group in (inner, *inner.parents):
        if group != _GROUPS and _GROUPS not in group.parents:
            break
        try:
            found.append((group / name).read_text().strip())
        except OSError:
            continue  # the outermost group has no limits
    return [line for line in found if line]
