"""What all routes share: the tables, the queries, who may ask."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from starlette.requests import Request

from fw_dataset.errors import TableNotFoundError
from fw_dataset.serve.access import Access
from fw_dataset.serve.answers import ApiError
from fw_dataset.serve.queries import Queries
from fw_dataset.serve.served import ServedTable, ServedTables
from fw_dataset.serve.settings import Settings
from fw_dataset.serve.tickets import Tickets

__all__ = ["Service", "asker_of", "owner_of", "service_of"]


@dataclass
class Service:
    """The parts of a server.

    Attributes:
        served: the tables.
        queries: the queries.
        settings: how the server is to be.
        access: who may ask.
        tickets: the addresses of further pages.
        requests: how many there were, by method, route and status.
        seconds: how long they took, by route.
        started: when the server was made, on the monotonic clock.
    """

    served: ServedTables
    queries: Queries
    settings: Settings
    access: Access
    tickets: Tickets = field(default_factory=Tickets)
    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    started: float = field(default_factory=time.monotonic)

    def table(self, name: str) -> ServedTable:
        """The table that a request names.

        Raises:
            ApiError: there is none.
        """
        try:
            return self.served.find(name)
        except TableNotFoundError as error:
            raise ApiError(404, "no such table", str(error)) from None


def service_of(request: Request) -> Service:
    """The server that a request came to."""
    service: Service = request.app.state.service
    return service


def owner_of(request: Request) -> str:
    """Who asks; empty where no token is needed."""
    owner: str = request.scope["fw_dataset.owner"]
    return owner


def asker_of(request: Request) -> str:
    """With whom others share the server: the token, or the address where none is needed."""
    return owner_of(request) or (request.client.host if request.client else "")
