"""An emulated site of the platform: a real HTTP(S) server on loopback, and its state."""

from tests.flywheel_server.faults import (
    Corrupt,
    Drop,
    Fault,
    Respond,
    Stall,
    StallBody,
    Truncate,
)
from tests.flywheel_server.project import ProjectState, SnapshotPlan, SnapshotState
from tests.flywheel_server.received import Received
from tests.flywheel_server.server import FlywheelServer
from tests.flywheel_server.site import Key, Site, StorageState

__all__ = [
    "Corrupt",
    "Drop",
    "Fault",
    "FlywheelServer",
    "Key",
    "ProjectState",
    "Received",
    "Respond",
    "Site",
    "SnapshotPlan",
    "SnapshotState",
    "Stall",
    "StallBody",
    "StorageState",
    "Truncate",
]
