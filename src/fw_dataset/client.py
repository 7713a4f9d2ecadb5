"""Find the datasets of a site, or open one wherever it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import PurePath

from fw_dataset.dataset import Dataset
from fw_dataset.errors import UnsupportedLocationError
from fw_dataset.storage.location import LOCAL_TYPES, open_storage

__all__ = ["FWDatasetClient"]


class FWDatasetClient:
    """Opens datasets by the kind of storage they are in."""

    @staticmethod
    def get_dataset_from_filesystem(
        fs_type: str,
        bucket: str | os.PathLike[str],
        prefix: str | None = None,
        credentials: Mapping[str, str] | None = None,
    ) -> Dataset:
        """Open a dataset by its storage's type, bucket and prefix.

        Args:
            fs_type: ``"fs"``, ``"local"`` or ``"file"``.
            bucket: the root folder.
            prefix: the dataset's folder below it.
            credentials: not needed for folders.

        Raises:
            UnsupportedLocationError: the type is another.
            DatasetNotFoundError: there is no dataset.
        """
        if fs_type not in LOCAL_TYPES:
            raise UnsupportedLocationError(
                f"storage type {fs_type!r} cannot be opened; there are: fs, local, file"
            )
        del credentials  # accepted as before; a folder needs none
        return Dataset(open_storage(PurePath(bucket) / str(prefix or "").strip("/")))
