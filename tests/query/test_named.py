"""What a query names, and what it leaves open."""

from __future__ import annotations

import pytest

from fw_dataset.query import named_tables

SCHEMAS = ["siteA", "site B", "everything"]


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("FROM siteA.files", "sitea.files"),
        ('SELECT 1 FROM SITEA.Files f JOIN "site B".x USING (id)', "site b.x, sitea.files"),
        ("SELECT (SELECT max(n) FROM siteA.a) WHERE 1 IN (FROM siteA.b)", "sitea.a, sitea.b"),
        ("WITH c AS (FROM siteA.a) FROM c UNION FROM everything.a", "everything.a, sitea.a"),
        ("WITH siteA AS (SELECT 1) FROM siteA, siteA.a; FROM siteA.b;", "sitea.a, sitea.b"),
        ("FROM siteA.a, unnest([1]), range(3), read_csv('x')", "sitea.a"),
        ("FROM siteA.a WHERE id = $id AND label = $label", "sitea.a"),
        ("FROM 'x.parquet', frame, siteA.a -- siteA.b", "sitea.a"),
        ("SELECT 'siteA.a'", ""),
    ],
)
def test_tables_of_a_query(sql: str, named: str) -> None:
    found = named_tables(sql, SCHEMAS)
    assert found is not None
    assert ", ".join(sorted(map(".".join, found))) == named


@pytest.mark.parametrize(
    "sql",
    [
        "SHOW ALL TABLES",
        "DESCRIBE siteA.files",
        "SUMMARIZE siteA.files",
        "CREATE TABLE t AS FROM siteA.files",
        "USE siteA; FROM files",
        "PIVOT siteA.files ON type",
        "FROM information_schema.tables, siteA.files",
        "FROM fw_dataset.drift",
        "FROM memory.siteA.files",
        "FROM other.files",
        "FROM duckdb_views",
        "FROM duckdb_columns()",
        "FROM sqlite_master",
        "FROM query('FROM siteA.files')",
        "FROM query_table('siteA.files')",
        "SELECT (SELECT count(*) FROM query_table(['siteA.files'])) FROM siteA.files",
        "FROM siteA.files; SET threads = 1",
        "this is no SQL",
        "",
        "\x00",
        "(" * 2000,
    ],
)
def test_it_cannot_be_told(sql: str) -> None:
    assert not named_tables(sql, SCHEMAS)
