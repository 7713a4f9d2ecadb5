"""The addresses that scripts of the older releases import from."""

from __future__ import annotations

import inspect

import fw_dataset
from fw_dataset import DatasetBuilder, DatasetLoader, FWDatasetClient, errors
from fw_dataset.admin import dataset_builder, exceptions


def test_the_older_addresses() -> None:
    assert dataset_builder.DatasetBuilder is fw_dataset.DatasetBuilder
    assert exceptions.SnapshotCreationError is errors.SnapshotCreationError
    assert dataset_builder.__all__ == ["DatasetBuilder"]


def test_arguments_in_the_older_order() -> None:
    """Scripts give some of them by their places."""
    assert positional(DatasetBuilder) == [
        *("api_key", "project_id", "project_path", "storage_id", "storage_label"),
        *("credentials", "root_path", "control_columns"),
    ]
    assert positional(FWDatasetClient) == ["api_key"]
    assert positional(DatasetLoader) == ["api_key", "project_id"]
    asked = ["dataset_id", "path", "project", "dataset_class"]
    assert positional(FWDatasetClient.get_dataset)[1:] == asked


def test_the_methods_that_users_call() -> None:
    names = (
        *("set_project", "set_storage", "set_storage_prefix", "create_snapshot"),
        *("create_or_get_latest_snapshot", "render_dataset", "save_dataset_info", "from_snapshot"),
    )
    assert all(callable(getattr(DatasetBuilder, name)) for name in names)
    rendering = inspect.signature(DatasetBuilder.render_dataset).parameters
    assert {
        *("parse_tabular_data", "parse_custom_info", "remove_temp_files"),
        *("version_label", "force_new"),
    } <= rendering.keys()


def positional(function: object) -> list[str]:
    """The arguments that may be given by their places."""
    assert callable(function)
    found = inspect.signature(function).parameters.values()
    return [one.name for one in found if one.kind is one.POSITIONAL_OR_KEYWORD]
