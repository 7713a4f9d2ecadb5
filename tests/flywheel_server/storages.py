"""`/xfer`: storages and what opens them."""

from __future__ import annotations

from collections.abc import Callable

from tests.flywheel_server.listing import listed
from tests.flywheel_server.messages import Answer, Call, RefusedError, as_json
from tests.flywheel_server.site import StorageState

__all__ = ["ROUTES"]

_FILTERS = frozenset({"_id", "config.bucket", "config.type", "label", "refs.group", "refs.project"})


def _storages(call: Call) -> Answer:
    records = [storage.record for _, storage in sorted(call.site.storages.items())]
    return listed(call, records, _FILTERS, paged=True)


def _storage(call: Call, storage_id: str) -> Answer:
    return as_json(_found(call, storage_id).record)


def _credentials(call: Call, storage_id: str) -> Answer:
    storage = _found(call, storage_id)
    if storage.credentials_status != 200:
        raise RefusedError(storage.credentials_status, f"no credentials for storage {storage_id}")
    return as_json({"url": storage.url})


def _found(call: Call, storage_id: str) -> StorageState:
    storage = call.site.storages.get(storage_id)
    if storage is None:
        raise RefusedError(404, f"no storage {storage_id}")
    return storage


ROUTES: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("GET", "/xfer/storages", _storages),
    ("GET", "/xfer/storages/{}", _storage),
    ("GET", "/xfer/storage-creds/{}", _credentials),
)
