"""What a page owes to those who see little, hear it read, or have no mouse: checked in Chromium."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.serve.pages.browser import Tab

__all__ = ["faults"]

# Roles whose elements are nothing without a name.
_NAMED = frozenset(
    {"button", "combobox", "form", "image", "img", "link", "navigation", "region", "searchbox"}
    | {"table", "textbox"}
)

_CHECKS = Path(__file__).with_suffix(".js").read_text("utf-8")


def faults(tab: Tab) -> list[str]:
    """What is wrong with the page that a tab shows."""
    found: list[str] = tab.evaluate(_CHECKS)
    nodes: list[dict[str, Any]] = tab.call("Accessibility.getFullAXTree")["nodes"]
    for node in nodes:
        role = node.get("role", {}).get("value")
        name = node.get("name", {}).get("value", "").strip()
        if not node.get("ignored") and role in _NAMED and not name:
            found.append(f"{role} without a name: {_origin(tab, node)}")
    return found


def _origin(tab: Tab, node: dict[str, Any]) -> str:
    described = tab.call("DOM.describeNode", backendNodeId=node["backendDOMNodeId"])["node"]
    return f"{described['nodeName']} {described.get('attributes')}"
