"""Names, texts and types in Spark's SQL."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["comment", "identifier", "literal", "one_line", "places", "spark_type"]

_ESCAPES = {"\\": "\\\\", "'": "\\'", "$": "\\u0024", "\n": "\\n", "\r": "\\r"}
_ESCAPED = re.compile(r"[\\'$\n\r]")

_TYPES: Mapping[str, str] = {
    "BOOLEAN": "BOOLEAN",
    "TINYINT": "TINYINT",
    "SMALLINT": "SMALLINT",
    "INTEGER": "INT",
    "BIGINT": "BIGINT",
    "HUGEINT": "DECIMAL(38,0)",
    # Spark has no unsigned integers: each becomes what holds all of its values.
    "UTINYINT": "SMALLINT",
    "USMALLINT": "INT",
    "UINTEGER": "BIGINT",
    "UBIGINT": "DECIMAL(20,0)",
    "FLOAT": "FLOAT",
    "DOUBLE": "DOUBLE",
    "VARCHAR": "STRING",
    "BLOB": "BINARY",
    "DATE": "DATE",
    # Without a zone, so that the session's zone changes no instant; datasets' are UTC.
    "TIMESTAMP": "TIMESTAMP_NTZ",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
}
_DECIMAL = re.compile(r"DECIMAL\(\d+,\d+\)")


def spark_type(kind: str) -> str | None:
    """Spark's name of the type that DuckDB calls so; None where Spark has none like it."""
    if kind.endswith("[]"):
        item = spark_type(kind[:-2])
        return None if item is None else f"ARRAY<{item}>"
    return kind if _DECIMAL.fullmatch(kind) else _TYPES.get(kind)


def identifier(name: str) -> str:
    """Quote a name."""
    return "`" + name.replace("`", "``") + "`"


def literal(text: str) -> str:
    """Quote a text.

    Not even quoted, ``${env:NAME}`` would stay: Spark puts the server's environment there before
    it parses.
    """
    return "'" + _ESCAPED.sub(lambda found: _ESCAPES[found[0]], text) + "'"


def comment(text: str) -> str:
    """A description as a clause, on one line; nothing for none."""
    plain = one_line(text)
    return f" COMMENT {literal(plain)}" if plain else ""


def one_line(text: str) -> str:
    """A text as it stands in a comment."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def places(number: int) -> list[str]:
    """Names for so many columns, by their places.

    In the text of a view no column has a name that must be quoted: Sail keeps these without their
    quotes.
    """
    return [f"c{place}" for place in range(number)]
