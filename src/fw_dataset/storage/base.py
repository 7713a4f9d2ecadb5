"""The protocol that every storage speaks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

__all__ = ["ObjectInfo", "Storage"]


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

    def put(self, key: str, data: bytes) -> None:
        """Create or replace an object."""

    def put_if_absent(self, key: str, data: bytes) -> None:
        """Create an object; :class:`~fw_dataset.errors.ObjectExistsError` if there is one."""

    def put_file(self, key: str, path: Path, *, if_absent: bool = False) -> None:
        """Create or replace an object from a local file, which may be gone afterwards.

        With ``if_absent``, :class:`~fw_dataset.errors.ObjectExistsError` if there is one.
        """

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""

    def clear(self, prefix: str) -> None:
        """Remove all below the folder ``prefix``, unfinished writes included."""

    def sweep(self, prefix: str) -> None:
        """Remove the unfinished writes of writers that are gone, below the folder ``prefix``."""

    def exclusive(self) -> AbstractContextManager[None]:
        """A block that no other writer of this storage on this machine is in meanwhile."""

    def native_path(self, key: str) -> str:
        """What DuckDB opens to read the object."""
