"""How a function ended in another process: with a value or with an error, both of which travel."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fw_dataset.errors import FWDatasetError, WorkerError

__all__ = ["Outcome", "attempt"]

_T = TypeVar("_T")


class _RaisedThereError(Exception):
    """The cause of an error that was raised elsewhere: its traceback, as text."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


@dataclass(frozen=True)
class Outcome(Generic[_T]):
    """How a call ended.

    Attributes:
        value: what it returned, where there is no error.
        error: what it raised.
        trace: the traceback of an error that nobody foresaw.
    """

    value: _T | None = None
    error: Exception | None = None
    trace: str = ""

    def result(self) -> _T:
        """What was returned.

        Raises:
            Exception: what was raised.
        """
        if self.error is None:
            return self.value  # type: ignore[return-value]
        raise self.error from (_RaisedThereError(self.trace) if self.trace else None)


def attempt(function: Callable[..., _T], *arguments: Any) -> Outcome[_T]:
    """Call a function and return how it ended; an executor that repeats what fails need not.

    So an error of the function is told from one of the executor, which raises its own.
    """
    try:
        return Outcome(function(*arguments))
    except Exception as error:  # noqa: BLE001 - whoever waits for the outcome raises it
        known = isinstance(error, (FWDatasetError, OSError))
        trace = "" if known else traceback.format_exc()
        return Outcome(error=_travelling(error), trace=trace)


def _travelling(error: Exception) -> Exception:
    """An error that can be sent to another process: itself, or what it says."""
    error.__cause__ = error.__context__ = error.__traceback__ = None
    try:
        arrived = pickle.loads(pickle.dumps(error))
        if type(arrived) is type(error) and str(arrived) == str(error):
            return error
    except Exception:  # noqa: BLE001 - anything can be raised by what another package wrote
        pass
    return WorkerError(f"a worker failed: {type(error).__name__}: {error}")
