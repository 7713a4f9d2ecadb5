"""The emulators of a test session."""

from __future__ import annotations

import os

import pytest

from tests.support.emulators.azure import AzureEmulator
from tests.support.emulators.base import Emulator, EmulatorMissingError
from tests.support.emulators.gcs import GCSEmulator
from tests.support.emulators.s3 import S3Emulator

__all__ = ["KINDS", "Emulators"]

_CLASSES: dict[str, type[Emulator]] = {
    emulator.kind: emulator for emulator in (S3Emulator, GCSEmulator, AzureEmulator)
}
KINDS = tuple(_CLASSES)


class Emulators:
    """Each kind runs once, from when it is first asked for."""

    def __init__(self) -> None:
        self._running: dict[str, Emulator] = {}

    def get(self, kind: str) -> Emulator:
        """The emulator of a kind; the test is skipped where it is not installed.

        Not on a machine that is to test everything (``CI=true``): there the test fails.
        """
        if kind not in self._running:
            try:
                self._running[kind] = _CLASSES[kind]()
            except EmulatorMissingError as error:
                if os.environ.get("CI", "").lower() in ("", "0", "false"):
                    pytest.skip(str(error))
                pytest.fail(f"{error}; with CI=true that is a failure", pytrace=False)
        return self._running[kind]

    def stop(self) -> None:
        """End them all."""
        for emulator in self._running.values():
            emulator.stop()
        self._running.clear()
