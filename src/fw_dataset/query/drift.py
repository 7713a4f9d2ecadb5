"""Tables that drifted apart, put together: columns by name, types as wide as they must be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fw_dataset.format.names import quote_identifier, quote_literal
from fw_dataset.query.columns import Columns

__all__ = [
    "ZONED",
    "Drift",
    "Joined",
    "Member",
    "Term",
    "Union",
    "is_nested",
    "is_whole",
    "join",
    "unite",
]

_SMALL_INTEGERS = frozenset(
    ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
)
_INTEGERS = _SMALL_INTEGERS | {"UBIGINT", "HUGEINT", "UHUGEINT"}
ZONED = "TIMESTAMP WITH TIME ZONE"
"""DuckDB's name of the type of instants that are shown in a time zone."""
_INSTANTS = frozenset(["DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", ZONED])
_NESTED = ("STRUCT", "MAP", "UNION")
_ABSENT: tuple[str | None, str] = (None, "")


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
class Term:
    """A column of the whole, as one member gives it.

    Attributes:
        own: the column's name in the member; None where it has no such column.
        kind: its type there; empty where it has none.
        shown: how it is called in the whole.
        wanted: its type in the whole.
    """

    own: str | None
    kind: str
    shown: str
    wanted: str


@dataclass(frozen=True)
class Joined:
    """How several tables become one, in no language yet.

    Attributes:
        columns: the marks, and every column of any member.
        terms: for each member, the columns without the marks, in order.
        drift: where they differ.
    """

    columns: Columns
    terms: Sequence[Sequence[Term]]
    drift: Sequence[Drift]


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
    """Put tables together in DuckDB's SQL, as :func:`join` says."""
    joined = join(members)
    listed: dict[int, str] = {}
    parts = []
    for member, terms in zip(members, joined.terms, strict=True):
        if id(terms) not in listed:
            listed[id(terms)] = "*" if is_whole(member, terms) else ", ".join(map(_term, terms))
        parts.append(f"SELECT {_marked(member)}, {listed[id(terms)]} FROM {member.rows}")
    return Union(joined.columns, "\nUNION ALL\n".join(parts), joined.drift)


def join(members: Sequence[Member]) -> Joined:
    """Say how tables are put together, whose columns are the same if their names are, but for case.

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
    of_shape: dict[tuple[tuple[str, str], ...], list[Term]] = {}
    drifts: list[Drift] = []
    for shape, alike in shapes.items():
        there: dict[str, tuple[str | None, str]] = {
            name.casefold(): (name, kind) for name, kind in shape
        }
        of_shape[shape] = [
            Term(*(there.get(key) or (None, "")), shown[key], kind) for key, kind in joined.items()
        ]
        sources = [member.source for member in alike]
        drifts += [
            Drift(term.shown, term.kind or None, term.wanted, sources) for term in of_shape[shape]
        ]
    columns = {**marks, **{shown[key]: kind for key, kind in joined.items()}}
    terms = [of_shape[tuple(member.columns.items())] for member in members]
    return Joined(columns, terms, _told(drifts))


def is_whole(member: Member, terms: Sequence[Term]) -> bool:
    """Whether a member's columns are those of the whole as they are."""
    return list(member.columns.items()) == [(term.shown, term.wanted) for term in terms]


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


def _term(term: Term) -> str:
    name = quote_identifier(term.shown)
    if term.own is None:
        return f"CAST(NULL AS {term.wanted}) AS {name}"
    own = quote_identifier(term.own)
    if term.kind == term.wanted:
        return own if own == name else f"{own} AS {name}"
    if term.kind == ZONED and term.wanted == "TIMESTAMP":
        return f"timezone('UTC', {own}) AS {name}"
    if term.wanted == "VARCHAR" and is_nested(term.kind):
        own = f"to_json({own})"  # what a program can read again
    return f"CAST({own} AS {term.wanted}) AS {name}"


def is_nested(kind: str) -> bool:
    """Whether a type has others in it, so that its text is JSON."""
    return kind.endswith("]") or kind.startswith(_NESTED)


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
