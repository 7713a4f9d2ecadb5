"""Turn a Flywheel project's metadata into a dataset of Parquet tables, and ask it questions in SQL.

The public names are loaded on first use, so that ``import fw_dataset`` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fw_dataset import errors
    from fw_dataset.builder import DatasetBuilder
    from fw_dataset.client import DatasetLoader, FWDatasetClient
    from fw_dataset.dataset import Dataset, Table
    from fw_dataset.derivation.adding import add_derived
    from fw_dataset.federation import connect_all
    from fw_dataset.format.schema import DataModel
    from fw_dataset.pipeline import render_snapshot
    from fw_dataset.render.progress import Progress
    from fw_dataset.scale.iceberg import publish_iceberg
    from fw_dataset.scale.many import JobResult, RenderJob, render_many
    from fw_dataset.scale.site import render_site

__version__ = "0.5.0"

_HOMES = {
    "DataModel": "fw_dataset.format.schema",
    "Dataset": "fw_dataset.dataset",
    "DatasetBuilder": "fw_dataset.builder",
    "DatasetLoader": "fw_dataset.client",
    "FWDatasetClient": "fw_dataset.client",
    "JobResult": "fw_dataset.scale.many",
    "Progress": "fw_dataset.render.progress",
    "RenderJob": "fw_dataset.scale.many",
    "Table": "fw_dataset.dataset",
    "add_derived": "fw_dataset.derivation.adding",
    "connect_all": "fw_dataset.federation",
    "publish_iceberg": "fw_dataset.scale.iceberg",
    "render_many": "fw_dataset.scale.many",
    "render_site": "fw_dataset.scale.site",
    "render_snapshot": "fw_dataset.pipeline",
}

__all__ = [
    "DataModel",
    "Dataset",
    "DatasetBuilder",
    "DatasetLoader",
    "FWDatasetClient",
    "JobResult",
    "Progress",
    "RenderJob",
    "Table",
    "__version__",
    "add_derived",
    "connect_all",
    "errors",
    "publish_iceberg",
    "render_many",
    "render_site",
    "render_snapshot",
]


def __getattr__(name: str) -> Any:
    if name == "errors":
        return import_module("fw_dataset.errors")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
