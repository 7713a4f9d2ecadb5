"""Snapshots of many parts, and what is rendered of them, to be compared byte for byte."""

from __future__ import annotations

import json
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import pytest

from fw_dataset.processes.spread import Spread
from fw_dataset.render.selection import select_columns
from fw_dataset.render.version import RenderedTables, render_tables
from fw_dataset.snapshot import open_snapshot
from tests.support.datasets import small_study
from tests.support.snapshots import Data, write_snapshot

__all__ = ["ODD", "content", "odd_files", "odd_snapshot", "render_spread", "small_parts", "tree_of"]

ODD: tuple[Data, ...] = (
    b"{",
    b"[]",
    None,
    '{"a": NaN, "size": "12 MB"}',
    '{"parents": {"session": 3}, "x": 1, "x": 2}',
    b'{"created": "yesterday", "label": "\xff"}',
)


def small_parts(patch: pytest.MonkeyPatch, rows: int) -> None:
    """Have parts of so few rows."""
    patch.setattr("fw_dataset.render.parquet.ROWS_PER_FILE", rows)


def odd_files(count: int) -> list[tuple[object, Data]]:
    """File records out of order, some of them odd; two in a row are alike."""
    rows: list[tuple[object, Data]] = []
    # Odd ones take long: of many records, few are.
    some = 11 if count < 1000 else 499
    for n in range(count):
        place = (n * 7919) % count
        record: dict[str, Any] = {
            "uuid": f"{place // 2:06}",
            "parents": {"subject": f"s{place % 7}", "session": f"s{place % 7}-{place % 3}"},
            "size": place if place % some else f"{place} bytes",
            "info": {"header": {"dicom": {"EchoTime": place / 8}}, "n": place % 5},
        }
        if place % (some + 2) == 0:
            record[f"key {place % 26}"] = {"n": place}
        if place % (some + 6) == 0:
            record["info"]["x"] = float("nan")
        rows.append((f"{place:06}", json.dumps(record)))
    return rows


def odd_snapshot(path: Path, files: int = 700) -> Path:
    """A snapshot with such files, and with subjects that nobody can read."""
    study = small_study(3)
    study["subject"] += [(f"odd{n}", data) for n, data in enumerate(ODD)]
    study["file"] = odd_files(files)
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_snapshot(path, study)


def render_spread(
    source: Path,
    folder: Path,
    *,
    executor: Executor | None = None,
    workers: int | None = 1,
    skip_errors: bool = True,
) -> RenderedTables:
    """Render a snapshot's tables into ``folder/version``."""
    folder.mkdir()
    version = folder / "version"
    version.mkdir()
    with open_snapshot(source, folder, keep=False) as snapshot:
        rendered = render_tables(
            snapshot,
            select_columns(None),
            version,
            skip_errors=skip_errors,
            progress=None,
            spread=Spread.make(executor, workers if executor is None else None),
        )
    left = {path.name for path in folder.iterdir()}
    assert left <= {"version", "snapshot.db"}, left
    return rendered


def content(rendered: RenderedTables, folder: Path) -> dict[str, Any]:
    """All that was rendered: the files byte for byte, the schemas, the report."""
    version = folder / "version"
    files = {p.relative_to(version).as_posix(): p for p in version.rglob("*") if p.is_file()}
    assert sorted(files) == sorted(entry.path for entry in rendered.entries)
    return {
        "files": {name: path.read_bytes() for name, path in files.items()},
        "entries": rendered.entries,
        "models": {name: model.to_dict() for name, model in rendered.models.items()},
        "report": rendered.report.to_json(),
        "log": rendered.report.log(),
    }


def tree_of(root: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too."""
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}
