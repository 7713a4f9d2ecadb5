"""DuckDB connections over the tables of a version."""

from fw_dataset.query.connection import connect_version, read_failure

__all__ = ["connect_version", "read_failure"]
