"""The questions that a dataset and plain DuckDB are asked alike."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CONNECT", "QUESTIONS", "asked", "asked_plainly", "view"]

CONNECT = "connect"
QUESTIONS = {
    "count": "select count(*) from {files}",
    "filter": """
        select name, type, size from {files} where "parents.session" = '{session}' order by name
    """,
    "group": """
        select type, modality, count(*), sum(size), max(created) from {files}
        group by all order by all
    """,
    "JSON path": """
        select info->>'$.header.dicom.Manufacturer' as manufacturer, count(*) from {files}
        group by all order by all
    """,
    "join": """
        select subjects.sex, count(distinct sessions.id), count(*), sum(files.size)
        from {files} as files
        join {sessions} as sessions on sessions.id = files."parents.session"
        join {subjects} as subjects on subjects.id = sessions."parents.subject"
        group by all order by all
    """,
}
_TABLES = ("files", "sessions", "subjects")


def asked(session: str) -> dict[str, str]:
    """The questions in the SQL of a dataset."""
    return _filled({table: table for table in _TABLES}, session)


def asked_plainly(files: Mapping[str, str], session: str) -> dict[str, str]:
    """The questions in the SQL of DuckDB alone, given the data file of each table."""
    return _filled({table: scan(files[table]) for table in _TABLES}, session)


def view(table: str, path: str) -> str:
    """What DuckDB alone needs for a table to have a name."""
    return f'create view "{table}" as select * from {scan(path)}'


def scan(path: str) -> str:
    """A data file as something to select from."""
    quoted = path.replace("'", "''")
    return f"read_parquet('{quoted}')"


def _filled(tables: Mapping[str, str], session: str) -> dict[str, str]:
    return {
        question: " ".join(sql.format(**tables, session=session).split())
        for question, sql in QUESTIONS.items()
    }
