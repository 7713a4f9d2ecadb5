"""What a server is made to do wrong.

A request gets the first fault of the list that is meant for it and not used up; the others wait.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = [
    "BodyFault",
    "BrokenError",
    "Corrupt",
    "Drop",
    "Fault",
    "Respond",
    "Stall",
    "StallBody",
    "Truncate",
]

Wait: TypeAlias = "Callable[[float], None]"
Pieces: TypeAlias = "Iterable[bytes]"
Disturbed: TypeAlias = "Iterator[bytes]"


class BrokenError(Exception):
    """The connection is to be closed here."""


@dataclass
class Fault:
    """Which requests are hit.

    Attributes:
        method: as ``GET``; empty for all.
        path: a regular expression that is sought in the path, which comes without its query.
        times: how many requests are hit; None for all.
        after: how many of those that are meant are let by before.
        hits: how many were hit by now.
    """

    method: str = field(default="", kw_only=True)
    path: str = field(default="", kw_only=True)
    times: int | None = field(default=1, kw_only=True)
    after: int = field(default=0, kw_only=True)
    hits: int = field(default=0, init=False)
    _met: int = field(default=0, init=False, repr=False)

    def takes(self, method: str, path: str) -> bool:
        """Whether it hits this request; it counts those that it is asked about."""
        if self.method not in ("", method) or re.search(self.path, path) is None:
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        self._met += 1
        if self._met <= self.after:
            return False
        self.hits += 1
        return True


@dataclass
class Respond(Fault):
    """Another answer comes.

    Attributes:
        status: its status.
        headers: beyond those of its body.
        body: the body; None for the error as JSON.
        performed: whether what was asked is done nevertheless.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    performed: bool = field(default=False, kw_only=True)


@dataclass
class Drop(Fault):
    """The connection ends without an answer.

    Attributes:
        performed: whether what was asked is done nevertheless.
    """

    performed: bool = field(default=False, kw_only=True)


@dataclass
class Stall(Fault):
    """The answer comes late: what is asked is looked at only then."""

    seconds: float


class BodyFault(Fault):
    """The answer is right, its body does not come as it should."""

    def disturbed(self, pieces: Pieces, wait: Wait) -> Disturbed:
        """The pieces of the body as they are to be sent."""
        raise NotImplementedError


@dataclass
class Truncate(BodyFault):
    """The connection ends after so many bytes of the body."""

    bytes: int

    def disturbed(self, pieces: Pieces, wait: Wait) -> Disturbed:  # noqa: ARG002
        left = self.bytes
        for piece in pieces:
            yield piece[:left]
            left -= len(piece)
            if left <= 0:
                break
        raise BrokenError


@dataclass
class StallBody(BodyFault):
    """After so many bytes, the rest of the body comes late."""

    after_bytes: int
    seconds: float

    def disturbed(self, pieces: Pieces, wait: Wait) -> Disturbed:
        begin = 0
        for piece in pieces:
            place = self.after_bytes - begin
            begin += len(piece)
            if 0 <= place < len(piece):
                yield piece[:place]
                wait(self.seconds)
                piece = piece[place:]
            yield piece


@dataclass
class Corrupt(BodyFault):
    """One byte of the body, counted from 0, is not what it should be."""

    at: int

    def disturbed(self, pieces: Pieces, wait: Wait) -> Disturbed:  # noqa: ARG002
        begin = 0
        for piece in pieces:
            place = self.at - begin
            begin += len(piece)
            if 0 <= place < len(piece):
                piece = piece[:place] + bytes([piece[place] ^ 0xFF]) + piece[place + 1 :]
            yield piece
