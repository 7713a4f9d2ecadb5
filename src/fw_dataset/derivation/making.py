"""Make derived tables, and profiles of all tables, in a folder."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from fw_dataset.derivation.choice import Derivations
from fw_dataset.errors import DatasetFormatError, StorageError
from fw_dataset.format.manifest import FileEntry
from fw_dataset.format.profile import TableProfile
from fw_dataset.format.schema import DataModel
from fw_dataset.render.derived import DerivedTables, PrimaryFiles
from fw_dataset.render.objects.derive import derive_objects
from fw_dataset.render.objects.wish import ObjectTables
from fw_dataset.render.profiles import profile_tables, profiling_ahead
from fw_dataset.render.progress import Progress, ProgressCallback
from fw_dataset.render.tabular.derive import derive_tabular
from fw_dataset.render.version import RenderedTables

__all__ = ["derive_rendered", "first_line", "make"]


def derive_rendered(
    rendered: RenderedTables,
    folder: Path,
    wish: Derivations,
    work: Path,
    progress: ProgressCallback | None,
) -> None:
    """Derive from what was just rendered, and put that behind it.

    Args:
        rendered: the primary tables; what is derived is added.
        folder: the version's folder.
        wish: what is asked for.
        work: a folder to work in.
        progress: told how far it is.

    Raises:
        FWDatasetError: a source of tabular files cannot be read at all.
    """
    files = files_below(folder, rendered.entries)
    taken = {name.casefold() for name in rendered.models}
    found, profiles = make(files, rendered.models, folder, wish, taken, work, progress)
    rendered.models |= found.models
    rendered.entries += found.entries
    rendered.report.derived |= found.report
    rendered.report.tabular_files += found.files
    rendered.profiles = profiles


def files_below(folder: Path, entries: Sequence[FileEntry]) -> dict[str, list[Path]]:
    files: dict[str, list[Path]] = {}
    for entry in entries:
        if entry.table is not None:
            files.setdefault(entry.table, []).append(folder / entry.path)
    return files


def make(
    files: PrimaryFiles,
    models: Mapping[str, DataModel],
    folder: Path,
    wish: Derivations,
    taken: Collection[str],
    work: Path,
    progress: ProgressCallback | None,
) -> tuple[DerivedTables, dict[str, bytes]]:
    """Tables that are derived from others, and the profiles of all of them."""
    if not wish.profiles:
        return _derive(files, folder, wish, taken, work, progress), {}
    values = wish.profile_values
    with _in_our_words():
        if not wish.makes_tables:
            made = profile_tables(files, models, values=values, progress=progress)
            return DerivedTables(), _written(made)
        with profiling_ahead(files, models, values=values) as profiles:
            found = _derive(files, folder, wish, taken, work, progress)
            made = profiles()
        files = files_below(folder, found.entries)
        after = None if progress is None else _counting_from(len(made), progress)
        made |= profile_tables(files, found.models, values=values, progress=after)
        return found, _written(made)


@contextmanager
def _in_our_words() -> Iterator[None]:
    """What DuckDB raises while tables are profiled, as errors of ours."""
    import duckdb  # noqa: PLC0415 - it takes long to load, and only profiles need it

    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise StorageError(f"there is no room to make profiles: {first_line(error)}") from None
    except duckdb.Error as error:
        raise DatasetFormatError(
            "tables cannot be read to make profiles; check the dataset with verify:"
            f" {first_line(error)}"
        ) from None


def _counting_from(done: int, progress: ProgressCallback) -> ProgressCallback:
    """Tells how far profiles are when those of some tables are there already."""

    def tell(moment: Progress) -> None:
        total = done + (moment.total_rows or 0)
        progress(replace(moment, rows=done + moment.rows, total_rows=total))

    return tell


def _written(profiles: Mapping[str, TableProfile]) -> dict[str, bytes]:
    return {table: profile.to_json() for table, profile in profiles.items()}


def _derive(
    files: PrimaryFiles,
    folder: Path,
    wish: Derivations,
    taken: Collection[str],
    work: Path,
    progress: ProgressCallback | None,
) -> DerivedTables:
    found = DerivedTables()
    if wish.headers or wish.qc or wish.custom_info:
        objects = ObjectTables(headers=wish.headers, qc=wish.qc, custom_info=wish.custom_info)
        found.add(derive_objects(files, folder, objects, taken, progress))
    if wish.tabular_files is not None:
        names = {*taken, *(name.casefold() for name in found.models)}
        found.add(derive_tabular(files, folder, wish.tabular_files, names, work, progress))
    return found


def first_line(error: Exception) -> str:
    """What an error of others says, as far as it concerns people."""
    return " ".join(str(error).partition("\n")[0].split())
