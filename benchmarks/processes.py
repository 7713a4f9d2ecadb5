"""Run commands as processes of their own and say what each of them cost.

Only the standard library is imported here and in whatever runs commands: on Linux a child's peak
memory begins with that of its parent, so the parent must be smaller than what it measures.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

__all__ = ["CHECKOUT", "Command", "FailedRunError", "Usage", "in_turns", "measure", "python_json"]

CHECKOUT = Path(__file__).resolve().parent.parent
# What ru_maxrss counts in.
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024


class FailedRunError(Exception):
    """A command that is measured failed; the message is one line."""


@dataclass(frozen=True)
class Usage:
    """What one process cost.

    Attributes:
        wall: seconds from start to end.
        user: seconds of CPU in the process itself, over all threads.
        system: seconds of CPU that the kernel spent for it.
        peak: the most memory that it held at once (resident set), in bytes.
    """

    wall: float
    user: float
    system: float
    peak: int

    @property
    def cpu(self) -> float:
        """Seconds of CPU, user and system."""
        return self.user + self.system

    def to_dict(self) -> dict[str, float]:
        """For JSON."""
        return {**asdict(self), "cpu": self.cpu}


@dataclass(frozen=True)
class Command:
    """A command that is measured again and again.

    Attributes:
        arguments: the program and its arguments.
        before: called before each run, outside the measurement.
    """

    arguments: Sequence[str]
    before: Callable[[], None] = lambda: None


def measure(arguments: Sequence[str], *, folder: Path) -> Usage:
    """Run a command in a folder, which takes its temporary files as well.

    Raises:
        FailedRunError: it ended with another exit code than 0.
    """
    environment = {**os.environ, "TMPDIR": str(folder)}
    # To files, not pipes: nobody has to read while the clock runs.
    with TemporaryFile() as out, TemporaryFile() as err:
        start = time.perf_counter()
        process = subprocess.Popen(
            arguments, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise FailedRunError(_failure(arguments, process.returncode, err))
    return Usage(wall, used.ru_utime, used.ru_stime, used.ru_maxrss * _PEAK_UNIT)


def _failure(arguments: Sequence[str], code: int, errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read().decode("utf-8", "replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
    return f"exit code {code} from {' '.join(arguments)[:200]}: {last}"


def in_turns(
    commands: Mapping[str, Command], runs: int, *, folder: Path, warm_up: bool = True
) -> dict[str, list[Usage]]:
    """Measure commands A, B as A B A B …, so that a busy minute falls on all of them alike.

    Each is run once more before, unmeasured: the files are in the page cache then, and Python's
    own are compiled. The n-th run of one belongs to the n-th of each other.
    """
    usages: dict[str, list[Usage]] = {name: [] for name in commands}
    for turn in range(-1 if warm_up else 0, runs):
        for name, command in commands.items():
            command.before()
            usage = measure(command.arguments, folder=folder)
            if turn >= 0:
                usages[name].append(usage)
    return usages


def python_json(module: str, *arguments: str) -> Any:
    """Run a module of ``benchmarks.in_process`` and read the JSON that it prints.

    Raises:
        FailedRunError: it failed.
    """
    command = [sys.executable, "-m", f"benchmarks.in_process.{module}", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=CHECKOUT)
    if done.returncode:
        last = (done.stderr.strip() or "it said nothing").rsplit("\n", 1)[-1]
        raise FailedRunError(f"{module} failed: {last}")
    return json.loads(done.stdout)
