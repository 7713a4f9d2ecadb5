"""From the arguments to an exit code: every failure ends here, as one line."""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Sequence

import click

from fw_dataset.cli.app import fw_dataset
from fw_dataset.cli.completion import COMPLETE_VARIABLE, complete
from fw_dataset.cli.failures import CommandError, Terminated, say, say_error
from fw_dataset.cli.options import PROGRAM, Settings
from fw_dataset.cli.signals import unwinding
from fw_dataset.cli.streams import discard_stdout, finish_stdout, prepare_streams
from fw_dataset.errors import FWDatasetError

__all__ = ["run"]

_FAILED, _WRONG_USAGE, _INTERRUPTED = 1, 2, 130


def run(arguments: Sequence[str]) -> int:
    """Run a command.

    Args:
        arguments: what stands after the program's name.

    Returns:
        0 for success, 1 for a failure, 2 for wrong usage, 130 after Ctrl-C, 128 + n after
        signal n.
    """
    prepare_streams()
    if COMPLETE_VARIABLE in os.environ:
        return complete(fw_dataset, os.environ[COMPLETE_VARIABLE])
    try:
        return _run(arguments)
    finally:
        # What an error left in the buffer must not raise again when the interpreter ends.
        finish_stdout()


def _run(arguments: Sequence[str]) -> int:
    settings = Settings()
    try:
        with unwinding():
            code = _invoke(arguments, settings)
            sys.stdout.flush()
    except (KeyboardInterrupt, click.Abort):
        say(f"{PROGRAM}: interrupted")
        return _INTERRUPTED
    except Terminated as ended:
        say(f"{PROGRAM}: ended by signal {signal.Signals(ended.signal).name}")
        return 128 + ended.signal
    except Exception as error:  # noqa: BLE001 - the last place that could tell a person
        return _explain(error, settings)
    return code


def _invoke(arguments: Sequence[str], settings: Settings) -> int:
    # Not `fw_dataset.main()`: it would print errors and interrupts in its own ways.
    try:
        context = fw_dataset.make_context(PROGRAM, list(arguments), obj=settings)
        with context:
            fw_dataset.invoke(context)
    except click.exceptions.Exit as leaving:
        return int(leaving.exit_code)
    return 0


def _explain(error: Exception, settings: Settings) -> int:
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx is not None else PROGRAM
        say_error(f"{error.format_message()} (see '{command} --help')")
        return _WRONG_USAGE
    if isinstance(error, click.ClickException):
        say_error(error.format_message())
    elif isinstance(error, FWDatasetError | CommandError):
        say_error(str(error))
    elif isinstance(error, BrokenPipeError):
        # The reader has seen enough (`| head`): that is no failure.
        discard_stdout()
        return 0
    elif isinstance(error, OSError) and error.errno is not None:
        _explain_os_error(error)
    else:
        _explain_unexpected(error, settings)
    return _FAILED


def _explain_os_error(error: OSError) -> None:
    place = error.filename
    if place is None and error.errno in (errno.ENOSPC, errno.EIO, errno.EBADF):
        place = "writing the result"
        discard_stdout()
    reason = error.strerror or str(error)
    say_error(f"{os.fsdecode(place)}: {reason}" if isinstance(place, str | bytes) else reason)


def _explain_unexpected(error: Exception, settings: Settings) -> None:
    if settings.verbose:
        say("".join(traceback.format_exception(error)).rstrip())
    hint = "" if settings.verbose else "; run it again with -v to see where"
    say_error(f"unexpected {type(error).__name__}: {error}{hint}")
