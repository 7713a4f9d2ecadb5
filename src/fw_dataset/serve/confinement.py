"""What a process that runs strangers' SQL gives up before it does so."""

from __future__ import annotations

import contextlib
import ctypes
import resource
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

from fw_dataset.serve.landlock import restrict

__all__ = ["bound_memory", "confine"]

_DIE_WITH_PARENT = 1
# What Python and DuckDB may still load, or look up about the machine.
_SYSTEM = ("/lib", "/lib64", "/usr", "/proc", "/sys/fs/cgroup", "/sys/devices/system", "/dev/null")
_RANDOM = ("/dev/random", "/dev/urandom")
# Beside what a query may use: stacks of threads, buffers of files, the code of libraries.
_SLACK = 384 << 20


def confine(readable: Iterable[str], most_written: int) -> int:
    """Give up writing files and reading others, and end with the process that started this one.

    To be called while there is one thread.

    Args:
        readable: the files and folders with data.
        most_written: the bytes that any file which is open may grow to.

    Returns:
        The version of Landlock that holds, or 0 where the system has none.
    """
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
        with contextlib.suppress(OSError):
            # Where memory gets short, the system is to end this process, no other.
            Path("/proc/self/oom_score_adj").write_text("1000")
    _bound(resource.RLIMIT_CORE, 0)
    _bound(resource.RLIMIT_FSIZE, most_written)
    places = [path for path in (sys.prefix, sys.base_prefix, *sys.path) if path not in ("", "/")]
    return restrict([*_SYSTEM, *_RANDOM, *places, *readable])


def bound_memory(more: int) -> None:
    """Let this process use so many bytes more of memory than now, whatever asks for them."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (OSError, ValueError):
        return  # the limit on address space means nothing on other systems
    _bound(resource.RLIMIT_AS, pages * resource.getpagesize() + more + _SLACK)


def _bound(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(kind, (most, most))
