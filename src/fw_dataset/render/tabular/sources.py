"""Which files hold tabular data, and where their bytes come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fw_dataset.errors import FWDatasetError, InvalidArgumentError
from fw_dataset.render.derived import PARENT_COLUMNS, PrimaryFiles

__all__ = ["TabularFile", "TabularSource", "tabular_files"]

_TYPE = "tabular data"
_NEEDED = ("type", "name", "deleted", "replaced")
_READ = ("id", "file_id", "version", "size", "hash", "parent_ref.id", *PARENT_COLUMNS, *_NEEDED)


@dataclass(frozen=True)
class TabularFile:
    """A file of tabular data, as its row in ``files`` says.

    Attributes:
        id: the row's ``id``.
        file_id: what all versions of the file share.
        version: its number, from 1.
        name: the file's name.
        size: its bytes; None where the record does not say.
        hash: the hash of its content as the record spells it.
        parents: the identifiers of its parents, in the order of ``PARENT_COLUMNS``.
        parent_id: the container that it stands in.
    """

    id: str | None
    file_id: str | None
    version: int | None
    name: str
    size: int | None
    hash: str | None
    parents: tuple[str | None, ...]
    parent_id: str | None

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> TabularFile:
        """Read a row of ``files``."""
        parents = tuple(row.get(level) for level in PARENT_COLUMNS)
        nearest = next((parent for parent in reversed(parents) if parent), None)
        return cls(
            id=row.get("id"),
            file_id=row.get("file_id"),
            version=row.get("version"),
            name=row["name"] or "",
            size=row.get("size"),
            hash=row.get("hash"),
            parents=parents,
            parent_id=row.get("parent_ref.id") or nearest,
        )

    @property
    def order(self) -> tuple[Any, ...]:
        """What files are sorted by: those of a subject and a session stand together."""
        places = tuple(parent or "" for parent in self.parents)
        return (*places, self.name, self.file_id or "", self.version or 0, self.id or "")


class TabularSource(Protocol):
    """Where the bytes of files are to be had."""

    def fetch_each(
        self, files: Iterable[TabularFile], into: Path
    ) -> Iterator[Path | FWDatasetError]:
        """Per file, in order, a path on this machine where its bytes are, or why there are none.

        The bytes are as many as the record says, and have its hash, as far as it says.

        Args:
            files: what is wanted; taken one by one, some ahead of those that are given.
            into: a folder for files that nobody keeps; what is put there is removed once it is
                read.

        Raises:
            FWDatasetError: no further file is to be had.
        """


def tabular_files(sources: PrimaryFiles) -> list[TabularFile]:
    """The files of tabular data that are neither deleted nor replaced, in order.

    Raises:
        InvalidArgumentError: ``files`` was rendered without the columns that tell this.
    """
    found: list[TabularFile] = []
    for path in sources.get("files", ()):
        with pq.ParquetFile(path) as file:
            columns = _columns(file.schema_arrow.names)
            for batch in file.iter_batches(columns=columns):
                found += [TabularFile.from_row(row) for row in _wanted(batch).to_pylist()]
    return sorted(found, key=lambda one: one.order)


def _columns(names: Sequence[str]) -> list[str]:
    lacking = [name for name in _NEEDED if name not in names]
    if lacking:
        raise InvalidArgumentError(
            f"tabular files: the table 'files' has no column {', '.join(lacking)};"
            " keep it in control_columns, or leave tabular files out"
        )
    return [name for name in names if name in _READ]


def _wanted(batch: pa.RecordBatch) -> pa.RecordBatch:
    kinds = pc.utf8_lower(pc.utf8_trim_whitespace(batch.column("type")))
    tabular = pc.fill_null(pc.equal(kinds, _TYPE), False)
    gone = pc.or_(pc.is_valid(batch.column("deleted")), pc.is_valid(batch.column("replaced")))
    return batch.filter(pc.and_not(tabular, gone))
