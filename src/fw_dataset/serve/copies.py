"""Data files where a confined process can read them: those of object stores are copied first."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Iterable
from pathlib import Path

from fw_dataset.errors import DatasetFormatError
from fw_dataset.format.names import quote_literal
from fw_dataset.query.columns import empty
from fw_dataset.serve.engine import Definition
from fw_dataset.serve.served import ServedTable
from fw_dataset.storage import ObjectInfo

__all__ = ["LocalFiles"]


class LocalFiles:
    """The data files of tables, on this machine.

    Args:
        folder: where copies go; they stay there for the next time.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._locks: dict[Path, threading.Lock] = {}
        self._lock = threading.Lock()

    def path(self, table: ServedTable, file: ObjectInfo) -> Path:
        """Where a data file is, or will be once it is copied."""
        storage = table.version.storage
        native = storage.native_path(file.key)
        if native is not None:
            return Path(native)
        digest = hashlib.sha256(f"{storage.url}\0{file.key}\0{file.size}".encode()).hexdigest()
        return self.folder / f"{digest}.parquet"

    def is_here(self, table: ServedTable) -> bool:
        """Whether all files of a table are on this machine."""
        native = table.version.storage.native_path(table.version.layout.root) is not None
        return native or all(self.path(table, file).exists() for file in table.files)

    def bring(self, tables: Iterable[ServedTable]) -> None:
        """Copy what is not here yet; it is there whole or not at all.

        Raises:
            DatasetFormatError: a file is of another size than the version says.
            StorageError: the storage refuses access, or cannot be reached.
        """
        for table in tables:
            for file in () if self.is_here(table) else table.files:
                path = self.path(table, file)
                with self._lock_of(path):
                    if not path.exists():
                        self._copy(table, file, path)

    def definition(self, table: ServedTable) -> Definition:
        """A table for the engine."""
        none = (
            f"SELECT * FROM {empty(table.columns)}" if table.columns else "SELECT NULL WHERE false"
        )
        if table.view is not None:
            return Definition(
                table.name, table.schema, table.table, table.view[1], none, table.needs
            )
        listed = ", ".join(quote_literal(str(self.path(table, file))) for file in table.files)
        options = "hive_partitioning = false" + (
            ", union_by_name = true" if len(table.files) > 1 else ""
        )
        rows = f"SELECT * FROM read_parquet([{listed}], {options})" if listed else none
        return Definition(table.name, table.schema, table.table, rows, none)

    def _lock_of(self, path: Path) -> threading.Lock:
        with self._lock:
            return self._locks.setdefault(path, threading.Lock())

    def _copy(self, table: ServedTable, file: ObjectInfo, path: Path) -> None:
        partial = path.with_name(f".{path.name[:20]}.{secrets.token_hex(6)}.partial")
        try:
            with open(partial, "xb") as copy:
                for piece in table.version.storage.stream(file.key):
                    copy.write(piece)
                written = copy.tell()
            if written != file.size:
                raise DatasetFormatError(
                    f"{table.name}: a data file has {written} bytes, not {file.size} as its"
                    " version says"
                )
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
