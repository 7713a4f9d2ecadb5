"""Compares a table of two versions, exactly and in bounded memory.

Rows are matched by their key first, which gives each of them a pair of places. Then the other
columns are compared, a stretch of rows at a time: values themselves, never their hashes, so that no
difference can be missed. Rows stand in a deterministic order, so that a stretch of the one version
is mostly a stretch of the other, and every row group is read about once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import duckdb

from fw_dataset.format.names import quote_identifier as _quoted
from fw_dataset.format.names import quote_literal
from fw_dataset.query.comparable import as_text, differ
from fw_dataset.query.json_values import same_json
from fw_dataset.query.numbered_rows import NumberedRows, file_of
from fw_dataset.query.table_difference import TableDifference, key_of

__all__ = ["SCHEMA", "TableComparison", "rows_of_one"]

SCHEMA = "fw_dataset"
"""The schema of what is noted of the rows that differ."""

# What the rows that are compared at a time may take in memory, in either version.
_BYTES_AT_ONCE = 192 << 20
_LEAST_ROWS = 500
_VALUES_AT_ONCE = 1_000
_MATCHED = "olds = 1 AND news = 1"


class TableComparison:
    """Compares a table that both versions have.

    Args:
        connection: where it works, and notes which rows differ.
        table: the table's name.
        number: tells its notes from those of other tables.
        old: its rows in the one version.
        new: its rows in the other.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: str,
        number: int,
        old: NumberedRows,
        new: NumberedRows,
    ) -> None:
        self._connection, self._old, self._new = connection, old, new
        self._pairs = f"{SCHEMA}.pairs_{number}"
        self._edits, self._changes = f"{SCHEMA}.edits_{number}", f"{SCHEMA}.changes_{number}"
        self._common = [name for name in old.columns if name in new.columns]
        self._key = key_of(table, self._common)
        self._compared = [name for name in self._common if name not in self._key]

    def prepare(self) -> None:
        """Note that no row differs; until :meth:`compare` finds some."""
        self._run(f"CREATE TABLE {self._edits} (change VARCHAR, place BIGINT, times BIGINT)")
        flags = "".join(f", d{number} BOOLEAN" for number in range(len(self._compared)))
        self._run(f"CREATE TABLE {self._changes} (old BIGINT, new BIGINT{flags})")

    def compare(self) -> TableDifference:
        """Find which rows differ.

        Raises:
            duckdb.Error: a data file cannot be read.
        """
        ambiguous = (0, 0)
        if self._key:
            ambiguous = self._match()
            for stretch in self._stretches():
                self._compare_stretch(*stretch)
                self._forgive_spelling(*stretch)
            self._run(f"DROP TABLE {self._pairs}")
        else:
            self._compare_whole(self._old.sql(self._common), self._new.sql(self._common))
        return self._result(ambiguous)

    def rows(self) -> str:
        """SQL of all that differs, a row for each cell that changed."""
        removed = _whole_rows(self._old, "removed", self._edits, self._shown_key(self._old, "r"))
        added = _whole_rows(self._new, "added", self._edits, self._shown_key(self._new, "r"))
        parts = [removed, added]
        if self._key and self._compared:
            parts.append(self._changed_cells())
        return " UNION ALL ".join(parts)

    def _run(self, sql: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql).fetchall()

    def _is_retyped(self, column: str) -> bool:
        return self._old.columns[column] != self._new.columns[column]

    def _alike(self, rows: NumberedRows, column: str, alias: str = "") -> str:
        """SQL of a cell in a type that both versions have."""
        cell = f"{alias}{rows.cell(column)}"
        return as_text(cell, rows.columns[column]) if self._is_retyped(column) else cell

    # ---------------------------------------------------------------------------- rows with a key

    def _match(self) -> tuple[int, int]:
        """Pair the rows of each key; how many rows have no key of their own."""
        names = ", ".join(f"k{number}" for number in range(len(self._key)))
        old, new = (self._keyed(rows) for rows in (self._old, self._new))
        self._run(
            f"CREATE TABLE {self._pairs} AS SELECT o.place AS old, n.place AS new,"
            " coalesce(o.times, 0) AS olds, coalesce(n.times, 0) AS news"
            f" FROM {self._grouped(old)} AS o FULL JOIN {self._grouped(new)} AS n USING ({names})"
        )
        for change, place, counts in (
            ("removed", "old", "olds = 1 AND news = 0"),
            ("added", "new", "olds = 0 AND news = 1"),
        ):
            self._run(
                f"INSERT INTO {self._edits} SELECT '{change}', {place}, 1 FROM {self._pairs}"
                f" WHERE {counts}"
            )
        ((in_old, in_new, shared_old, shared_new),) = self._run(
            "SELECT coalesce(sum(olds), 0), coalesce(sum(news), 0),"
            " coalesce(sum(olds) FILTER (olds > 1 OR news > 1), 0),"
            f" coalesce(sum(news) FILTER (olds > 1 OR news > 1), 0) FROM {self._pairs}"
        )
        ambiguous = (
            int(self._old.count - in_old + shared_old),
            int(self._new.count - in_new + shared_new),
        )
        if any(ambiguous):
            self._compare_ambiguous(names, old, new)
        return ambiguous

    def _keyed(self, rows: NumberedRows) -> str:
        cells = (f"{self._alike(rows, name)} AS k{n}" for n, name in enumerate(self._key))
        return f"(SELECT place, {', '.join(cells)} FROM {rows.sql(self._key)})"

    def _grouped(self, keyed: str) -> str:
        names = [f"k{number}" for number in range(len(self._key))]
        there = " AND ".join(f"{name} IS NOT NULL" for name in names)
        return (
            f"(SELECT {', '.join(names)}, min(place) AS place, count(*) AS times FROM {keyed}"
            f" WHERE {there} GROUP BY {', '.join(names)})"
        )

    def _compare_ambiguous(self, names: str, old: str, new: str) -> None:
        shared = (
            f"(SELECT DISTINCT {names} FROM (SELECT * FROM {self._grouped(old)}"
            f" UNION ALL SELECT * FROM {self._grouped(new)}) WHERE times > 1)"
        )
        missing = " OR ".join(f"{name} IS NULL" for name in names.split(", "))
        sides = []
        for rows, keyed in ((self._old, old), (self._new, new)):
            places = (
                f"(SELECT place FROM {keyed} SEMI JOIN {shared} USING ({names})"
                f" UNION ALL SELECT place FROM {keyed} WHERE {missing})"
            )
            sides.append(
                f"(SELECT * FROM {rows.sql(self._common)} SEMI JOIN {places} USING (place))"
            )
        self._compare_whole(*sides)

    def _stretches(self) -> Iterable[Sequence[int]]:
        """The first and last places, old and new, of rows to compare at a time."""
        if not self._compared:
            return ()
        size = max(self._old.row_bytes, self._new.row_bytes)
        rows = max(_LEAST_ROWS, _BYTES_AT_ONCE // size)
        return self._run(
            f"SELECT min(old), max(old), min(new), max(new) FROM {self._pairs} WHERE {_MATCHED}"
            f" GROUP BY {file_of('old')}, {file_of('new')}, old // {rows} ORDER BY 1, 3"
        )

    def _compare_stretch(
        self, first_old: int, last_old: int, first_new: int, last_new: int
    ) -> None:
        old, new = self._old, self._new
        flags = [
            differ(
                f"o.{old.cell(name)}", f"n.{new.cell(name)}", old.columns[name], new.columns[name]
            )
            + f" AS d{number}"
            for number, name in enumerate(self._compared)
        ]
        any_flag = ", ".join(f"d{number}" for number in range(len(flags)))
        self._run(
            f"INSERT INTO {self._changes} SELECT * FROM ("
            f"SELECT o.place AS old, n.place AS new, {', '.join(flags)}"
            f" FROM {old.stretch(first_old, last_old, self._compared)} AS o"
            f" JOIN (SELECT old, new FROM {self._pairs} WHERE {_MATCHED}"
            f" AND old BETWEEN {first_old} AND {last_old}"
            f" AND new BETWEEN {first_new} AND {last_new}) AS p ON o.place = p.old"
            f" JOIN {new.stretch(first_new, last_new, self._compared)} AS n ON n.place = p.new"
            f") WHERE true IN ({any_flag})"
        )

    def _forgive_spelling(
        self, first_old: int, last_old: int, first_new: int, last_new: int
    ) -> None:
        """Take back the changes of JSON texts that are the same value."""
        old, new = self._old, self._new
        stretch = (
            f"c.old BETWEEN {first_old} AND {last_old} AND c.new BETWEEN {first_new} AND {last_new}"
        )
        forgiven = False
        for number, name in self._json():
            changed = f"{self._changes} AS c WHERE c.d{number} AND {stretch}"
            if not self._run(f"SELECT 1 FROM {changed} LIMIT 1"):
                continue
            values = self._connection.execute(
                f"SELECT c.old, o.{old.cell(name)}, n.{new.cell(name)}"
                f" FROM (SELECT * FROM {changed}) AS c"
                f" JOIN {old.stretch(first_old, last_old, [name])} AS o ON o.place = c.old"
                f" JOIN {new.stretch(first_new, last_new, [name])} AS n ON n.place = c.new"
            )
            same: list[int] = []
            while rows := values.fetchmany(_VALUES_AT_ONCE):
                same += [place for place, a, b in rows if a and b and same_json(a, b)]
            if same:
                forgiven = True
                self._connection.execute(
                    f"UPDATE {self._changes} AS c SET d{number} = false"
                    f" WHERE {stretch} AND c.old IN (SELECT unnest(?))",
                    [same],
                )
        if forgiven:
            flags = ", ".join(f"c.d{number}" for number in range(len(self._compared)))
            self._run(
                f"DELETE FROM {self._changes} AS c WHERE {stretch} AND NOT (true IN ({flags}))"
            )

    def _json(self) -> list[tuple[int, str]]:
        """The number and name of each column that is JSON text in both versions."""
        text = [
            (number, name)
            for number, name in enumerate(self._compared)
            if {self._old.columns[name], self._new.columns[name]} == {"VARCHAR"}
        ]
        return [(number, name) for number, name in text if name in self._old.json | self._new.json]

    # ------------------------------------------------------------------------- rows without a key

    def _compare_whole(self, old: str, new: str) -> None:
        """Note which rows one version has more often than the other."""
        if not self._common:
            for change, rows in (("removed", self._old), ("added", self._new)):
                self._run(
                    f"INSERT INTO {self._edits} SELECT '{change}', place, 1 FROM {rows.sql()}"
                )
            return
        names = ", ".join(f"v{number}" for number in range(len(self._common)))
        once = [
            f"SELECT {sign} AS sign, place, "
            + ", ".join(f"{self._alike(rows, c)} AS v{n}" for n, c in enumerate(self._common))
            + f" FROM {sql}"
            for sign, rows, sql in ((-1, self._old, old), (1, self._new, new))
        ]
        self._run(
            f"INSERT INTO {self._edits} SELECT if(more > 0, 'added', 'removed'),"
            " if(more > 0, new, old), abs(more) FROM (SELECT sum(sign) AS more,"
            " min(place) FILTER (sign < 0) AS old, min(place) FILTER (sign > 0) AS new"
            f" FROM ({' UNION ALL '.join(once)}) GROUP BY {names}) WHERE more <> 0"
        )

    # ------------------------------------------------------------------------------- what came out

    def _result(self, ambiguous: tuple[int, int]) -> TableDifference:
        counted = "".join(f", count(*) FILTER (d{n})" for n in range(len(self._compared)))
        ((changed, *in_column),) = self._run(f"SELECT count(*){counted} FROM {self._changes}")
        counts = zip(self._compared, in_column, strict=True)
        edits = dict(self._run(f"SELECT change, sum(times) FROM {self._edits} GROUP BY change"))
        old, new = self._old.columns, self._new.columns
        return TableDifference(
            added=int(edits.get("added", 0)),
            removed=int(edits.get("removed", 0)),
            changed=changed,
            columns={name: count for name, count in counts if count},
            columns_added={name: kind for name, kind in new.items() if name not in old},
            columns_removed={name: kind for name, kind in old.items() if name not in new},
            columns_retyped={
                name: (old[name], new[name]) for name in self._common if self._is_retyped(name)
            },
            key=self._key,
            ambiguous=ambiguous,
        )

    def _shown_key(self, rows: NumberedRows, alias: str) -> str:
        return "".join(f"{self._alike(rows, c, f'{alias}.')} AS {_quoted(c)}, " for c in self._key)

    def _changed_cells(self) -> str:
        old, new = self._old, self._new
        cells = []
        for number, name in enumerate(self._compared):
            before = as_text(f"o.{old.cell(name)}", old.columns[name])
            after = as_text(f"n.{new.cell(name)}", new.columns[name])
            struct = f"{{'column': {quote_literal(name)}, 'old': {before}, 'new': {after}}}"
            cells.append(f"CASE WHEN c.d{number} THEN {struct} END")
        keys = "".join(f"{_quoted(name)}, " for name in self._key)
        return (
            f"SELECT 'changed' AS change, {keys}cell.\"column\", cell.old, cell.new FROM ("
            f"SELECT {self._shown_key(new, 'n')}unnest([{', '.join(cells)}]) AS cell"
            f" FROM {self._changes} AS c JOIN {old.sql(self._common)} AS o ON o.place = c.old"
            f" JOIN {new.sql(self._common)} AS n ON n.place = c.new) WHERE cell IS NOT NULL"
        )


def rows_of_one(table: str, rows: NumberedRows, change: str) -> str:
    """SQL of what differs where only one version has the table: all of its rows.

    Args:
        table: the table's name.
        rows: its rows.
        change: ``"added"`` or ``"removed"``.
    """
    shown = "".join(f"r.{rows.cell(c)} AS {_quoted(c)}, " for c in key_of(table, rows.columns))
    everything = f"(SELECT '{change}' AS change, place, 1 AS times FROM {rows.sql([])})"
    return _whole_rows(rows, change, everything, shown)


def _whole_rows(rows: NumberedRows, change: str, edits: str, key: str) -> str:
    pairs = ", ".join(f"{quote_literal(name)}: r.{rows.cell(name)}" for name in rows.columns)
    whole = f"CAST(to_json({{{pairs}}}) AS VARCHAR)" if pairs else "'{}'"
    nothing = "CAST(NULL AS VARCHAR)"
    old, new = (whole, nothing) if change == "removed" else (nothing, whole)
    return (
        f"SELECT '{change}' AS change, {key}{nothing} AS \"column\", {old} AS old, {new} AS new"
        f" FROM (SELECT place, unnest(range(times)) FROM {edits} WHERE change = '{change}') AS e"
        f" JOIN {rows.sql()} AS r ON r.place = e.place"
    )
