"""The builder's error, at its older address."""

from fw_dataset.errors import SnapshotCreationError

__all__ = ["SnapshotCreationError"]
