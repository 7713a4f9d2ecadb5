"""The tree of a project: which tables are its levels, and what is asked of each.

Subjects hold sessions, and these acquisitions; on each level, and on analyses, there are files.
Every table and column may be missing, as datasets can be rendered without them; what is not
there is not asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.names import quote_identifier
from fw_dataset.serve.pages.asking import Question, as_text, from_table
from fw_dataset.serve.pages.shown import ShownColumn, ShownDataset, ShownTable

__all__ = [
    "LEVELS",
    "Level",
    "Listing",
    "labels_question",
    "listing",
    "record_question",
    "sections",
]

LONGEST_VALUE = 20_000
_TREE = ("subject", "session", "acquisition", "analysis")


@dataclass(frozen=True)
class Level:
    """A level of the tree.

    Attributes:
        table: its table, which is also its name in addresses.
        one: what one of its records is called, as in ``parents.session``.
        label: the column that people know a record by.
        shown: further columns of a list of such records.
        below: the levels whose records are listed on a record's page.
        counted: the table whose records are counted in a list, if any, besides files.
    """

    table: str
    one: str
    label: str = "label"
    shown: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    counted: str | None = None

    @property
    def parent(self) -> str:
        """The column by which others point to a record of this level."""
        return f"parents.{self.one}"


LEVELS = {
    level.table: level
    for level in (
        Level(
            "subjects",
            "subject",
            shown=("sex", "cohort"),
            below=("sessions", "files", "analyses"),
            counted="sessions",
        ),
        Level(
            "sessions",
            "session",
            shown=("timestamp",),
            below=("acquisitions", "files", "analyses"),
            counted="acquisitions",
        ),
        Level("acquisitions", "acquisition", shown=("timestamp",), below=("files", "analyses")),
        Level("analyses", "analysis", shown=("gear_info.name", "created"), below=("files",)),
        Level("files", "file", label="name", shown=("type", "modality", "created", "size")),
    )
}


@dataclass(frozen=True)
class Listing:
    """A list of records of one level.

    Attributes:
        columns: what is shown of each: the label first; then those of the table; counts last.
        question: it gives an id, and then the values of the columns.
    """

    level: Level
    columns: tuple[ShownColumn, ...]
    question: Question


def record_question(table: ShownTable, key: str) -> Question:
    """All values of the record with this id."""
    values = ", ".join(as_text(column, LONGEST_VALUE) for column in table.columns)
    return Question(f"SELECT {values} FROM {from_table(table)} WHERE id = ? LIMIT 1", (key,))


def labels_question(steps: Sequence[tuple[ShownTable, Level, str]]) -> Question:
    """How people know these records, each told by its id, in one row."""
    labels = (
        f"(SELECT any_value({quote_identifier(level.label)}) FROM {from_table(table)} WHERE id = ?)"
        for table, level, _ in steps
    )
    return Question(f"SELECT {', '.join(labels)}", tuple(key for _, _, key in steps))


def sections(
    dataset: ShownDataset, level: Level, key: str, *, size: int, page: int = 1
) -> Iterator[Listing]:
    """The lists of what is directly below a record; the first of them is paged."""
    for name in level.below:
        found = listing(dataset, LEVELS[name], (level, key), size=size, page=page)
        if found is not None:
            yield found


def listing(
    dataset: ShownDataset,
    level: Level,
    above: tuple[Level, str] | None,
    *,
    size: int,
    page: int = 1,
) -> Listing | None:
    """The records of a level that are directly below another one, or all of them.

    Args:
        dataset: that they are of.
        level: which level is listed.
        above: the level and the id of the record that they are below; None for all of them.
        size: how many are on a page. One more is asked for, to tell whether there are others.
        page: from 1.
    """
    needed = ("id", level.label, *([above[0].parent] if above else []))
    table = dataset.table(level.table, *needed)
    if table is None:
        return None
    shown = [column for name in level.shown if (column := table.column(name)) is not None]
    counts = list(_counts(dataset, level, above))
    label = f"coalesce(CAST(t.{quote_identifier(level.label)} AS VARCHAR), '')"
    values = [f"{_as_text('t', column)}" for column in shown]
    picked = ", ".join(["t.id", label, *values, *(part.value for part in counts)])
    joins = "".join(part.join for part in counts)
    where, key = _directly_below(table, level, above)
    sql = (
        f"SELECT {picked} FROM {from_table(table)} AS t{joins}{where}"
        f" ORDER BY {label}, t.id LIMIT {size + 1} OFFSET {(page - 1) * size}"
    )
    parameters = tuple(one for part in counts for one in part.parameters) + key
    first = ShownColumn(level.one, ColumnType.TEXT, "")
    extra = [column for part in counts for column in part.columns]
    return Listing(level, (first, *shown, *extra), Question(sql, parameters))


def _as_text(alias: str, column: ShownColumn) -> str:
    return f"CAST({alias}.{quote_identifier(column.name)} AS VARCHAR)"


def _directly_below(
    table: ShownTable, level: Level, above: tuple[Level, str] | None
) -> tuple[str, tuple[str, ...]]:
    """The condition that a record is of this parent itself, not of something deeper."""
    conditions = [f"t.{name} IS NULL" for name in _ended(table)]
    if above is None:
        return _all_of(conditions), ()
    over, key = above
    conditions.append(f"t.{quote_identifier(over.parent)} = ?")
    if level.table in ("files", "analyses"):
        for one in _TREE[_TREE.index(over.one) + 1 :]:
            name = f"parents.{one}"
            if table.has(name) and one != level.one:
                conditions.append(f"t.{quote_identifier(name)} IS NULL")
    return _all_of(conditions), (key,)


def _all_of(conditions: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _ended(table: ShownTable) -> list[str]:
    """The columns that say since when a record counts no more, quoted.

    Datasets of 0.3/0.4 have truth values in their place, and wrong ones.
    """
    return [
        quote_identifier(name)
        for name in ("deleted", "replaced")
        if (column := table.column(name)) is not None and column.type is ColumnType.INSTANT
    ]


@dataclass(frozen=True)
class _Count:
    """Something that is counted below each record of a list."""

    columns: tuple[ShownColumn, ...]
    value: str
    join: str
    parameters: tuple[str, ...]


def _counts(
    dataset: ShownDataset, level: Level, above: tuple[Level, str] | None
) -> Iterator[_Count]:
    if level.counted is not None:
        table = dataset.table(level.counted, level.parent)
        if table is not None:
            yield _count(table, level, above, "c", ("count(*)",), (level.counted,))
    files = dataset.table("files", level.parent, "size")
    if files is not None and level.table != "files":
        yield _count(files, level, above, "f", ("count(*)", "sum(size)"), ("files", "size"))


def _count(
    table: ShownTable,
    level: Level,
    above: tuple[Level, str] | None,
    alias: str,
    values: tuple[str, ...],
    names: tuple[str, ...],
) -> _Count:
    key = quote_identifier(level.parent)
    conditions = [f"{name} IS NULL" for name in _ended(table)]
    parameters: tuple[str, ...] = ()
    # Only what is below the same record is read, as rows of a subject or session stand together.
    if above is not None and table.has(above[0].parent):
        conditions.append(f"{quote_identifier(above[0].parent)} = ?")
        parameters = (above[1],)
    aggregates = ", ".join(f"{value} AS v{place}" for place, value in enumerate(values))
    inner = f"SELECT {key} AS k, {aggregates} FROM {from_table(table)}{_all_of(conditions)}"
    return _Count(
        columns=tuple(ShownColumn(name, ColumnType.INTEGER, "") for name in names),
        value=", ".join(
            f"CAST(coalesce({alias}.v{place}, 0) AS VARCHAR)" for place in range(len(values))
        ),
        join=f" LEFT JOIN ({inner} GROUP BY 1) AS {alias} ON {alias}.k = t.id",
        parameters=parameters,
    )
