"""Where the objects of each table stand in ``info``, and finding them there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from fw_dataset.render.objects.plain import as_object
from fw_dataset.render.objects.wish import ALL_KEYS, ObjectTables

__all__ = ["BARE", "HEADER", "QC", "Found", "Object", "Place", "Places"]

HEADER, QC = "header", "qc"
BARE = None
"""The key under which a value that is no object is held, as if it were one."""

Object: TypeAlias = "dict[Any, Any]"


@dataclass(frozen=True)
class Place:
    """Where the objects of one table stand.

    Attributes:
        container: the primary table's name.
        path: the keys that lead there from ``info``.
        asked: whether a caller named it, so that its table is one of custom information.
    """

    container: str
    path: tuple[str, ...]
    asked: bool = False


@dataclass
class Found:
    """The objects at one place: in which rows of a batch they stand, and they themselves."""

    rows: list[int] = field(default_factory=list)
    objects: list[Object] = field(default_factory=list)

    def add(self, row: int, one: Object) -> None:
        """Put an object behind the others."""
        self.rows.append(row)
        self.objects.append(one)


class Places:
    """Finds the objects of all tables that are wanted of one container.

    Args:
        container: the primary table's name.
        wish: the tables that are wanted.
    """

    def __init__(self, container: str, wish: ObjectTables) -> None:
        self._container = container
        of_files = container == "files"
        self._families = [
            key for key, wanted in ((HEADER, wish.headers), (QC, wish.qc)) if wanted and of_files
        ]
        asked = wish.keys_of(container)
        self._all = ALL_KEYS in asked
        self._kept_apart = {HEADER, QC} if of_files else set()
        self._asked = [key for key in asked if key != ALL_KEYS]

    @property
    def keys(self) -> Sequence[str] | None:
        """The keys at the top of ``info`` that matter, None for all, empty for none."""
        if self._all:
            return None
        asked = [key for name in self._asked for key in (name, name.split(".")[0])]
        return list(dict.fromkeys([*self._families, *asked]))

    def find(self, infos: Sequence[Mapping[str, Any]]) -> dict[Place, Found]:
        """The objects at each place, in the order in which the places come."""
        found: dict[Place, Found] = {}
        for family in self._families:
            self._find_family(family, infos, found)
        if self._all or self._asked:
            for row, info in enumerate(infos):
                for path, value in dict(self._asked_of(info)).items():
                    place = Place(self._container, path, asked=True)
                    one = as_object(value)
                    found.setdefault(place, Found()).add(row, {BARE: value} if one is None else one)
        return found

    def missing(self, places: Sequence[Place]) -> list[str]:
        """The keys that were asked for and are at none of some places."""
        paths = {place.path for place in places if place.asked}
        return [key for key in self._asked if not paths & {(key,), tuple(key.split("."))}]

    def _find_family(
        self, family: str, infos: Sequence[Mapping[str, Any]], found: dict[Place, Found]
    ) -> None:
        by_key: dict[str, Found] = {}
        for row, info in enumerate(infos):
            whole = info.get(family)
            if whole is None:
                continue
            for key, value in (as_object(whole) or {}).items():
                one = value if type(value) is dict else as_object(value)
                if one is not None:
                    if key not in by_key:
                        by_key[key] = Found()
                    by_key[key].add(row, one)
        for key, objects in by_key.items():
            found[Place(self._container, (family, key))] = objects

    def _asked_of(self, info: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
        if self._all:
            for key, value in info.items():
                if value is not None and key not in self._kept_apart:
                    yield (key,), value
        for name in self._asked:
            path: tuple[str, ...] = (name,)
            value = info.get(name)
            if value is None and "." in name:
                path = tuple(name.split("."))
                value = _value_at(info, path)
            if value is not None:
                yield path, value


def _value_at(info: Mapping[str, Any], path: Sequence[str]) -> Any:
    value: Any = info
    for key in path:
        one = as_object(value)
        if one is None:
            return None
        value = one.get(key)
    return value
