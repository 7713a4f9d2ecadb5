"""From the platform's answers to values and to our errors; nothing secret gets through."""

from __future__ import annotations

import json
from typing import Any

from fw_dataset.errors import (
    FlywheelDeniedError,
    FlywheelError,
    FlywheelNotFoundError,
    FlywheelUnreachableError,
)
from fw_dataset.flywheel.retries import PASSING

__all__ = ["failure", "parsed"]

_LONGEST_MESSAGE = 300


def parsed(body: bytes, what: str) -> Any:
    """The JSON of an answer; None where it is empty.

    Raises:
        FlywheelError: it is not JSON, as of a proxy's or a login page.
    """
    if not body.strip():
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise FlywheelError(
            f"{what}: the answer is not JSON; is this the address of a Flywheel site?"
        ) from None


def failure(status: int, body: bytes, what: str, *, secret: str) -> FlywheelError:
    """The error of an answer that is none.

    Args:
        status: its HTTP status.
        body: what it says, JSON as a rule.
        what: what was asked for, for the message.
        secret: the API key, which the message must not hold.
    """
    said = _message(body, secret)
    reason = f"{status}: {said}" if said else str(status)
    error: FlywheelError
    if status == 401:
        error = FlywheelDeniedError(
            f"{what}: the site refuses the API key ({reason});"
            " make a new one in your profile on the site"
        )
    elif status == 403:
        error = FlywheelDeniedError(
            f"{what}: the API key may not do this ({reason}); ask the project's or site's admin"
        )
    elif status == 404:
        error = FlywheelNotFoundError(f"{what}: the site does not have it ({reason})")
    elif status in PASSING:
        error = FlywheelUnreachableError(
            f"{what}: the site failed again and again ({reason}); try again later"
        )
    else:
        error = FlywheelError(f"{what}: the site refuses ({reason})")
    error.status = status
    return error


def _message(body: bytes, secret: str) -> str:
    """What the platform says, in one short line."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    said = answer.get("message") if isinstance(answer, dict) else None
    line = " ".join(said.split()) if isinstance(said, str) else ""
    line = line.replace(secret, "…")  # before it is cut, which could cut the secret, too
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[:_LONGEST_MESSAGE]}…"
