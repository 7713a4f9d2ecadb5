"""The gate: which SQL is let through, decided on DuckDB's own parse tree.

DuckDB's statement types say nothing: a ``SELECT`` may write a file from a CTE. So the tree of
``json_serialize_sql`` is walked, and all in it must be known to be harmless: a kind of node that
is not listed here, such as one that a later release brings, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

__all__ = ["Checked", "RefusedError", "Vocabulary", "check_tree"]

_NODES = frozenset(
    {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
    | {"BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EXPRESSION_LIST", "EMPTY", "PIVOT"}
    | {"ORDER_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "DISTINCT_MODIFIER"}
    | {"ORDER_DEFAULT", "ASCENDING", "DESCENDING", "ASC", "DESC"}
)
_CLASSES = frozenset(
    {"BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT"}
    | {"DEFAULT", "FUNCTION", "LAMBDA", "LAMBDA_REF", "OPERATOR", "PARAMETER"}
    | {"POSITIONAL_REFERENCE", "STAR", "SUBQUERY", "TYPE", "WINDOW"}
)
_TABLE_FUNCTIONS = frozenset({"generate_series", "json_each", "json_tree", "range", "unnest"})
_LISTINGS = frozenset({"columns", "schemata", "tables"})
# Without a dot or a slash no name can be a file's.
_CTE_NAME = re.compile(r"[^\W\d][\w $-]*")
_DEEPEST = 400
_NAMED_AT_MOST = 5
_INFORMATION = "information_schema"


class RefusedError(Exception):
    """The SQL is not let through; the message is for its author."""


@dataclass(frozen=True)
class Vocabulary:
    """What SQL may name.

    Attributes:
        tables: the tables by schema and name, both casefolded, with their full names.
        functions: the names of functions, casefolded.
        main: the schema that needs not be named.
    """

    tables: Mapping[tuple[str, str], str]
    functions: Collection[str]
    main: str = "main"


@dataclass(frozen=True)
class Checked:
    """What a statement uses.

    Attributes:
        tables: the full names of the tables that it reads.
        lists: it asks what tables there are.
    """

    tables: frozenset[str]
    lists: bool


def check_tree(tree: Any, vocabulary: Vocabulary, parameters: int) -> Checked:
    """Look at all of a statement.

    Args:
        tree: what ``json_serialize_sql`` made of the SQL.
        vocabulary: what may be named.
        parameters: how many parameters are given.

    Raises:
        RefusedError: it is more than one statement, not harmless, or wants other parameters.
    """
    if not isinstance(tree, dict) or tree.get("error") is not False:
        raise RefusedError(_complaint(tree))
    statements = tree.get("statements")
    if not isinstance(statements, list) or len(statements) != 1:
        raise RefusedError("send exactly one statement, a SELECT")
    walk = _Walk(vocabulary, frozenset(_cte_names(statements[0])))
    walk.look_at(statements[0], 0)
    walk.check_parameters(parameters)
    return Checked(frozenset(walk.tables), walk.lists)


def _complaint(tree: Any) -> str:
    if isinstance(tree, dict):
        if tree.get("error_type") == "not implemented":
            return "only SELECT is possible here"
        return str(tree.get("error_message") or "the SQL cannot be read").splitlines()[0]
    return "the SQL cannot be read"


def _cte_names(value: Any) -> Iterator[str]:
    """The names of all CTEs in a tree."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            ctes = found.get("cte_map")
            for entry in (ctes or {}).get("map", ()) if isinstance(ctes, dict) else ():
                yield _checked_cte(entry.get("key"))
            if found.get("type") in ("CTE_NODE", "RECURSIVE_CTE_NODE"):
                yield _checked_cte(found.get("cte_name", found.get("ctename")))
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)


def _checked_cte(name: Any) -> str:
    if not isinstance(name, str) or not _CTE_NAME.fullmatch(name):
        raise RefusedError(f"a CTE cannot be called {name!r} here: use letters, digits and _")
    return name.casefold()


class _Walk:
    """One look at a tree."""

    def __init__(self, vocabulary: Vocabulary, ctes: frozenset[str]) -> None:
        self._known, self._ctes = vocabulary, ctes
        self._parameters: set[str] = set()
        self.tables: set[str] = set()
        self.lists = False

    def look_at(self, value: Any, depth: int) -> None:
        """A part of the tree and all below it."""
        if depth > _DEEPEST:
            raise RefusedError("the SQL is nested too deeply")
        if isinstance(value, list):
            for item in value:
                self.look_at(item, depth + 1)
        elif isinstance(value, dict):
            kind = value.get("class")
            if kind is not None:
                self._expression(str(kind), value)
            elif "type" in value and value["type"] is not None:
                self._node(value)
            for key, item in value.items():
                if kind != "CONSTANT" or key not in ("value", "literal"):
                    self.look_at(item, depth + 1)

    def check_parameters(self, given: int) -> None:
        """Whether the parameters are ``?``, and as many as are given."""
        wanted = {str(number) for number in range(1, len(self._parameters) + 1)}
        if self._parameters != wanted:
            raise RefusedError("parameters are positional: write ? for each")
        if len(wanted) != given:
            raise RefusedError(f"the SQL has {len(wanted)} parameters, and {given} are given")

    def _node(self, node: Mapping[str, Any]) -> None:
        kind = node["type"]
        if isinstance(kind, dict):
            return  # the type of a value, which is looked at as any other part
        if kind == "SHOW_REF":
            self._description(node)
        elif kind not in _NODES and not self._is_type(node):
            raise RefusedError(f"this is not possible here: {str(kind)[:40].replace('_', ' ')}")
        if kind == "BASE_TABLE":
            self._base_table(node)
        elif kind == "TABLE_FUNCTION":
            name = str((node.get("function") or {}).get("function_name", "")).casefold()
            if name not in _TABLE_FUNCTIONS:
                raise RefusedError(f"the table function {name[:60]!r} is not possible here")

    @staticmethod
    def _description(node: Mapping[str, Any]) -> None:
        """What a query gives or holds is let through, as the query is; settings and such are not.

        Any other SHOW names what it shows by itself, which may be a setting.
        """
        is_of_query = isinstance(node.get("query"), dict) and not any(
            node.get(key) for key in ("catalog_name", "schema_name", "table_name")
        )
        if not is_of_query or node.get("show_type") not in ("DESCRIBE", "SUMMARY"):
            raise RefusedError(
                "this is not possible here; alone there can be SHOW TABLES, and anywhere"
                " DESCRIBE and SUMMARIZE with a table or a SELECT"
            )

    @staticmethod
    def _is_type(node: Mapping[str, Any]) -> bool:
        """Whether it is the extra information about a type, such as a decimal's digits."""
        return str(node["type"]).endswith("_TYPE_INFO")

    def _base_table(self, node: Mapping[str, Any]) -> None:
        catalog, schema, name = (
            str(node.get(key) or "") for key in ("catalog_name", "schema_name", "table_name")
        )
        shown = ".".join(part for part in (catalog, schema, name) if part)[:120]
        folded = (schema.casefold() or self._known.main, name.casefold())
        if node.get("at_clause"):
            raise RefusedError(f"{shown!r}: a table has no AT here; versions are schemas")
        if not catalog and folded in self._known.tables:
            self.tables.add(self._known.tables[folded])
        elif not catalog and folded[0] == _INFORMATION and folded[1] in _LISTINGS:
            self.lists = True
        elif catalog or schema or folded[1] not in self._ctes:
            raise RefusedError(f"there is no table {shown!r}; {self._instead(name)}")

    def _instead(self, wanted: str) -> str:
        """Where there are tables of that name, or else how one finds those that there are."""
        known = self._known.tables
        same = [full for (_, name), full in known.items() if name == wanted.casefold()]
        close = get_close_matches(wanted.casefold(), [name.casefold() for name in known.values()])
        meant = same or [full for full in known.values() if full.casefold() in close[:1]]
        if not meant:
            return "SHOW TABLES lists them"
        shown, more = meant[:_NAMED_AT_MOST], len(meant) - _NAMED_AT_MOST
        return f"did you mean {' or '.join(shown)}{f', or {more} more' if more > 0 else ''}?"

    def _expression(self, kind: str, node: Mapping[str, Any]) -> None:
        if kind not in _CLASSES:
            raise RefusedError(f"this is not possible here: {kind[:40].replace('_', ' ')}")
        if kind == "PARAMETER":
            self._parameters.add(str(node.get("identifier")))
        elif kind in ("FUNCTION", "WINDOW"):
            name = str(node.get("function_name", "")).casefold()
            if name not in self._known.functions and name not in _TABLE_FUNCTIONS:
                raise RefusedError(f"there is no function {name[:60]!r} here")
