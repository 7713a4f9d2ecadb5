"""What became of the projects of a site."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["Happened", "ProjectOutcome", "SiteReport"]

Happened = Literal[
    "rendered", "already there", "would be rendered", "failed", "interrupted", "not begun"
]


@dataclass(frozen=True)
class ProjectOutcome:
    """What became of one project.

    Attributes:
        project: its path, ``fw://group/project``.
        project_id: its id.
        happened: ``"rendered"``; ``"already there"``, as its newest snapshot was rendered before;
            ``"would be rendered"``, by itself; ``"failed"``; ``"interrupted"``, as all was;
            or ``"not begun"``.
        version: the id of the version, where there is one.
        label: its label, or else its id.
        location: where the dataset is.
        rows: the rows of all its tables.
        seconds: how long it took.
        why: why it failed, or what there is to say; empty for nothing.
        skipped: records that could not be read, and stayed out.
    """

    project: str
    project_id: str
    happened: Happened
    version: str | None = None
    label: str | None = None
    location: str | None = None
    rows: int | None = None
    seconds: float = 0.0
    why: str = ""
    skipped: int = 0

    @property
    def is_well(self) -> bool:
        """Whether it is as it was wished, without a record that stayed out."""
        return self.happened in _WELL and not self.skipped


_WELL = ("rendered", "already there", "would be rendered")


@dataclass(frozen=True)
class SiteReport:
    """What became of the projects of a site.

    Attributes:
        projects: those that matched, by their paths.
        seconds: how long all of it took.
        stopped: why projects were not begun; empty where none was left.
    """

    projects: tuple[ProjectOutcome, ...]
    seconds: float
    stopped: str = ""

    @property
    def is_well(self) -> bool:
        """Whether all projects are as they were wished."""
        return not self.stopped and all(one.is_well for one in self.projects)

    @property
    def counts(self) -> dict[str, int]:
        """How many projects became what."""
        return dict(Counter(one.happened for one in self.projects))

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        return {
            "counts": self.counts,
            "seconds": round(self.seconds, 3),
            "stopped": self.stopped,
            "projects": [asdict(one) for one in self.projects],
        }
