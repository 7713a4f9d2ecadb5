"""Where things stand in a dataset, as keys relative to its root, ``/`` between the parts."""

from __future__ import annotations

from dataclasses import dataclass

from fw_dataset.errors import InvalidNameError
from fw_dataset.format.names import check_table_name, check_version_id

__all__ = [
    "LATEST_FOLDER",
    "LATEST_MARKER",
    "LATEST_NOTE",
    "PUBLISHED",
    "VERSIONS",
    "VersionLayout",
    "dataset_prefix",
    "default_prefix",
]

VERSIONS = "versions"
PUBLISHED = "iceberg"
"""Where a dataset's versions are described for other systems, unless another place is named."""
README = "README.md"
_MARKER = "provenance/dataset_description.json"
LATEST_FOLDER = "latest"
"""Where the 0.1 and 0.2 releases kept the newest version; the others stood where they do now."""
LATEST_MARKER = f"{LATEST_FOLDER}/{_MARKER}"
LATEST_NOTE = f"{VERSIONS}/latest_version.json"
"""Where they kept a copy of its description."""


def default_prefix(host: str, group: str, project_id: str) -> str:
    """The prefix of a project's dataset in a storage of its own.

    Raises:
        InvalidNameError: a part of it cannot be a folder's name.
    """
    for part in (host, group, project_id):
        if part in ("", ".", "..") or "/" in part:
            raise InvalidNameError(
                f"{part!r} cannot be a part of a dataset's place (site {host!r}, group {group!r},"
                f" project {project_id!r}); name the place in the project's info.dataset"
            )
    return f"datasets/{host}/{group}/{project_id}"


def dataset_prefix(storage_prefix: str | None, default: str) -> str:
    """The prefix of a dataset in a storage that has a prefix itself.

    Args:
        storage_prefix: the storage's own prefix, with or without slashes around it.
        default: what :func:`default_prefix` gives.
    """
    own = (storage_prefix or "").strip("/")
    if not own or own == default:
        return default
    if own.rsplit("/", 1)[-1] in ("dataset", "datasets"):
        return f"{own}/{default.removeprefix('datasets/')}"
    return f"{own}/{default}"


@dataclass(frozen=True)
class VersionLayout:
    """The keys of one version's files.

    Raises:
        InvalidNameError: the version id cannot be a folder's name.
    """

    version: str

    def __post_init__(self) -> None:
        check_version_id(self.version)

    @property
    def root(self) -> str:
        """The version's folder."""
        return f"{VERSIONS}/{self.version}"

    @property
    def claim(self) -> str:
        """The mark of the writer that is making this version."""
        return f"{self.root}/_claim.json"

    @property
    def description(self) -> str:
        """The commit marker: without it there is no version."""
        return f"{self.root}/{_MARKER}"

    @property
    def manifest(self) -> str:
        """The list of the version's files."""
        return f"{self.root}/provenance/manifest.json"

    @property
    def report(self) -> str:
        """What the renderer counted."""
        return f"{self.root}/provenance/rendering_report.json"

    @property
    def schemas(self) -> str:
        """The folder of the tables' schemas."""
        return f"{self.root}/schemas"

    @property
    def hidden_schemas(self) -> str:
        """The folder of the schemas of tables that are kept but not shown."""
        return f"{self.schemas}/hidden"

    def schema(self, table: str) -> str:
        """The schema of one table."""
        return f"{self.schemas}/{check_table_name(table)}.schema.json"

    def table(self, table: str) -> str:
        """The folder of one table's data files."""
        return f"{self.root}/tables/{check_table_name(table)}"

    def profile(self, table: str) -> str:
        """The profile of one table."""
        return f"{self.root}/profiles/{check_table_name(table)}.profile.json"

    @staticmethod
    def version_of(key: str) -> str | None:
        """The version whose commit marker ``key`` is, or None."""
        parts = key.split("/", 2)
        if len(parts) == 3 and parts[0] == VERSIONS and parts[2] == _MARKER:
            return parts[1]
        return None
