"""What a caller is told while a dataset is rendered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Progress", "ProgressCallback"]

_BEFORE = frozenset({"snapshot", "download", "decompress"})


@dataclass(frozen=True)
class Progress:
    """One moment of a rendering.

    Attributes:
        stage: ``"decompress"``, ``"render"``, ``"derive"`` (tables made of ``info``), ``"tabular"``
            (tables made of files), ``"profile"`` or ``"publish"``; for a project of a Flywheel
            site ``"snapshot"`` (it is being made) and ``"download"`` before these.
        table: the table at hand, while rendering; while deriving, the one that is read.
        rows: rows done in this table, each time that it is read; of tabular files and profiles,
            the files or tables that are done.
        total_rows: all that there are to be done.
        bytes: bytes done in this stage: of the source file, of the table's JSON, or published.
        total_bytes: bytes in all, where they are known.
    """

    stage: str
    table: str | None = None
    rows: int = 0
    total_rows: int | None = None
    bytes: int = 0
    total_bytes: int | None = None

    @property
    def is_rendering(self) -> bool:
        """Whether something is made, and not only what it is made of is awaited or fetched."""
        return self.stage not in _BEFORE


ProgressCallback = Callable[[Progress], None]
