"""Bytes into a file: taken up where they broke off, begun anew where they are wrong."""

from __future__ import annotations

import gzip
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from fw_dataset.errors import (
    DownloadError,
    FlywheelDeniedError,
    FlywheelNotFoundError,
    FlywheelUnreachableError,
    StorageError,
    StorageFullError,
)
from fw_dataset.flywheel import Connection
from fw_dataset.flywheel.download import Received, download
from tests.flywheel_server import (
    Corrupt,
    Drop,
    FlywheelServer,
    ProjectState,
    Respond,
    Site,
    StallBody,
    Truncate,
)
from tests.support.flywheel_sites import (
    Asked,
    Probe,
    Told,
    answering,
    connected,
    new_site,
    run_python,
    serving,
    told_json,
)

SIZE = 300_000
PACKED = gzip.compress(Random(1).randbytes(SIZE), mtime=0)
TAKE = r"/snapshots/\w+$"


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


@pytest.fixture
def path(project: ProjectState) -> str:
    snapshot = project.add_snapshot(data=PACKED)
    return f"/snapshot/projects/{project.id}/snapshots/{snapshot}"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "taken.gz"


def take(connection: Connection, path: str, target: Path) -> Received:
    return download(connection, path, target, what="the snapshot", gzipped=True)


def assert_taken(received: Received, *, resumed: int = 0, restarted: int = 0) -> None:
    assert received.path.read_bytes() == PACKED
    assert received.bytes == len(PACKED)
    assert (received.resumed, received.restarted) == (resumed, restarted)


# -------------------------------------------------------------------------------------- broken off


@pytest.mark.parametrize(
    "places", [[0], [1], [9], [65_536], [len(PACKED) - 1], [10, 100, 1000], [70_000] * 4]
)
def test_taken_up_where_it_broke_off(
    server: FlywheelServer, connection: Connection, path: str, target: Path, places: list[int]
) -> None:
    """More often than requests are repeated, as each brought something."""
    server.faults += [Truncate(place, path=TAKE) for place in places]
    begun = [place for place in places if place]

    assert_taken(take(connection, path, target), resumed=len(begun))

    came = [one.headers.get("range") for one in server.requests]
    so_far = [sum(begun[: number + 1]) for number in range(len(begun))]
    if begun:
        assert came == [None, *(f"bytes={start}-" for start in so_far)]
        assert len({one.headers.get("if-range") for one in server.requests[1:]}) == 1


def test_a_great_many_times(
    server: FlywheelServer, connection: Connection, path: str, target: Path
) -> None:
    server.faults.append(Truncate(20_000, path=TAKE, times=None))
    assert_taken(take(connection, path, target), resumed=len(PACKED) // 20_000)


@pytest.mark.parametrize("end", [Drop(path=TAKE), Respond(503, path=TAKE), Respond(429, path=TAKE)])
def test_no_answer_in_the_middle(
    server: FlywheelServer,
    connection: Connection,
    path: str,
    target: Path,
    end: Drop | Respond,
) -> None:
    end.hits = 0
    server.faults += [Truncate(1000, path=TAKE), end]
    assert_taken(take(connection, path, target), resumed=1)
    assert len(server.requests) == 3


def test_sites_without_ranges(
    site: Site, server: FlywheelServer, connection: Connection, path: str, target: Path
) -> None:
    site.supports_ranges = False
    server.faults += [Truncate(place, path=TAKE) for place in (1000, 200_000, 50)]
    assert_taken(take(connection, path, target), restarted=3)


@pytest.mark.parametrize("ranges", [True, False])
def test_of_unknown_length(
    site: Site,
    server: FlywheelServer,
    connection: Connection,
    path: str,
    target: Path,
    ranges: bool,
) -> None:
    site.sends_length, site.supports_ranges = False, ranges
    seen: list[tuple[int, int | None]] = []
    server.faults.append(Truncate(70_000, path=TAKE))
    received = download(
        connection,
        path,
        target,
        what="x",
        gzipped=True,
        progress=lambda done, of: seen.append((done, of)),
    )
    assert_taken(received, resumed=int(ranges), restarted=int(not ranges))
    assert seen[0][1] is None
    assert seen[-1][0] == len(PACKED)


def test_it_never_gets_on(
    server: FlywheelServer, connection: Connection, path: str, target: Path
) -> None:
    server.faults.append(Drop(path=TAKE, times=None, after=1))
    server.faults.append(Truncate(1000, path=TAKE))
    with pytest.raises(FlywheelUnreachableError, match="the snapshot"):
        take(connection, path, target)
    assert len(server.requests) == 7


# --------------------------------------------------------------------------------- another content


def test_another_content_meanwhile(
    server: FlywheelServer,
    connection: Connection,
    project: ProjectState,
    path: str,
    target: Path,
) -> None:
    """What came before belongs to something else."""
    (snapshot,) = project.snapshots.values()
    first = gzip.compress(Random(2).randbytes(SIZE), mtime=0)
    snapshot.data = first

    def change() -> None:
        snapshot.data = PACKED

    server.faults += [Truncate(100_000, path=TAKE), Probe(change, path=TAKE)]
    assert_taken(take(connection, path, target), restarted=1)


def test_another_content_that_nothing_tells_of(target: Path) -> None:
    """Without a tag, parts of two contents are put together; the checksum finds it out."""
    other = gzip.compress(Random(2).randbytes(SIZE), mtime=0)
    answers = iter([other[:100_000], PACKED, PACKED])

    def answer(asked: Asked) -> Told:
        body, begin = next(answers), asked.headers.get("range")
        if begin is None:
            return 200, {"Content-Length": str(len(PACKED)), "Connection": "close"}, body
        start = int(begin[6:-1])
        told = {"Content-Range": f"bytes {start}-{len(PACKED) - 1}/{len(PACKED)}"}
        return 206, told, body[start:]

    with answering(answer) as (key, requests), connected(key) as connection:
        assert_taken(take(connection, "/any", target), resumed=1, restarted=1)
    assert [one.headers.get("range") for one in requests] == [None, "bytes=100000-", None]


@pytest.mark.parametrize("at", [0, 2, 100_000, len(PACKED) - 8, len(PACKED) - 1])
def test_a_wrong_byte(
    server: FlywheelServer, connection: Connection, path: str, target: Path, at: int
) -> None:
    server.faults.append(Corrupt(at, path=TAKE))
    assert_taken(take(connection, path, target), restarted=1)


def test_always_a_wrong_byte(
    server: FlywheelServer, connection: Connection, path: str, target: Path
) -> None:
    server.faults.append(Corrupt(100_000, path=TAKE, times=None))
    with pytest.raises(DownloadError, match=r"the snapshot: .*127\.0\.0\.1.* damaged .*gzip"):
        take(connection, path, target)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"<html>Log in</html>", "gzip"),
        (PACKED[:-10], "gzip"),
        (PACKED[:9], "gzip"),
    ],
)
def test_whole_but_no_gzip_stream(target: Path, body: bytes, reason: str) -> None:
    with (
        answering(lambda _: (200, {}, body)) as (key, requests),
        connected(key) as connection,
        pytest.raises(DownloadError, match=reason),
    ):
        take(connection, "/any", target)
    assert len(requests) == 3


def test_anything_else_is_taken_as_it_comes(target: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    with answering(lambda _: (200, {}, b"text")) as (key, _), connected(key) as connection:
        received = download(
            connection,
            "/any",
            target,
            what="text",
            size=4,
            progress=lambda done, of: seen.append((done, of)),
        )
        assert (received.bytes, target.read_bytes(), seen) == (4, b"text", [(4, 4)])
        with pytest.raises(DownloadError, match="4 bytes instead of 3"):
            download(connection, "/any", target, what="text", size=3)
        with pytest.raises(FlywheelUnreachableError, match="4 of 5 bytes"):
            download(connection, "/any", target, what="text", size=5)


def test_packed_on_its_way() -> None:
    """A gzip stream is not to be unpacked by anybody on the way."""
    with answering(lambda _: (200, {"Content-Encoding": "gzip"}, PACKED)) as (key, requests):
        target = Path("/dev/null")
        with connected(key) as connection:
            received = download(connection, "/any", target, what="x", size=len(PACKED))
    assert received.bytes == len(PACKED)
    assert requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("told", ["bytes 0-9/10", "bytes 7-9/10", "nonsense", ""])
def test_another_part_than_was_asked_for(target: Path, told: str) -> None:
    def answer(asked: Asked) -> Told:
        if "range" not in asked.headers:
            return 200, {"Content-Length": "10", "Connection": "close"}, b"01234"
        return 206, {"Content-Range": told}, b"56789"

    with (
        answering(answer) as (key, _),
        connected(key) as connection,
        pytest.raises(Exception, match="another part"),
    ):
        download(connection, "/any", target, what="text")


# ------------------------------------------------------------------------------------------ refused


def test_deleted_in_the_middle(
    server: FlywheelServer,
    connection: Connection,
    project: ProjectState,
    path: str,
    target: Path,
) -> None:
    server.faults.append(Truncate(1000, path=TAKE))
    server.faults.append(Probe(project.snapshots.clear, path=TAKE))
    with pytest.raises(FlywheelNotFoundError, match="the snapshot: the site does not have it"):
        take(connection, path, target)
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [401, 403, 404, 409])
def test_what_is_refused_is_not_asked_again(
    server: FlywheelServer, connection: Connection, path: str, target: Path, status: int
) -> None:
    server.faults.append(Respond(status, path=TAKE, times=None))
    with pytest.raises(Exception, match=str(status)) as caught:
        take(connection, path, target)
    assert caught.value.status == status  # type: ignore[attr-defined]
    assert isinstance(caught.value, FlywheelDeniedError) == (status in (401, 403))
    assert len(server.requests) == 1


def test_more_than_there_is(target: Path) -> None:
    """The site takes a part away: all is begun anew."""
    answers = iter([PACKED[:1000], b"", PACKED])

    def answer(asked: Asked) -> Told:
        body = next(answers)
        if "range" in asked.headers:
            return told_json({"message": "nothing there"}, 416)
        return 200, {"Content-Length": str(len(PACKED)), "Connection": "close"}, body

    with answering(answer) as (key, _), connected(key) as connection:
        assert_taken(take(connection, "/any", target), restarted=1)


def test_a_body_that_stands_still(
    server: FlywheelServer, connection: Connection, path: str, target: Path
) -> None:
    connection._client.timeout = 0.3
    server.faults += [StallBody(1000, 0.1, path=TAKE), StallBody(1000, 5, path=TAKE)]
    assert_taken(take(connection, path, target))
    assert_taken(take(connection, path, target), resumed=1)


# ---------------------------------------------------------------------------------------- the disk


def test_files_that_cannot_be_written(connection: Connection, path: str, tmp_path: Path) -> None:
    for target in (tmp_path, tmp_path / "no/such"):
        with pytest.raises(StorageError, match=str(target)):
            take(connection, path, target)


def test_a_full_disk(connection: Connection, path: str) -> None:
    with pytest.raises(StorageFullError, match="/dev/full"):
        take(connection, path, Path("/dev/full"))


MEMORY = """
import resource, sys
from pathlib import Path
from fw_dataset.flywheel import ApiKey, Connection
from fw_dataset.flywheel.download import download
key, path, small, target = sys.argv[1:]
connection = Connection(ApiKey.parse(key))
download(connection, small, Path(target), what="x", gzipped=True)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
received = download(connection, path, Path(target), what="x", gzipped=True)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(received.bytes, after - before)
"""


def test_memory(
    server: FlywheelServer, project: ProjectState, path: str, target: Path, tmp_path: Path
) -> None:
    great = tmp_path / "great.gz"
    with great.open("wb") as file:
        subprocess.run(["gzip", "-1"], input=Random(3).randbytes(64 << 20), stdout=file, check=True)
    snapshot = project.add_snapshot(data=great)
    key = server.api_key("hush0123456789abcdefhush")
    place = f"{path.rpartition('/')[0]}/{snapshot}"
    status, out, err = run_python(MEMORY, key, place, path, target)
    assert status == 0, err
    size, kibibytes = map(int, out.split())
    assert size == great.stat().st_size > 60_000_000
    assert kibibytes < 40 << 10
