"""Local disk keeps the contract."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from fw_dataset.storage import LocalStorage
from tests.contract.storage_contract import StorageContract
from tests.support.processes import run_together


class TestLocalStorage(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> LocalStorage:
        return LocalStorage(tmp_path / "ro[o]t* site=3")

    def together(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
        outcomes = run_together(calls)
        for outcome in outcomes:
            if outcome.error is not None:
                raise outcome.error
        return [outcome.value for outcome in outcomes]
