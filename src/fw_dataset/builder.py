"""From a project of a Flywheel site to a version of its dataset."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from fw_dataset.dataset import Dataset
from fw_dataset.derivation.choice import Derivations, by_default
from fw_dataset.errors import (
    DatasetInfoNotSavedError,
    DirectivesError,
    FlywheelError,
    InvalidArgumentError,
)
from fw_dataset.flywheel import (
    Connection,
    SiteFiles,
    SnapshotRecord,
    find_api_key,
    project_at,
    project_by_id,
    save_directives,
)
from fw_dataset.format.description import DatasetInfo
from fw_dataset.format.directives import Directives
from fw_dataset.format.layout import dataset_prefix, default_prefix
from fw_dataset.format.names import check_version_id
from fw_dataset.pipeline import Request, complete, find_rendered, publish
from fw_dataset.processes.spread import Spread
from fw_dataset.project_datasets import (
    check_unmoved,
    named_place,
    open_place,
    says,
    settled_place,
)
from fw_dataset.project_snapshots import (
    ProjectSnapshots,
    keep_download,
    record_beside,
    timeout_seconds,
)
from fw_dataset.render.progress import ProgressCallback
from fw_dataset.render.selection import ControlColumns
from fw_dataset.storage import Credentials, Storage
from fw_dataset.versions.catalog import Catalog
from fw_dataset.versions.labels import check_label_is_free
from fw_dataset.versions.workspace import work_folder

__all__ = ["DatasetBuilder"]

_NAMELESS = ("_id", "status", "created", "project")


@dataclass(frozen=True)
class _Place:
    directives: Directives
    storage: Storage


class DatasetBuilder:
    """Renders the dataset of one project into its storage.

    Where the dataset goes is said by one of ``storage_id``, ``storage_label``, ``credentials`` and
    ``root_path``; without any, by the project's own ``info.dataset``. It is a context manager.

    Args:
        api_key: ``site.flywheel.io:…``; else ``FW_HOSTNAME`` and ``FW_WS_API_KEY``, else the
            login of the Flywheel command line.
        project_id: the project's id.
        project_path: or its path, ``fw://group/project``.
        storage_id: the id of a storage that is registered on the site.
        storage_label: or its label.
        credentials: or a place of your own with what opens it, such as
            ``{"url": "s3://bucket/prefix?access_key_id=…&secret_access_key=…"}``.
        root_path: or a folder of this machine.
        control_columns: per table the columns to keep, such as ``{"subjects": ["label"]}``.
        snapshot_timeout: seconds to wait for a snapshot; else ``SNAPSHOT_TIMEOUT``, else 1800.
        progress: called with a :class:`~fw_dataset.Progress` now and then.
        workdir: a folder with room for the snapshot, packed and unpacked.
        relocate: begin a new dataset at the place that is named, although the project's
            ``info.dataset`` says that it has one elsewhere.

    Raises:
        ApiKeyError: there is no API key, or it has no form that is known.
        ProjectNotFoundError: the site has no such project.
        StorageNotFoundError: the site has no such storage.
        DirectivesError: nothing says where the dataset goes, or two things do and differ.
        CredentialsError: the credentials are of no form that would do.
        ControlColumnsError: ``control_columns`` name what does not exist.
        InvalidArgumentError: the arguments do not go together.
        MissingExtraError: Flywheel's client is not installed (extra ``flywheel``).
        FlywheelError: the site refuses, or cannot be reached.
    """

    def __init__(
        self,
        api_key: str | None = None,
        project_id: str | None = None,
        project_path: str | None = None,
        storage_id: str | None = None,
        storage_label: str | None = None,
        credentials: Credentials | None = None,
        root_path: str | os.PathLike[str] | None = None,
        control_columns: ControlColumns | None = None,
        *,
        snapshot_timeout: float | None = None,
        progress: ProgressCallback | None = None,
        workdir: str | os.PathLike[str] | None = None,
        relocate: bool = False,
    ) -> None:
        # An empty mapping is the older releases' way to say "all".
        self.control_columns = control_columns or None
        Request.make(control_columns=self.control_columns)
        self._timeout = timeout_seconds(snapshot_timeout)
        self._progress = progress
        self._workdir = workdir
        self._relocate = relocate
        self._place: _Place | None = None
        self._snapshot: SnapshotRecord | None = None
        self.snapshot_path: Path | None = None
        self._connection = Connection(find_api_key(api_key))
        try:
            self.set_project(project_id, project_path)
            self.set_storage(storage_id, storage_label, credentials, root_path)
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        where = None if self._place is None else self._place.directives.location
        return f"DatasetBuilder({self.project.path!r}, {where!r})"

    def __enter__(self) -> DatasetBuilder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection to the site."""
        self._connection.close()

    @property
    def dataset_info(self) -> dict[str, str | None]:
        """What the project's ``info.dataset`` says once the dataset is rendered."""
        return self._directives.to_info()

    @property
    def snapshot(self) -> dict[str, Any] | None:
        """The platform's record of the snapshot at hand."""
        return None if self._snapshot is None else dict(self._snapshot.record)

    def set_project(
        self,
        project_id: str | None = None,
        project_path: str | None = None,
        project: Any = None,
    ) -> None:
        """Choose the project, by its id, its path, or an object of the official SDK.

        The storage has to be chosen anew after that.

        Raises:
            InvalidArgumentError: none is named, or more than one.
            ProjectNotFoundError: the site has no such project.
            FlywheelError: the site refuses, or cannot be reached.
        """
        given = [one for one in (project_id, project_path, project) if one]
        if len(given) != 1:
            raise InvalidArgumentError("name the project by one of project_id and project_path")
        if project_path:
            self.project = project_at(self._connection, project_path)
        else:
            wanted = project_id or getattr(project, "id", None)
            if not isinstance(wanted, str):
                raise InvalidArgumentError("project: an object with the project's id is expected")
            self.project = project_by_id(self._connection, wanted)
        self._place = self._snapshot = None
        self._snapshots = ProjectSnapshots(
            self._connection, self.project.id, self._timeout, self._progress
        )

    def set_storage_prefix(self, prefix: str | None = None) -> str:
        """Where the project's dataset is in a storage with this prefix of its own."""
        default = default_prefix(self._connection.host, self.project.group, self.project.id)
        return dataset_prefix(prefix, default)

    def set_storage(
        self,
        storage_id: str | None = None,
        storage_label: str | None = None,
        credentials: Credentials | None = None,
        root_path: str | os.PathLike[str] | None = None,
    ) -> None:
        """Choose where the dataset goes; without an argument, what the project says.

        Raises:
            DirectivesError: the project says nothing, or names another place.
            InvalidArgumentError: more than one is named.
            StorageNotFoundError: the site has no such storage.
            CredentialsError: the credentials are of no form that would do.
            FlywheelError: the site refuses, or cannot be reached.
        """
        place = named_place(
            self._connection,
            self.project,
            self.set_storage_prefix,
            storage_id=storage_id,
            storage_label=storage_label,
            credentials=credentials,
            root_path=root_path,
        )
        chosen = settled_place(self.project, place, relocate=self._relocate)
        storage = open_place(self._connection, chosen, credentials or None)
        self._place = _Place(chosen, storage)

    def create_snapshot(self) -> dict[str, Any]:
        """Have the platform make a snapshot, and wait for it.

        Interrupted, it leaves a snapshot that goes on being made, which the next call to
        :meth:`create_or_get_latest_snapshot` takes up.

        Returns:
            The platform's record of it.

        Raises:
            SnapshotCreationError: it failed (SnapshotTimeoutError: it took too long).
            FlywheelError: the site refuses, or cannot be reached.
        """
        self._snapshot = self._snapshots.wait_for(self._snapshots.create())
        return dict(self._snapshot.record)

    def create_or_get_latest_snapshot(self, force_new: bool = False) -> dict[str, Any]:
        """Choose the newest complete snapshot, or have one made where there is none.

        Args:
            force_new: have a new one made in any case.

        Returns:
            The platform's record of it.

        Raises:
            SnapshotCreationError: it failed (SnapshotTimeoutError: it took too long).
            FlywheelError: the site refuses, or cannot be reached.
        """
        found = None if force_new else self._snapshots.newest()
        if found is None:
            return self.create_snapshot()
        self._snapshot = self._snapshots.wait_for(found)
        return dict(self._snapshot.record)

    def find_rendered(self) -> Dataset | None:
        """The dataset, seen through the version of the newest complete snapshot; None without it.

        Nothing is made or written; :attr:`snapshot` is that snapshot then, one that is being made
        where there is no complete one, or else None.

        Raises:
            StorageError: the storage refuses access, or cannot be reached.
            FlywheelError: the site refuses, or cannot be reached.
        """
        self._snapshot = newest = self._snapshots.newest()
        if newest is None or not newest.is_complete:
            return None
        known = {version.id for version in Catalog(self._storage).versions()}
        return Dataset(self._storage, newest.id) if newest.id in known else None

    def render_dataset(
        self,
        parse_tabular_data: bool | None = None,
        parse_custom_info: bool | None = None,
        remove_temp_files: bool = True,
        version_label: str | None = None,
        force_new: bool = False,
        *,
        on_error: Literal["raise", "skip"] = "raise",
        keep_source: bool | None = None,
        discard_claim: bool = False,
        headers: bool | None = None,
        qc: bool | None = None,
        custom_info: Sequence[str] | None = None,
        tabular_files: bool | str | os.PathLike[str] | None = None,
        profiles: bool = False,
        profile_values: bool = True,
        executor: Executor | None = None,
        workers: int | None = None,
    ) -> Dataset:
        """Render the project's newest complete snapshot into a version of its dataset.

        A snapshot that is rendered already is recognised; ``version_label`` renames its version,
        and derived tables that it lacks are added to it.
        Readers see the version only when it is whole; after that the project's ``info.dataset``
        says where it is.

        Args:
            parse_tabular_data: make tables of the project's CSV and TSV files, which are taken
                from the site; else what ``POPULATE_TABULAR_DATA`` says.
            parse_custom_info: derive the tables ``header_*``, ``qc`` and ``qc_*``; else what
                ``POPULATE_CUSTOM_INFO`` says.
            remove_temp_files: remove the downloaded snapshot at the end; if not,
                ``snapshot_path`` says where it is, for :meth:`from_snapshot`.
            version_label: the version's human name; else its id, which is the snapshot's.
            force_new: render a new snapshot.
            on_error: as of :func:`~fw_dataset.render_snapshot`, and so are the next two.
            keep_source: keep the snapshot and the project's record in the provenance.
            discard_claim: take over from another writer that is gone for good.
            headers: derive the tables ``header_*``; else what ``parse_custom_info`` says.
            qc: derive the tables ``qc`` and ``qc_*``; else what ``parse_custom_info`` says.
            custom_info: as of :func:`~fw_dataset.render_snapshot`, and so are the last two.
            tabular_files: a folder with the bytes of CSV and TSV files, True for the site; else
                what ``parse_tabular_data`` says.
            profiles: make statistics of every column.
            profile_values: keep values in them.
            executor: as of :func:`~fw_dataset.render_snapshot`, and so is the last one.
            workers: the most processes of our own.

        Returns:
            The dataset, seen through the version that was rendered.

        Raises:
            InvalidArgumentError: what is to be derived cannot be.
            InvalidNameError: the label cannot be one.
            VersionConflictError: the label is taken, or the version was rendered otherwise.
            SnapshotError: the snapshot cannot be read.
            SnapshotCreationError: the platform made no snapshot.
            DownloadError: the snapshot did not come whole.
            StorageError: the storage cannot be written, or is full.
            DatasetInfoNotSavedError: the dataset stands, but the project could not be told; the
                error has it as ``dataset``.
            FlywheelError: the site refuses, or cannot be reached.
        """
        # All that can be wrong is found before the platform is put to work.
        request = Request.make(
            control_columns=self.control_columns,
            label=version_label,
            on_error=on_error,
            keep_source=keep_source,
            discard_claim=discard_claim,
            spread=Spread.make(executor, workers),
            derivations=self._derivations(
                by_default("POPULATE_CUSTOM_INFO", parse_custom_info),
                by_default("POPULATE_TABULAR_DATA", parse_tabular_data),
                headers=headers,
                qc=qc,
                custom_info=custom_info,
                tabular_files=tabular_files,
                profiles=profiles,
                profile_values=profile_values,
            ),
        )
        self.snapshot_path = None
        self._storage.check_writable()
        snapshot = None if force_new else self._snapshots.newest()
        if snapshot is None:
            if version_label is not None:
                check_label_is_free(version_label, "", Catalog(self._storage).versions())
            snapshot = self._snapshots.create()
        self._snapshot = snapshot = self._snapshots.wait_for(snapshot)
        request = self._requested(request, snapshot)
        # Also if there is nothing to render: what a killed one left in such a folder goes with it.
        with work_folder(self._storage, self._workdir) as work:
            if find_rendered(self._storage, snapshot.id, request):
                complete(self._storage, snapshot.id, work, request, self._progress)
            else:
                self._fetch_and_render(request, snapshot, work, keep=not remove_temp_files)
        return self._told(Dataset(self._storage, snapshot.id))

    def from_snapshot(
        self,
        path: str | os.PathLike[str],
        version_label: str | None = None,
        *,
        on_error: Literal["raise", "skip"] = "raise",
        keep_source: bool | None = None,
        discard_claim: bool = False,
        executor: Executor | None = None,
        workers: int | None = None,
    ) -> Dataset:
        """Render a snapshot of this project that was downloaded earlier.

        Args:
            path: the file; where ``snapshot_info.json`` beside it has the platform's record, as
                :meth:`render_dataset` leaves it, the version gets the snapshot's id and date.
            version_label: the version's human name; else its id.
            on_error: as of :func:`~fw_dataset.render_snapshot`, and so are the next two.
            keep_source: keep the snapshot and the project's record in the provenance.
            discard_claim: take over from another writer that is gone for good.
            executor: as of :func:`~fw_dataset.render_snapshot`, and so is the last one.
            workers: the most processes of our own.

        Raises:
            SnapshotError: the file is no snapshot, or one of another project.
            FWDatasetError: as for :meth:`render_dataset`.
        """
        source = Path(path)
        request = Request.make(
            control_columns=self.control_columns,
            label=version_label,
            on_error=on_error,
            keep_source=keep_source,
            discard_claim=discard_claim,
            spread=Spread.make(executor, workers),
        )
        record = record_beside(source)
        if record is not None:
            self._snapshot = record
            request = self._requested(request, record)
        else:
            place = self._described()
            request = replace(request, dataset_info=place, project_id=self.project.id)
        self._storage.check_writable()
        with work_folder(self._storage, self._workdir) as work:
            version = publish(source, self._storage, work, request, self._progress)
        return self._told(Dataset(self._storage, version))

    def save_dataset_info(self) -> None:
        """Write the dataset's place into the project's ``info.dataset``, unless it stands there.

        Raises:
            DirectivesError: the project names another place by now.
            FlywheelDeniedError: the key may not write to the project.
            FlywheelError: the site refuses otherwise, or cannot be reached.
        """
        # Somebody may have written there since the project was read.
        now = project_by_id(self._connection, self.project.id)
        if not says(now, self._directives):
            check_unmoved(self.project, now, self._directives)
            now = save_directives(self._connection, now, self.dataset_info)
        self.project = now

    # -------------------------------------------------------------------------------- rendering

    def _derivations(
        self,
        parse_custom_info: bool,
        parse_tabular_data: bool,
        *,
        headers: bool | None,
        qc: bool | None,
        tabular_files: bool | str | os.PathLike[str] | None,
        **others: Any,
    ) -> Derivations:
        """What is to be derived: what is named, else what the older switches say."""
        source: Any = parse_tabular_data if tabular_files is None else tabular_files
        return Derivations.make(
            headers=parse_custom_info if headers is None else headers,
            qc=parse_custom_info if qc is None else qc,
            tabular_files=SiteFiles(self._connection) if source is True else source,
            **others,
        )

    @property
    def _directives(self) -> Directives:
        return self._chosen().directives

    @property
    def _storage(self) -> Storage:
        return self._chosen().storage

    def _chosen(self) -> _Place:
        if self._place is None:
            raise InvalidArgumentError(
                f"it is not said where the dataset of {self.project.path} goes: call set_storage()"
                " after set_project()"
            )
        return self._place

    def _requested(self, request: Request, snapshot: SnapshotRecord) -> Request:
        return replace(
            request,
            version=check_version_id(snapshot.id),
            created=snapshot.created,
            snapshot_record=self._noted(snapshot),
            dataset_info=self._described(),
            project_id=self.project.id,
        )

    def _noted(self, snapshot: SnapshotRecord) -> dict[str, Any]:
        """The record for the provenance; without names where columns are left out."""
        record = dict(snapshot.record)
        if self.control_columns is None:
            return record
        return {name: record[name] for name in _NAMELESS if name in record}

    def _described(self) -> DatasetInfo:
        # A folder's own path says nothing elsewhere: it is left out, as everywhere.
        known = self._directives
        if known.type == "fs":
            return DatasetInfo(type="fs", bucket="", prefix="", label="")
        return DatasetInfo.model_validate(known.to_info())

    def _fetch_and_render(
        self, request: Request, snapshot: SnapshotRecord, work: Path, *, keep: bool
    ) -> None:
        packed = work / "download.db.gz"
        self._snapshots.fetch(snapshot, packed)
        if keep:
            parent = None if self._workdir is None else Path(self._workdir)
            self.snapshot_path = keep_download(packed, snapshot, parent)
        publish(packed, self._storage, work, request, self._progress)

    def _told(self, dataset: Dataset) -> Dataset:
        """The dataset, once its project says where it is."""
        try:
            self.save_dataset_info()
        except (FlywheelError, DirectivesError) as error:
            raise DatasetInfoNotSavedError(
                f"the dataset stands at {dataset.location}, version {dataset.version!r}, but its"
                f" project could not be told: {error}",
                dataset,
            ) from None
        return dataset
