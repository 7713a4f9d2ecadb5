"""From the ways people name a place to the storage that is there."""

from __future__ import annotations

import os
from urllib.parse import unquote, urlsplit

from fw_dataset.errors import UnsupportedLocationError
from fw_dataset.storage.base import Storage
from fw_dataset.storage.local import LocalStorage

__all__ = ["LOCAL_TYPES", "open_storage"]

LOCAL_TYPES = frozenset({"fs", "local", "file"})


def open_storage(location: str | os.PathLike[str]) -> Storage:
    """The storage at a path or URL (``file://`` or ``fs://``).

    Raises:
        UnsupportedLocationError: the URL is of a kind that cannot be opened.
    """
    text = os.fspath(location)
    scheme, separator, _ = text.partition("://")
    if not separator:
        if not text:
            raise UnsupportedLocationError("the path is empty: name a folder or a file:// URL")
        return _local(text)
    if scheme.lower() in LOCAL_TYPES:
        return _local(_local_path(text))
    raise UnsupportedLocationError(
        f"{scheme}:// is not a kind of storage that can be opened: use a path or a file:// URL"
    )


def _local(path: str) -> LocalStorage:
    if "\x00" in path:
        raise UnsupportedLocationError(f"path {path!r}: no path has a NUL character in it")
    return LocalStorage(path)


def _local_path(url: str) -> str:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise UnsupportedLocationError(
            f"{parts.scheme}://{parts.hostname}: a local URL has three slashes, as in file:///data"
        )
    return unquote(parts.path)
