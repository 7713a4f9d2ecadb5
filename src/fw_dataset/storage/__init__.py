"""Bytes in and out, by key, over local disk and memory."""

from fw_dataset.storage.base import ObjectInfo, Storage
from fw_dataset.storage.local import LocalStorage
from fw_dataset.storage.location import open_storage
from fw_dataset.storage.memory import MemoryStorage

__all__ = ["LocalStorage", "MemoryStorage", "ObjectInfo", "Storage", "open_storage"]
