"""The platform's REST API: projects, storages, snapshots, files. No other room speaks to it."""

from fw_dataset.flywheel.connection import Connection
from fw_dataset.flywheel.files import SiteFiles
from fw_dataset.flywheel.keys import ApiKey, find_api_key
from fw_dataset.flywheel.projects import (
    Project,
    list_projects,
    project_at,
    project_by_id,
    save_directives,
)
from fw_dataset.flywheel.snapshots import (
    SnapshotRecord,
    create_snapshot,
    download_snapshot,
    list_snapshots,
    wait_until_complete,
)
from fw_dataset.flywheel.storages import (
    StorageRecord,
    list_storages,
    storage_by_id,
    storage_by_label,
    storage_credentials,
)
from fw_dataset.flywheel.together import each_done

__all__ = [
    "ApiKey",
    "Connection",
    "Project",
    "SiteFiles",
    "SnapshotRecord",
    "StorageRecord",
    "create_snapshot",
    "download_snapshot",
    "each_done",
    "find_api_key",
    "list_projects",
    "list_snapshots",
    "list_storages",
    "project_at",
    "project_by_id",
    "save_directives",
    "storage_by_id",
    "storage_by_label",
    "storage_credentials",
    "wait_until_complete",
]
