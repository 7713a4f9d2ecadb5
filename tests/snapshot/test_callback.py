"""What a caller's callback raises is the caller's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from fw_dataset.demo import write_snapshot
from fw_dataset.snapshot import open_snapshot


@pytest.mark.parametrize("error", [BrokenPipeError("gone"), EOFError("end"), ValueError("no")])
def test_errors_of_the_callback_come_through(tmp_path: Path, error: Exception) -> None:
    source = tmp_path / "snapshot.db.gz"
    write_snapshot(source, subjects=1)

    def fail(done: int, total: int) -> None:
        assert 0 < done <= total
        raise error

    with (
        pytest.raises(type(error)) as caught,
        open_snapshot(source, tmp_path, progress=fail),
    ):
        pass
    assert caught.value is error
