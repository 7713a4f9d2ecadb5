"""Small charts as SVG, which take their colours from the page and say in words what they show."""

from __future__ import annotations

from html import escape

from fw_dataset.format.profile import Histogram
from fw_dataset.render.profile_page.figures import readable, shown

__all__ = ["fill_chart", "histogram_chart", "share_chart"]

_WIDTH, _HEIGHT = 200, 40
_GAP = 1
_LOWEST = 1.5


def histogram_chart(histogram: Histogram, name: str) -> str:
    """The bars of a histogram.

    Args:
        histogram: the bins.
        name: of the column.
    """
    highest = max(1, *histogram.counts)
    width = _WIDTH / len(histogram.counts)
    bars = []
    for place, count in enumerate(histogram.counts):
        if count:
            high = max(_LOWEST, _HEIGHT * count / highest)
            low, high_edge = histogram.edges[place], histogram.edges[place + 1]
            title = f"{shown(low)} – {shown(high_edge)}: {count:,}"
            bars.append(
                f'<rect x="{place * width:.2f}" y="{_HEIGHT - high:.2f}"'
                f' width="{max(1.0, width - _GAP):.2f}" height="{high:.2f}">'
                f"<title>{escape(title)}</title></rect>"
            )
    far = histogram.below + histogram.above
    edges = f"from {shown(histogram.edges[0])} to {shown(histogram.edges[-1])}"
    words = (
        f"Histogram of {readable(name)}: {len(histogram.counts)} bins {edges}, the highest with"
        f" {highest:,} rows" + (f"; {far:,} values are outside" if far else "")
    )
    return _svg("chart", _WIDTH, _HEIGHT, words, "".join(bars))


def share_chart(count: int, most: int) -> str:
    """A bar for a count beside others; the number stands next to it, so it says nothing itself."""
    width = max(_LOWEST, 100 * count / max(1, most))
    return (
        '<svg class="share" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect x="0" y="0" width="{width:.2f}" height="8"/></svg>'
    )


def fill_chart(filled: int, rows: int) -> str:
    """How much of a column is not null, as a bar; the number stands next to it."""
    width = 100 * filled / max(1, rows)
    return (
        '<svg class="fill" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="rest" x="0" y="0" width="100" height="6"/>'
        f'<rect x="0" y="0" width="{width:.2f}" height="6"/></svg>'
    )


def _svg(kind: str, width: int, height: int, words: str, inside: str) -> str:
    # `preserveAspectRatio` lets the style choose the size; bars may be stretched.
    return (
        f'<svg class="{kind}" viewBox="0 0 {width} {height}" preserveAspectRatio="none"'
        f' role="img" aria-label="{escape(words)}">{inside}</svg>'
    )
