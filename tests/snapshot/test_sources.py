"""A snapshot comes gzipped or not; its hashes, its copy, and that the source is left alone."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest

from fw_dataset.snapshot import open_snapshot, source_sha256
from tests.support.snapshots import write_database

SUBJECTS = [(f"s{n}", {"_id": f"s{n}"}) for n in range(50)]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return write_database(folder / "snapshot.db", {"subject": SUBJECTS})


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def pack(database: Path, content: bytes) -> Path:
    packed = database.with_name("snapshot.db.gz")
    packed.write_bytes(content)
    return packed


def read_ids(path: Path, work: Path) -> list[str]:
    with open_snapshot(path, work) as snapshot:
        return [record.id for record in snapshot.records("subject")]


def test_gzip_and_plain_file_hold_the_same(database: Path, work: Path) -> None:
    packed = pack(database, gzip.compress(database.read_bytes()))

    with open_snapshot(packed, work) as unpacked, open_snapshot(database, work) as plain:
        assert list(unpacked.records("subject")) == list(plain.records("subject"))
        assert unpacked.source.sha256 == plain.source.sha256 == sha256(database)
        assert unpacked.source.bytes == plain.source.bytes == database.stat().st_size


def test_hashes_of_a_gzip(database: Path, work: Path) -> None:
    packed = pack(database, gzip.compress(database.read_bytes()))

    with open_snapshot(packed, work) as snapshot:
        source = snapshot.source

    assert source.source_sha256 == sha256(packed) == source_sha256(packed)
    assert source.copy is not None
    assert source.copy.path.read_bytes() == packed.read_bytes()
    assert source.copy.sha256 == sha256(packed)


def test_copy_of_a_plain_file_is_gzipped_and_always_the_same(database: Path, work: Path) -> None:
    copies = []
    for name in ("one", "two"):
        (work / name).mkdir()
        with open_snapshot(database, work / name) as snapshot:
            copy = snapshot.source.copy
        assert copy is not None
        assert gzip.decompress(copy.path.read_bytes()) == database.read_bytes()
        assert copy.sha256 == sha256(copy.path)
        copies.append(copy.path.read_bytes())

    assert copies[0] == copies[1]


@pytest.mark.parametrize("name", ["snapshot.db", "snapshot.db.gz"])
def test_no_copy_unless_it_is_kept(name: str, database: Path, work: Path) -> None:
    pack(database, gzip.compress(database.read_bytes()))

    with open_snapshot(database.with_name(name), work, keep=False) as snapshot:
        assert snapshot.source.copy is None

    assert not (work / "snapshot.db.gz").exists()


def test_gzip_of_several_members(database: Path, work: Path) -> None:
    content = database.read_bytes()
    parts = [content[:1], content[1:5000], b"", content[5000:]]
    packed = pack(database, b"".join(gzip.compress(part) for part in parts))

    assert len(read_ids(packed, work)) == len(SUBJECTS)


def test_zeros_behind_a_gzip_are_padding(database: Path, work: Path) -> None:
    packed = pack(database, gzip.compress(database.read_bytes()) + b"\0" * 512)

    assert len(read_ids(packed, work)) == len(SUBJECTS)


def test_name_does_not_tell_whether_it_is_gzipped(database: Path, work: Path) -> None:
    packed = pack(database, gzip.compress(database.read_bytes()))
    for path in (database, packed):
        other = path.rename(path.with_name(f"{path.name}.dat"))

        assert len(read_ids(other, work)) == len(SUBJECTS)


@pytest.mark.parametrize(
    "name", ["a b.db", "50%.db", "what?.db", "a#b.db", "é.db", "a&mode=rwc.db"]
)
def test_odd_names_of_files(name: str, database: Path, work: Path) -> None:
    odd = database.rename(database.with_name(name))

    assert len(read_ids(odd, work)) == len(SUBJECTS)
    assert list(odd.parent.iterdir()) == [odd]


@pytest.mark.parametrize("packed", [False, True])
def test_source_is_left_as_it_is(packed: bool, database: Path, work: Path) -> None:
    path = pack(database, gzip.compress(database.read_bytes())) if packed else database
    content, times = path.read_bytes(), path.stat().st_mtime_ns
    names = sorted(path.parent.iterdir())
    path.chmod(0o400)
    path.parent.chmod(0o500)
    try:
        assert len(read_ids(path, work)) == len(SUBJECTS)
        assert sorted(path.parent.iterdir()) == names
    finally:
        path.parent.chmod(0o700)

    assert (path.read_bytes(), path.stat().st_mtime_ns) == (content, times)


def test_progress_reaches_the_whole_source(database: Path, work: Path) -> None:
    packed = pack(database, gzip.compress(database.read_bytes()))
    seen: list[tuple[int, int]] = []

    with open_snapshot(packed, work, progress=lambda done, total: seen.append((done, total))):
        pass

    size = packed.stat().st_size
    assert seen[-1] == (size, size)
    assert seen == sorted(seen)
