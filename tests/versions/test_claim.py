"""The claim: one writer a version, and the dead give way."""

from __future__ import annotations

import json
import os
import platform
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fw_dataset.errors import StorageError, VersionConflictError
from fw_dataset.format.layout import VersionLayout
from fw_dataset.storage import LocalStorage, MemoryStorage, Storage
from fw_dataset.versions import claim
from tests.support.processes import run, run_together
from tests.support.watched_storage import calls_of, failing_at

LAYOUT = VersionLayout("v1")


@pytest.fixture(params=["local", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    return LocalStorage(tmp_path) if request.param == "local" else MemoryStorage()


def take_and_end(root: Path) -> None:
    claim.take(LocalStorage(root), LAYOUT)


def take_or_not(root: Path) -> bool:
    try:
        claim.take(LocalStorage(root), LAYOUT)
    except VersionConflictError:
        return False
    return True


def put_claim(storage: Storage, **changes: Any) -> None:
    claim.take(storage, LAYOUT)
    known = json.loads(storage.get(LAYOUT.claim))
    storage.put(LAYOUT.claim, json.dumps({**known, **changes}).encode())


def test_take_and_release(storage: Storage) -> None:
    mine = claim.take(storage, LAYOUT)

    assert storage.get(LAYOUT.claim) == mine
    claim.release(storage, LAYOUT, mine)
    assert list(storage.list()) == []


def test_claims_differ(storage: Storage) -> None:
    first = claim.take(storage, LAYOUT)
    claim.release(storage, LAYOUT, first)

    assert claim.take(storage, LAYOUT) != first


def test_of_a_living_writer(storage: Storage) -> None:
    mine = claim.take(storage, LAYOUT)
    with pytest.raises(VersionConflictError, match=f"process {os.getpid()}") as caught:
        claim.take(storage, LAYOUT)

    assert "'v1'" in str(caught.value)
    assert "--discard-claim" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert storage.get(LAYOUT.claim) == mine


def test_of_a_dead_writer(tmp_path: Path) -> None:
    assert run(partial(take_and_end, tmp_path)).exitcode == 0
    storage = LocalStorage(tmp_path)
    storage.put("versions/v1/tables/subjects/x.parquet", b"left")
    storage.put("versions/v2/tables/subjects/x.parquet", b"not its own")
    mine = claim.take(storage, LAYOUT)

    assert {item.key for item in storage.list()} == {
        LAYOUT.claim,
        "versions/v2/tables/subjects/x.parquet",
    }
    assert storage.get(LAYOUT.claim) == mine


def test_of_a_dead_writer_who_had_committed(tmp_path: Path) -> None:
    assert run(partial(take_and_end, tmp_path)).exitcode == 0
    storage = LocalStorage(tmp_path)
    storage.put(LAYOUT.description, b"{}")
    storage.put("versions/v1/tables/subjects/x.parquet", b"committed")
    claim.release(storage, LAYOUT, claim.take(storage, LAYOUT))

    assert {item.key for item in storage.list()} == {
        LAYOUT.description,
        "versions/v1/tables/subjects/x.parquet",
    }


def test_only_one_takes_over_from_the_dead(tmp_path: Path) -> None:
    for _ in range(3):
        assert run(partial(take_and_end, tmp_path)).exitcode == 0
        taken = run_together([partial(take_and_wait, tmp_path) for _ in range(5)])

        assert [outcome.value for outcome in taken].count(True) == 1
        assert [outcome.value for outcome in taken].count(False) == 4


def take_and_wait(root: Path) -> bool:
    """Stay alive until all have tried."""
    taken = take_or_not(root)
    mark = root / f"tried-{os.getpid()}"
    mark.touch()
    while len(list(root.glob("tried-*"))) % 5 and taken:
        pass
    return taken


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "another-machine"},
        {"host": "another-machine", "boot": "other", "pid": 2**22 + 1},
        {"host": None},
        {"pids": "pid:[1]", "pid": 2**22 + 1},
        {"pid": "not a number"},
        {"pid": None},
        {"pid": [1]},
    ],
)
def test_of_a_writer_that_may_be_alive(storage: Storage, changes: dict[str, Any]) -> None:
    put_claim(storage, **changes)
    with pytest.raises(VersionConflictError, match="wait for it, or") as caught:
        claim.take(storage, LAYOUT)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"3", b"{}", b"\xff"])
def test_of_a_writer_that_is_not_known(storage: Storage, content: bytes) -> None:
    storage.put(LAYOUT.claim, content)
    with pytest.raises(VersionConflictError, match="another writer"):
        claim.take(storage, LAYOUT)
    claim.discard_dead_claim(storage, LAYOUT)

    assert storage.get(LAYOUT.claim) == content


@pytest.mark.parametrize(
    "changes", [{"boot": "an earlier one"}, {"pid": 2**22 + 1}, {"started": "an earlier one"}]
)
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_of_a_writer_that_is_provably_gone(storage: Storage, changes: dict[str, Any]) -> None:
    """The machine was started anew, the process is gone, or another has its number."""
    put_claim(storage, **changes)
    assert claim.take(storage, LAYOUT) == storage.get(LAYOUT.claim)
    assert json.loads(storage.get(LAYOUT.claim))["pid"] == os.getpid()
    assert json.loads(storage.get(LAYOUT.claim))["host"] == platform.node()


def test_discarding(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    claim.discard_dead_claim(storage, LAYOUT)
    assert list(tmp_path.iterdir()) == []

    storage.put(LAYOUT.description, b"{}")
    mine = claim.take(storage, LAYOUT)
    claim.discard_dead_claim(storage, LAYOUT)
    assert storage.exists(LAYOUT.claim), "this process is alive"

    claim.release(storage, LAYOUT, mine)
    assert run(partial(take_and_end, tmp_path)).exitcode == 0
    claim.discard_dead_claim(storage, LAYOUT)
    assert [item.key for item in storage.list()] == [LAYOUT.description]


def test_old_claims_are_taken_over(storage: Storage) -> None:
    put_claim(storage, host="elsewhere", time=time.time() - 47 * 3600)
    with pytest.raises(VersionConflictError, match="discard"):
        claim.take(storage, LAYOUT)

    storage.delete(LAYOUT.claim)
    put_claim(storage, host="elsewhere", time=time.time() - 49 * 3600)
    storage.put("versions/v1/tables/subjects/x.parquet", b"unfinished")
    mine = claim.take(storage, LAYOUT)

    assert [item.key for item in storage.list()] == [LAYOUT.claim]
    assert storage.get(LAYOUT.claim) == mine


def test_claims_are_taken_over_on_demand(storage: Storage) -> None:
    theirs = claim.take(storage, LAYOUT)

    mine = claim.take(storage, LAYOUT, discard=True)

    claim.require(storage, LAYOUT, mine)
    with pytest.raises(VersionConflictError, match="is claimed by process"):
        claim.require(storage, LAYOUT, theirs)
    claim.release(storage, LAYOUT, theirs)
    assert storage.get(LAYOUT.claim) == mine
    claim.release(storage, LAYOUT, mine)
    with pytest.raises(VersionConflictError, match="claimed by nobody"):
        claim.require(storage, LAYOUT, mine)


def put_dead_claim(storage: Storage) -> None:
    """Let the version be claimed by a writer who is provably gone, and left a file."""
    put_claim(storage, boot="an earlier one")
    storage.put("versions/v1/tables/subjects/x.parquet", b"left")


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_taking_over_from_the_dead_while_a_call_fails(storage: Storage, done: bool) -> None:
    """Who was refused leaves no living claim, and who was not has one.

    The call may also be one that removes what the dead writer left.
    """
    put_dead_claim(storage)
    steps = calls_of(storage, partial(claim.take, layout=LAYOUT))
    failed = 0
    for step in range(1, steps + 1):
        storage.clear(LAYOUT.root)
        put_dead_claim(storage)
        try:
            mine = claim.take(failing_at(storage, step, done=done), LAYOUT)
        except StorageError:
            failed += 1
            mine = claim.take(storage, LAYOUT)

        with pytest.raises(VersionConflictError, match=f"process {os.getpid()}"):
            claim.take(storage, LAYOUT)
        claim.release(storage, LAYOUT, mine)
        assert not storage.exists(LAYOUT.claim)
    assert failed > 4
