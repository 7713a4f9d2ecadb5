"""What came to the server."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from tests.flywheel_server.faults import Fault

__all__ = ["Received"]


@dataclass
class Received:
    """A request that came.

    Attributes:
        number: its number, from 1.
        method: as ``GET``.
        path: percent-encoded as it came, without the query.
        query: the last value of each parameter.
        headers: by their names in lower case.
        body: what came with it.
        status: that of the answer; None when there was none.
        fault: what was done to it.
        began: when it came, in seconds of the monotonic clock.
        ended: when the last of its answer was about to be sent, or the connection broken.
    """

    number: int
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""
    status: int | None = None
    fault: Fault | None = None
    began: float = field(default_factory=time.monotonic)
    ended: float = float("inf")
