"""The names and descriptions of tables of objects."""

from __future__ import annotations

from collections.abc import Iterable

from fw_dataset.format.names import free_name, table_name
from fw_dataset.render.objects.places import HEADER, Place
from fw_dataset.render.objects.plain import printable

__all__ = ["base_name", "describe", "is_dicom", "name_tables"]


def base_name(place: Place) -> str:
    """The name that a table has where no other has it."""
    begin = ("info", place.container) if place.asked else ()
    return table_name("_".join((*begin, *place.path)))


def describe(place: Place) -> str:
    """What a table holds, in a sentence."""
    where = printable("info." + ".".join(place.path))
    of = "file version" if place.container == "files" else f"record of {place.container}"
    return f"What stands at {where}: one row for each {of} that has it."


def is_dicom(place: Place) -> bool:
    """Whether the DICOM dictionary has the keys of the objects at a place."""
    return not place.asked and place.path[0] == HEADER and place.path[1].casefold() == "dicom"


def name_tables(places: Iterable[Place], names: set[str]) -> dict[Place, str]:
    """Names of tables, in the order in which these are shown: headers, checks, custom information.

    Of keys that would give the same name the one that is spelled like it comes first.

    Args:
        places: where the tables' objects stand.
        names: the names that are taken, without case; those given are added.
    """

    def order(place: Place) -> tuple[bool, str, bool, tuple[str, ...]]:
        name = base_name(place)
        spelled_so = name.endswith(place.path[-1])
        return place.asked, name, not spelled_so, place.path

    given: dict[Place, str] = {}
    for place in sorted(places, key=order):
        given[place] = free_name(base_name(place), names)
        names.add(given[place].casefold())
    return given
