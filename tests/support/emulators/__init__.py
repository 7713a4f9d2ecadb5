"""Object stores on loopback, as real servers in processes of their own."""

from tests.support.emulators.azure import AzureEmulator
from tests.support.emulators.base import Emulator, EmulatorMissingError
from tests.support.emulators.gcs import GCSEmulator
from tests.support.emulators.running import KINDS, Emulators
from tests.support.emulators.s3 import S3Emulator

__all__ = [
    "KINDS",
    "AzureEmulator",
    "Emulator",
    "EmulatorMissingError",
    "Emulators",
    "GCSEmulator",
    "S3Emulator",
]
