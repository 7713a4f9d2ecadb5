"""HTML out of values: each text is escaped, unless it is HTML already."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TypeAlias, Union

__all__ = ["Attribute", "Html", "Node", "join", "tag"]

Attribute: TypeAlias = Union[str, int, float, bool, None]  # noqa: UP007 - Python 3.10
_VOID = frozenset({"br", "hr", "input", "link", "meta"})


class Html(str):
    """Text that is HTML, made by this module alone."""

    __slots__ = ()


Node: TypeAlias = Union[str, int, Iterable["Node"], None]  # noqa: UP007 - Python 3.10
"""What can stand in an element: a text, which is escaped, a number, HTML, nothing, or several."""


def join(*nodes: Node) -> Html:
    """All of them, one after the other."""
    return Html("".join(_texts(nodes)))


def tag(name: str, /, *nodes: Node, **attributes: Attribute) -> Html:
    """An element.

    Args:
        name: of the element.
        nodes: what is in it.
        attributes: ``class_`` stands for ``class``, ``aria_label`` for ``aria-label``; None and
            False leave an attribute out, True gives it without a value.
    """
    head = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{head}>")
    return Html(f"<{name}{head}>{join(*nodes)}</{name}>")


def _texts(nodes: Iterable[Node]) -> Iterable[str]:
    for node in nodes:
        if node is None:
            continue
        if isinstance(node, Html):
            yield node
        elif isinstance(node, (str, int)):
            yield escape(str(node))
        else:
            yield from _texts(node)


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    spelled = name.rstrip("_").replace("_", "-")
    return f" {spelled}" if value is True else f' {spelled}="{escape(str(value))}"'
