"""Run a command on a pseudo terminal, and look at what a person would see."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from pathlib import Path

from tests.cli.commands import COMMAND, TIMEOUT, environment

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(
    *arguments: str | Path,
    columns: int = 80,
    stdout: bool = True,
    env: dict[str, str] | None = None,
) -> tuple[int, str]:
    """Run the command with stderr, and as a rule stdout, on a terminal of a width.

    Returns:
        The exit code, and all that the terminal got, with ``\\n`` as line end.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdin=theirs,
        stdout=theirs if stdout else subprocess.DEVNULL,
        stderr=theirs,
        env=environment(TERM="xterm", LC_ALL="C.UTF-8", **(env or {})),
    )
    os.close(theirs)
    seen = bytearray()
    with contextlib.suppress(OSError):  # Linux: the terminal's last user is gone
        while chunk := os.read(ours, 65_536):
            seen += chunk
    code = process.wait(TIMEOUT)
    os.close(ours)
    return code, _CONTROL.sub("", seen.decode()).replace("\r\n", "\n")
