"""Tabular files from a folder on this machine."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from fw_dataset.errors import FWDatasetError, InvalidArgumentError, TabularFileError
from fw_dataset.format.file_hash import has_hash
from fw_dataset.render.tabular.sources import TabularFile

__all__ = ["FolderSource"]

_PIECE = 1 << 20


class FolderSource:
    """A folder laid out as ``{file_id}/{name}``.

    Args:
        folder: the folder; a name that leads out of it, by itself or by a link, is refused.

    Raises:
        InvalidArgumentError: there is no such folder.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._given = Path(folder).expanduser()
        if not self._given.is_dir():
            raise InvalidArgumentError(f"tabular files: there is no folder {str(self._given)!r}")
        self._folder = self._given.resolve()

    def __repr__(self) -> str:
        return f"FolderSource({str(self._given)!r})"

    def fetch_each(
        self,
        files: Iterable[TabularFile],
        into: Path,  # noqa: ARG002 - nothing is copied
    ) -> Iterator[Path | FWDatasetError]:
        """Per file the path in the folder, or why there is none."""
        for file in files:
            try:
                yield self.find(file)
            except FWDatasetError as error:
                yield error

    def find(self, file: TabularFile) -> Path:
        """The path of a file in the folder.

        Raises:
            TabularFileError: it is not there or not to be read, it would be outside the folder,
                or it is not the file of the record.
        """
        path = self._inside(file)
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise TabularFileError("what has its name in the folder is no file")
            _check(file, path, status.st_size)
        except FileNotFoundError:
            raise TabularFileError("it is not in the folder of tabular files") from None
        except OSError as error:
            raise TabularFileError(f"it cannot be read ({error.strerror or error})") from None
        return path

    def _inside(self, file: TabularFile) -> Path:
        parts = (file.file_id or "", *file.name.split("/"))
        odd = any(part in ("", ".", "..") or "\0" in part or "\\" in part for part in parts)
        if odd or "/" in parts[0]:
            raise TabularFileError("its name or file_id would lead out of the folder")
        try:
            path = self._folder.joinpath(*parts).resolve()
        except (OSError, RuntimeError, ValueError):  # a link that leads to itself; a surrogate
            raise TabularFileError("its name is none that a file can have here") from None
        if self._folder not in path.parents:
            raise TabularFileError("a link in its place leads out of the folder")
        return path


def _check(file: TabularFile, path: Path, size: int) -> None:
    if file.size and size != file.size:
        raise TabularFileError(f"it has {size:,} bytes instead of {file.size:,}")
    if file.hash and has_hash(_pieces(path), size, file.hash) is False:
        raise TabularFileError("its content is another than that of the record (by its hash)")


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as opened:
        while piece := opened.read(_PIECE):
            yield piece
