"""The builder, at its older address."""

from fw_dataset.builder import DatasetBuilder

__all__ = ["DatasetBuilder"]
