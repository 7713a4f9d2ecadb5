"""SQL over data files."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fw_dataset.format.names import quote_literal

__all__ = ["exactly", "scan"]

_GLOB = re.compile(r"([*?\[])")


def scan(paths: Sequence[str], *, several: bool) -> str:
    """What stands in SQL for the rows of data files.

    Args:
        paths: of the files, or patterns.
        several: whether they are several files, whose columns may differ.
    """
    listed = ", ".join(map(quote_literal, paths))
    # A folder named like `site=3` above the dataset must not become a column.
    options = "hive_partitioning = false" + (", union_by_name = true" if several else "")
    return f"read_parquet([{listed}], {options})"


def exactly(path: str) -> str:
    """A path as a pattern that matches nothing else; DuckDB takes brackets and stars for more."""
    return _GLOB.sub(r"[\1]", path)
