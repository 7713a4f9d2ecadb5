"""Standard output as it is, and files that are whole or not there."""

from __future__ import annotations

import io
import os
import secrets
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from fw_dataset.cli.failures import CommandError

__all__ = [
    "check_output",
    "discard_stdout",
    "finish_stdout",
    "output",
    "prepare_streams",
    "terminal_width",
    "write_line",
    "write_lines",
]

_DRAWN = "─…–“”·×→▁▂▃▄▅▆▇█"
_PLAIN = str.maketrans(_DRAWN, '-~-"".x>_.:-=+*#')


def prepare_streams() -> None:
    """Make the standard streams usable, whatever the caller left open and in any encoding."""
    _fill_closed_descriptors()
    for descriptor, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        stream = getattr(sys, name)
        if stream is None:
            # For as long as the process lives.
            stream = open(descriptor, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
        if isinstance(stream, io.TextIOWrapper) and mode == "w":
            # A name that the terminal's encoding lacks shows as \u…, it does not end the command.
            stream.reconfigure(errors="backslashreplace")


def _fill_closed_descriptors() -> None:
    """Open the null device where 0, 1 or 2 is closed.

    Else the next file that is opened, perhaps a data file, would get that number, and what is
    meant for people would land in it.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def discard_stdout() -> None:
    """Let what is still to be written to stdout vanish: its reader is gone."""
    with suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


def finish_stdout() -> None:
    """Write out what waits in stdout's buffer, or drop it where nobody takes it."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        discard_stdout()


def write_line(line: str) -> None:
    """Write one line for people to stdout."""
    try:
        _DRAWN.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        line = line.translate(_PLAIN)
    sys.stdout.write(line + "\n")


def write_lines(lines: Iterable[str]) -> None:
    """Write lines for people to stdout."""
    for line in lines:
        write_line(line)


def terminal_width() -> int | None:
    """The columns of the terminal that stdout is, or None where it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def check_output(path: Path) -> None:
    """Look before the work whether a file could be written.

    Raises:
        CommandError: it is a folder, or its folder does not exist.
    """
    if path.is_dir():
        raise CommandError(f"{path}: it is a folder; name a file")
    if not path.parent.is_dir():
        raise CommandError(f"{path}: the folder {path.parent} does not exist")


@contextmanager
def output(path: Path | None) -> Iterator[BinaryIO]:
    """Where a result goes, as bytes: stdout, or a file that appears only when it is whole.

    Raises:
        OSError: the file cannot be written.
    """
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    elif path.exists() and not path.is_file():
        # A device or a pipe: a new file must not take its place.
        with open(path, "wb") as file:
            yield file
    else:
        with _whole_file(path.resolve()) as file:
            yield file


@contextmanager
def _whole_file(path: Path) -> Iterator[BinaryIO]:
    part = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.part")
    try:
        with open(part, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, part)
        part.replace(path)
    except OSError as error:
        # A name that the user never gave would only puzzle.
        if error.filename == str(part):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
    finally:
        part.unlink(missing_ok=True)
