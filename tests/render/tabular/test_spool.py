"""Batches that wait, in memory and on disk."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from fw_dataset.render.tabular import spool
from fw_dataset.render.tabular.spool import Spool


def batch(*numbers: int) -> pa.RecordBatch:
    return pa.record_batch({"n": pa.array(numbers, pa.int64()), "t": [str(n) for n in numbers]})


def numbers(kept: Spool, table: int) -> list[int]:
    return [number for one in kept.take(table) for number in one.column("n").to_pylist()]


@pytest.mark.parametrize("memory", [0, 100, 1 << 20])
def test_in_order_wherever_they_wait(tmp_path: Path, memory: int) -> None:
    kept = Spool(tmp_path, memory)
    for number in range(30):
        kept.add(number % 3, batch(number, -number))
        assert kept._bytes <= memory
    assert bool(list(tmp_path.iterdir())) == (memory < 1 << 20)
    for table in range(3):
        expected = [sign * n for n in range(table, 30, 3) for sign in (1, -1)]
        assert numbers(kept, table) == expected
    assert list(tmp_path.iterdir()) == []
    assert kept._bytes == 0


def test_what_is_forgotten_is_gone(tmp_path: Path) -> None:
    kept = Spool(tmp_path, 100)
    for _ in range(10):
        kept.add(1, batch(1))
        kept.add(2, batch(2))
    kept.forget(1)
    kept.forget(1)
    kept.forget(3)
    assert numbers(kept, 1) == numbers(kept, 3) == []
    assert numbers(kept, 2) == [2] * 10
    assert list(tmp_path.iterdir()) == []


def test_small_ones_are_put_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_ROWS", 4)
    kept = Spool(tmp_path)
    for number in range(7):
        kept.add(0, batch(number))
    assert [one.num_rows for one in kept.take(0)] == [4, 3]
