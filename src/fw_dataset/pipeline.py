"""From a snapshot to a committed version."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any, Literal

from fw_dataset import __version__
from fw_dataset.dataset import Dataset
from fw_dataset.derivation.choice import NOTES, Derivations
from fw_dataset.errors import (
    InvalidArgumentError,
    SnapshotError,
    StorageError,
    VersionConflictError,
)
from fw_dataset.format.description import DatasetDescription, DatasetInfo
from fw_dataset.format.instants import parse_instant
from fw_dataset.format.layout import README
from fw_dataset.format.manifest import SnapshotIdentity
from fw_dataset.format.names import check_label, check_version_id
from fw_dataset.processes.spread import Spread
from fw_dataset.render.json_tree import Members, Number, parse
from fw_dataset.render.progress import Progress, ProgressCallback
from fw_dataset.render.selection import ControlColumns, Selection, select_columns
from fw_dataset.render.version import RenderedTables, render_tables
from fw_dataset.snapshot import Snapshot, open_snapshot
from fw_dataset.storage import Credentials, LocalStorage, Storage, open_storage
from fw_dataset.versions.catalog import Catalog, CommittedVersion
from fw_dataset.versions.claim import discard_dead_claim
from fw_dataset.versions.commit import commit
from fw_dataset.versions.documents import dataset_readme
from fw_dataset.versions.labels import check_label_is_free, check_names_are_free, relabel
from fw_dataset.versions.staging import Provenance, stage
from fw_dataset.versions.workspace import work_folder

__all__ = ["Request", "complete", "find_rendered", "publish", "render_snapshot"]

_VERSION_DIGITS = 24


def render_snapshot(
    snapshot: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    *,
    version: str | None = None,
    label: str | None = None,
    created: datetime | str | None = None,
    control_columns: ControlColumns | None = None,
    on_error: Literal["raise", "skip"] = "raise",
    keep_source: bool | None = None,
    progress: ProgressCallback | None = None,
    workdir: str | os.PathLike[str] | None = None,
    credentials: Credentials | None = None,
    discard_claim: bool = False,
    headers: bool = False,
    qc: bool = False,
    custom_info: Sequence[str] | None = None,
    tabular_files: str | os.PathLike[str] | None = None,
    profiles: bool = False,
    profile_values: bool = True,
    executor: Executor | None = None,
    workers: int | None = None,
) -> Dataset:
    """Render a snapshot into a new version of the dataset at ``destination``.

    Readers see the version only when it is whole. Rendering the same snapshot with the same
    choices again finds the version there and does nothing, but for a new ``label``; derived
    tables that it lacks are added to it.

    Args:
        snapshot: a SQLite file (``snapshot.db``), gzipped (``snapshot.db.gz``) or not.
        destination: the dataset's root, a path or URL; it need not exist.
        version: the version's id; else the first 24 hex digits of the SHA-256 of the
            decompressed snapshot.
        label: the version's human name; else its id.
        created: when the snapshot was made, UTC where it has no offset; else now.
        control_columns: per table the columns to keep, such as ``{"subjects": ["label"]}``;
            ids and ``parents.*`` are always kept, other tables lose ``extra``.
        on_error: what to do with a record that cannot be read: ``"raise"``, or ``"skip"`` it and
            name it in the report.
        keep_source: keep the snapshot and the project's record in the provenance; by default
            unless ``control_columns`` are given.
        progress: called with a :class:`~fw_dataset.Progress` now and then.
        workdir: a folder with room for the unpacked snapshot; else the destination's root, or for
            an object store this machine's folder for temporary files.
        credentials: what the destination's store asks for; else what the environment gives.
        discard_claim: take over from another writer of this version that is gone for good, though
            this cannot be proved.
        headers: derive the tables ``header_*`` from the headers of files (``info.header``).
        qc: derive the tables ``qc`` and ``qc_*`` from the results of quality control
            (``info.qc``).
        custom_info: keys of ``info`` that get tables ``info_*``, such as
            ``["subjects.demographics"]``, or ``["sessions.*"]`` for all of a container.
        tabular_files: a folder with the bytes of the project's CSV and TSV files, as
            ``{file_id}/{name}``; their rows become tables.
        profiles: make statistics of every column of every table.
        profile_values: keep values in them, such as the most frequent ones; without, they hold
            nothing of single people.
        executor: renders the parts of large tables, 500,000 records each, in place of processes
            of our own; its workers must see the snapshot and ``workdir``.
        workers: the most processes of our own for them; 1 for none. Else as many as this process
            has processors and memory for.

    Returns:
        The dataset, seen through the version that was rendered.

    Raises:
        SnapshotError: the snapshot cannot be read (RecordError: one record of it).
        ControlColumnsError: ``control_columns`` name what does not exist.
        InvalidNameError: the version id or label cannot be one.
        InvalidArgumentError: ``created`` is no instant, ``on_error`` none of the two, or what is
            to be derived cannot be.
        CredentialsError: the credentials are of no form that would do.
        VersionConflictError: the version id or label is taken by something else.
        StorageError: the destination cannot be written, or is full.
        WorkerError: the executor is broken, or its workers do not see the files.
    """
    request = Request.make(
        version=version,
        label=label,
        created=created,
        control_columns=control_columns,
        on_error=on_error,
        keep_source=keep_source,
        discard_claim=discard_claim,
        spread=Spread.make(executor, workers),
        derivations=Derivations.make(
            headers=headers,
            qc=qc,
            custom_info=custom_info,
            tabular_files=tabular_files,
            profiles=profiles,
            profile_values=profile_values,
        ),
    )
    storage = open_storage(destination, credentials)
    storage.check_writable()
    with work_folder(storage, workdir) as work:
        rendered = publish(Path(snapshot), storage, work, request, progress)
    return Dataset(storage, rendered)


@dataclass(frozen=True)
class Request:
    """What is to be rendered, and how.

    Attributes:
        version: the version's id; else made of the snapshot's content.
        label: the version's human name; else its id.
        created: when the snapshot was made; else now.
        selections: per table the columns to keep.
        keep_source: keep the snapshot and the project's record in the provenance.
        options: the choices, as the manifest notes them.
        discard_claim: take over from a writer that is gone for good.
        snapshot_record: the platform's record of the snapshot, where there is one.
        dataset_info: what the description says of the place; else what the storage tells.
        project_id: the project that the snapshot must be of, where that is known.
        derivations: what is derived from the primary tables.
        spread: where the parts of tables are rendered.
    """

    version: str | None
    label: str | None
    created: datetime | None
    selections: dict[str, Selection]
    keep_source: bool
    options: dict[str, Any]
    discard_claim: bool = False
    snapshot_record: Mapping[str, Any] | None = None
    dataset_info: DatasetInfo | None = None
    project_id: str | None = None
    derivations: Derivations = field(default_factory=Derivations)
    spread: Spread = field(default_factory=Spread)

    @classmethod
    def make(
        cls,
        *,
        version: str | None = None,
        label: str | None = None,
        created: datetime | str | None = None,
        control_columns: ControlColumns | None = None,
        on_error: str = "raise",
        keep_source: bool | None = None,
        discard_claim: bool = False,
        derivations: Derivations | None = None,
        spread: Spread | None = None,
    ) -> Request:
        """Check the choices of :func:`render_snapshot`.

        Raises:
            ControlColumnsError: ``control_columns`` name what does not exist.
            InvalidNameError: the version id or label cannot be one.
            InvalidArgumentError: ``created`` is no instant, ``on_error`` none of the two, or what
                is to be derived needs a column that is left out.
        """
        if on_error not in ("raise", "skip"):
            raise InvalidArgumentError(f"on_error {on_error!r}: use 'raise' or 'skip'")
        selections = select_columns(control_columns)
        derivations = derivations or Derivations()
        derivations.check_columns({name: one.kept for name, one in selections.items()})
        return cls(
            version=None if version is None else check_version_id(version),
            label=None if label is None else check_label(label),
            created=_instant(created),
            selections=selections,
            keep_source=control_columns is None if keep_source is None else keep_source,
            options=_options(control_columns, on_error),
            discard_claim=discard_claim,
            derivations=derivations,
            spread=spread or Spread(),
        )

    @property
    def way_out(self) -> str:
        """What to do about a version that stands in the way."""
        if self.snapshot_record is not None:
            return "render a new snapshot (force_new, --force-new)"
        return "choose another version id"

    @property
    def recorded_options(self) -> dict[str, Any]:
        """The choices that a rendering must share to count as the same."""
        return {**self.options, "keep_source": self.keep_source}


def find_rendered(storage: Storage, version: str, request: Request) -> bool:
    """Whether a version stands that was rendered with these choices; its label is brought up.

    The version's id alone tells which snapshot it is of, as the platform gives each its own.

    Raises:
        VersionConflictError: the version stands, but was rendered otherwise; or the label is
            taken.
        StorageError: the storage refuses, or cannot be reached.
    """
    return _settled(Catalog(storage), version, None, request)


def _instant(created: datetime | str | None) -> datetime | None:
    try:
        return parse_instant(created) if isinstance(created, str) else created
    except ValueError as error:
        raise InvalidArgumentError(f"created: {error}") from None


def _options(control_columns: ControlColumns | None, on_error: str) -> dict[str, Any]:
    chosen = None
    if control_columns is not None:
        chosen = {name: sorted(set(columns)) for name, columns in sorted(control_columns.items())}
    return {"control_columns": chosen, "on_error": on_error}


def publish(
    source: Path, storage: Storage, work: Path, request: Request, progress: ProgressCallback | None
) -> str:
    """Make sure that the version of a snapshot is there; its id is returned.

    Raises:
        FWDatasetError: as for :func:`render_snapshot`.
    """
    unpacked = _in_bytes("decompress", progress)
    with open_snapshot(source, work, keep=request.keep_source, progress=unpacked) as snapshot:
        _check_project(source, snapshot, request)
        version = request.version or snapshot.source.sha256[:_VERSION_DIGITS]
        catalog = Catalog(storage)
        if _settled(catalog, version, snapshot, request):
            complete(storage, version, work, request, progress)
            return version
        folder = work / "version"
        folder.mkdir()
        skip = request.options["on_error"] == "skip"
        rendered = render_tables(
            snapshot,
            request.selections,
            folder,
            skip_errors=skip,
            progress=progress,
            spread=request.spread,
        )
        if request.derivations:
            from fw_dataset.derivation.making import derive_rendered  # noqa: PLC0415 - as below

            derive_rendered(rendered, folder, request.derivations, work, progress)
        description = _describe(storage, version, snapshot, rendered, request)
        staged = stage(folder, description, rendered, _provenance(snapshot, description, request))
        published = _in_bytes("publish", progress)
        committed = commit(
            storage,
            staged,
            published,
            lambda: _publishing(catalog, description, request),
            discard_claim=request.discard_claim,
        )
        # If not, somebody else committed this version while we rendered it.
        if not committed:
            if not _settled(catalog, version, snapshot, request):
                raise VersionConflictError(
                    f"version {version!r} at {storage.url} has a description that cannot be read;"
                    f" remove {staged.layout.root} there, or choose another version id"
                )
            complete(storage, version, work, request, progress)
    return version


def complete(
    storage: Storage,
    version: str,
    work: Path,
    request: Request,
    progress: ProgressCallback | None,
) -> None:
    """Add to a version that stands what is asked for and it lacks: derived tables, profiles.

    Raises:
        FWDatasetError: as for :func:`~fw_dataset.add_derived`.
    """
    if request.derivations:
        # It takes long to load, and most renderings derive nothing.
        from fw_dataset.derivation.adding import add_missing  # noqa: PLC0415

        add_missing(
            Catalog(storage),
            version,
            request.derivations,
            work,
            progress,
            discard_claim=request.discard_claim,
        )


def _check_project(source: Path, snapshot: Snapshot, request: Request) -> None:
    found, _ = _project(snapshot)
    if request.project_id not in (None, found):
        raise SnapshotError(
            f"{source} is a snapshot of project {found!r}, not of {request.project_id!r}"
        )


def _in_bytes(stage: str, progress: ProgressCallback | None) -> Callable[[int, int], None]:
    def report(done: int, total: int) -> None:
        if progress is not None:
            progress(Progress(stage, bytes=done, total_bytes=total))

    return report


@contextmanager
def _publishing(
    catalog: Catalog, description: DatasetDescription, request: Request
) -> Iterator[None]:
    """The block in which a version appears: its names are free, and the dataset has a README."""
    storage = catalog.storage
    check_names_are_free(description.version, request.label, catalog.versions())
    if storage.exists(README):
        yield
        return
    try:
        storage.put(README, dataset_readme(description).encode())
        yield
    except BaseException as error:
        # Whoever interrupts this does not wait for a store that may not answer.
        if isinstance(error, Exception) or storage.native_path(README) is not None:
            with suppress(StorageError):
                if not catalog.versions():
                    storage.delete(README)
        raise


def _settled(catalog: Catalog, version: str, snapshot: Snapshot | None, request: Request) -> bool:
    """Whether the version is there already; its label is brought up to date then."""
    found = {committed.id: committed for committed in catalog.versions()}
    existing = found.get(version)
    if existing is None:
        check_names_are_free(version, request.label, found.values())
        return False
    if request.label is not None:
        check_label_is_free(request.label, version, found.values())
    _check_same(existing, snapshot, request)
    discard_dead_claim(catalog.storage, existing.layout)
    if request.label is not None and request.label != existing.label:
        relabel(catalog, existing.id, request.label)
    return True


def _check_same(existing: CommittedVersion, snapshot: Snapshot | None, request: Request) -> None:
    """Refuse a version that only has the id of the one to render; without a snapshot, by its id."""
    manifest = existing.manifest
    identity = manifest.snapshot if manifest is not None else None
    if manifest is None and snapshot is None:
        raise VersionConflictError(
            f"version {existing.id!r} at {existing.storage.url} was rendered by an older release,"
            " which loses values; render a new snapshot (force_new, --force-new)"
        )
    is_other = snapshot is not None and (
        identity is None or identity.sha256 != snapshot.source.sha256
    )
    if manifest is None or is_other:
        raise VersionConflictError(
            f"version {existing.id!r} at {existing.storage.url} was rendered from another"
            f" snapshot; {request.way_out}"
        )
    if manifest.options != request.recorded_options:
        raise VersionConflictError(
            f"version {existing.id!r} at {existing.storage.url} was rendered from this snapshot"
            f" with other choices (columns, on_error or keep_source); {request.way_out}"
        )


def _describe(
    storage: Storage,
    version: str,
    snapshot: Snapshot,
    rendered: RenderedTables,
    request: Request,
) -> DatasetDescription:
    project_id, record = _project(snapshot)
    kept = request.selections["projects"].kept
    name = record.get("label") if "label" in kept else None
    return DatasetDescription(
        id=project_id,
        name=name or project_id,
        description=(record.get("description") if "description" in kept else None) or "",
        version=version,
        version_label=request.label or version,
        created=request.created or datetime.now(timezone.utc),
        dataset_info=request.dataset_info or _dataset_info(storage),
        tables=DatasetDescription.describe_tables(rendered.models),
    )


def _dataset_info(storage: Storage) -> DatasetInfo:
    """A folder's own path is left out: it says nothing elsewhere, and two renders stay equal."""
    kind = "fs" if isinstance(storage, LocalStorage) else storage.url.partition("://")[0]
    return DatasetInfo(type=kind, bucket="", prefix="", label="")


def _project(snapshot: Snapshot) -> tuple[str, dict[str, str]]:
    """The project's id, and its texts as far as they can be read."""
    key, data = next(iter(snapshot.records("project")))
    try:
        tree = parse(data or b"")
    except ValueError:
        tree = None
    members = dict(tree) if isinstance(tree, Members) else {}
    texts = {
        name: value.encode("utf-8", "replace").decode()
        for name, value in members.items()
        if isinstance(value, str) and not isinstance(value, Number)
    }
    return texts.get("_id") or key, texts


def _provenance(
    snapshot: Snapshot, description: DatasetDescription, request: Request
) -> Provenance:
    source = snapshot.source
    record = next(iter(snapshot.records("project"))).data if request.keep_source else None
    return Provenance(
        snapshot=SnapshotIdentity(
            sha256=source.sha256, bytes=source.bytes, source_sha256=source.source_sha256
        ),
        snapshot_record=dict(request.snapshot_record)
        if request.snapshot_record is not None
        else {
            "_id": description.version,
            "project": description.id,
            "status": "complete",
            "sha256": source.sha256,
        },
        snapshot_copy=source.copy,
        project_record=record,
        options=request.recorded_options,
        renderer=_renderer(("pyarrow", "msgspec")),
        notes={NOTES: request.derivations.noted()} if request.derivations else {},
    )


def _renderer(packages: Sequence[str]) -> dict[str, str]:
    return {"fw-dataset": __version__, **{name: package_version(name) for name in packages}}
