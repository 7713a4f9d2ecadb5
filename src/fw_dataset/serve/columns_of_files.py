"""The columns of data files whose schema does not say them reliably: their own footers do."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from fw_dataset.errors import DatasetFormatError
from fw_dataset.query.columns import Columns, ask
from fw_dataset.query.scans import scan
from fw_dataset.storage import ObjectInfo, Storage

__all__ = ["columns_of_files"]


def columns_of_files(storage: Storage, files: Sequence[ObjectInfo]) -> Columns:
    """The columns as DuckDB reads them, in order.

    Raises:
        DatasetFormatError: a file is damaged.
        StorageError: the storage refuses access, or cannot be reached.
    """
    try:
        with duckdb.connect() as connection:
            paths = [storage.native_path(file.key) for file in files]
            if None not in paths:
                return ask(connection, scan([str(p) for p in paths], several=len(paths) > 1))
            for place, file in enumerate(files):
                schema = pq.read_schema(pa.BufferReader(storage.get(file.key)))
                connection.register(f"file_{place}", schema.empty_table())
            rows = " UNION ALL BY NAME ".join(f"FROM file_{n}" for n in range(len(files)))
            return ask(connection, f"({rows})")
    except (duckdb.Error, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise DatasetFormatError(
            f"{storage.url}: {files[0].key} cannot be read: {reason}"
        ) from None
