"""Write the Parquet files that are read over the network: ``FOLDER WIDE SMALL``.

``WIDE`` rows of twelve columns in one file, and two hundred files of ``SMALL`` rows each.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import duckdb

FILES = 200
_COLUMNS = ", ".join(
    f"hash(i * 12 + {column})::varchar as c{column}" if column % 3 else f"hash(i) as c{column}"
    for column in range(12)
)
_WIDE = f"copy (select {_COLUMNS} from range({{}}) t(i)) to '{{}}' (row_group_size 100000)"
_SMALL = f"copy (select {_COLUMNS} from range({{}}, {{}}) t(i)) to '{{}}'"


def main(folder: Path, wide: int, small: int) -> dict[str, int]:
    """Write them.

    Returns:
        the bytes of the one file, and those of the others together.
    """
    files = folder / "bench" / "small"
    files.mkdir(parents=True)
    large = folder / "bench" / "wide.parquet"
    connection = duckdb.connect()
    connection.execute(_WIDE.format(wide, large))
    for number in range(FILES):
        start = number * small
        connection.execute(_SMALL.format(start, start + small, files / f"part-{number:03}.parquet"))
    return {
        "wide": large.stat().st_size,
        "small": sum(path.stat().st_size for path in files.iterdir()),
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
