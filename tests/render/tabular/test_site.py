"""The tabular files of a study, served by an emulated site: the same tables as of a folder."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from fw_dataset.flywheel import SiteFiles
from fw_dataset.render.selection import select_columns
from fw_dataset.render.tabular.derive import derive_tabular
from fw_dataset.render.tabular.folder import FolderSource
from fw_dataset.render.tabular.sources import TabularSource
from fw_dataset.render.version import render_tables
from fw_dataset.snapshot import open_snapshot
from tests.flywheel_server import Corrupt, Drop, Respond, Truncate
from tests.support.flywheel_sites import connected, new_site, serving
from tests.support.shared_data import shared
from tests.support.tabular import Derived

STUDY = "ds000117"
BYTES = r"/files/[^/]+$"


def primary(folder: Path) -> dict[str, list[Path]]:
    snapshot_file = shared("data", STUDY, "snapshot.db.gz")
    folder.mkdir()
    with open_snapshot(snapshot_file, folder, keep=False) as snapshot:
        rendered = render_tables(
            snapshot,
            {"files": select_columns(None)["files"]},
            folder,
            skip_errors=False,
            progress=None,
        )
    return {"files": [folder / entry.path for entry in rendered.entries]}


def made(sources: dict[str, list[Path]], source: TabularSource, folder: Path) -> Derived:
    folder.mkdir()
    return Derived(derive_tabular(sources, folder, source, ["files"], folder), folder)


def test_a_study_of_a_site(tmp_path: Path) -> None:
    sources = primary(tmp_path / "primary")
    files = shared("data", STUDY, "files")
    of_folder = made(sources, FolderSource(files), tmp_path / "a")
    # Not the first of its table: that one gives the table its name.
    entries = of_folder.tables.files
    tables = [entry["table"] for entry in entries]
    forbidden = next(one for n, one in enumerate(entries) if one["table"] in tables[:n])
    assert [entry["name"] for entry in entries].count(forbidden["name"]) == 1
    site = new_site()
    site.add_project(snapshot=shared("data", STUDY, "snapshot.db.gz"), files=files)
    with serving(site) as server, connected(server) as connection:
        server.faults += [
            Truncate(100, path=BYTES),
            Drop(path=BYTES, after=5),
            Corrupt(10, path=BYTES, after=9),
            Respond(403, path=rf"/files/{quote(forbidden['name'])}$"),
        ]
        source = SiteFiles(connection, tmp_path / "cache")
        damaged = made(sources, source, tmp_path / "b")
        asked = len(server.requests)
        whole = made(sources, source, tmp_path / "c")
        assert len(server.requests) == asked + 1

    assert whole.tables == of_folder.tables
    (refused,) = [entry for entry in damaged.tables.files if entry["status"] != "read"]
    assert refused["file_id"] == forbidden["file_id"]
    assert "403" in refused["reason"]
    assert (refused["table"], refused["rows"]) == (None, 0)
    others = [entry for entry in of_folder.tables.files if entry["file_id"] != refused["file_id"]]
    assert [e for e in damaged.tables.files if e is not refused] == others
