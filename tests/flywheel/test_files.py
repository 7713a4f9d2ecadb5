"""Files of a site: several at once, whole, and kept for other times."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest

from fw_dataset.errors import (
    DownloadError,
    FlywheelDeniedError,
    FlywheelError,
    FlywheelNotFoundError,
    FlywheelUnreachableError,
    FWDatasetError,
    InvalidArgumentError,
    StorageError,
)
from fw_dataset.flywheel import Connection, SiteFiles
from tests.flywheel_server import (
    Corrupt,
    Drop,
    FlywheelServer,
    ProjectState,
    Respond,
    Site,
    Stall,
    Truncate,
)
from tests.support.flywheel_sites import connected, new_site, serving
from tests.support.privileges import as_ordinary_user

BYTES = r"/files/|/download$"
DATA = [Random(number).randbytes(20_000 + number) for number in range(12)]


@dataclass(frozen=True)
class Wanted:
    file_id: str | None
    name: str
    parent_id: str | None
    version: int | None = 1
    size: int | None = None
    hash: str | None = None


@pytest.fixture
def site() -> Site:
    return new_site()


@pytest.fixture
def project(site: Site) -> ProjectState:
    return site.add_project("lab", "study")


@pytest.fixture
def server(site: Site) -> Iterator[FlywheelServer]:
    with serving(site) as server:
        yield server


@pytest.fixture
def connection(server: FlywheelServer) -> Iterator[Connection]:
    with connected(server) as connection:
        yield connection
        wait_for_threads()


def wait_for_threads() -> None:
    """Those that nobody waits for any more still speak with the site."""
    for thread in threading.enumerate():
        if thread.name == "fw-dataset-ask":
            thread.join()


@pytest.fixture
def files(project: ProjectState) -> list[Wanted]:
    return [add(project, f"table {number}.csv", data) for number, data in enumerate(DATA)]


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


def add(project: ProjectState, name: str, data: bytes) -> Wanted:
    digest = f"v0-sha384-{hashlib.sha384(data).hexdigest()}"
    return Wanted(project.add_file(name, data), name, project.id, size=len(data), hash=digest)


def taken(got: Path | FWDatasetError) -> bytes:
    assert isinstance(got, Path), got
    return got.read_bytes()


# --------------------------------------------------------------------------------------- together


def test_all_in_order(connection: Connection, files: list[Wanted], into: Path) -> None:
    got = list(SiteFiles(connection).fetch_each(files, into))
    assert [taken(one) for one in got] == DATA
    assert {path.parent for path in got if isinstance(path, Path)} == {into}


def test_slow_files_are_waited_for_together(
    server: FlywheelServer, connection: Connection, files: list[Wanted], into: Path
) -> None:
    server.faults.append(Stall(0.5, path=BYTES, times=None))
    begin = time.monotonic()
    got = list(SiteFiles(connection).fetch_each(files[:8], into))
    assert time.monotonic() - begin < 3
    assert [taken(one) for one in got] == DATA[:8]


def test_only_some_are_taken_ahead(connection: Connection, files: list[Wanted], into: Path) -> None:
    asked: list[Wanted] = []

    def wanted() -> Iterator[Wanted]:
        for file in files:
            asked.append(file)
            yield file

    got = SiteFiles(connection, at_once=3).fetch_each(wanted(), into)
    next(got)
    assert len(asked) == 3
    got.close()  # type: ignore[attr-defined]


# -------------------------------------------------------------------------------------- one by one


def test_resumed_where_it_broke_off(
    server: FlywheelServer, connection: Connection, files: list[Wanted], into: Path
) -> None:
    server.faults += [Truncate(5000, path=BYTES), Drop(path=BYTES), Respond(503, path=BYTES)]
    (got,) = SiteFiles(connection).fetch_each(files[:1], into)
    assert taken(got) == DATA[0]
    assert [one.headers.get("range") for one in server.requests] == [
        None,
        *["bytes=5000-"] * 3,
    ]


def test_the_version_of_the_record(
    connection: Connection, project: ProjectState, into: Path
) -> None:
    first = add(project, "a.csv", b"old,1\n")
    project.add_file("a.csv", b"new,22\n", file_id=first.file_id, version=2)
    (got,) = SiteFiles(connection).fetch_each([first], into)
    assert taken(got) == b"old,1\n"
    (got,) = SiteFiles(connection).fetch_each([replace(first, size=7, hash=None, version=2)], into)
    assert taken(got) == b"new,22\n"
    (got,) = SiteFiles(connection).fetch_each(
        [replace(first, size=0, hash="?", version=None)], into
    )
    assert taken(got) == b"new,22\n"


@pytest.mark.parametrize("name", ["a b/c%ü+?#.tsv", "..", ".", "x&version=7.csv"])
def test_odd_names(connection: Connection, project: ProjectState, into: Path, name: str) -> None:
    (got,) = SiteFiles(connection).fetch_each([add(project, name, b"x")], into)
    assert taken(got) == b"x"


def test_moved_since(connection: Connection, project: ProjectState, into: Path) -> None:
    moved = replace(add(project, "a.csv", b"x"), parent_id="0" * 24)
    lost = replace(moved, file_id="0" * 24)
    nowhere = replace(moved, parent_id=None, file_id=None)
    got = list(SiteFiles(connection).fetch_each([moved, lost, nowhere], into))
    assert taken(got[0]) == b"x"
    assert isinstance(got[1], FlywheelNotFoundError)
    assert isinstance(got[2], InvalidArgumentError)


# ---------------------------------------------------------------------------------------- checked


def test_a_wrong_byte_is_fetched_again(
    server: FlywheelServer, connection: Connection, files: list[Wanted], into: Path
) -> None:
    server.faults.append(Corrupt(100, path=BYTES))
    (got,) = SiteFiles(connection).fetch_each(files[:1], into)
    assert taken(got) == DATA[0]
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"size": 7}, "20,000 bytes instead of 7"),
        ({"hash": hashlib.sha256(b"other").hexdigest()}, "hash"),
        ({"hash": "v0-sha384-" + "0" * 96}, "hash"),
    ],
)
def test_another_content_than_the_record_says(
    connection: Connection,
    files: list[Wanted],
    into: Path,
    tmp_path: Path,
    record: dict[str, object],
    reason: str,
) -> None:
    wrong = replace(files[0], **record)  # type: ignore[arg-type]
    for cache in (None, tmp_path / "cache"):
        first, second = SiteFiles(connection, cache).fetch_each([wrong, files[1]], into)
        assert isinstance(first, DownloadError)
        assert reason in str(first)
        assert taken(second) == DATA[1]
    assert len([path for path in (tmp_path / "cache").rglob("*") if path.is_file()]) == 1


def test_a_hash_of_no_known_form_is_not_looked_at(
    connection: Connection, files: list[Wanted], into: Path
) -> None:
    (got,) = SiteFiles(connection).fetch_each([replace(files[0], hash="crc32c=AAAAAA==")], into)
    assert taken(got) == DATA[0]


# ---------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize("status", [403, 404, 409])
def test_one_that_is_refused_stops_no_other(
    server: FlywheelServer,
    connection: Connection,
    files: list[Wanted],
    into: Path,
    status: int,
) -> None:
    server.faults.append(
        Respond(status, path=rf"{files[1].file_id}|table%201|table 1.csv", times=9)
    )
    got = list(SiteFiles(connection).fetch_each(files[:3], into))
    assert isinstance(got[1], FlywheelError)
    assert got[1].status == status
    assert [taken(got[0]), taken(got[2])] == [DATA[0], DATA[2]]


def test_a_refused_key_stops_all(
    server: FlywheelServer, connection: Connection, files: list[Wanted], into: Path
) -> None:
    server.faults.append(Respond(401, path=BYTES, times=None))
    with pytest.raises(FlywheelDeniedError):
        next(SiteFiles(connection).fetch_each(files, into))


def test_a_site_that_is_down_stops_all(
    server: FlywheelServer, files: list[Wanted], into: Path
) -> None:
    server.faults.append(Respond(503, path=BYTES, times=None))
    with connected(server, times=1) as connection:
        got = SiteFiles(connection).fetch_each(files, into)
        assert [type(next(got)) for _ in range(9)] == [FlywheelUnreachableError] * 9
        with pytest.raises(FlywheelUnreachableError):
            next(got)
        wait_for_threads()


def test_a_closed_connection_stops_all(
    connection: Connection, files: list[Wanted], into: Path
) -> None:
    connection.close()
    with pytest.raises(FlywheelError, match="closed"):
        next(SiteFiles(connection).fetch_each(files, into))


def test_a_folder_that_is_not_there(
    connection: Connection, files: list[Wanted], into: Path
) -> None:
    with pytest.raises(StorageError):
        next(SiteFiles(connection).fetch_each(files, into / "none"))


# ------------------------------------------------------------------------------------------- kept


def test_kept_for_other_times(
    server: FlywheelServer, connection: Connection, files: list[Wanted], into: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "deep" / "cache"
    source = SiteFiles(connection, cache)
    first = list(source.fetch_each(files, into))
    asked = len(server.requests)
    again = list(SiteFiles(connection, cache).fetch_each(files, into))

    assert first == again
    assert [taken(one) for one in again] == DATA
    assert len(server.requests) == asked == len(files)
    assert list(into.iterdir()) == []
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700


def test_another_version_is_another_file(
    connection: Connection, project: ProjectState, into: Path, tmp_path: Path
) -> None:
    first = replace(add(project, "a.csv", b"old"), hash=None)
    project.add_file("a.csv", b"new", file_id=first.file_id, version=2)
    source = SiteFiles(connection, tmp_path / "cache")
    got = source.fetch_each([first, replace(first, version=2), first], into)
    assert [taken(one) for one in got] == [b"old", b"new", b"old"]


@pytest.mark.parametrize("damage", [b"", DATA[0][:-1], DATA[1][: len(DATA[0])]])
def test_damaged_in_the_cache(
    connection: Connection, files: list[Wanted], into: Path, tmp_path: Path, damage: bytes
) -> None:
    source = SiteFiles(connection, tmp_path / "cache")
    (got,) = source.fetch_each(files[:1], into)
    assert isinstance(got, Path)
    got.write_bytes(damage)
    (got,) = source.fetch_each(files[:1], into)
    assert taken(got) == DATA[0]


def test_nothing_partial_is_left(
    server: FlywheelServer, connection: Connection, files: list[Wanted], into: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    old, new = cache / "ab" / ".partial-1-a", cache / "ab" / ".partial-2-b"
    old.parent.mkdir(parents=True)
    for path in (old, new):
        path.write_bytes(b"x")
    os.utime(old, (0, 0))
    server.faults.append(Corrupt(100, path=BYTES, times=None))

    (got,) = SiteFiles(connection, cache).fetch_each(files[:1], into)

    assert isinstance(got, DownloadError)
    assert [path for path in cache.rglob("*") if path.is_file()] == [new]


def test_a_cache_that_cannot_be_written(
    connection: Connection, files: list[Wanted], into: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    with as_ordinary_user(), pytest.raises(StorageError, match="closed"):
        next(SiteFiles(connection, folder / "cache").fetch_each(files, into))


def test_a_file_in_the_place_of_the_cache(
    connection: Connection, files: list[Wanted], into: Path, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_bytes(b"")
    with pytest.raises(StorageError, match="cache"):
        next(SiteFiles(connection, tmp_path / "cache").fetch_each(files, into))


def test_nothing_secret_is_shown(connection: Connection) -> None:
    assert connection.secret not in repr(SiteFiles(connection))
