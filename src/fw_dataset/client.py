"""Find the datasets of a site, or open one wherever it is."""

from __future__ import annotations

import os

from fw_dataset.dataset import Dataset
from fw_dataset.storage import Credentials, open_filesystem

__all__ = ["FWDatasetClient"]


class FWDatasetClient:
    """Opens datasets by the kind of storage they are in."""

    @staticmethod
    def get_dataset_from_filesystem(
        fs_type: str,
        bucket: str | os.PathLike[str],
        prefix: str | None = None,
        credentials: Credentials | None = None,
    ) -> Dataset:
        """Open a dataset by its storage's type, bucket and prefix.

        Args:
            fs_type: ``"s3"``, ``"gcs"`` or ``"gs"``, ``"azure"`` or ``"az"``, ``"fs"``,
                ``"local"`` or ``"file"``.
            bucket: the bucket or container, or the root folder.
            prefix: where the dataset is below it.
            credentials: what the store asks for, such as ``{"url": "s3://…?access_key_id=…"}``
                (docs/how-to/storage.md has all forms); else what the environment gives. Folders
                need none.

        Raises:
            CredentialsError: the credentials are of no form that would do.
            UnsupportedLocationError: the type is not known.
            DatasetNotFoundError: there is no dataset.
            StorageError: the storage refuses access, or cannot be reached.
        """
        return Dataset(open_filesystem(fs_type, bucket, prefix, credentials))
