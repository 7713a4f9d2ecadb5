"""What is to be derived, checked before anything is made."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fw_dataset.errors import InvalidArgumentError
from fw_dataset.format.tables import INFO, PRIMARY_CONTAINERS
from fw_dataset.render.objects.wish import ObjectTables
from fw_dataset.render.tabular.folder import FolderSource
from fw_dataset.render.tabular.sources import TabularSource

__all__ = ["NOTES", "Derivations", "by_default"]

NOTES = "derived"
"""The key of the manifest under which stands what was derived."""

_WITH_VALUES, _WITHOUT_VALUES = "with values", "without values"
_OF_TABULAR_FILES = ("name", "type", "size", "hash", "deleted", "replaced")


@dataclass(frozen=True)
class Derivations:
    """What is to be derived from the primary tables.

    Attributes:
        headers: the tables ``header_*``.
        qc: the tables ``qc`` and ``qc_*``.
        custom_info: keys of ``info`` that get tables, such as ``"subjects.demographics"``.
        tabular_files: where the bytes of tabular files come from; None for no tables of them.
        profiles: statistics of every column.
        profile_values: keep values in them, such as the most frequent ones.
    """

    headers: bool = False
    qc: bool = False
    custom_info: tuple[str, ...] = ()
    tabular_files: TabularSource | None = None
    profiles: bool = False
    profile_values: bool = True

    @classmethod
    def make(
        cls,
        *,
        headers: bool = False,
        qc: bool = False,
        custom_info: Sequence[str] | None = None,
        tabular_files: Any = None,
        profiles: bool = False,
        profile_values: bool = True,
    ) -> Derivations:
        """Check what is asked for.

        Raises:
            InvalidArgumentError: it cannot be.
        """
        given: object = custom_info or ()
        if isinstance(given, str | bytes) or not isinstance(given, Iterable):
            raise InvalidArgumentError(
                f'custom_info={given!r}: give a list of names such as ["subjects.demographics"]'
            )
        wish = ObjectTables(headers=headers, qc=qc, custom_info=tuple(given))
        return cls(
            headers=wish.headers,
            qc=wish.qc,
            custom_info=wish.custom_info,
            tabular_files=_source(tabular_files),
            profiles=profiles,
            profile_values=profile_values,
        )

    def __bool__(self) -> bool:
        return self.makes_tables or self.profiles

    @property
    def makes_tables(self) -> bool:
        """Whether tables are asked for, not just profiles."""
        return bool(self._objects or self.tabular_files is not None)

    @property
    def _objects(self) -> bool:
        return bool(self.headers or self.qc or self.custom_info)

    @property
    def containers(self) -> list[str]:
        """The primary tables that are read for the tables asked for."""
        named = {key.partition(".")[0] for key in self.custom_info}
        if self.headers or self.qc or self.tabular_files is not None:
            named.add("files")
        return [name for name in PRIMARY_CONTAINERS if name in named]

    def noted(self) -> dict[str, Any]:
        """What the manifest says of it."""
        notes: dict[str, Any] = {}
        if self.headers:
            notes["headers"] = True
        if self.qc:
            notes["qc"] = True
        if self.custom_info:
            notes["custom_info"] = sorted(self.custom_info)
        if self.tabular_files is not None:
            notes["tabular_files"] = True
        if self.profiles:
            notes["profiles"] = _WITH_VALUES if self.profile_values else _WITHOUT_VALUES
        return notes

    def beyond(self, noted: Mapping[str, Any]) -> Derivations:
        """What is asked for beyond what a manifest says is there."""
        there = noted.get("custom_info")
        keys = set(there) if isinstance(there, list) else set()
        profiles = _WITH_VALUES if self.profile_values else _WITHOUT_VALUES
        missing = replace(
            self,
            headers=self.headers and not noted.get("headers"),
            qc=self.qc and not noted.get("qc"),
            custom_info=tuple(key for key in self.custom_info if key not in keys),
            tabular_files=None if noted.get("tabular_files") else self.tabular_files,
        )
        is_profiled = noted.get("profiles") == profiles and not missing.makes_tables
        return replace(missing, profiles=self.profiles and not is_profiled)

    def check_columns(self, columns: Mapping[str, Collection[str]]) -> None:
        """Make sure that the primary tables have the columns that all this is made of.

        Args:
            columns: the names of the columns of each primary table.

        Raises:
            InvalidArgumentError: one has been left out.
        """
        needed = {name: [INFO] for name in self.containers}
        if not (self.headers or self.qc) and "files" in needed:
            needed["files"] = (
                [INFO] if any(k.startswith("files.") for k in self.custom_info) else []
            )
        if self.tabular_files is not None:
            needed["files"] += _OF_TABULAR_FILES
        for table, wanted in needed.items():
            if wanted and table not in columns:
                raise InvalidArgumentError(
                    f"nothing can be derived of {table}, which the version does not show: unhide"
                    " the table first, or ask for fewer derived tables"
                )
            lacking = [name for name in wanted if name not in columns.get(table, ())]
            if lacking:
                raise InvalidArgumentError(
                    f"nothing can be derived of {table} without their"
                    f" {'columns' if len(lacking) > 1 else 'column'} {', '.join(lacking)}: keep"
                    " them in control_columns, or ask for fewer derived tables"
                )


def by_default(variable: str, given: bool | None) -> bool:
    """A switch as it is given, else as a variable of the environment says.

    Raises:
        InvalidArgumentError: the variable says neither yes nor no.
    """
    if given is not None:
        return given
    text = os.environ.get(variable, "").strip()
    if text.casefold() in ("", "0", "false", "no", "off"):
        return False
    if text.casefold() in ("1", "true", "yes", "on"):
        return True
    raise InvalidArgumentError(f"{variable}={text!r}: say true or false")


def _source(tabular_files: Any) -> TabularSource | None:
    if tabular_files is None or tabular_files is False:
        return None
    if tabular_files is True:
        raise InvalidArgumentError(
            "tabular_files=True takes them from a Flywheel site, and there is none here: name a"
            " folder that has them as {file_id}/{name}"
        )
    if isinstance(tabular_files, str | os.PathLike):
        if not os.fspath(tabular_files):
            raise InvalidArgumentError("tabular_files is empty: name a folder")
        return FolderSource(tabular_files)
    if not hasattr(tabular_files, "fetch_each"):
        raise InvalidArgumentError(
            "tabular_files: name a folder that has them as {file_id}/{name},"
            f" not {type(tabular_files).__name__}"
        )
    source: TabularSource = tabular_files
    return source
