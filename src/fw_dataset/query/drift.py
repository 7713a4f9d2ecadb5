"""Tables that drifted apart, put together: columns by name, types as wide as they must be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fw_dataset.format.names import quote_identifier, quote_literal
from fw_dataset.query.columns import Columns

__all__ = ["Drift", "Member", "Union", "unite"]

_SMALL_INTEGERS = frozenset(
    ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
)
_INTEGERS = _SMALL_INTEGERS | {"UBIGINT", "HUGEINT", "UHUGEINT"}
_ZONED = "TIMESTAMP WITH TIME ZONE"
_INSTANTS = frozenset(["DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", _ZONED])
_NESTED = ("STRUCT", "MAP", "UNION")


@dataclass(frozen=True)
class Member:
    """One of the tables that are put together.

    Attributes:
        source: the name of what it belongs to.
        marks: columns that say where a row comes from, with their values.
        columns: its columns.
        rows: what stands in SQL for its rows.
    """

    source: str
    marks: Mapping[str, str]
    columns: Columns
    rows: str


@dataclass
class Drift:
    """A column that is not the same in all members.

    Attributes:
        column: its name.
        type: what some have; None for those that do not have it.
        joined: the type that it has where they are put together.
        sources: the members.
    """

    column: str
    type: str | None
    joined: str
    sources: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Union:
    """Several tables as one.

    Attributes:
        columns: the marks, and every column of any member.
        sql: the query that puts them together.
        drift: where they differ.
    """

    columns: Columns
    sql: str
    drift: Sequence[Drift]


def unite(members: Sequence[Member]) -> Union:
    """Put tables together, whose columns are the same if their names are, but for case.

    The columns come in the order of the first member, then what others have beyond. A column
    that is called like a mark gets ``_2`` behind its name.
    """
    marks = dict.fromkeys(members[0].marks, "VARCHAR")
    shapes: dict[tuple[tuple[str, str], ...], list[Member]] = {}
    for member in members:
        shapes.setdefault(tuple(member.columns.items()), []).append(member)
    names, types = _merged([dict(shape) for shape in shapes])
    joined = {key: _widest(kinds) for key, kinds in types.items()}
    shown = _beside(marks, names)
    wanted = [(shown[key], kind) for key, kind in joined.items()]
    listed: dict[str, str] = {}
    drifts: list[Drift] = []
    for shape, alike in shapes.items():
        there = {name.casefold(): (name, kind) for name, kind in shape}
        terms = [_term(there.get(key), shown[key], kind) for key, kind in joined.items()]
        sql = "*" if list(shape) == wanted else ", ".join(terms)
        sources = [member.source for member in alike]
        listed.update(dict.fromkeys(sources, sql))
        drifts += [
            Drift(shown[key], there.get(key, ("", None))[1], kind, sources)
            for key, kind in joined.items()
        ]
    parts = [
        f"SELECT {_marked(member)}, {listed[member.source]} FROM {member.rows}"
        for member in members
    ]
    return Union({**marks, **dict(wanted)}, "\nUNION ALL\n".join(parts), _told(drifts))


def _merged(shapes: Sequence[Columns]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """For each column, by its name without case, the first spelling and all the types."""
    names: dict[str, str] = {}
    types: dict[str, list[str]] = {}
    for shape in shapes:
        for name, kind in shape.items():
            names.setdefault(name.casefold(), name)
            types.setdefault(name.casefold(), []).append(kind)
    return names, types


def _beside(marks: Columns, names: Mapping[str, str]) -> dict[str, str]:
    """The columns' names, none of them like a mark."""
    shown = dict(names)
    for mark in marks:
        if mark in names:
            number = 2
            while f"{mark}_{number}" in names:
                number += 1
            shown[mark] = f"{names[mark]}_{number}"
    return shown


def _widest(types: Sequence[str]) -> str:
    """The narrowest type that holds what all of them hold; numbers with a point round integers."""
    kinds = set(types)
    if len(kinds) == 1:
        return types[0]
    if kinds <= _INTEGERS:
        return "BIGINT" if kinds <= _SMALL_INTEGERS else "HUGEINT"
    if all(kind in _INTEGERS or _is_fraction(kind) for kind in kinds):
        return "DOUBLE"
    return "TIMESTAMP" if kinds <= _INSTANTS else "VARCHAR"


def _is_fraction(kind: str) -> bool:
    return kind in ("FLOAT", "DOUBLE") or kind.startswith("DECIMAL(")


def _term(there: tuple[str, str] | None, shown: str, wanted: str) -> str:
    name = quote_identifier(shown)
    if there is None:
        return f"CAST(NULL AS {wanted}) AS {name}"
    own, kind = quote_identifier(there[0]), there[1]
    if kind == wanted:
        return own if own == name else f"{own} AS {name}"
    if kind == _ZONED and wanted == "TIMESTAMP":
        return f"timezone('UTC', {own}) AS {name}"
    if wanted == "VARCHAR" and (kind.endswith("]") or kind.startswith(_NESTED)):
        own = f"to_json({own})"  # what a program can read again
    return f"CAST({own} AS {wanted}) AS {name}"


def _marked(member: Member) -> str:
    return ", ".join(
        f"{quote_literal(value)} AS {quote_identifier(mark)}"
        for mark, value in member.marks.items()
    )


def _told(found: Sequence[Drift]) -> list[Drift]:
    """One entry for a column and type, and none for columns that all have alike."""
    told: dict[tuple[str, str | None], Drift] = {}
    for drift in found:
        kept = told.setdefault(
            (drift.column, drift.type), Drift(drift.column, drift.type, drift.joined)
        )
        kept.sources += drift.sources
    kinds: dict[str, int] = {}
    for column, _ in told:
        kinds[column] = kinds.get(column, 0) + 1
    return [drift for (column, _), drift in told.items() if kinds[column] > 1]
