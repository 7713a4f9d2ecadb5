"""SQL that means harm, by what it is after. Braces stand for places; see ``Places``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """Where attacks go.

    Attributes:
        secret: a file outside of the dataset.
        out: a path outside of it where nothing is.
        inside: a path inside of it where nothing is.
        data: a data file that is served.
        hidden: the data file of a table that is hidden.
    """

    secret: Path
    out: Path
    inside: Path
    data: Path
    hidden: Path

    def fill(self, sql: str) -> str:
        for name, path in vars(self).items():
            sql = sql.replace("{" + name + "}", str(path))
        return sql


READ_FILES = (
    "FROM '{secret}'",
    'SELECT * FROM "{secret}"',
    "FROM read_csv('{secret}')",
    "FROM read_csv_auto('{secret}')",
    "FROM read_text('{secret}')",
    "FROM read_blob('{secret}')",
    "FROM read_json('{secret}')",
    "FROM read_parquet('{hidden}')",
    "FROM parquet_scan('{hidden}')",
    "FROM '{hidden}'",
    "FROM read_parquet('{data}')",
    "FROM parquet_metadata('{data}')",
    "FROM parquet_schema('{data}')",
    "FROM parquet_file_metadata('{data}')",
    "FROM parquet_kv_metadata('{data}')",
    "FROM glob('/etc/*')",
    "FROM sniff_csv('{secret}')",
    "FROM '/etc/passwd'",
    "FROM read_text('/proc/self/environ')",
    "FROM read_text('/proc/self/maps')",
    "FROM '../../../../etc/passwd'",
    "FROM query('FROM read_text(''{secret}'')')",
    "FROM query_table('{secret}')",
    "FROM query_table(['files', '{secret}'])",
    'WITH "{secret}" AS (SELECT 1) FROM (FROM "{secret}"), "{hidden}"',
    "WITH x AS (FROM read_text('{secret}')) FROM x",
    "SELECT (SELECT content FROM read_text('{secret}'))",
    "SELECT * FROM files WHERE id IN (SELECT content FROM read_text('{secret}'))",
    "SELECT * FROM files ORDER BY (SELECT content FROM read_text('{secret}'))",
    "SELECT 1 UNION ALL SELECT content FROM read_text('{secret}')",
    "WITH RECURSIVE r AS (SELECT '1' a UNION ALL SELECT content FROM read_text('{secret}')) FROM r",
    "SELECT * FROM files POSITIONAL JOIN read_text('{secret}')",
    "SELECT * FROM files, LATERAL (SELECT * FROM read_text(name))",
    "PIVOT (FROM read_text('{secret}')) ON filename USING first(content)",
    "UNPIVOT (FROM read_text('{secret}')) ON content",
    "SUMMARIZE FROM '{secret}'",
    "DESCRIBE FROM '{secret}'",
    "EXPLAIN ANALYZE FROM '{secret}'",
    "FROM st_read('{secret}')",
    "FROM sqlite_scan('{secret}', 'x')",
    "FROM postgres_scan('host=localhost', 'public', 'x')",
    "FROM iceberg_scan('{secret}')",
    "FROM read_xlsx('{secret}')",
    "FROM 'http://127.0.0.1:9/x.parquet'",
    "FROM 's3://bucket/key.parquet'",
    "FROM hidden_table",
    "SELECT * FROM files TABLESAMPLE reservoir(1 ROWS), '{secret}'",
)
WRITE_FILES = (
    "COPY (SELECT 1) TO '{out}'",
    "COPY files TO '{out}' (FORMAT parquet)",
    "COPY (SELECT 1 AS a) TO '{data}' (FORMAT parquet, USE_TMP_FILE false)",
    "COPY (SELECT 1 AS a) TO '{inside}' (FORMAT parquet)",
    "WITH x AS (COPY (SELECT 1) TO '{out}') SELECT 1",
    "WITH x AS (COPY (SELECT 1) TO '{out}' RETURNING *) SELECT * FROM x",
    "WITH x AS (COPY (SELECT 1 a) TO '{data}' (FORMAT parquet, USE_TMP_FILE false)) SELECT 1",
    "SELECT * FROM (COPY (SELECT 1) TO '{out}')",
    "EXPORT DATABASE '{out}'",
    "ATTACH '{out}' AS other",
    "ATTACH '{inside}' AS other (TYPE duckdb)",
    "ATTACH 'file:{out}?mode=rwc' AS other (TYPE sqlite)",
    "FROM enable_logging(storage = 'file', storage_path = '{out}')",
    "CALL enable_logging(storage = 'file', storage_path = '{out}')",
    "FROM enable_logging('QueryLog')",
    "FROM enable_profiling()",
    "SELECT write_log('x')",
    "PRAGMA enable_profiling = 'json'; PRAGMA profiling_output = '{out}'",
    "SET profiling_output = '{out}'",
    "SET log_query_path = '{out}'",
    "SET temp_directory = '{out}'",
    "CREATE TABLE t AS SELECT 1",
    "CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')",
    "CREATE PERSISTENT SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')",
    "INSERT INTO files SELECT * FROM files",
    "WITH x AS (INSERT INTO files SELECT * FROM files RETURNING *) FROM x",
    "WITH x AS (DELETE FROM files RETURNING *) FROM x",
    "WITH x AS (UPDATE files SET name = 'x' RETURNING *) FROM x",
    "DELETE FROM files",
    "CHECKPOINT",
    "FORCE CHECKPOINT",
    "SELECT force_checkpoint()",
    "FROM force_checkpoint('memory')",
    "VACUUM",
    "FROM arrow_scan_dumb(0, 0, 0)",
    "FROM arrow_scan(1234, 1234, 1234)",
    "FROM pandas_scan(1234)",
    "FROM python_map_function()",
)
POISON_OTHERS = (
    "CREATE MACRO lower(x) AS 'poisoned'",
    "CREATE OR REPLACE MACRO main.count(x) AS 0",
    "CREATE OR REPLACE MACRO ga4gh_type(x, t) AS 'poisoned'",
    "CREATE FUNCTION count(x) AS 0",
    "CREATE TEMP MACRO id(x) AS 0",
    "CREATE OR REPLACE VIEW files AS SELECT 'poisoned' AS id",
    "CREATE TEMP VIEW files AS SELECT 'poisoned' AS id",
    "CREATE TEMP TABLE files AS SELECT 'poisoned' AS id",
    "DROP VIEW files",
    "DROP MACRO ga4gh_type",
    "DROP SCHEMA main CASCADE",
    "ALTER VIEW files RENAME TO gone",
    "COMMENT ON VIEW files IS 'poisoned'",
    "CREATE SCHEMA information_schema2",
    "CREATE TYPE mood AS ENUM ('a')",
    "CREATE SEQUENCE s",
    "SELECT setseed(0.5)",
    "SELECT nextval('s')",
    "USE system",
    "BEGIN TRANSACTION",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "DEALLOCATE p",
    "SET VARIABLE v = 1",
    "SELECT getvariable('v')",
    "SELECT 1; DROP VIEW files",
    "SELECT 1) AS t; DROP VIEW files; --",
    "SELECT 1) AS t(a), (SELECT content FROM read_text('{secret}')",
    "SELECT 1 /* ",
    "SELECT 1; -- DROP VIEW files\nDROP VIEW files",
    "\u0000SELECT 1",
    "",
    ";",
    "-- nothing",
)
SETTINGS_AND_MACHINE = (
    "SET lock_configuration = false",
    "SET enable_external_access = true",
    "RESET enable_external_access",
    "SET GLOBAL memory_limit = '100GB'",
    "SET threads = 1000",
    "PRAGMA memory_limit = '100GB'",
    "SET allowed_paths = ['{secret}']",
    "SET allow_unredacted_secrets = true",
    "SET autoload_known_extensions = true",
    "INSTALL httpfs",
    "FORCE INSTALL httpfs FROM 'http://127.0.0.1:9'",
    "LOAD httpfs",
    "LOAD '{secret}'",
    "UPDATE EXTENSIONS",
    "SELECT getenv('HOME')",
    "SELECT main.getenv('HOME')",
    "SELECT 'HOME'.getenv()",
    "SELECT current_setting('allowed_paths')",
    "SELECT current_setting('secret_directory')",
    "SELECT current_query()",
    "SELECT pg_sleep(1)",
    "SELECT sleep_ms(1000)",
    "FROM duckdb_settings()",
    "FROM duckdb_secrets()",
    "FROM duckdb_views()",
    "FROM duckdb_functions()",
    "FROM duckdb_logs()",
    "FROM duckdb_extensions()",
    "FROM duckdb_temporary_files()",
    "FROM duckdb_memory()",
    "FROM duckdb_databases()",
    "FROM pragma_database_list()",
    "FROM pragma_table_info('files')",
    "FROM pragma_storage_info('files')",
    "FROM which_secret('s3://x', 's3')",
    "FROM sqlite_master",
    "FROM pg_catalog.pg_settings",
    "FROM pg_views",
    "FROM information_schema.views",
    "FROM system.information_schema.tables",
    "FROM system.main.duckdb_settings",
    "FROM memory.main.files",
    "FROM temp.main.files",
    "FROM fw_dataset.sources",
    "FROM json_execute_serialized_sql(json_serialize_sql('FROM read_text(''{secret}'')'))",
    "PRAGMA json_execute_serialized_sql('{}')",
    "SHOW ALL TABLES",
    "SHOW TABLES",
    "PRAGMA version",
    "CALL pragma_version()",
    "FROM test_all_types()",
    "FROM repeat_row(1, num_rows = 10)",
    "FROM seq_scan('files')",
    "FROM checkpoint()",
    "FROM summary((FROM files))",
    "FROM duckdb_approx_database_count()",
    "KILL 1",
)
REFUSED = (*READ_FILES, *WRITE_FILES, *POISON_OTHERS, *SETTINGS_AND_MACHINE)
"""What must not be let through."""

QUICK_BOMBS = (
    "SELECT repeat('x', 4000000000)",
    "SELECT levenshtein(repeat('ab', 300000), repeat('ba', 300000))",
    "SELECT list(a) FROM range(10000000) t(a), range(1000)",
    "SELECT count(*) FROM range(100000000000) a",
    "SELECT " + "(" * 3000 + "1" + ")" * 3000,
)
BOMBS = (
    "SELECT length(repeat(repeat('x', 1000000), 100000))",
    "SELECT lpad('x', 2000000000, 'y')",
    "SELECT list_sum(range(4000000000))",
    "SELECT * FROM range(1000000) a, range(1000000) b ORDER BY random() LIMIT 5",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r",
    "SELECT string_agg(a || repeat('x', 10000)) FROM range(1000000) t(a)",
    "SELECT regexp_matches(repeat('a', 100000000), '(a*)*b')",
    "SELECT (1" + "+1" * 50_000 + ")",
    "SELECT " + "[" * 2000 + "]" * 2000,
    "SELECT 1" + " UNION ALL SELECT 1" * 20_000,
    "SELECT DISTINCT a, b FROM range(100000) t(a), range(100000) u(b)",
)
"""What asks for more than there is; it may be refused, or fail, and harms nobody."""
