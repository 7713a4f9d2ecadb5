"""Instants as the text that other programs read."""

from __future__ import annotations

import re

__all__ = ["INSTANT", "as_iso"]

INSTANT = re.compile(r"TIMESTAMP(_S|_MS|_NS| WITH TIME ZONE)?\Z")
"""The names that DuckDB has for the types of instants."""


def as_iso(value: str, kind: str) -> str:
    """SQL of an instant as ISO 8601 to the microsecond, such as ``2024-06-01T12:00:00.000000Z``.

    Instants of datasets are UTC. All texts are of one length, so that they sort as the instants.

    Args:
        value: SQL of the instant.
        kind: DuckDB's name of its type.
    """
    moment = value if "ZONE" in kind or kind == "TIMESTAMP" else f"CAST({value} AS TIMESTAMP)"
    return f"strftime({moment}, '%Y-%m-%dT%H:%M:%S.%fZ')"
