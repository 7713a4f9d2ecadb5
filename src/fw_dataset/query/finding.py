"""Where something is: in names, titles and descriptions, in frequent values, in keys of JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fw_dataset.format.profile import ColumnProfile, TableProfile
from fw_dataset.format.schema import DataModel

__all__ = ["Match", "find_text"]

_ORDER = ("name", "title", "description", "key", "value")


@dataclass(frozen=True)
class Match:
    """A place where a text was found.

    Attributes:
        table: the table.
        column: its column; None where the table itself is meant.
        where: ``"name"``, ``"title"`` or ``"description"`` of the column or table; ``"key"`` of
            a JSON column, ``"value"`` among the frequent values of a column.
        match: what the text is in.
        rows: how many rows have it: the key or the value; any value in the column; or all rows
            of the table. Of lists, how many items.
    """

    table: str
    column: str | None
    where: str
    match: str
    rows: int

    def to_dict(self) -> dict[str, Any]:
        """The match, ready for JSON."""
        return asdict(self)


def find_text(
    text: str, profiles: Mapping[str, TableProfile], models: Mapping[str, DataModel]
) -> list[Match]:
    """Find a text, whatever its case.

    Args:
        text: what to look for.
        profiles: of the tables to look at, by name.
        models: the schemas of at least these tables.

    Returns:
        Where it is: first what is nothing but the text, then names, titles, descriptions, keys
        and values, in each the tables in order.
    """
    wanted = text.casefold()
    if not wanted:
        return []
    found = [
        match
        for name, profile in profiles.items()
        for part in (
            _in_table(wanted, profile, models[name]),
            _in_schema(wanted, profile, models[name]),
            _in_columns(wanted, profile),
        )
        for match in part
    ]
    # Sorting keeps the order of tables and columns.
    return sorted(found, key=lambda one: (_last_part(one) != wanted, _ORDER.index(one.where)))


def _in_table(wanted: str, profile: TableProfile, model: DataModel) -> Iterator[Match]:
    for where, text in (("name", profile.table), ("description", model.description)):
        if wanted in text.casefold():
            yield Match(profile.table, None, where, text, profile.rows)
            return


def _in_columns(wanted: str, profile: TableProfile) -> Iterator[Match]:
    for column in profile.columns:
        for where, counted in (("key", column.keys), ("value", column.top)):
            for one in counted:
                # The keys above a key match for themselves.
                is_inner = where == "key" and "." not in wanted
                text = one.value.rpartition(".")[2] if is_inner else one.value
                if wanted in text.casefold():
                    yield Match(profile.table, column.name, where, one.value, one.count)


def _in_schema(wanted: str, profile: TableProfile, model: DataModel) -> Iterator[Match]:
    for column in profile.columns:
        described = model.properties.get(column.name, {})
        texts = {
            "name": column.name,
            "title": str(described.get("title") or ""),
            "description": str(described.get("description") or ""),
        }
        for where, text in texts.items():
            if wanted in text.casefold():
                yield Match(profile.table, column.name, where, text, _filled(profile, column))
                break


def _filled(profile: TableProfile, column: ColumnProfile) -> int:
    return profile.rows - column.nulls


def _last_part(match: Match) -> str:
    text = match.match.casefold()
    return text.rpartition(".")[2] if match.where == "key" else text
