"""``full_table`` and ``sessions_summary`` in Spark's SQL, with the rows that DuckDB gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fw_dataset.query.columns import Columns
from fw_dataset.query.spark.rows import Rows, null, of_type
from fw_dataset.query.views import (
    FULL_TABLE,
    FULL_TABLE_COLUMNS,
    INSTANTS,
    NEEDED,
    NUMBERS,
    PARENTS,
    SESSIONS_SUMMARY,
    SUMMARY_COLUMNS,
)

__all__ = ["JoinedView", "joined_views"]

# Differences of instants, and not instants: these would depend on the session's time zone.
_AGE_YEARS = """coalesce(
           CAST(s.n_age AS DOUBLE),
           CAST(CAST(CAST(
               s.n_timestamp - CAST(u.n_date_of_birth AS TIMESTAMP_NTZ) AS INTERVAL SECOND
           ) AS DECIMAL(30, 6)) AS DOUBLE),
           CAST(u.n_age AS DOUBLE)
       ) / 31557600.0D"""

_FULL_TABLE = """SELECT u.n_label AS subject_label,
       s.n_label AS session_label,
       a.n_label AS acquisition_label,
       s.n_timestamp AS session_timestamp,
       {age_years} AS age_years,
       {all}
FROM {files}
LEFT JOIN {acquisitions} AS a ON a.n_id = {acquisition}{same_a}
LEFT JOIN {sessions} AS s ON s.n_id = {session}{same_s}
LEFT JOIN {subjects} AS u ON u.n_id = {subject}{same_u}"""

_SESSIONS_SUMMARY = """SELECT {marks_s}s.n_parents_subject AS subject_id,
       u.n_label AS subject_label,
       s.n_id AS session_id,
       s.n_label AS session_label,
       s.n_timestamp AS moment,
       {age_years} AS age_years,
       CASE WHEN s.n_timestamp IS NOT NULL AND s.n_parents_subject IS NOT NULL THEN
           CAST(row_number() OVER (
               PARTITION BY {marks_s}s.n_parents_subject ORDER BY s.n_timestamp NULLS LAST, s.n_id
           ) AS BIGINT)
       END AS visit,
       CASE WHEN s.n_parents_subject IS NOT NULL THEN
           CAST(datediff(
               CAST(s.n_timestamp AS DATE),
               CAST(min(s.n_timestamp) OVER (PARTITION BY {marks_s}s.n_parents_subject) AS DATE)
           ) AS BIGINT)
       END AS days_since_first_visit,
       {acquisitions_counted} AS acquisitions,
       {files_counted} AS files,
       {analyses_counted} AS analyses,
       {modalities} AS modalities
FROM {sessions} AS s
LEFT JOIN {subjects} AS u ON u.n_id = s.n_parents_subject{same_u}
LEFT JOIN (
    SELECT {marks}n_parents_session, count(*) AS counted
    FROM {acquisitions} AS t WHERE n_deleted IS NULL GROUP BY {marks}n_parents_session
) AS a ON a.n_parents_session = s.n_id{same_a}
LEFT JOIN (
    SELECT {marks}n_parents_session,
           count(DISTINCT n_file_id) AS counted,
           sort_array(collect_set(n_modality) FILTER (WHERE n_modality <> '')) AS modalities
    FROM {files} AS t WHERE n_deleted IS NULL AND n_replaced IS NULL
    GROUP BY {marks}n_parents_session
) AS f ON f.n_parents_session = s.n_id{same_f}
LEFT JOIN (
    SELECT {marks}n_parents_session, count(*) AS counted
    FROM {analyses} AS t WHERE n_deleted IS NULL GROUP BY {marks}n_parents_session
) AS n ON n.n_parents_session = s.n_id{same_n}
WHERE s.n_deleted IS NULL"""


@dataclass(frozen=True)
class JoinedView:
    """A view to be made.

    Attributes:
        columns: the DuckDB type of each column, in order.
        sql: the query.
    """

    columns: Columns
    sql: str


def joined_views(tables: Mapping[str, Rows], marks: Sequence[str] = ()) -> dict[str, JoinedView]:
    """The views over tables, by name; one whose name a table has is left out.

    Args:
        tables: what is registered of each table, by the dataset's name of it.
        marks: columns in front of all tables where they are of several datasets: rows belong
            together only where these are the same.
    """
    taken = {name.casefold() for name in tables}
    known = _Joined(tables, marks)
    made = {}
    if "files" in tables and FULL_TABLE not in taken and known.has_room:
        made[FULL_TABLE] = known.full_table()
    if "sessions" in tables and SESSIONS_SUMMARY not in taken:
        made[SESSIONS_SUMMARY] = known.sessions_summary()
    return made


class _Joined:
    """The SQL of the views over tables whose columns may be missing, or of older types."""

    def __init__(self, tables: Mapping[str, Rows], marks: Sequence[str]) -> None:
        self._tables = tables
        self._mark_columns = dict.fromkeys(marks, "VARCHAR")
        # The marks are the first columns of every table.
        self._marks = [f"m{number}" for number in range(len(marks))]
        own = tables["files"].columns if "files" in tables else {}
        self._missing = {name: kind for name, kind in PARENTS.items() if name not in own}
        self._files: Columns = {**own, **self._missing}
        self.has_room = FULL_TABLE_COLUMNS.keys().isdisjoint(map(str.casefold, self._files))

    def full_table(self) -> JoinedView:
        """Each row of ``files`` with what it belongs to."""
        files = self._tables["files"]
        own = [f"f.c{number}" for number in range(len(files.columns))]
        nulls = [f"{null(kind)} AS {_named(name)}" for name, kind in self._missing.items()]
        sql = _FULL_TABLE.format(
            age_years=_AGE_YEARS,
            all=",\n       ".join([*own, *nulls]),
            files=files.under("f"),
            **{
                level: self._parent(files, level) for level in ("acquisition", "session", "subject")
            },
            **{table: self._needed(table) for table in ("acquisitions", "sessions", "subjects")},
            **{
                f"same_{alias}": "".join(
                    f" AND {alias}.{mark} = f.c{number}" for number, mark in enumerate(self._marks)
                )
                for alias in "asu"
            },
        )
        return JoinedView({**FULL_TABLE_COLUMNS, **self._files}, sql)

    def sessions_summary(self) -> JoinedView:
        """Each session that is not deleted, with what it holds."""
        files = self._tables.get("files")
        has_modality = files is not None and "modality" in files.columns
        counted = {
            f"{table}_counted": (
                f"coalesce({alias}.counted, 0L)" if table in self._tables else null("BIGINT")
            )
            for table, alias in (("acquisitions", "a"), ("files", "f"), ("analyses", "n"))
        }
        modalities = "coalesce(f.modalities, CAST(array() AS ARRAY<STRING>))"
        sql = _SESSIONS_SUMMARY.format(
            age_years=_AGE_YEARS,
            modalities=modalities if has_modality else null("VARCHAR[]"),
            marks="".join(f"{mark}, " for mark in self._marks),
            marks_s="".join(f"s.{mark}, " for mark in self._marks),
            **counted,
            **{table: self._needed(table) for table in NEEDED},
            **{f"same_{alias}": self._same_as_session(alias) for alias in "afnu"},
        )
        return JoinedView({**self._mark_columns, **SUMMARY_COLUMNS}, sql)

    def _same_as_session(self, alias: str) -> str:
        return "".join(f" AND {alias}.{mark} = s.{mark}" for mark in self._marks)

    def _parent(self, files: Rows, level: str) -> str:
        place = files.place(f"parents.{level}")
        return null("VARCHAR") if place is None else f"f.{place}"

    def _needed(self, table: str) -> str:
        """A table with just the columns that the views want of it."""
        rows = self._tables.get(table)
        if rows is None:
            wanted = [*((mark, "VARCHAR") for mark in self._marks), *_renamed(NEEDED[table])]
            return f"(SELECT {', '.join(f'{null(t)} AS {n}' for n, t in wanted)} WHERE false)"
        terms = [f"c{number} AS {mark}" for number, mark in enumerate(self._marks)]
        terms += [
            f"{_cast(rows.place(name), rows.columns.get(name), kind)} AS {_named(name)}"
            for name, kind in NEEDED[table].items()
        ]
        return f"(SELECT {', '.join(terms)} FROM {rows.under('t')})"


def _named(column: str) -> str:
    """A name for a column that needs no quotes, and is no word of SQL."""
    return f"n_{column.replace('.', '_')}"


def _renamed(columns: Columns) -> list[tuple[str, str]]:
    return [(_named(name), kind) for name, kind in columns.items()]


def _cast(place: str | None, there: str | None, wanted: str) -> str:
    """A column in the type that is wanted, where an older release's means the same."""
    if place is None or there is None:
        return null(wanted)
    if there == wanted:
        return place
    is_of_one_family = any(there in kinds and wanted in kinds for kinds in (NUMBERS, INSTANTS))
    if is_of_one_family and there in ("DOUBLE", "FLOAT") and wanted == "BIGINT":
        place = f"round({place})"  # Spark would cut off what is behind the point
    if is_of_one_family or "VARCHAR" in (there, wanted):
        return f"TRY_CAST({place} AS {of_type(wanted)})"
    return null(wanted)
