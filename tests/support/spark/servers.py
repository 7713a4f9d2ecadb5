"""The servers of a test session: Sail, and Apache Spark where it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.emulators.server_process import ServerProcess

__all__ = ["KINDS", "SparkServers", "spark_python"]

KINDS = [
    "sail",
    # It takes a quarter of a minute to come, and seconds for what takes Sail hundredths.
    pytest.param("apache", marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
]
_PYTHON = "FW_DATASET_SPARK_PYTHON"


class SparkServers:
    """Each kind runs once, from when it is first asked for."""

    def __init__(self) -> None:
        self._running: dict[str, ServerProcess] = {}
        self._folders: list[tempfile.TemporaryDirectory[str]] = []

    def address(self, kind: str) -> str:
        """The address of a server; the test is skipped where it is not installed."""
        if find_spec("pyspark") is None:
            pytest.skip("needs pyspark-client, which is not installed")
        if kind not in self._running:
            self._running[kind] = self._sail() if kind == "sail" else self._apache()
        return f"sc://127.0.0.1:{self._running[kind].port}"

    def stop(self) -> None:
        """End them all."""
        for server in self._running.values():
            server.stop()
        for folder in self._folders:
            folder.cleanup()

    def _sail(self) -> ServerProcess:
        return start_sail({})

    def _apache(self) -> ServerProcess:
        python = spark_python()
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._folders.append(folder)
        program = Path(__file__).with_name("apache_server.py")
        return ServerProcess([sys.executable, str(program), python, folder.name])


def start_sail(environment: Mapping[str, str]) -> ServerProcess:
    """Start Sail; the test is skipped where it is not installed.

    Args:
        environment: what its own credentials are in.
    """
    if find_spec("pysail") is None:
        pytest.skip("needs pysail, which is not installed")
    program = Path(__file__).with_name("sail_server.py")
    variables = [f"{name}={value}" for name, value in environment.items()]
    return ServerProcess(["env", *variables, sys.executable, str(program)])


def spark_python() -> str:
    """The interpreter of an environment with Apache Spark; else the test is skipped."""
    python = os.environ.get(_PYTHON)
    if not python:
        pytest.skip(f"needs Apache Spark: {_PYTHON} names an interpreter that has pyspark")
    java = shutil.which("java")
    if java is None or subprocess.run([java, "-version"], capture_output=True).returncode:  # noqa: PLW1510
        pytest.skip("needs Java 17 or newer for Apache Spark")
    return python
