"""Bytes in and out, by key, over local disk, memory and the clouds' object stores."""

from fw_dataset.storage.addresses import address_of
from fw_dataset.storage.base import CHUNK_SIZE, ObjectInfo, Storage
from fw_dataset.storage.local import LocalStorage
from fw_dataset.storage.location import (
    Credentials,
    open_filesystem,
    open_storage,
    place_of_credentials,
)
from fw_dataset.storage.memory import MemoryStorage

__all__ = [
    "CHUNK_SIZE",
    "Credentials",
    "LocalStorage",
    "MemoryStorage",
    "ObjectInfo",
    "Storage",
    "address_of",
    "open_filesystem",
    "open_storage",
    "place_of_credentials",
]
