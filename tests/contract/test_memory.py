"""Memory keeps the contract."""

from __future__ import annotations

import pytest

from fw_dataset.storage import MemoryStorage
from tests.contract.storage_contract import StorageContract


class TestMemoryStorage(StorageContract):
    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return MemoryStorage()
