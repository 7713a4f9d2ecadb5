"""From a snapshot to a committed version."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any, Literal

from fw_dataset import __version__
from fw_dataset.dataset import Dataset
from fw_dataset.errors import InvalidArgumentError, StorageError, VersionConflictError
from fw_dataset.format.description import DatasetDescription, DatasetInfo
from fw_dataset.format.instants import parse_instant
from fw_dataset.format.layout import README
from fw_dataset.format.manifest import SnapshotIdentity
from fw_dataset.format.names import check_label, check_version_id
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
from fw_dataset.versions.workspace import folder_to_fill, workspace

__all__ = ["render_snapshot"]

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
) -> Dataset:
    """Render a snapshot into a new version of the dataset at ``destination``.

    Readers see the version only when it is whole. Rendering the same snapshot with the same
    choices again finds the version there and does nothing, but for a new ``label``.

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

    Returns:
        The dataset, seen through the version that was rendered.

    Raises:
        SnapshotError: the snapshot cannot be read (RecordError: one record of it).
        ControlColumnsError: ``control_columns`` name what does not exist.
        InvalidNameError: the version id or label cannot be one.
        InvalidArgumentError: ``created`` is no instant, or ``on_error`` none of the two.
        CredentialsError: the credentials are of no form that would do.
        VersionConflictError: the version id or label is taken by something else.
        StorageError: the destination cannot be written, or is full.
    """
    if on_error not in ("raise", "skip"):
        raise InvalidArgumentError(f"on_error {on_error!r}: use 'raise' or 'skip'")
    request = _Request(
        version=None if version is None else check_version_id(version),
        label=None if label is None else check_label(label),
        created=_instant(created),
        selections=select_columns(control_columns),
        keep_source=control_columns is None if keep_source is None else keep_source,
        options=_options(control_columns, on_error),
        discard_claim=discard_claim,
    )
    storage = open_storage(destination, credentials)
    storage.check_writable()
    with ExitStack() as stack:
        if isinstance(storage, LocalStorage):
            stack.enter_context(folder_to_fill(storage.root))
        work = stack.enter_context(workspace(_work_parent(storage, workdir)))
        rendered = _render(Path(snapshot), storage, work, request, progress)
    return Dataset(storage, rendered)


@dataclass(frozen=True)
class _Request:
    version: str | None
    label: str | None
    created: datetime | None
    selections: dict[str, Selection]
    keep_source: bool
    options: dict[str, Any]
    discard_claim: bool = False


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


def _work_parent(storage: Storage, workdir: str | os.PathLike[str] | None) -> Path:
    if workdir is not None:
        return Path(workdir)
    return storage.root if isinstance(storage, LocalStorage) else Path(tempfile.gettempdir())


def _render(
    source: Path, storage: Storage, work: Path, request: _Request, progress: ProgressCallback | None
) -> str:
    """Make sure that the version is there; its id is returned."""
    unpacked = _in_bytes("decompress", progress)
    with open_snapshot(source, work, keep=request.keep_source, progress=unpacked) as snapshot:
        version = request.version or snapshot.source.sha256[:_VERSION_DIGITS]
        catalog = Catalog(storage)
        if _is_rendered(catalog, version, snapshot, request):
            return version
        folder = work / "version"
        folder.mkdir()
        skip = request.options["on_error"] == "skip"
        rendered = render_tables(
            snapshot, request.selections, folder, skip_errors=skip, progress=progress
        )
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
        if not committed and not _is_rendered(catalog, version, snapshot, request):
            raise VersionConflictError(
                f"version {version!r} at {storage.url} has a description that cannot be read;"
                f" remove {staged.layout.root} there, or choose another version id"
            )
    return version


def _in_bytes(stage: str, progress: ProgressCallback | None) -> Callable[[int, int], None]:
    def report(done: int, total: int) -> None:
        if progress is not None:
            progress(Progress(stage, bytes=done, total_bytes=total))

    return report


@contextmanager
def _publishing(
    catalog: Catalog, description: DatasetDescription, request: _Request
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


def _is_rendered(catalog: Catalog, version: str, snapshot: Snapshot, request: _Request) -> bool:
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


def _check_same(existing: CommittedVersion, snapshot: Snapshot, request: _Request) -> None:
    manifest = existing.manifest
    identity = manifest.snapshot if manifest is not None else None
    if manifest is None or identity is None or identity.sha256 != snapshot.source.sha256:
        raise VersionConflictError(
            f"version {existing.id!r} at {existing.storage.url} was rendered from another"
            " snapshot; choose another version id"
        )
    if manifest.options != {**request.options, "keep_source": request.keep_source}:
        raise VersionConflictError(
            f"version {existing.id!r} at {existing.storage.url} was rendered from this snapshot"
            " with other choices (columns, on_error or keep_source); choose another version id"
        )


def _describe(
    storage: Storage,
    version: str,
    snapshot: Snapshot,
    rendered: RenderedTables,
    request: _Request,
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
        dataset_info=_dataset_info(storage),
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
    snapshot: Snapshot, description: DatasetDescription, request: _Request
) -> Provenance:
    source = snapshot.source
    record = next(iter(snapshot.records("project"))).data if request.keep_source else None
    return Provenance(
        snapshot=SnapshotIdentity(
            sha256=source.sha256, bytes=source.bytes, source_sha256=source.source_sha256
        ),
        snapshot_record={
            "_id": description.version,
            "project": description.id,
            "status": "complete",
            "sha256": source.sha256,
        },
        snapshot_copy=source.copy,
        project_record=record,
        options={**request.options, "keep_source": request.keep_source},
        renderer=_renderer(("pyarrow", "msgspec")),
    )


def _renderer(packages: Sequence[str]) -> dict[str, str]:
    return {"fw-dataset": __version__, **{name: package_version(name) for name in packages}}
