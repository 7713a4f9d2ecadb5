"""What a person is told when a command fails: one line."""

from __future__ import annotations

import re
import sys
from contextlib import suppress

__all__ = ["CommandError", "Terminated", "fold", "say", "say_error"]

_CARETS = re.compile(r"[\s^]*\^[\s^]*")


class CommandError(Exception):
    """A command cannot do what it was asked to; the message is for a person."""


class Terminated(BaseException):
    """The process was asked to end (SIGTERM, SIGHUP); what is half done is cleaned up.

    Attributes:
        signal: the number of the signal.
    """

    def __init__(self, signal: int) -> None:
        self.signal = signal
        super().__init__(signal)


def fold(text: str) -> str:
    """A message as one line, with nothing in it that could steer a terminal."""
    # DuckDB puts carets below the place that it means: without line ends, they point nowhere.
    lines = [line for line in text.splitlines() if not _CARETS.fullmatch(line)]
    words = " ".join(" ".join(lines).split())
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in words)


def say(line: str) -> None:
    """Write a line to stderr, after what stdout has so far."""
    with suppress(OSError):
        # Its failure is told where stdout is written; here it would hide the line.
        sys.stdout.flush()
    with suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)


def say_error(message: str) -> None:
    """Write an error's one line to stderr."""
    say(f"fw-dataset: error: {fold(message)}")
