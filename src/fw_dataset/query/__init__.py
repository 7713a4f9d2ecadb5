"""DuckDB connections over the tables of a version, or of several."""

from fw_dataset.query.connection import connect_version, read_failure, relation
from fw_dataset.query.federation import EVERYTHING, Source, connect_sources, distinct_names
from fw_dataset.query.time_travel import ALL, connect_versions

__all__ = [
    "ALL",
    "EVERYTHING",
    "Source",
    "connect_sources",
    "connect_version",
    "connect_versions",
    "distinct_names",
    "read_failure",
    "relation",
]
