"""A synthetic neuroimaging project, and the demo that renders it and asks it questions.

`write_snapshot` and `write_benchmark_snapshot` need nothing but the package itself;
`fw_dataset.demo.walkthrough.run_demo` is the demo, and `fw_dataset.demo.chart` its picture
(which needs matplotlib).
"""

from __future__ import annotations

from fw_dataset.demo.project import write_benchmark_snapshot, write_snapshot
from fw_dataset.demo.snapshot_file import SnapshotCounts

__all__ = ["SnapshotCounts", "write_benchmark_snapshot", "write_snapshot"]
