"""The documentation as data: its pages, and the blocks, headings and links in a page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]

_FENCE = re.compile(r"(`{3,})(\S*)")
_DIRECTIVE = re.compile(r"<!-- (needs|also on): (.+) -->")
_HEADING = re.compile(r"#{1,6} +(.+)")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        language: what stands behind the fence, such as ``"sql"``.
        text: what is in it.
        line: the number of its first line in the page.
        needs: the packages without which it cannot run.
        also_on: where else it is meant to run.
    """

    language: str
    text: str
    line: int
    needs: tuple[str, ...] = ()
    also_on: str = ""


@dataclass(frozen=True)
class Page:
    """A page, taken apart."""

    path: Path
    blocks: tuple[Block, ...]
    prose: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.path.relative_to(CHECKOUT).as_posix()

    @property
    def anchors(self) -> set[str]:
        """What a link can point at in the page, as GitHub makes it of headings."""
        found = (_HEADING.fullmatch(line) for line in self.prose)
        return {_anchor(match[1]) for match in found if match}

    @property
    def links(self) -> list[str]:
        """All targets of links and images."""
        return [target for line in self.prose for target in _LINK.findall(line)]


def read_page(path: Path) -> Page:
    lines = path.read_text(encoding="utf-8").splitlines()
    blocks = tuple(_blocks(lines))
    inside = {
        number
        for block in blocks
        for number in range(block.line - 1, block.line + block.text.count("\n") + 1)
    }
    prose = tuple(line for number, line in enumerate(lines, 1) if number not in inside)
    return Page(path, blocks, prose)


def _blocks(lines: list[str]) -> Iterator[Block]:
    directives: dict[str, str] = {}
    numbered = iter(enumerate(lines, 1))
    for number, line in numbered:
        fence = _FENCE.fullmatch(line)
        if fence is None:
            match = _DIRECTIVE.fullmatch(line)
            if match:
                directives[match[1]] = match[2]
            continue
        body = []
        for _, inner in numbered:
            if inner == fence[1]:
                break
            body.append(inner)
        else:
            raise ValueError(f"the block of line {number} has no end")
        needs = tuple(directives.get("needs", "").replace(",", " ").split())
        yield Block(
            fence[2], "\n".join(body) + "\n", number + 1, needs, directives.get("also on", "")
        )
        directives = {}


def _anchor(heading: str) -> str:
    plain = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return plain.replace(" ", "-")
