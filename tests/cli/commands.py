"""Run ``fw-dataset``: here, or as a process of its own, as a shell does."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fw_dataset.cli.entry import run

COMMAND = (sys.executable, "-m", "fw_dataset")
TIMEOUT = 120


@dataclass(frozen=True)
class Run:
    """What a command did: its exit code, and what it wrote."""

    returncode: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        return self.stdout.decode()


def environment(**changes: str) -> dict[str, str]:
    """This process's environment, without what would change texts or widths."""
    taken = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
    return {**taken, **changes}


class _Pipe(io.BytesIO):
    """Takes what a command writes, and is no file: nobody can go back in it."""

    def seekable(self) -> bool:
        return False


def fw_dataset(*arguments: str | Path, stdin: bytes = b"") -> Run:
    """Run the command in this process, which is quick, as if all were redirected."""
    stdout, stderr, words = _Pipe(), _Pipe(), [str(word) for word in arguments]
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin), "utf-8")
    try:
        with (
            contextlib.redirect_stdout(io.TextIOWrapper(stdout, "utf-8")) as out,
            contextlib.redirect_stderr(io.TextIOWrapper(stderr, "utf-8")) as err,
        ):
            code = run(words)
            out.flush()
            err.flush()
            return Run(code, stdout.getvalue(), stderr.getvalue().decode())
    finally:
        sys.stdin = before


def fw_dataset_process(
    *arguments: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    before: Callable[[], None] | None = None,
) -> Run:
    """Run the command in a process of its own; ``before`` runs there first."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        check=False,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env=environment(**(env or {})),
        cwd=cwd,
        preexec_fn=before,
        timeout=TIMEOUT,
    )
    return Run(done.returncode, done.stdout, done.stderr.decode("utf-8", "backslashreplace"))


def assert_one_line_error(run: Run, code: int, *words: str) -> None:
    """Check that a command failed as all of them must, and said these words."""
    assert "Traceback" not in run.stderr
    assert run.returncode == code, run.stderr
    assert run.stderr.startswith("fw-dataset: error: ")
    assert run.stderr.endswith("\n")
    assert run.stderr.count("\n") == 1, run.stderr
    for word in words:
        assert word in run.stderr
    assert run.stdout == b""


def files_below(folder: Path) -> set[str]:
    """The names of all files and folders below a folder, hidden ones too."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
