"""Find the datasets of a site, or open one wherever it is."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fw_dataset.dataset import Dataset
from fw_dataset.errors import FWDatasetError, InvalidArgumentError
from fw_dataset.flywheel import (
    ApiKey,
    Connection,
    Project,
    SiteFiles,
    each_done,
    find_api_key,
    list_projects,
    project_at,
    project_by_id,
    storage_credentials,
)
from fw_dataset.format.directives import Directives
from fw_dataset.project_datasets import open_place, required_directives
from fw_dataset.storage import Credentials, open_filesystem

__all__ = ["DatasetList", "DatasetLoader", "FWDatasetClient", "FoundDataset"]


@dataclass(frozen=True)
class FoundDataset:
    """A project of a site that says it has a dataset.

    Attributes:
        project_id: the project's id.
        project: its path, ``fw://group/project``.
        location: where it says its dataset is, or None if that names no place.
        dataset: the dataset, or None if it cannot be opened.
        error: why it cannot, or None.
    """

    project_id: str
    project: str
    location: str | None
    dataset: Dataset | None
    error: FWDatasetError | None


class DatasetList(list[Dataset]):
    """The datasets of a site that can be opened.

    Attributes:
        problems: the projects whose dataset cannot be, each with its error.
    """

    def __init__(self, found: Iterator[FoundDataset]) -> None:
        self.problems: list[FoundDataset] = []
        super().__init__()
        for one in found:
            if one.dataset is not None:
                self.append(one.dataset)
            else:
                self.problems.append(one)


class FWDatasetClient:
    """Finds and opens the datasets of a site. A context manager; safe to share among threads.

    Args:
        api_key: ``site.flywheel.io:…``; else ``FW_HOSTNAME`` and ``FW_WS_API_KEY``, else the
            login of the Flywheel command line.

    Raises:
        ApiKeyError: there is no API key, or it has no form that is known.
        MissingExtraError: Flywheel's client is not installed (extra ``flywheel``).
    """

    def __init__(self, api_key: str | ApiKey | None = None) -> None:
        key = api_key if isinstance(api_key, ApiKey) else find_api_key(api_key)
        self._connection = Connection(key)

    def __repr__(self) -> str:
        return f"FWDatasetClient({self._connection.host!r})"

    def __enter__(self) -> FWDatasetClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection to the site; datasets that were opened stay open."""
        self._connection.close()

    def datasets(self) -> DatasetList:
        """All datasets of the site, in the order of its projects.

        A project whose dataset cannot be opened is in ``.problems`` of the list, with its error.

        Raises:
            FlywheelError: the site refuses the list of projects, or cannot be reached.
        """
        return DatasetList(self.find_datasets())

    def find_datasets(self) -> Iterator[FoundDataset]:
        """The projects of the site that say they have a dataset, each as soon as it is opened.

        Raises:
            FlywheelError: the site refuses the list of projects, or cannot be reached.
        """
        opening = _Opening(self._connection)
        # The list says which projects have no info at all: they need not be asked.
        wanted = (project for project in list_projects(self._connection) if project.has_info)
        return (found for found in each_done(opening, wanted) if found is not None)

    def tabular_files(self, cache: str | os.PathLike[str] | None = None) -> SiteFiles:
        """The bytes of the site's tabular files, for :func:`~fw_dataset.add_derived`.

        Args:
            cache: a folder of this machine in which they are kept for other times.
        """
        return SiteFiles(self._connection, None if cache is None else Path(cache))

    def get_dataset(
        self,
        dataset_id: str | None = None,
        path: str | None = None,
        project: Any = None,
        dataset_class: type[Dataset] = Dataset,
        *,
        credentials: Credentials | None = None,
        cache: str | os.PathLike[str] | None = None,
    ) -> Dataset:
        """Open a project's dataset.

        Args:
            dataset_id: the project's id.
            path: or its path, ``fw://group/project`` or ``group/project``.
            project: or an object of the official SDK. Without any of them, the workspace's
                project (``FW_WS_PROJECT_ID``).
            dataset_class: the class to make, with the constructor of :class:`Dataset`.
            credentials: what opens the storage; else what the site gives.
            cache: a folder of this machine that keeps data files of object stores.

        Raises:
            InvalidArgumentError: no project is named, or more than one.
            ProjectNotFoundError: the site has no such project.
            DirectivesError: the project has no dataset, or does not say where.
            StorageNotFoundError: its storage was deleted on the site.
            FlywheelDeniedError: the site refuses the API key, or the storage's credentials.
            DatasetNotFoundError: there is no dataset at the place.
            StorageError: the storage refuses access, or cannot be reached.
            FlywheelError: the site refuses otherwise, or cannot be reached.
        """
        found = self._project(dataset_id, path, project)
        storage = open_place(self._connection, required_directives(found), credentials)
        return dataset_class(storage, cache=cache)

    @staticmethod
    def get_dataset_from_filesystem(
        fs_type: str,
        bucket: str | os.PathLike[str],
        prefix: str | None = None,
        credentials: Credentials | None = None,
    ) -> Dataset:
        """Open a dataset by its storage's type, bucket and prefix; no site is asked.

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

    def _project(self, dataset_id: str | None, path: str | None, project: Any) -> Project:
        given = [one for one in (dataset_id, path, project) if one]
        if len(given) > 1:
            raise InvalidArgumentError("name the project by one of dataset_id, path and project")
        if path:
            return project_at(self._connection, path)
        wanted = dataset_id or os.environ.get("FW_WS_PROJECT_ID")
        if project:
            wanted = getattr(project, "id", None)
            if not isinstance(wanted, str):
                raise InvalidArgumentError(
                    f"project: a {type(project).__name__} has no project's id; give a project of"
                    " the SDK, or name it by dataset_id or path"
                )
        if not wanted:
            raise InvalidArgumentError(
                "name the project by dataset_id or path, or set FW_WS_PROJECT_ID"
            )
        return project_by_id(self._connection, wanted)


class DatasetLoader:
    """Opens the dataset of one project.

    Args:
        api_key: as of :class:`FWDatasetClient`.
        project_id: the project's id; else the workspace's (``FW_WS_PROJECT_ID``).
    """

    def __init__(self, api_key: str | None = None, project_id: str | None = None) -> None:
        self._key = find_api_key(api_key)
        self._project_id = project_id

    def load_dataset(self) -> Dataset:
        """Open the dataset.

        Raises:
            FWDatasetError: as for :meth:`FWDatasetClient.get_dataset`.
        """
        with FWDatasetClient(self._key) as client:
            return client.get_dataset(dataset_id=self._project_id)


class _Opening:
    """Opens what a site's projects say; each storage's credentials are asked for once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._known: dict[str, tuple[threading.Lock, list[Any]]] = {}

    def __call__(self, listed: Project) -> FoundDataset | None:
        """Open a project's dataset; None if it has none."""
        directives = dataset = problem = None
        project = listed
        try:
            project = project_by_id(self._connection, listed.id)
            directives = Directives.from_info(project.info, project.path)
            if directives is None:
                return None
            dataset = Dataset(open_place(self._connection, directives, self._secret(directives)))
        except FWDatasetError as error:
            problem = error
        location = directives.location if directives is not None else None
        return FoundDataset(project.id, project.path, location, dataset, problem)

    def _secret(self, directives: Directives) -> Credentials | None:
        """The credentials of a storage, asked for by the first who needs them."""
        storage_id = directives.storage_id
        if storage_id is None or directives.type == "fs":
            return None
        with self._lock:
            lock, answer = self._known.setdefault(storage_id, (threading.Lock(), []))
        with lock:
            if not answer:
                what = f"storage {directives.label or storage_id!r} ({directives.location})"
                try:
                    answer.append(storage_credentials(self._connection, storage_id, what))
                except FWDatasetError as error:
                    answer.append(error)
        if isinstance(answer[0], FWDatasetError):
            # Each raises one of its own, as a raised error collects its way.
            raise copy(answer[0])
        found: dict[str, str] = answer[0]
        return found
