"""Small drawings of how the values of a column are spread, as SVG without any style of its own."""

from __future__ import annotations

from collections.abc import Sequence

from fw_dataset.serve.pages.markup import Html, Node, tag
from fw_dataset.serve.pages.wording import count, number, percent, short_instant

__all__ = ["edge", "histogram", "share", "top_values"]

_WIDTH, _HEIGHT = 180.0, 40.0
_TOP_SHOWN = 5


def edge(value: float | str) -> str:
    """The value at the edge of a bin, for people."""
    return short_instant(value) if isinstance(value, str) else number(value)


def histogram(name: str, edges: Sequence[float | str], counts: Sequence[int]) -> Html:
    """Bars over bins of equal width, and the values at both ends."""
    most = max(counts, default=0) or 1
    width = _WIDTH / max(len(counts), 1)
    bars = [
        _bar(place * width, width, _HEIGHT * amount / most, _bin(edges, place, amount))
        for place, amount in enumerate(counts)
        if amount
    ]
    fullest = max(range(len(counts)), key=counts.__getitem__, default=0)
    said = (
        f"Histogram of {name}, from {edge(edges[0])} to {edge(edges[-1])};"
        f" most values: {_bin(edges, fullest, most)}"
    )
    picture = tag(
        "svg",
        bars,
        viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
        preserveAspectRatio="none",
        role="img",
        aria_label=said,
        class_="histogram",
    )
    ends = tag("p", tag("span", edge(edges[0])), tag("span", edge(edges[-1])), class_="ends")
    return tag("div", picture, ends, class_="spread")


def _bin(edges: Sequence[float | str], place: int, amount: int) -> str:
    return f"{edge(edges[place])} – {edge(edges[place + 1])}: {count(amount)}"


def _bar(x: float, width: float, height: float, said: str) -> Html:
    tall = max(height, 1.0)  # however few, they are seen
    gap = min(1.0, width / 6)
    return tag(
        "rect",
        tag("title", said),
        x=f"{x + gap / 2:.2f}",
        y=f"{_HEIGHT - tall:.2f}",
        width=f"{width - gap:.2f}",
        height=f"{tall:.2f}",
    )


def share(part: int, whole: int) -> Html:
    """A thin bar that is as full as ``part`` of ``whole``; decoration, as the figure is beside."""
    filled = 100 * part / whole if whole > 0 else 0
    return tag(
        "svg",
        tag("rect", width="100", height="4", class_="rest"),
        tag("rect", width=f"{filled:.2f}", height="4"),
        viewBox="0 0 100 4",
        preserveAspectRatio="none",
        aria_hidden="true",
        class_="share",
    )


def top_values(top: Sequence[tuple[Node, int]], whole: int, *, unlisted: int = 0) -> Html:
    """The most frequent values with their share of all rows, as a list with bars."""
    items = [
        tag(
            "li",
            tag("span", value, class_="value"),
            tag("span", count(amount), " ", tag("span", percent(amount, whole)), class_="amount"),
            share(amount, whole),
        )
        for value, amount in top[:_TOP_SHOWN]
    ]
    left = len(top) - len(items) + unlisted
    more = tag("p", f"and {count(left)} more", class_="soft small") if left > 0 else None
    return tag("div", tag("ul", items, class_="top"), more)
