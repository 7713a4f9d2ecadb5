"""Whether a version is whole: a report, which tells of damage and never stumbles over it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fw_dataset.render.progress import ProgressCallback
from fw_dataset.versions.catalog import CommittedVersion
from fw_dataset.versions.checks import check_structure, named
from fw_dataset.versions.content_checks import check_content
from fw_dataset.versions.inventory import Inventory, Problem, take_inventory

__all__ = ["Problem", "Verification", "verify"]

_LOOKS = 4
_NO_MANIFEST = (
    "there is no manifest, as in versions of the 0.3 and 0.4 releases: whether files are missing,"
    " were cut short or changed"
)


@dataclass(frozen=True)
class Verification:
    """What was found when a version was checked.

    Attributes:
        version: the version's id.
        deep: whether the content of the files was read, too.
        files: how many files were looked at: those of the manifest, or else those that are there.
        bytes: their size in all.
        problems: what is wrong, sorted by place.
        unchecked: what could not be checked, in words.
    """

    version: str
    deep: bool
    files: int
    bytes: int
    problems: tuple[Problem, ...] = ()
    unchecked: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON has it."""
        return {
            "version": self.version,
            "ok": self.ok,
            "deep": self.deep,
            "files": self.files,
            "bytes": self.bytes,
            "problems": [
                {"kind": problem.kind, "path": problem.path, "message": problem.message}
                for problem in self.problems
            ],
            "unchecked": list(self.unchecked),
        }


def verify(
    version: CommittedVersion, *, deep: bool = False, progress: ProgressCallback | None = None
) -> Verification:
    """Check the files of a version against its manifest and its schemas.

    Args:
        version: the version.
        deep: read the data, too: its hashes, rows, and columns.
        progress: told the bytes that are read, stage ``"verify"``.

    Raises:
        VersionNotFoundError: it was deleted meanwhile.
        StorageError: the storage refuses, or cannot be reached.
    """
    seen = take_inventory(version.storage, version.layout, version.objects_in(version.layout.root))
    problems = list(check_structure(seen))
    for _ in range(_LOOKS):
        if not problems:
            break
        # A writer may have changed one file before it was looked at, and another one after.
        again = take_inventory(
            version.storage, version.layout, version.storage.list(version.layout.root)
        )
        settled = again.is_as(seen)
        seen, problems = again, list(check_structure(again))
        if settled:
            break
    problems += check_content(seen, deep=deep, progress=progress)
    found = tuple(sorted(set(problems)))
    sizes = [entry.bytes for entry in seen.files] or list(seen.sizes.values())
    unchecked = tuple(_unchecked(seen))
    return Verification(version.id, deep, len(sizes), sum(sizes), found, unchecked)


def _unchecked(seen: Inventory) -> Iterator[str]:
    if seen.manifest is None:
        damaged = seen.layout.manifest in {problem.path for problem in seen.problems}
        yield (
            "the manifest cannot be read: which files there must be, and their content"
            if damaged
            else _NO_MANIFEST
        )
        if seen.description is not None and not seen.description.tables:
            yield "the description names no tables: whether all of them are there"
    bare = [
        name for name, m in (*seen.shown.items(), *seen.hidden.items()) if m and not m.properties
    ]
    if bare:
        yield f"schemas that name no columns: those of {named(bare)}"
    if seen.writer is not None:
        yield f"{seen.writer} is at work on the version: what it is not done with"
