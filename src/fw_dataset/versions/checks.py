"""What must hold of a version's files: one function for each matter."""

from __future__ import annotations

from collections.abc import Iterator

from fw_dataset.format.schema import DataModel
from fw_dataset.versions.inventory import Inventory, Problem

__all__ = ["check_structure", "named"]

_OWN_FOLDERS = ("tables/", "schemas/")
_MOST_NAMED = 8


def check_structure(seen: Inventory) -> Iterator[Problem]:
    """Check what the listing and the documents of a version tell, without its data."""
    yield from seen.problems
    yield from _missing(seen)
    if seen.writer is None:  # a writer's files are not listed until it is done
        yield from _foreign(seen)
        yield from _tables(seen)
        yield from _description(seen)


def _missing(seen: Inventory) -> Iterator[Problem]:
    for entry in seen.files:
        size = seen.sizes.get(entry.path)
        if size is None:
            yield seen.problem("missing", entry.path, "the manifest lists it, and it is not there")
        elif size != entry.bytes:
            yield seen.problem(
                "size", entry.path, f"it has {size} bytes, and the manifest says {entry.bytes}"
            )


def _foreign(seen: Inventory) -> Iterator[Problem]:
    listed = {entry.path for entry in seen.files}
    for path in seen.sizes:
        if not path.startswith(_OWN_FOLDERS) or path in listed:
            continue
        if seen.manifest is not None:
            yield seen.problem(
                "foreign",
                path,
                "the manifest does not list it: it is of somebody else, or was"
                " left by an interrupted writer",
            )
        elif path.startswith("tables/") and not _is_data(path):
            yield seen.problem("foreign", path, "it is no data file of a table")


def _is_data(path: str) -> bool:
    return path.count("/") > 1 and path.endswith(".parquet")


def _tables(seen: Inventory) -> Iterator[Problem]:
    tables, missing = seen.tables, {p.path for p in _missing(seen)}
    for name in sorted({*seen.shown, *seen.hidden} - tables.keys()):
        yield seen.problem("table", f"tables/{name}", f"table {name!r} has a schema and no data")
    for name in sorted(tables.keys() - {*seen.shown, *seen.hidden}):
        schema = f"schemas/{name}.schema.json"
        is_ours = seen.manifest is None or any(e.table == name for e in seen.files)
        # What is foreign, or has a schema that is missing, is told of already.
        if is_ours and f"{seen.layout.root}/{schema}" not in missing:
            yield seen.problem("table", schema, f"table {name!r} has data and no schema")
    for name in sorted(seen.shown.keys() & seen.hidden.keys()):
        yield seen.problem(
            "table",
            f"schemas/hidden/{name}.schema.json",
            f"table {name!r} is shown and hidden at once: hide or unhide it again",
        )


def _description(seen: Inventory) -> Iterator[Problem]:
    description = seen.description
    if description is None or (seen.manifest is None and not description.tables):
        return
    marker = seen.layout.description[len(seen.layout.root) + 1 :]
    names = {
        "does not name": seen.shown.keys() - description.tables.keys(),
        "names tables that are not shown:": description.tables.keys() - seen.shown.keys(),
    }
    for what, tables in names.items():
        if tables:
            yield seen.problem("description", marker, f"it {what} {named(tables)}")
    for name in sorted(seen.shown.keys() & description.tables.keys()):
        model = seen.shown[name]
        # Those of the 0.3 and 0.4 releases were never the same as the schemas.
        if model is None or seen.manifest is None or _tells(description.tables[name], model):
            continue
        yield seen.problem(
            "description", marker, f"it has other columns of table {name!r} than the schema"
        )


def _tells(table: object, model: DataModel) -> bool:
    properties = table.get("properties") if isinstance(table, dict) else None
    return isinstance(properties, dict) and list(properties) == list(model.properties)


def named(names: object) -> str:
    """A few of some names."""
    found = sorted(map(str, names))  # type: ignore[call-overload]
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    return ", ".join(found[:_MOST_NAMED]) + more
