"""What must hold of the content of a version's files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from fw_dataset.errors import DatasetFormatError, StorageError
from fw_dataset.render.progress import Progress, ProgressCallback
from fw_dataset.storage import ObjectInfo
from fw_dataset.versions.columns_of_files import column_faults
from fw_dataset.versions.content import digests_of, is_of_one_object
from fw_dataset.versions.footers import footers_of
from fw_dataset.versions.inventory import Inventory, Problem

__all__ = ["check_content"]

# Files that are tried one by one where several at once failed; footers that are held at once.
_ONE_BY_ONE, _FOOTERS_AT_ONCE = 64, 256
_MOST_FAULTS = 5
# To the keys of the files that are done, a check adds each one of which all is told.
_Check = Callable[[Sequence[ObjectInfo], set[str]], Iterator[Problem]]


def check_content(
    seen: Inventory, *, deep: bool, progress: ProgressCallback | None
) -> Iterator[Problem]:
    """Check hashes, rows and columns; of a version without a manifest, as far as it can be.

    Args:
        seen: the version.
        deep: read the files; else only the data files' footers, and these only where there is no
            manifest to tell of the files.
        progress: told the bytes that are read.
    """
    unreadable: set[str] = set()
    checks = _Checks(seen, progress)
    if deep and seen.manifest is not None:
        for problem in _steadily(checks.digests, checks.listed()):
            if problem.kind == "unreadable":
                unreadable.add(problem.path)
            yield problem
    if deep or seen.manifest is None:
        files = [file for file in checks.data() if file.key not in unreadable]
        for start in range(0, len(files), _FOOTERS_AT_ONCE):
            yield from _steadily(checks.footers, files[start : start + _FOOTERS_AT_ONCE])


def _steadily(check: _Check, files: Sequence[ObjectInfo]) -> Iterator[Problem]:
    """Check files together, and one by one where one of them cannot be read."""
    left = list(files)
    while left:
        done: set[str] = set()
        try:
            yield from check(left, done)
        except StorageError as error:
            if not is_of_one_object(error):
                raise
        else:
            return
        left = [file for file in left if file.key not in done]
        for file in left[:_ONE_BY_ONE]:
            yield from _alone(check, file)
        del left[:_ONE_BY_ONE]


def _alone(check: _Check, file: ObjectInfo) -> Iterator[Problem]:
    try:
        yield from check([file], set())
    except StorageError as error:
        if not is_of_one_object(error):
            raise
        yield Problem(file.key, "unreadable", str(error))


class _Checks:
    """The checks of files, with what the version's manifest and schemas say of each by its key."""

    def __init__(self, seen: Inventory, progress: ProgressCallback | None) -> None:
        root = seen.layout.root
        self._seen, self._progress = seen, progress
        self._entries = {f"{root}/{entry.path}": entry for entry in seen.files}
        self._tables = {
            f"{root}/{path}": name for name, paths in seen.tables.items() for path in paths
        }
        self._merged = _merged(seen)
        self._bytes, self._total = 0, sum(file.size for file in self.listed())

    def listed(self) -> list[ObjectInfo]:
        """The files of the manifest that are there, of the right size."""
        sizes = self._seen.sizes
        return [
            ObjectInfo(key, entry.bytes)
            for key, entry in self._entries.items()
            if sizes.get(entry.path) == entry.bytes
        ]

    def data(self) -> list[ObjectInfo]:
        """The data files that are there, of the right size where it is known."""
        if self._entries:
            return [file for file in self.listed() if file.key in self._tables]
        start = len(self._seen.layout.root) + 1
        return [self._seen.object(key[start:]) for key in self._tables]

    def digests(self, files: Sequence[ObjectInfo], done: set[str]) -> Iterator[Problem]:
        """Compare the content of files with the manifest."""
        for file, digest in digests_of(self._seen.storage, files):
            if digest != self._entries[file.key].sha256.lower():
                yield Problem(file.key, "content", "it is not what the manifest says (SHA-256)")
            done.add(file.key)
            self._tell(file.size)

    def footers(self, files: Sequence[ObjectInfo], done: set[str]) -> Iterator[Problem]:
        """Compare rows and columns of data files with manifest and schemas."""
        footers = footers_of(self._seen.storage, files)
        for file, footer in zip(files, footers, strict=True):
            if isinstance(footer, DatasetFormatError):
                yield Problem(file.key, "unreadable", str(footer))
            else:
                yield from self._of_footer(file, footer)
            done.add(file.key)

    def _of_footer(self, file: ObjectInfo, footer: pq.FileMetaData) -> Iterator[Problem]:
        entry, table = self._entries.get(file.key), self._tables[file.key]
        rows = None if entry is None else entry.rows
        if rows is not None and rows != footer.num_rows:
            yield Problem(
                file.key, "rows", f"it has {footer.num_rows} rows, and the manifest says {rows}"
            )
        model = self._seen.shown.get(table) or self._seen.hidden.get(table)
        if model is None:
            return
        try:
            columns = footer.schema.to_arrow_schema()
        except (OSError, ValueError, NotImplementedError, pa.ArrowException) as error:
            yield Problem(file.key, "unreadable", " ".join(str(error).split()))
            return
        exactly = entry is not None and table not in self._merged
        faults = column_faults(columns, model, exactly=exactly)
        if len(faults) > _MOST_FAULTS:
            faults[_MOST_FAULTS:] = [f"{len(faults) - _MOST_FAULTS} more"]
        if faults:
            yield Problem(file.key, "columns", "; ".join(faults))

    def _tell(self, size: int) -> None:
        self._bytes += size
        if self._progress is not None:
            self._progress(Progress("verify", bytes=self._bytes, total_bytes=self._total))


def _merged(seen: Inventory) -> set[str]:
    """The tables that came from elsewhere, and perhaps from an older release."""
    notes = getattr(seen.manifest, "merged", None)
    found = notes if isinstance(notes, list) else []
    return {str(note.get("table")) for note in found if isinstance(note, dict)}
