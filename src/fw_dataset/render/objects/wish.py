"""Which tables of objects a caller wants."""

from __future__ import annotations

from dataclasses import dataclass

from fw_dataset.errors import InvalidArgumentError, naming
from fw_dataset.format.tables import PRIMARY_CONTAINERS
from fw_dataset.render.json_tree import has_surrogate

__all__ = ["ALL_KEYS", "ObjectTables"]

ALL_KEYS = "*"
"""Stands for every key at the top of ``info``."""


@dataclass(frozen=True)
class ObjectTables:
    """The tables that are made of objects in ``info``.

    Attributes:
        headers: a table ``header_{kind}`` for each kind of header of files.
        qc: ``qc``, a row a check, and ``qc_{gear}``, a row a file.
        custom_info: keys of ``info`` that get tables of their own, each as
            ``"{container}.{key}"`` or ``"{container}.*"``, such as ``"subjects.demographics"``.
            A container is named as its primary table; a key is itself, dots included, or else
            the keys that lead to it.

    Raises:
        InvalidArgumentError: a name in ``custom_info`` is of another form, or there is no such
            container; the message lists those that there are.
    """

    headers: bool = False
    qc: bool = False
    custom_info: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names: object = self.custom_info
        if isinstance(names, str):
            raise InvalidArgumentError(
                'custom_info: give a list of names such as ["subjects.demographics"]'
            )
        for name in self.custom_info:
            _check(name)
        object.__setattr__(self, "custom_info", tuple(dict.fromkeys(self.custom_info)))

    def keys_of(self, container: str) -> tuple[str, ...]:
        """The keys that are wanted of one container, in order."""
        wanted = (name.split(".", 1) for name in self.custom_info)
        return tuple(key for own, key in wanted if own == container)


def _check(name: object) -> None:
    # A file could not hold an unpaired surrogate.
    if not isinstance(name, str) or has_surrogate(name):
        raise InvalidArgumentError(f"custom_info: {name!r} is no text")
    container, _, key = name.partition(".")
    if container not in PRIMARY_CONTAINERS:
        raise InvalidArgumentError(
            f"custom_info: {name!r}: there is no container {container!r};"
            f" {naming(PRIMARY_CONTAINERS, container)}"
        )
    if not key:
        raise InvalidArgumentError(
            f"custom_info: {name!r}: name a key, as in '{container}.demographics',"
            f" or all of them: '{container}.*'"
        )
