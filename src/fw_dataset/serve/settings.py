"""How much strangers may ask for, and who may ask."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from fw_dataset.errors import InvalidArgumentError

__all__ = ["Limits", "Settings"]


@dataclass(frozen=True)
class Limits:
    """The bounds of queries.

    Attributes:
        queries: how many run at once, each in a process of its own; of one asker all but one.
        pages: how many questions of the pages run at once, besides.
        waiting: how many more may wait for their turn; the next is told to come back.
        seconds: how long one runs before it is ended.
        memory: bytes of memory that one may use.
        threads: that one may use.
        rows: that a result may have.
        bytes: that a result may have as it is written.
        kept_bytes: of all results that are kept for their next pages.
        kept_seconds: how long a result is kept since it was last asked for.
        page_rows: that a page has at most.
        page_bytes: that a page has, beyond its last row.
        held_seconds: how long a request waits for rows before it is answered without.
        grace_seconds: how long a query runs on that has given no rows, and nobody asks for.
        request_bytes: that a request may have.
    """

    queries: int = field(default_factory=lambda: max(3, min(8, os.cpu_count() or 1)))
    pages: int = 3
    waiting: int = 32
    seconds: float = 60
    memory: int = 1 << 30
    threads: int = 2
    rows: int = 5_000_000
    bytes: int = 1 << 30
    kept_bytes: int = 8 << 30
    kept_seconds: float = 900
    page_rows: int = 1_000
    page_bytes: int = 4 << 20
    held_seconds: float = 8
    grace_seconds: float = 10
    request_bytes: int = 1 << 20

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value <= 0 and name != "waiting":
                raise InvalidArgumentError(f"limit {name} is {value}: it must be above 0")


@dataclass(frozen=True)
class Settings:
    """How a server is to be.

    Attributes:
        host: the address to listen on.
        port: the port; 0 takes a free one.
        public_url: where clients find it, if a proxy stands in front.
        tokens: any of which lets in; none are needed on loopback.
        hosts: further names by which it may be called.
        origins: of pages that may ask from a browser (CORS), such as ``https://example.org``.
        certificate: the file with the certificate, for TLS.
        key: the file with its key.
        limits: of queries.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str | None = None
    tokens: tuple[str, ...] = field(default=(), repr=False)
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    certificate: str | None = None
    key: str | None = None
    limits: Limits = field(default_factory=Limits)
