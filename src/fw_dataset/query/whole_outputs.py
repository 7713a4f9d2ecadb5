"""Files and folders of this machine that are whole, or not there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fw_dataset.errors import ObjectExistsError, StorageError, UnsupportedLocationError
from fw_dataset.storage.system_errors import translated
from fw_dataset.versions.workspace import workspace

__all__ = ["local_path", "whole_file", "whole_folder"]

_OVERWRITE = "force=True, or --force, replaces it"


def local_path(place: str | os.PathLike[str]) -> Path:
    """The path of a place on this machine.

    Raises:
        UnsupportedLocationError: it is a URL, or empty.
    """
    text = os.fspath(place)
    if "://" in text or not text:
        raise UnsupportedLocationError(f"{text!r} is no path: name a place on this machine")
    return Path(os.path.abspath(Path(text).expanduser()))  # noqa: PTH100 - links stay links


@contextmanager
def whole_file(path: Path, *, force: bool) -> Iterator[Path]:
    """Where to write a file that appears at ``path`` when the block ends well.

    Args:
        path: the file; its folder is made if it is missing.
        force: replace a file that is there.

    Raises:
        ObjectExistsError: there is one, or a database beside it that is in use.
        StorageError: it cannot be written.
    """
    _check_file(path, force=force)
    with workspace(path.parent) as folder:
        part = folder / path.name
        yield part
        with translated(path):
            _sync(part)
            _check_file(path, force=force)
            if force:
                part.replace(path)
            else:
                _link(part, path)
            _sync(path.parent)


@contextmanager
def whole_folder(path: Path, suffix: str, *, force: bool) -> Iterator[Path]:
    """A folder to fill that appears at ``path`` when the block ends well.

    Args:
        path: the folder; those above it are made if they are missing.
        suffix: what the names of all its files end with.
        force: replace a folder that holds nothing but such files.

    Raises:
        ObjectExistsError: there is something that must not be replaced.
        StorageError: it cannot be written.
    """
    former = path.with_name(f".{path.name}.former")
    with translated(path):
        _restore(former, path)
        _check_folder(path, suffix, force=force)
    with workspace(path.parent) as work:
        part = work / "whole"
        part.mkdir()
        yield part
        with translated(path):
            for file in part.iterdir():
                _sync(file)
            _sync(part)
            _check_folder(path, suffix, force=force)
            if force and path.is_dir():
                path.replace(former)
            _appear(part, path)
            shutil.rmtree(former, ignore_errors=True)
            _sync(path.parent)


def _check_file(path: Path, *, force: bool) -> None:
    if path.is_dir():
        raise StorageError(f"{path}: it is a folder; name a file")
    if path.exists() and not force:
        raise ObjectExistsError(f"{path}: exists already; {_OVERWRITE}")
    log = path.with_name(f"{path.name}.wal")
    if log.exists():
        # DuckDB would take it for a part of the new database.
        raise ObjectExistsError(
            f"{log}: {path.name} is in use, or was not closed; close it in its program first"
        )


def _link(part: Path, path: Path) -> None:
    try:
        path.hardlink_to(part)
    except FileExistsError:
        raise ObjectExistsError(f"{path}: exists already; {_OVERWRITE}") from None
    except OSError:
        # A file system without links; that nothing was there has been looked at just now.
        part.replace(path)


def _restore(former: Path, path: Path) -> None:
    """Finish what a process that was killed had begun: put the former folder back, or away."""
    if former.is_dir():
        if path.exists():
            shutil.rmtree(former, ignore_errors=True)
        else:
            former.rename(path)


def _check_folder(path: Path, suffix: str, *, force: bool) -> None:
    if path.exists() and not path.is_dir():
        raise ObjectExistsError(f"{path}: it is a file; name a folder")
    if not path.is_dir():
        return
    there = sorted(item.name for item in path.iterdir())
    if there and not force:
        raise ObjectExistsError(f"{path}: exists already; {_OVERWRITE}")
    foreign = [name for name in there if not name.endswith(suffix) or (path / name).is_dir()]
    if foreign:
        raise ObjectExistsError(
            f"{path}: it holds {foreign[0]!r}, which no export wrote; name another folder"
        )


def _appear(part: Path, path: Path) -> None:
    try:
        part.rename(path)
    except OSError:
        if path.is_dir() and any(path.iterdir()):
            raise ObjectExistsError(f"{path}: exists already; {_OVERWRITE}") from None
        raise


def _sync(path: Path) -> None:
    """Have the disk hold a file, or a folder where the file system can do that."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        if not path.is_dir():
            raise
    finally:
        os.close(descriptor)
