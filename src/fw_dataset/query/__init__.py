"""DuckDB connections over the tables of a version, or of several."""

from fw_dataset.query.connection import connect_version, read_failure, relation
from fw_dataset.query.federation import (
    EVERYTHING,
    Source,
    check_schema_names,
    connect_sources,
    distinct_names,
)
from fw_dataset.query.named import NamedTables, named_tables
from fw_dataset.query.time_travel import ALL, connect_versions

__all__ = [
    "ALL",
    "EVERYTHING",
    "NamedTables",
    "Source",
    "check_schema_names",
    "connect_sources",
    "connect_version",
    "connect_versions",
    "distinct_names",
    "named_tables",
    "read_failure",
    "relation",
]
