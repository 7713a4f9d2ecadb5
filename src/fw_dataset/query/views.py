"""Joined views that people ask for first: ``full_table`` and ``sessions_summary``.

What a dataset does not have, such as a column that was left out when it was rendered, is null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fw_dataset.format.names import quote_identifier
from fw_dataset.query.columns import Columns, empty
from fw_dataset.query.lazy import LazyView

__all__ = ["FULL_TABLE", "JOINED_TABLES", "SESSIONS_SUMMARY", "joined_views"]

FULL_TABLE, SESSIONS_SUMMARY = "full_table", "sessions_summary"

_IDS = {"id": "VARCHAR", "label": "VARCHAR"}
_OF_SESSION = {"parents.session": "VARCHAR", "deleted": "TIMESTAMP"}
NEEDED: Mapping[str, Columns] = {
    "subjects": {**_IDS, "age": "BIGINT", "date_of_birth": "DATE"},
    "sessions": {
        **_IDS,
        "parents.subject": "VARCHAR",
        "timestamp": "TIMESTAMP",
        "age": "BIGINT",
        "deleted": "TIMESTAMP",
    },
    "acquisitions": {**_IDS, **_OF_SESSION},
    "analyses": _OF_SESSION,
    "files": {
        **_OF_SESSION,
        "file_id": "VARCHAR",
        "modality": "VARCHAR",
        "replaced": "TIMESTAMP",
    },
}
JOINED_TABLES = tuple(NEEDED)
"""The tables that the views join."""

# Ages are seconds, and a year has 31,557,600 of them.
_AGE_YEARS = """coalesce(
           s.age, epoch(s.timestamp) - epoch(CAST(u.date_of_birth AS TIMESTAMP)), u.age
       ) / 31557600.0"""

_FULL_TABLE = """SELECT u.label AS subject_label,
       s.label AS session_label,
       a.label AS acquisition_label,
       s.timestamp AS session_timestamp,
       {age_years} AS age_years,
       f.*
FROM {files} f
LEFT JOIN {acquisitions} a ON a.id = f."parents.acquisition"{same_a_f}
LEFT JOIN {sessions} s ON s.id = f."parents.session"{same_s_f}
LEFT JOIN {subjects} u ON u.id = f."parents.subject"{same_u_f}"""
FULL_TABLE_COLUMNS = {
    "subject_label": "VARCHAR",
    "session_label": "VARCHAR",
    "acquisition_label": "VARCHAR",
    "session_timestamp": "TIMESTAMP",
    "age_years": "DOUBLE",
}
PARENTS = {f"parents.{level}": "VARCHAR" for level in ("acquisition", "session", "subject")}

_SESSIONS_SUMMARY = """SELECT {marks_s}s."parents.subject" AS subject_id,
       u.label AS subject_label,
       s.id AS session_id,
       s.label AS session_label,
       s.timestamp AS timestamp,
       {age_years} AS age_years,
       CASE WHEN s.timestamp IS NOT NULL AND s."parents.subject" IS NOT NULL THEN
           row_number() OVER (
               PARTITION BY {marks_s}s."parents.subject" ORDER BY s.timestamp NULLS LAST, s.id
           )
       END AS visit,
       CASE WHEN s."parents.subject" IS NOT NULL THEN
           date_diff(
               'day', min(s.timestamp) OVER (PARTITION BY {marks_s}s."parents.subject"), s.timestamp
           )
       END AS days_since_first_visit,
       {acquisitions_counted} AS acquisitions,
       {files_counted} AS files,
       {analyses_counted} AS analyses,
       {modalities} AS modalities
FROM {sessions} s
LEFT JOIN {subjects} u ON u.id = s."parents.subject"{same_u_s}
LEFT JOIN (
    SELECT {marks}"parents.session" AS session, count(*) AS counted
    FROM {acquisitions} WHERE deleted IS NULL GROUP BY ALL
) a ON a.session = s.id{same_a_s}
LEFT JOIN (
    SELECT {marks}"parents.session" AS session,
           count(DISTINCT file_id) AS counted,
           list_sort(list(DISTINCT modality) FILTER (WHERE modality <> '')) AS modalities
    FROM {files} WHERE deleted IS NULL AND replaced IS NULL GROUP BY ALL
) f ON f.session = s.id{same_f_s}
LEFT JOIN (
    SELECT {marks}"parents.session" AS session, count(*) AS counted
    FROM {analyses} WHERE deleted IS NULL GROUP BY ALL
) n ON n.session = s.id{same_n_s}
WHERE s.deleted IS NULL"""
SUMMARY_COLUMNS = {
    "subject_id": "VARCHAR",
    "subject_label": "VARCHAR",
    "session_id": "VARCHAR",
    "session_label": "VARCHAR",
    "timestamp": "TIMESTAMP",
    "age_years": "DOUBLE",
    "visit": "BIGINT",
    "days_since_first_visit": "BIGINT",
    "acquisitions": "BIGINT",
    "files": "BIGINT",
    "analyses": "BIGINT",
    "modalities": "VARCHAR[]",
}

NUMBERS = ("BIGINT", "INTEGER", "SMALLINT", "DOUBLE", "FLOAT")
INSTANTS = ("DATE", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S")


def joined_views(
    schema: str, tables: Mapping[str, Columns], marks: Sequence[str] = ()
) -> list[LazyView]:
    """The views over the tables of a schema; one whose name a table has is left out.

    Args:
        schema: where the tables are, and the views are to be.
        tables: the columns of each table.
        marks: columns that all tables have where they are of several datasets: rows belong
            together only where these are the same.
    """
    taken = {name.casefold() for name in tables}
    known = _Joined(schema, tables, marks)
    made = []
    if "files" in tables and FULL_TABLE not in taken and known.has_room:
        made.append(LazyView(schema, FULL_TABLE, known.full_columns, known.full_table()))
    if "sessions" in tables and SESSIONS_SUMMARY not in taken:
        columns = {**dict.fromkeys(marks, "VARCHAR"), **SUMMARY_COLUMNS}
        made.append(LazyView(schema, SESSIONS_SUMMARY, columns, known.sessions_summary()))
    return made


class _Joined:
    """The SQL of the views over tables whose columns may be missing, or of older types."""

    def __init__(self, schema: str, tables: Mapping[str, Columns], marks: Sequence[str]) -> None:
        self._schema, self._tables = quote_identifier(schema), tables
        self._marks = [quote_identifier(mark) for mark in marks]
        self._mark_columns = dict.fromkeys(marks, "VARCHAR")
        own = tables.get("files", {})
        self._missing = {name: kind for name, kind in PARENTS.items() if name not in own}
        files = {**own, **self._missing}
        self.full_columns = {**FULL_TABLE_COLUMNS, **files}
        # Where files have columns of these names, there is no room for ours.
        self.has_room = FULL_TABLE_COLUMNS.keys().isdisjoint(map(str.casefold, files))

    def full_table(self) -> str:
        """Each row of ``files`` with what it belongs to."""
        nulls = [_cast(name, None, kind) + _as(name) for name, kind in self._missing.items()]
        files = f"{self._schema}.files"
        return _FULL_TABLE.format(
            age_years=_AGE_YEARS,
            files=f"(SELECT *, {', '.join(nulls)} FROM {files})" if nulls else files,
            **{table: self._needed(table) for table in ("acquisitions", "sessions", "subjects")},
            **{f"same_{alias}_f": self._same(alias, "f") for alias in "asu"},
        )

    def sessions_summary(self) -> str:
        """Each session that is not deleted, with what it holds."""
        modalities = "coalesce(f.modalities, CAST([] AS VARCHAR[]))"
        has_modality = "modality" in self._tables.get("files", {})
        counted = {
            f"{table}_counted": (
                f"coalesce({alias}.counted, 0)" if table in self._tables else "CAST(NULL AS BIGINT)"
            )
            for table, alias in (("acquisitions", "a"), ("files", "f"), ("analyses", "n"))
        }
        return _SESSIONS_SUMMARY.format(
            age_years=_AGE_YEARS,
            modalities=modalities if has_modality else "CAST(NULL AS VARCHAR[])",
            marks="".join(f"{mark}, " for mark in self._marks),
            marks_s="".join(f"s.{mark}, " for mark in self._marks),
            **counted,
            **{table: self._needed(table) for table in NEEDED},
            **{f"same_{alias}_s": self._same(alias, "s") for alias in "afnu"},
        )

    def _same(self, one: str, other: str) -> str:
        return "".join(f" AND {one}.{mark} = {other}.{mark}" for mark in self._marks)

    def _needed(self, table: str) -> str:
        """A table with just the columns that the views want of it."""
        there = self._tables.get(table)
        if there is None:
            return empty({**self._mark_columns, **NEEDED[table]})
        terms = [_cast(name, there.get(name), t) + _as(name) for name, t in NEEDED[table].items()]
        return f"(SELECT {', '.join([*self._marks, *terms])} FROM {self._schema}.{table})"


def _as(name: str) -> str:
    return f" AS {quote_identifier(name)}"


def _cast(column: str, there: str | None, wanted: str) -> str:
    """A column in the type that is wanted; older releases have other types, and other meanings.

    Their ``deleted`` and ``replaced`` are booleans, which do not tell what ours do.
    """
    name = quote_identifier(column)
    if there == wanted:
        return name
    for family in (NUMBERS, INSTANTS):
        if there in family and wanted in family:
            return f"TRY_CAST({name} AS {wanted})"
    if there == "VARCHAR" or (there is not None and wanted == "VARCHAR"):
        return f"TRY_CAST({name} AS {wanted})"
    return f"CAST(NULL AS {wanted})"
