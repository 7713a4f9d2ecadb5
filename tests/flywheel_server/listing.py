"""Lists: filtered, sorted, a page at a time."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

from tests.flywheel_server.messages import Answer, Call, RefusedError, as_json
from tests.flywheel_server.study import Record

__all__ = ["field_of", "listed"]

_PAGE = 100
_CONDITION = re.compile(r"(?P<field>[\w.]+)(?P<sign>=~|!=|<=|>=|=|<|>)(?P<value>.*)", re.DOTALL)
_NAMED = {"true": True, "false": False, "null": None}
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def listed(
    call: Call, records: Sequence[Record], fields: Collection[str], *, paged: bool | None = None
) -> Answer:
    """An answer with those of the records that are asked for.

    Args:
        call: the request, with ``filter``, ``sort``, ``limit``, ``skip``, ``page``, ``after_id``.
        records: all, in the order in which they come when no other is asked for.
        fields: those that a filter may name.
        paged: whether the answer is a page or a bare list; None for what the client can take.
    """
    request = call.request
    if paged is None:
        paged = "pagination" in request.features
    conditions = [_condition(text, fields) for text in _split(request.query.get("filter", ""))]
    found = [record for record in records if all(holds(record) for holds in conditions)]
    total = len(found)
    found = _from_where_asked(call, _sorted(found, request.query))
    limit = request.number("limit")
    if limit is None and paged:
        limit = _PAGE
    # Zero stands for all of them.
    found = found[:limit] if limit else found
    return as_json({"count": len(found), "total": total, "results": found} if paged else found)


def field_of(record: Record, path: str) -> Any:
    """What stands at a dotted path; None for nothing."""
    found: Any = record
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _from_where_asked(call: Call, records: list[Record]) -> list[Record]:
    request = call.request
    after, skip, page = (
        request.query.get("after_id"),
        request.number("skip"),
        request.number("page"),
    )
    if after is not None:
        if skip or page or "sort" in request.query:
            raise RefusedError(400, "after_id goes with neither sort, page nor skip")
        later = [record for record in records if str(record["_id"]) > after]
        return sorted(later, key=lambda record: str(record["_id"]))
    # The first page has the number 1.
    pages = max(0, (page or 1) - 1)
    return records[(skip or 0) + pages * (request.number("limit") or _PAGE) :]


def _sorted(records: list[Record], query: dict[str, str]) -> list[Record]:
    # The first field counts most, and sorting is stable: so begin with the last.
    for part in reversed([part for part in query.get("sort", "").split(",") if part]):
        name, _, direction = part.partition(":")
        if direction not in ("", "asc", "desc", "1", "-1"):
            raise RefusedError(400, f"no direction of sorting: {direction}")
        records = sorted(
            records,
            key=partial(_sortable, name),
            reverse=direction in ("desc", "-1"),
        )
    return records


def _sortable(name: str, record: Record) -> tuple[bool, str]:
    value = field_of(record, name)
    return value is not None, str(value)


def _split(filters: str) -> list[str]:
    # A comma after a backslash belongs to a value.
    parts = re.split(r"(?<!\\),", filters)
    return [part.replace("\\,", ",") for part in parts if part]


def _condition(text: str, fields: Collection[str]) -> Callable[[Record], bool]:
    parts = _CONDITION.fullmatch(text)
    if parts is None or parts["field"] not in fields:
        raise RefusedError(400, f"no filter: {text}")
    name, sign, value = parts["field"], parts["sign"], parts["value"]
    holds = _test(sign, _NAMED.get(value, value))

    def condition(record: Record) -> bool:
        found = field_of(record, name)
        return holds(found if isinstance(found, list) else [found])

    return condition


def _test(sign: str, wanted: Any) -> Callable[[list[Any]], bool]:
    """Whether one of some values stands so to the wanted one."""
    if sign in _SIGNS:
        compare = _SIGNS[sign]
        return lambda found: any(compare(str(one), str(wanted)) for one in found if one is not None)
    if sign == "=~":
        try:
            pattern = re.compile(str(wanted))
        except re.error:
            raise RefusedError(400, f"no pattern: {wanted}") from None
        return lambda found: any(pattern.search(str(one)) for one in found)
    return lambda found: (wanted in found) == (sign == "=")
