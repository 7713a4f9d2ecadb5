"""The protocol that every storage speaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from fw_dataset.errors import StorageError

__all__ = ["CHUNK_SIZE", "ObjectInfo", "Storage"]

CHUNK_SIZE = 8 << 20
"""The bytes of an object that are held at once when it is streamed."""


@dataclass(frozen=True)
class ObjectInfo:
    """One object in a storage.

    Attributes:
        key: its key, relative to the storage's root, ``/`` between the parts.
        size: its length in bytes.
    """

    key: str
    size: int


@runtime_checkable
class Storage(Protocol):
    """Objects by key below one root. Keys are relative, without ``.`` or ``..`` parts.

    Every method raises errors of the :class:`~fw_dataset.errors.StorageError` family, and
    :class:`~fw_dataset.errors.InvalidNameError` for what is no key, and no others. An object is
    there whole or not at all. A folder is there when there is an object below it.
    """

    @property
    def url(self) -> str:
        """The root, for people: no credential is in it."""

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """The objects below the folder ``prefix``, in no certain order; none is no error."""

    def folders(self, prefix: str = "") -> Sequence[str]:
        """The names of the folders right below the folder ``prefix``, sorted."""

    def exists(self, key: str) -> bool:
        """Whether there is an object of that key."""

    def get(self, key: str) -> bytes:
        """The content of an object; :class:`~fw_dataset.errors.ObjectNotFoundError` if none."""

    def get_many(self, keys: Sequence[str]) -> Sequence[bytes | StorageError]:
        """The contents of objects, fetched side by side, or why one could not be had."""

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        """Stretches of an object, each from a first byte up to but without a last one.

        Each lies within the object; :class:`~fw_dataset.errors.ObjectNotFoundError` if none.
        """

    def get_parts(self, parts: Sequence[tuple[str, int, int]]) -> Sequence[bytes]:
        """The same for stretches of several objects, each a key, a first byte and an end."""

    def stream(self, key: str, chunk_size: int = CHUNK_SIZE) -> Iterator[bytes]:
        """The content of an object in order, in pieces of about ``chunk_size`` bytes."""

    def check_writable(self) -> None:
        """Look whether anything can be written, before much work is done for it.

        Where that can only be told by writing, an object is made and removed.
        """

    def put(self, key: str, data: bytes) -> None:
        """Create or replace an object."""

    def put_if_absent(self, key: str, data: bytes) -> None:
        """Create an object; :class:`~fw_dataset.errors.ObjectExistsError` if there is one."""

    def replace(self, key: str, old: bytes, new: bytes) -> None:
        """Replace an object that is still ``old``.

        :class:`~fw_dataset.errors.ObjectExistsError` if it is another one by now, and
        :class:`~fw_dataset.errors.ObjectNotFoundError` if it is gone.
        """

    def put_file(self, key: str, path: Path, *, if_absent: bool = False) -> None:
        """Create or replace an object from a local file, which may be gone afterwards.

        With ``if_absent``, :class:`~fw_dataset.errors.ObjectExistsError` if there is one.
        """

    def put_files(
        self, files: Sequence[tuple[str, Path]], stored: Callable[[int], None] | None = None
    ) -> None:
        """Create or replace objects from local files, several side by side.

        ``stored`` is called with the size of each that is stored. When one fails, no further one
        is begun, and those under way are ended first.
        """

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""

    def delete_many(self, keys: Sequence[str]) -> None:
        """Remove objects, several side by side; those that are not there are no error."""

    def clear(self, prefix: str) -> None:
        """Remove all below the folder ``prefix``, unfinished writes included."""

    def sweep(self, prefix: str) -> None:
        """Remove the unfinished writes of writers that are gone, below the folder ``prefix``."""

    def exclusive(self) -> AbstractContextManager[None]:
        """A block that no other writer of this storage on this machine is in meanwhile."""

    def native_path(self, key: str) -> str | None:
        """The file that an object is, or None where it is none on this machine."""
