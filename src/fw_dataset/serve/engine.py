"""The DuckDB that runs strangers' SQL: fenced in, with a view for each table that is asked for."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import duckdb

from fw_dataset.format.names import quote_identifier, quote_literal
from fw_dataset.serve.faults import place_at
from fw_dataset.serve.gate import Checked, RefusedError, Vocabulary, check_tree
from fw_dataset.serve.wire import Column, told_apart

__all__ = ["LINES_BEFORE", "Definition", "Engine", "Statement"]

LINES_BEFORE = 1
"""How many lines :meth:`Engine.bind` puts in front of a statement to look at it."""

# Functions without a name in DuckDB's own list, in some of its releases.
_UNLISTED = frozenset(
    {"coalesce", "cume_dist", "dense_rank", "fill", "first_value", "grouping", "grouping_id"}
    | {"lag", "last_value", "lead", "nth_value", "ntile", "percent_rank", "rank", "rank_dense"}
    | {"row_number", "struct_pack", "row", "unnest", "unlist", "count_star", "list_filter"}
)
# They change between two calls, which harms nobody.
_HARMLESS = frozenset({"gen_random_uuid", "random", "uuid", "uuidv4", "uuidv7"})
# Beside those with side effects: what tells of the machine, the settings or other queries, what
# runs SQL from a text, and what waits.
_REFUSED = re.compile(
    r"get_?env|getvariable|current_(setting|query|connection|transaction|role|user|database|catalog"
    r"|schemas?).*|session_user|user|.*sleep.*|query|query_table|read_.*|write_.*|.*_scan"
    r"|pragma_.*|duckdb_.*|pg_.*|inet_.*|has_.*_privilege|txid_current|get_block_size"
    r"|parse_duckdb_log_message|json_execute_serialized_sql|add_parquet_key|.*secret.*|force_.*"
    r"|enable_.*|disable_.*|set_.*|in_search_path|col_description|obj_description"
    r"|shobj_description|copy_.*|load_.*|install_.*|checkpoint|glob|sniff_csv|setseed"
)
_FIRST_WITH_STREAMED_RELATIONS = 2
_NO_SUCH_SETTING = duckdb.CatalogException


@dataclass(frozen=True)
class Definition:
    """A table as the engine is to make it.

    Attributes:
        name: its full name.
        schema: in SQL.
        table: its name in the schema.
        sql: the query that gives its rows.
        empty: a query that gives none, of the same columns.
        needs: the full names of the tables that it reads.
    """

    name: str
    schema: str
    table: str
    sql: str
    empty: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Statement:
    """A statement that was let through.

    Attributes:
        rows: what stands in SQL for its rows, as columns ``c0``, ``c1`` …
        columns: what they are called, and their types.
        parameters: the values for ``?``.
    """

    rows: str
    columns: Sequence[Column]
    parameters: Sequence[Any]

    @property
    def terms(self) -> list[str]:
        """What stands in SQL for each column."""
        return [f"c{place}" for place in range(len(self.columns))]


class Engine:
    """One connection to an in-memory database of its own.

    Args:
        definitions: the tables.
        paths: the data files that may be read.
        memory: bytes that DuckDB may use.
        threads: that it may use.
    """

    def __init__(
        self,
        definitions: Sequence[Definition],
        paths: Sequence[str],
        *,
        memory: int,
        threads: int,
    ) -> None:
        self._definitions = {one.name: one for one in definitions}
        self._made: dict[str, str] = {}
        self._connection = duckdb.connect(":memory:", config={"threads": str(threads)})
        self._vocabulary = Vocabulary(
            {(one.schema.casefold(), one.table.casefold()): one.name for one in definitions},
            frozenset(self._functions()),
        )
        for schema in sorted({one.schema for one in definitions} - {"main"}):
            self._connection.execute(f"CREATE SCHEMA {quote_identifier(schema)}")
        self._connection.execute("CREATE MACRO ga4gh_type(x, t) AS x")
        self._fence(paths, memory)

    def check(self, sql: str, parameters: int) -> Checked:
        """What a statement uses, if it is let through.

        Raises:
            RefusedError: it is not.
        """
        serialized = "SELECT CAST(json_serialize_sql(CAST(? AS VARCHAR)) AS VARCHAR)"
        try:
            row = self._connection.execute(serialized, [sql]).fetchone()
            tree = json.loads(row[0]) if row else None
        except (duckdb.Error, ValueError, RecursionError):
            raise RefusedError("the SQL cannot be read") from None
        try:
            return check_tree(tree, self._vocabulary, parameters)
        except RefusedError as error:
            place = tree.get("position") if isinstance(tree, dict) else None
            raise RefusedError(f"{error}{place_at(sql, place)}") from None

    def make(self, names: Collection[str], absent: Collection[str] = ()) -> None:
        """Make views of tables.

        Args:
            names: their full names.
            absent: those of them whose files are not here: they are empty for now.
        """
        for name in names:
            one = self._definitions[name]
            sql = one.empty if name in absent else one.sql
            if sql is one.sql:
                self.make(one.needs)
            if self._made.get(name) not in (sql, one.sql):
                view = f"{quote_identifier(one.schema)}.{quote_identifier(one.table)}"
                self._connection.execute(f"CREATE OR REPLACE VIEW {view} AS {sql}")
                self._made[name] = sql

    def bind(self, sql: str, parameters: Sequence[Any]) -> Statement:
        """Find out the columns of a statement that was checked.

        Raises:
            RefusedError: it does not stay one statement where it is put.
            duckdb.Error: it is wrong.
        """
        inner = sql.strip().rstrip(";")
        whole = f"SELECT * FROM (\n{inner}\n)"
        self.check(whole, len(parameters))
        found = self._connection.execute(f"DESCRIBE {whole}", list(parameters)).fetchall()
        names = told_apart([str(name) for name, *_ in found])
        kinds = [self._connection.type(str(kind)) for _, kind, *_ in found]
        columns = [Column(name, kind) for name, kind in zip(names, kinds, strict=True)]
        aliases = ", ".join(f"c{place}" for place in range(len(columns)))
        return Statement(f"(\n{inner}\n) AS t({aliases})", columns, list(parameters))

    def read(self, statement: Statement, projection: str, batch_rows: int) -> Any:
        """Run a statement.

        Args:
            statement: what :meth:`bind` gave.
            projection: the SQL of the columns that are wanted of it.
            batch_rows: how many rows come at once.

        Returns:
            A ``pyarrow.RecordBatchReader``; rows are computed while it is read.

        Raises:
            duckdb.Error: the statement fails.
        """
        sql = f"SELECT {projection} FROM {statement.rows}"
        self.check(sql, len(statement.parameters))
        cursor = self._connection.cursor()
        # Up to 1.5 a relation with parameters is computed whole first, from 2.0 on any other is.
        if int(duckdb.__version__.partition(".")[0]) >= _FIRST_WITH_STREAMED_RELATIONS:
            relation: Any = cursor.sql(sql, params=statement.parameters)
            return relation.to_arrow_reader(batch_rows)
        running: Any = cursor.execute(sql, statement.parameters)
        named = ("to_arrow_reader", "fetch_record_batch")
        method = next(name for name in named if hasattr(running, name))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return getattr(running, method)(batch_rows)

    def _functions(self) -> set[str]:
        listed = self._connection.execute(
            "SELECT DISTINCT lower(function_name) FROM duckdb_functions()"
            " WHERE function_type IN ('scalar', 'aggregate', 'macro', 'window')"
            " AND (has_side_effects IS NOT true OR list_contains(?, lower(function_name)))",
            [sorted(_HARMLESS)],
        ).fetchall()
        with_effects = self._connection.execute(
            "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE has_side_effects"
        ).fetchall()
        refused = {name for (name,) in with_effects} - _HARMLESS
        found = {name for (name,) in listed if not _REFUSED.fullmatch(name)}
        return (found - refused) | _UNLISTED | {"ga4gh_type"}

    def _fence(self, paths: Sequence[str], memory: int) -> None:
        allowed = ", ".join(map(quote_literal, paths))
        settings: Mapping[str, str] = {
            "memory_limit": quote_literal(f"{memory // 1000}kB"),
            "temp_directory": "''",
            "allowed_paths": f"[{allowed}]",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "allow_persistent_secrets": "false",
            "python_enable_replacements": "false",
            "python_scan_all_frames": "false",
            "enable_external_access": "false",
        }
        comforts = {
            "TimeZone": "'UTC'",
            "parquet_metadata_cache": "true",
            "enable_progress_bar": "false",
        }
        for name, value in comforts.items():
            with suppress(_NO_SUCH_SETTING):  # a DuckDB that has no such setting
                self._connection.execute(f"SET {name} = {value}")
        for name, value in settings.items():
            # None of these may be missing: without one of them, nothing is served.
            self._connection.execute(f"SET {name} = {value}")
        self._connection.execute("SET lock_configuration = true")
