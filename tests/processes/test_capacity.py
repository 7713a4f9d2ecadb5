"""How much of the machine may be used: less than there is, where something says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fw_dataset.processes import capacity
from fw_dataset.processes.capacity import available_cpus, available_memory


def test_no_more_than_the_machine_has() -> None:
    assert 1 <= available_cpus() <= (os.cpu_count() or 1)
    assert available_memory() >= 64 << 20


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system binds no process")
def test_a_bound_process_has_fewer() -> None:
    code = (
        "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]);"
        " from fw_dataset.processes.capacity import available_cpus; print(available_cpus())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


@pytest.mark.skipif(not Path("/proc/self/cgroup").exists(), reason="no control groups here")
def test_limits_of_a_container_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "_GROUPS", tmp_path)
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    (tmp_path / "memory.max").write_text("1048576\n")
    assert (available_cpus(), available_memory()) == (1, 1048576)
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert available_memory() > 1048576
