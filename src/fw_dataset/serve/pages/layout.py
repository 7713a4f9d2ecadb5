"""What surrounds every page: head, navigation, the way back, the footer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fw_dataset.serve.pages.addresses import Addresses
from fw_dataset.serve.pages.markup import Html, Node, join, tag

__all__ = ["Crumb", "Frame", "facts", "page", "pager", "tabs"]

Crumb = tuple[str, str]
"""What stands in the way back: a text, and the address that it leads to."""


@dataclass(frozen=True)
class Frame:
    """What all pages of a request have in common.

    Attributes:
        to: the addresses.
        release: of this package.
        can_sign_out: the reader has signed in, and so can sign out.
    """

    to: Addresses = field(default_factory=Addresses)
    release: str = ""
    can_sign_out: bool = False


def page(
    frame: Frame,
    title: str,
    *content: Node,
    trail: Sequence[Crumb] = (),
    section: str = "datasets",
    script: str | None = None,
) -> str:
    """A whole page.

    Args:
        frame: what surrounds it.
        title: for the window and the history.
        content: of the main part; the first heading is its own.
        trail: the way back, from the top.
        section: which entry of the navigation it belongs to.
        script: the name of the one script that it needs, if any.
    """
    body = tag(
        "body",
        tag("a", "Skip to the content", href="#content", class_="skip"),
        _banner(frame, section),
        tag("main", _trail(trail, title), content, id="content", tabindex="-1"),
        _footer(frame),
    )
    return f"<!doctype html>{tag('html', _head(frame, title, script), body, lang='en')}\n"


def _head(frame: Frame, title: str, script: str | None) -> Html:
    link = frame.to.static
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("title", f"{title} · fw-dataset"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("link", rel="icon", href=link("icon.svg"), type="image/svg+xml"),
        tag("link", rel="stylesheet", href=link("style.css")),
        tag("script", type="module", src=link(script)) if script else None,
    )


def _banner(frame: Frame, section: str) -> Html:
    def entry(name: str, text: str, href: str) -> Html:
        current = "page" if name == section else None
        return tag("li", tag("a", text, href=href, aria_current=current))

    leave = tag(
        "form",
        tag("button", "Sign out", class_="plain"),
        action=frame.to.sign_out,
        method="post",
    )
    entries = (
        entry("datasets", "Datasets", frame.to.home),
        entry("query", "Query", frame.to.query()),
        tag("li", leave) if frame.can_sign_out else None,
    )
    name = tag("a", "fw-dataset", href=frame.to.home, class_="brand")
    return tag("header", name, tag("nav", tag("ul", entries), aria_label="Main"), class_="banner")


def _trail(trail: Sequence[Crumb], title: str) -> Html | None:
    if not trail:
        return None
    steps = [tag("li", tag("a", text, href=href)) for text, href in trail]
    last = tag("li", tag("span", title, aria_current="page"))
    return tag("nav", tag("ol", steps, last), aria_label="Breadcrumbs", class_="trail")


def _footer(frame: Frame) -> Html:
    link = tag("a", "OpenAPI document", href=frame.to.description)
    return tag(
        "footer",
        tag("p", f"fw-dataset {frame.release}".strip()),
        tag("p", "For programs: a GA4GH Data Connect service at this address. ", link),
    )


def facts(*pairs: tuple[str, Node]) -> Html:
    """A line of small facts, each with its name."""
    kept = [(name, value) for name, value in pairs if value not in (None, "")]
    return tag(
        "dl",
        [tag("div", tag("dt", name), tag("dd", value)) for name, value in kept],
        class_="facts",
    )


def tabs(label: str, entries: Sequence[tuple[str, str, bool]]) -> Html:
    """Pages of one thing, side by side: text, address, whether it is this one."""
    items = [
        tag("li", tag("a", text, href=href, aria_current="page" if here else None))
        for text, href, here in entries
    ]
    return tag("nav", tag("ul", items), aria_label=label, class_="tabs")


def pager(what: str, before: str | None, after: str | None) -> Html | None:
    """The way to the pages before and after; nothing where there is only one."""
    if before is None and after is None:
        return None

    def way(text: str, href: str | None, rel: str) -> Html:
        if href is None:
            return tag("span", text, class_="button", aria_disabled="true")
        return tag("a", text, href=href, rel=rel, class_="button")

    return tag(
        "nav",
        join(way("← Previous", before, "prev"), way("Next →", after, "next")),
        aria_label=f"Pages of {what}",
        class_="pager",
    )
