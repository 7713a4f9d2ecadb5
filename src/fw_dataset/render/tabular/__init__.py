"""Tabular files of a project (CSV, TSV, archives of them) as tables, without loss."""

from fw_dataset.render.tabular.derive import derive_tabular
from fw_dataset.render.tabular.folder import FolderSource
from fw_dataset.render.tabular.sources import TabularFile, TabularSource

__all__ = ["FolderSource", "TabularFile", "TabularSource", "derive_tabular"]
