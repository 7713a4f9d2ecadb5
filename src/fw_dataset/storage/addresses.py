"""What other systems call a place: the names that are written into what they read."""

from __future__ import annotations

from fw_dataset.errors import UnsupportedLocationError
from fw_dataset.storage.base import Storage
from fw_dataset.storage.local import LocalStorage

__all__ = ["address_of"]


def address_of(storage: Storage) -> str:
    """The root of a storage as other systems name it, no character of it escaped.

    Folders are ``file:///…``, buckets ``s3://…`` and ``gs://…``, and containers of Azure
    ``abfss://container@account.dfs.core.windows.net/…``; no credential is in it.

    Raises:
        UnsupportedLocationError: no other system can get there.
    """
    if isinstance(storage, LocalStorage):
        return f"file://{storage.root}".rstrip("/")
    from fw_dataset.storage.objects import ObjectStorage  # noqa: PLC0415 - loads obstore

    if isinstance(storage, ObjectStorage):
        return storage.address
    raise UnsupportedLocationError(f"{storage.url}: no other system can read what is there")
