"""The first pass: which keys the objects of a table have, how often, and what their values are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from fw_dataset.format.column_types import ColumnType
from fw_dataset.render.objects.inference import Met, column_type, meet
from fw_dataset.render.objects.places import Object
from fw_dataset.render.objects.plain import Odd, Repeated

__all__ = ["MOST_KEYS_COUNTED", "Key", "Leaf", "Path", "Survey", "rarity", "sort_key"]

Path = tuple[Any, ...]
"""The keys that lead to a value from the table's object."""

MOST_KEYS_COUNTED = 40_000
"""So many keys of a table are counted at the same time; then the rarer half is forgotten."""

# Objects nested deeper than this are JSON: no column's name would be readable.
_DEEPEST = 16


class Key:
    """What was seen at one key.

    Attributes:
        count: the objects that have the key with a value other than null; of a key whose column
            does not depend on values, null counts, too.
        met: what the values are, and what the items of lists are.
        below: what was seen at the keys of objects that stand there.
    """

    __slots__ = ("below", "count", "items", "own")

    def __init__(self, own: Met = Met.NOTHING) -> None:
        self.count = 0
        self.own, self.items = own, Met.NOTHING
        self.below: dict[Any, Key] = {}

    @property
    def type(self) -> ColumnType | None:
        """The type of its column; None where its values are objects that have columns."""
        return column_type(self.own, self.items)


class Leaf:
    """A key that can have a column.

    Attributes:
        path: where it is.
        key: what was seen there.
    """

    __slots__ = ("key", "path")

    def __init__(self, path: Path, key: Key) -> None:
        self.path, self.key = path, key


class Survey:
    """What was seen of the objects of one table.

    Args:
        is_known: says of a key at the top that its column's type does not depend on values.

    Attributes:
        rows: how many objects were seen.
        is_whole: whether all that was seen is below the leaves: keys may have been forgotten, and
            odd values have no type, so that a key with these and with empty objects is no leaf.
    """

    def __init__(self, is_known: Callable[[Any], bool]) -> None:
        self.rows = 0
        self.is_whole = True
        self._is_known = is_known
        self._keys = 0
        self._top: dict[Any, Key] = {}

    def see(self, objects: Sequence[Object]) -> None:
        """Look at more objects."""
        self.rows += len(objects)
        self._see(self._top, objects, 0)
        if self._keys > MOST_KEYS_COUNTED:
            self._forget()

    @property
    def keys(self) -> int:
        """How many keys are counted."""
        return self._keys

    def shape(self) -> object:
        """What decides which columns there are; two of these can be equal."""
        return self.is_whole, [
            (leaf.path, leaf.key.own, leaf.key.items) for leaf in _leaves(self._top, ())
        ]

    def leaves(self) -> Iterator[Leaf]:
        """The keys that can have a column, by their paths."""
        return iter(sorted(_leaves(self._top, ()), key=lambda leaf: sort_key(leaf.path)))

    def _see(self, level: dict[Any, Key], objects: Sequence[Object], depth: int) -> None:
        for name, values in self._values(level, objects, depth).items():
            key = level[name]
            kinds = set(map(type, values))
            key.count += len(values) - (values.count(None) if type(None) in kinds else 0)
            self._meet(key, values, kinds, depth)

    def _values(
        self, level: dict[Any, Key], objects: Sequence[Object], depth: int
    ) -> dict[Any, list[Any]]:
        """The values of each key, but for those known: that they are there is counted.

        Objects that have the same keys in the same order are read together.
        """
        alike: defaultdict[tuple[Any, ...], list[Object]] = defaultdict(list)
        for one in objects:
            alike[tuple(one)].append(one)
        by_key: defaultdict[Any, list[Any]] = defaultdict(list)
        for names, group in alike.items():
            for name in names:
                if name not in level:
                    level[name] = Key()
                    self._keys += 1
            known = set() if depth else set(filter(self._is_known, names))
            for name in known:
                level[name].count += len(group)
            if known:
                for name in [name for name in names if name not in known]:
                    by_key[name] += map(itemgetter(name), group)
            else:
                columns = zip(*map(dict.values, group), strict=True)
                for name, column in zip(names, columns, strict=True):
                    by_key[name] += column
        return by_key

    def _meet(self, key: Key, values: list[Any], kinds: set[type], depth: int) -> None:
        own, items = meet(values, kinds)
        if Odd in kinds or Repeated in kinds:
            self.is_whole = False
        if own & Met.OBJECT and depth == _DEEPEST:
            own |= Met.LIST  # what a mixture has: JSON
        key.own |= own
        key.items |= items
        if key.own == Met.OBJECT:
            self._see(key.below, [one for one in values if type(one) is dict], depth + 1)
        elif key.below:
            self._keys -= sum(1 for _ in _leaves(key.below, ()))
            key.below = {}

    def _forget(self) -> None:
        """Forget the rarer half of the keys, so that memory stays bounded."""
        self.is_whole = False
        kept = sorted(_leaves(self._top, ()), key=rarity)[: MOST_KEYS_COUNTED // 2]
        self._top, self._keys = {}, 0
        for leaf in kept:
            level = self._top
            for name in leaf.path[:-1]:
                if name not in level:
                    level[name] = Key(Met.OBJECT)
                    self._keys += 1
                level = level[name].below
            level[leaf.path[-1]] = leaf.key
            self._keys += 1


def rarity(leaf: Leaf) -> tuple[Any, ...]:
    """Orders keys, the most frequent first, those that are as frequent by their paths."""
    return -leaf.key.count, sort_key(leaf.path)


def sort_key(path: Path) -> tuple[str, ...]:
    """Orders paths, also those of values that are no objects."""
    return tuple(name or "" for name in path)


def _leaves(level: dict[Any, Key], path: Path) -> Iterator[Leaf]:
    for name, key in level.items():
        here = (*path, name)
        if key.own == Met.OBJECT:
            yield from _leaves(key.below, here)
        elif key.count:
            yield Leaf(here, key)
