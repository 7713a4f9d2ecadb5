"""What is no snapshot is refused with one line that says why, and nothing is left in its place."""

from __future__ import annotations

import gzip
import os
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from fw_dataset.errors import SnapshotError, StorageError
from fw_dataset.snapshot import open_snapshot, source_sha256
from tests.support.snapshots import PROJECT, TABLES, write_database, write_snapshot


def read_all(source: Path, work: Path) -> None:
    with open_snapshot(source, work) as snapshot:
        for table in TABLES:
            list(snapshot.records(table))


def refused(source: Path, work: Path) -> str:
    """The message with which a snapshot is refused."""
    work.mkdir(exist_ok=True)
    before = sorted(source.parent.iterdir()) if source.parent.is_dir() else []
    with pytest.raises(SnapshotError) as raised:
        read_all(source, work)
    message = str(raised.value)
    assert "\n" not in message
    assert source.name.removesuffix(".gz") in message
    if source.parent.is_dir():
        assert sorted(source.parent.iterdir()) == before
    return message


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    subjects = [(f"s{n}", {"_id": f"s{n}", "label": random.Random(n).random()}) for n in range(500)]
    return write_snapshot(folder / "snapshot.db.gz", {"subject": subjects})


def test_missing_file(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.db.gz", tmp_path / "w").endswith("No such file or directory")


def test_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()

    assert refused(tmp_path / "in", tmp_path / "w").endswith("Is a directory")


def test_missing_folder(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "none" / "snapshot.db", tmp_path / "w")


def test_file_in_the_place_of_a_folder(packed: Path, tmp_path: Path) -> None:
    assert "Not a directory" in refused(packed / "snapshot.db", tmp_path / "w")


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "snapshot.db.gz").touch()

    assert "the file is empty" in refused(tmp_path / "snapshot.db.gz", tmp_path / "w")


@pytest.mark.parametrize(
    "content",
    [
        b"\0",
        b"PK\x03\x04 a zip",
        b"{}",
        b"\x1f",
        b"SQLite format 2\0",
        b"SQLite format 3",
        b"x" * 99,
    ],
)
def test_neither_gzip_nor_sqlite(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "snapshot.db").write_bytes(content)

    assert "neither gzip nor SQLite" in refused(tmp_path / "snapshot.db", tmp_path / "w")


@pytest.mark.parametrize("content", [b"", b"text", b"x" * 100, b"SQLite format 3"])
def test_gzip_of_something_else(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "s.db.gz").write_bytes(gzip.compress(content))

    message = refused(tmp_path / "s.db.gz", tmp_path / "w")

    assert "what is in the gzip is not a SQLite database" in message


@pytest.mark.parametrize(
    "kept", [2, 3, 5, 9, 10, 11, 100, 0.25, 0.5, 0.9, -100, -9, -8, -5, -4, -1]
)
def test_gzip_that_was_cut_short(kept: float, packed: Path, tmp_path: Path) -> None:
    content = packed.read_bytes()
    packed.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])

    message = refused(packed, tmp_path / "w")

    assert "the gzip ends too early; the file was cut short" in message


def test_gzip_with_flipped_bits(packed: Path, tmp_path: Path) -> None:
    content = packed.read_bytes()
    noise = random.Random(1)
    places = [*range(4), *(noise.randrange(12, len(content)) for _ in range(120))]
    for place in [*places, *range(len(content) - 8, len(content))]:
        damaged = bytearray(content)
        damaged[place] ^= 1 << noise.randrange(8)
        packed.write_bytes(damaged)
        assert refused(packed, tmp_path / "w")


@pytest.mark.parametrize("place", range(4, 10))
def test_gzip_header_that_says_something_else(place: int, packed: Path, tmp_path: Path) -> None:
    content = bytearray(packed.read_bytes())
    content[place] ^= 1
    packed.write_bytes(content)

    read_all(packed, tmp_path)


@pytest.mark.parametrize("rubbish", [b"rubbish", b"\x1f\x8b", b"\x1f\x8bcut", b"\x00\x01"])
def test_rubbish_behind_the_gzip(rubbish: bytes, packed: Path, tmp_path: Path) -> None:
    packed.write_bytes(packed.read_bytes() + rubbish)

    assert "gzip" in refused(packed, tmp_path / "w")


def test_sqlite_that_was_cut_short(packed: Path, tmp_path: Path) -> None:
    content = gzip.decompress(packed.read_bytes())
    for kept in (16, 99, 100, 1000, 4096, len(content) // 2, len(content) - 1):
        packed.with_suffix("").write_bytes(content[:kept])

        refused(packed.with_suffix(""), tmp_path / "w")


def test_sqlite_that_is_overwritten(packed: Path, tmp_path: Path) -> None:
    content = bytearray(gzip.decompress(packed.read_bytes()))
    content[100:4096] = b"\xff" * 3996
    packed.write_bytes(gzip.compress(bytes(content)))

    assert "cannot be read" in refused(packed, tmp_path / "w")


@pytest.mark.parametrize("table", TABLES)
def test_table_is_missing(table: str, tmp_path: Path) -> None:
    path = write_database(tmp_path / "s.db", {})
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"drop table {table}")

    assert refused(path, tmp_path / "w").endswith(f"table '{table}' is missing")


def test_no_table_at_all(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "s.db")) as connection, connection:
        connection.execute("create table other (id)")

    assert "table 'project' is missing" in refused(tmp_path / "s.db", tmp_path / "w")


@pytest.mark.parametrize("schema", ["(id)", "(data)", "(_id, data)", "(id, json)"])
def test_columns_are_missing(schema: str, tmp_path: Path) -> None:
    path = write_database(tmp_path / "s.db", {})
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("drop table session")
        connection.execute(f"create table session {schema}")

    assert refused(path, tmp_path / "w").endswith("table 'session' has no columns id and data")


@pytest.mark.parametrize("count", [0, 2, 3])
def test_not_exactly_one_project(count: int, tmp_path: Path) -> None:
    projects = [(str(n), PROJECT) for n in range(count)]
    path = write_database(tmp_path / "s.db", {"project": projects})

    assert f"table 'project' has {count} rows; exactly one" in refused(path, tmp_path / "w")


def test_changes_that_wait_beside_the_file(tmp_path: Path) -> None:
    path = write_database(tmp_path / "s.db", {})
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("insert into subject values ('s', '{}')")
        connection.commit()
        assert (tmp_path / "s.db-wal").stat().st_size

        message = refused(path, tmp_path / "w")

    assert "changes wait in s.db-wal" in message


def test_same_file_opens_once_the_changes_are_in_it(tmp_path: Path) -> None:
    path = write_database(tmp_path / "s.db", {})
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("insert into subject values ('s', '{}')")
        connection.commit()

    with open_snapshot(path, tmp_path) as snapshot:
        assert [record.id for record in snapshot.records("subject")] == ["s"]


@pytest.mark.skipif(os.geteuid() == 0, reason="everything can be read by root")
def test_file_that_cannot_be_read(packed: Path, tmp_path: Path) -> None:
    packed.chmod(0)

    assert refused(packed, tmp_path / "w").endswith("Permission denied")


def test_work_folder_that_is_not_there(packed: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"), open_snapshot(packed, tmp_path / "no"):
        pass


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_work_folder_that_is_full(packed: Path, tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "snapshot.db").symlink_to("/dev/full")

    with (
        pytest.raises(StorageError, match="no space left for the unpacked snapshot"),
        open_snapshot(packed, tmp_path / "w", keep=False),
    ):
        pass


@pytest.mark.parametrize("make", [lambda path: path, lambda path: path / "no"])
def test_hash_of_what_cannot_be_read(make: Callable[[Path], Path], tmp_path: Path) -> None:
    with pytest.raises(SnapshotError) as raised:
        source_sha256(make(tmp_path))

    assert "\n" not in str(raised.value)
