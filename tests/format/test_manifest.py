"""The manifest: what is in a version."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_dataset.errors import DatasetFormatError
from fw_dataset.format.manifest import FileEntry, Manifest, SnapshotIdentity

entries = st.builds(
    FileEntry,
    path=st.text(max_size=10),
    bytes=st.integers(0, 2**60),
    sha256=st.just("0" * 64),
    table=st.sampled_from([None, "files", "subjects"]),
    rows=st.one_of(st.none(), st.integers(0, 2**40)),
)


@given(st.lists(entries, max_size=6))
def test_written_manifest_is_read_again(files: list[FileEntry]) -> None:
    manifest = Manifest(
        renderer={"fw-dataset": "1"},
        snapshot=SnapshotIdentity(sha256="a", bytes=1, source_sha256="b"),
        options={"control_columns": {"files": ["id"]}, "on_error": "skip"},
        files=tuple(files),
    )

    assert Manifest.from_json(manifest.to_json()) == manifest
    assert Manifest.from_json(manifest.to_json()).to_json() == manifest.to_json()
    assert manifest.total_bytes == sum(entry.bytes for entry in files)
    for table in ("files", "subjects"):
        own = manifest.data_files(table)
        assert own == tuple(entry for entry in files if entry.table == table)
        assert manifest.rows.get(table, 0) == sum(entry.rows or 0 for entry in own)


def test_rows_are_counted_by_table() -> None:
    def entry(table: str | None, rows: int | None) -> FileEntry:
        return FileEntry(path="p", bytes=1, sha256="s", table=table, rows=rows)

    files = (entry("files", 3), entry("files", 4), entry("subjects", 0), entry(None, None))

    assert Manifest(files=files).rows == {"files": 7, "subjects": 0}


def test_unknown_keys_are_kept() -> None:
    source: dict[str, Any] = json.loads(Manifest().to_json())
    source["later"] = {"x": [1]}
    source["files"] = [{"path": "p", "bytes": 0, "sha256": "s", "later": 1}]

    written = json.loads(Manifest.from_json(json.dumps(source)).to_json())

    assert written["later"] == {"x": [1]}
    assert written["files"][0]["later"] == 1


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000),
        *(b'{"files": 5}', b'{"files": [{}]}', b'{"snapshot": {}}'),
        b'{"files": [{"path": "p", "bytes": -1, "sha256": "s"}]}',
    ],
)
def test_damaged_manifest_is_one_kind_of_error(text: bytes) -> None:
    with pytest.raises(DatasetFormatError, match="the manifest cannot be read") as raised:
        Manifest.from_json(text)

    assert "\n" not in str(raised.value)
