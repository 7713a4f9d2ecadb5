"""The page: a table for each table, a row for each column."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

from fw_dataset.format.profile import ColumnProfile, Counted, TableProfile
from fw_dataset.render.profile_page.charts import fill_chart, histogram_chart, share_chart
from fw_dataset.render.profile_page.figures import readable, share, shown, size
from fw_dataset.render.profile_page.style import STYLE

__all__ = ["column_figures", "profile_page"]

_FIRST_VALUES = 3
_NOTE = "It has nothing in it of what stands in rows."


def profile_page(
    title: str,
    version: str,
    profiles: Mapping[str, TableProfile],
    schemas: Mapping[str, Mapping[str, Any]],
) -> str:
    """A page that needs no other file, no script and no network.

    Args:
        title: what the dataset is called.
        version: which version it is, in words.
        profiles: of its tables, by name.
        schemas: the JSON Schema of each of these tables.
    """
    head = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy"'
        f" content=\"default-src 'none'; style-src 'sha256-{_digest(STYLE)}'\">\n"
        f"<title>{_escaped(title)}: profile</title>\n<style>{STYLE}</style>\n</head>\n"
    )
    note = "" if all(one.values for one in profiles.values()) else f" {_NOTE}"
    items = "".join(
        f'<li><a href="#t{place}">{_escaped(name)}</a> <span class="soft">{one.rows:,}</span></li>'
        for place, (name, one) in enumerate(profiles.items())
    )
    sections = "\n".join(
        _section(place, one, schemas.get(name, {}))
        for place, (name, one) in enumerate(profiles.items())
    )
    return (
        f"{head}<body>\n<header>\n<h1>{_escaped(title)}</h1>\n"
        f'<p class="soft">Profile of {_escaped(version)}.{note}</p>\n</header>\n'
        f'<nav aria-label="Tables"><ul>{items}</ul></nav>\n<main>\n{sections}\n</main>\n'
        "</body>\n</html>\n"
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _section(place: int, profile: TableProfile, schema: Mapping[str, Any]) -> str:
    properties = schema.get("properties") or {}
    body = "\n".join(
        _row(column, profile.rows, properties.get(column.name) or {}) for column in profile.columns
    )
    description = escape(str(schema.get("description") or ""))
    extent = size(profile.rows, len(profile.columns))
    # Styles for narrow screens take the roles of tables away; so they are written out.
    return (
        f'<section aria-labelledby="t{place}">\n<h2 id="t{place}">{_escaped(profile.table)}</h2>\n'
        f'<table role="table"><caption>{description} {extent}.</caption>\n'
        '<thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Column</th>'
        '<th role="columnheader" scope="col" class="number">Filled</th>'
        '<th role="columnheader" scope="col" class="number">Distinct</th>'
        '<th role="columnheader" scope="col">Values</th></tr></thead>\n'
        f'<tbody role="rowgroup">\n{body}\n</tbody></table>\n</section>'
    )


def _row(column: ColumnProfile, rows: int, described: Mapping[str, Any]) -> str:
    filled = rows - column.nulls
    kind = f"{column.type}, JSON" if column.kind == "json" else column.type
    meaning = escape(str(described.get("description") or described.get("title") or ""))
    return (
        f'<tr role="row"><th role="rowheader" scope="row"><b>{_escaped(column.name)}</b>'
        f" <code>{_escaped(kind)}</code><small>{meaning}</small></th>"
        f'<td role="cell" class="number" data-name="Filled">{share(filled, rows)}'
        f"{fill_chart(filled, rows)}</td>"
        f'<td role="cell" class="number" data-name="Distinct">{_distinct(column)}</td>'
        f'<td role="cell" class="values">{column_figures(column)}</td></tr>'
    )


def _distinct(column: ColumnProfile) -> str:
    if column.distinct is None:
        return "–"
    return f"{'about ' if column.distinct_is_approximate else ''}{column.distinct:,}"


def column_figures(column: ColumnProfile) -> str:
    """What is in a column, as a piece of HTML: a chart or words, and details to unfold."""
    return "".join((*_glance(column), *_details(column)))


def _glance(column: ColumnProfile) -> Iterator[str]:
    histogram = column.histogram
    if histogram is not None:
        yield histogram_chart(histogram, column.name)
        # The last edge is beyond all values; it would be taken for the largest one.
        first = histogram.edges[0] if histogram.below else column.min
        last = histogram.edges[-1] if histogram.above else column.max
        yield f'<div class="ends"><span>{_text(first)}</span><span>{_text(last)}</span></div>'
    elif column.top:
        yield ", ".join(
            f"{_escaped(one.value)} ({one.count:,})" for one in column.top[:_FIRST_VALUES]
        )
    elif column.examples:
        listed = ", ".join(_escaped(one) for one in column.examples[:_FIRST_VALUES])
        yield f'<span class="soft">such as</span> {listed}'
    elif column.keys:
        yield '<span class="soft">keys</span> '
        yield ", ".join(_escaped(one.value) for one in column.keys[:_FIRST_VALUES])


def _details(column: ColumnProfile) -> Iterator[str]:
    parts = [*_figures(column)]
    if len(column.top) > 1:
        caption = "Most frequent items" if column.kind == "list" else "Most frequent values"
        parts.append(_counted(caption, column.top))
    if column.keys:
        more = f" ({column.keys_left_out:,} rarer ones left out)" if column.keys_left_out else ""
        parts.append(_counted(f"Keys{more}", column.keys))
    if len(column.examples) > _FIRST_VALUES or (column.examples and column.top):
        rows = "".join(f"<tr><td>{_escaped(one)}</td></tr>" for one in column.examples)
        parts.append(f"<table><caption>Examples</caption><tbody>{rows}</tbody></table>")
    if parts:
        name = _escaped(column.name)
        # All summaries would sound alike where they are read out one after the other.
        summary = f'<summary aria-label="Details of {name}">Details</summary>'
        yield f"<details>{summary}{''.join(parts)}</details>"


def _figures(column: ColumnProfile) -> Iterator[str]:
    figures: list[tuple[str, str]] = []
    if column.min is not None:
        figures.append(("minimum", shown(column.min)))
        figures += [(f"{name} %", shown(value)) for name, value in column.quantiles.items()]
        figures.append(("maximum", shown(column.max)))
    if column.mean is not None:
        figures.append(("mean", shown(float(column.mean))))
    histogram = column.histogram
    counts = {
        "NaN": column.not_a_number,
        "infinite": column.infinite,
        "below the chart": histogram.below if histogram else 0,
        "above the chart": histogram.above if histogram else 0,
    }
    figures += [(name, f"{count:,}") for name, count in counts.items() if count]
    if column.lengths is not None:
        lengths = column.lengths
        unit = "items" if column.kind == "list" else "characters"
        text = f"{lengths.min:,} – {lengths.max:,}, mean {lengths.mean:,.4g}"
        figures.append((unit, text))
    if column.shapes is not None:
        figures += [(name, f"{count:,}") for name, count in column.shapes if count]
    if figures:
        rows = "".join(
            f'<tr><th scope="row">{_escaped(name)}</th><td>{_escaped(text)}</td></tr>'
            for name, text in figures
        )
        yield f"<table><caption>Figures</caption><tbody>{rows}</tbody></table>"


def _counted(caption: str, counted: Iterable[Counted]) -> str:
    found = list(counted)
    most = max(one.count for one in found)
    rows = "".join(
        f'<tr><th scope="row">{_escaped(one.value)}</th><td>{one.count:,}</td>'
        f"<td>{share_chart(one.count, most)}</td></tr>"
        for one in found
    )
    return f"<table><caption>{caption}</caption><tbody>{rows}</tbody></table>"


def _text(value: Any) -> str:
    return _escaped(shown(value))


def _escaped(text: str) -> str:
    return escape(readable(text))
