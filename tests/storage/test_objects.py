"""What only object stores do: answers that get lost, conditions that are ignored, interruptions."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fw_dataset import errors
from fw_dataset.storage.base import CHUNK_SIZE
from tests.support.tiny_store import SECRET_KEY, TinyStore, running_store

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def tiny() -> Iterator[TinyStore]:
    with running_store() as store:
        yield store


def once(method: str, act: Any, marker: str = "") -> Any:
    """A fault that acts on the first request of a method whose target holds a text."""
    left = [1]

    def fault(handler: Any, its_method: str) -> bool:
        if its_method != method or marker not in handler.path or not left:
            return False
        left.pop()
        act(handler)
        return True

    return fault


def test_a_lost_answer_is_no_conflict(tiny: TinyStore) -> None:
    storage = tiny.storage()
    storage.check_writable()
    tiny.after.append(once("PUT", lambda handler: handler.drop(), "/x"))

    storage.put_if_absent("x", b"mine")

    assert storage.get("x") == b"mine"
    assert [target for method, target in tiny.requests if method == "PUT"].count("/tiny/x") == 2
    with pytest.raises(errors.ObjectExistsError):
        storage.put_if_absent("x", b"mine")


def test_anothers_object_is_a_conflict_after_a_lost_answer(tiny: TinyStore) -> None:
    storage = tiny.storage()
    storage.check_writable()

    def be_late(handler: Any) -> None:
        tiny.objects["x"] = b"theirs", {}
        handler.drop()

    tiny.faults.append(once("PUT", be_late, "/x"))

    with pytest.raises(errors.ObjectExistsError):
        storage.put_if_absent("x", b"mine")
    assert storage.get("x") == b"theirs"


def test_an_object_that_is_gone_again_is_tried_again(tiny: TinyStore) -> None:
    storage = tiny.storage()
    storage.check_writable()
    body = b"<Error><Code>ConditionalRequestConflict</Code></Error>"
    tiny.faults.append(once("PUT", lambda handler: handler.answer(412, body), "/x"))

    storage.put_if_absent("x", b"mine")

    assert storage.get("x") == b"mine"


def test_a_store_that_ignores_conditions_is_not_written_to(tiny: TinyStore) -> None:
    tiny.heeds_conditions = False

    with pytest.raises(errors.StorageError, match="s3://tiny: this store overwrites"):
        tiny.storage().check_writable()
    with pytest.raises(errors.StorageError, match="s3://tiny: this store overwrites"):
        tiny.storage().put_if_absent("x", b"1")
    assert tiny.objects == {}


def test_conditions_are_looked_at_once(tiny: TinyStore) -> None:
    storage = tiny.storage()
    for number in range(3):
        storage.put_if_absent(f"x{number}", b"1")

    assert len([1 for method, _ in tiny.requests if method == "PUT"]) == 2 + 3
    assert sorted(tiny.objects) == ["x0", "x1", "x2"]


ANSWERS = [
    (404, "NoSuchKey", errors.ObjectNotFoundError, "s3://tiny/a/x: there is no such object"),
    (404, "NoSuchBucket", errors.BucketNotFoundError, "tiny: there is no such bucket"),
    (403, "AccessDenied", errors.StorageDeniedError, "credentials: the given keys"),
    (403, "InvalidAccessKeyId", errors.StorageDeniedError, "(InvalidAccessKeyId)"),
    (401, "", errors.StorageDeniedError, "s3://tiny/a/x: the store refuses access"),
    (400, "ExpiredToken", errors.StorageDeniedError, "(ExpiredToken)"),
    (400, "InvalidRequest", errors.StorageError, "HTTP 400, InvalidRequest"),
    (503, "SlowDown", errors.StorageUnreachableError, "(HTTP 503, SlowDown)"),
    (500, "", errors.StorageUnreachableError, "HTTP 500"),
    (507, "InsufficientStorage", errors.StorageFullError, "no room"),
]


@pytest.mark.parametrize(("status", "code", "kind", "said"), ANSWERS)
def test_answers_become_our_errors(
    tiny: TinyStore, status: int, code: str, kind: type[Exception], said: str
) -> None:
    body = f"<Error><Code>{code}</Code><Message>{SECRET_KEY}</Message></Error>".encode()

    def refuse(handler: Any, method: str) -> bool:
        handler.answer(status, b"" if method == "HEAD" else body)
        return True

    tiny.faults.append(refuse)

    with pytest.raises(errors.StorageError) as caught:
        tiny.storage(retry=1).get("a/x")

    assert type(caught.value) is kind
    assert said in str(caught.value)
    assert SECRET_KEY not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None, "their words hold addresses and bodies"


def test_a_store_that_is_not_there() -> None:
    with running_store() as store:
        storage = store.storage(retry=1)
    with pytest.raises(errors.StorageUnreachableError, match="s3://tiny/x: it cannot be reached"):
        storage.get("x")


def test_a_store_that_does_not_answer(tiny: TinyStore) -> None:
    def hang(*_: Any) -> bool:
        time.sleep(3)
        return True

    tiny.faults.append(hang)

    with pytest.raises(errors.StorageTimeoutError, match="did not answer in time"):
        tiny.storage(timeout="500ms", retry=0.1).get("x")


def test_nothing_secret_is_shown_or_pickled(tiny: TinyStore) -> None:
    storage = tiny.storage()

    assert repr(storage) == "ObjectStorage('s3://tiny')"
    assert SECRET_KEY not in str(vars(storage))
    with pytest.raises(TypeError, match="credentials"):
        pickle.dumps(storage)


def test_large_files_go_in_parts(tiny: TinyStore, tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(os.urandom(2 * CHUNK_SIZE + 5))

    tiny.storage().put_file("x", path)

    assert tiny.objects["x"][0] == path.read_bytes()
    assert len([1 for _, target in tiny.requests if "partNumber" in target]) == 3


@pytest.mark.parametrize(
    "request_part", ["partNumber=1", "partNumber=2", "partNumber=3", "?uploadId"]
)
def test_a_failed_upload_is_given_up(tiny: TinyStore, tmp_path: Path, request_part: str) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"x" * (3 * CHUNK_SIZE))

    def refuse(handler: Any, method: str) -> bool:
        if request_part in handler.path and method != "DELETE":
            handler.answer(403, b"<Error><Code>AccessDenied</Code></Error>")
            return True
        return False

    tiny.faults.append(refuse)

    with pytest.raises(errors.StorageDeniedError):
        tiny.storage().put_files([("x", path)])
    assert list(tiny.uploads) == []
    assert tiny.objects == {}


def test_an_error_of_the_callback_ends_the_others(tiny: TinyStore, tmp_path: Path) -> None:
    path = tmp_path / "small"
    path.write_bytes(b"1")

    def fail(_: int) -> None:
        raise RuntimeError("of the caller")

    with pytest.raises(RuntimeError, match="of the caller"):
        tiny.storage().put_files([(f"x{number}", path) for number in range(100)], fail)
    assert len(tiny.objects) < 100


@pytest.mark.parametrize("error", [RuntimeError("x"), KeyboardInterrupt(), SystemExit(3)])
def test_whatever_a_callback_raises_comes_back(
    tiny: TinyStore, tmp_path: Path, error: BaseException
) -> None:
    path = tmp_path / "small"
    path.write_bytes(b"1")
    storage = tiny.storage()

    def fail(_: int) -> None:
        assert storage.get_many(["none"]), "the store can be used meanwhile"
        raise error

    with pytest.raises(type(error)):
        storage.put_files([("x", path)], fail)
    assert storage.get("x") == b"1", "the loop goes on"


SCRIPT = """
import os, sys, time
from pathlib import Path
from tests.support.tiny_store import TinyStore
tiny = TinyStore()
tiny.port = int(sys.argv[1])
storage = tiny.storage(timeout="60s")
print("begun", flush=True)
began = time.monotonic()
try:
    {work}
except KeyboardInterrupt:
    print("interrupted" if time.monotonic() - began < 5 else "too late", flush=True)
"""


@pytest.mark.parametrize(
    "work",
    [
        'storage.get("x")',
        "list(storage.list())",
        'storage.put("x", b"1")',
        'storage.get_many(["x"] * 200)',
        'storage.put_files([("x", Path(sys.argv[2]))])',
        'list(storage.stream("x"))',
    ],
)
def test_ctrl_c_ends_a_call(tiny: TinyStore, tmp_path: Path, work: str) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"x" * (3 * CHUNK_SIZE))
    asked: list[str] = []

    def hang(handler: Any, method: str) -> bool:
        if "uploads" in handler.path or method == "DELETE":
            return False
        asked.append(handler.path)
        is_part = "partNumber" in handler.path
        time.sleep(3 if is_part else 20)
        return not is_part

    tiny.faults.append(hang)
    with start(SCRIPT.format(work=work), tiny, path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        while not asked:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        assert process.stdout.read() == "interrupted\n"
        assert time.monotonic() - began < 8, "1 s, and what the interpreter's end takes"
        assert process.wait() == 0
    assert tiny.uploads == {}


def test_a_forked_child_is_told(tiny: TinyStore) -> None:
    work = """storage.put("x", b"1")
    if os.fork() == 0:
        try:
            storage.get("x")
        except Exception as error:
            print(type(error).__name__, error, flush=True)
        os._exit(0)
    os.wait()
    print(storage.get("x"), flush=True)"""

    with start(SCRIPT.format(work=work), tiny) as process:
        assert process.stdout is not None
        lines = process.stdout.read().splitlines()

    assert lines[1].startswith("StorageError this process was forked from one that uses an object")
    assert lines[2] == "b'1'"


def test_uploads_take_little_memory(tiny: TinyStore, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with open(path, "wb") as file:
        file.truncate(300 << 20)
    tiny.keeps_content = False
    work = """import resource
    def most():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    storage.put("x", b"1")
    before = most()
    storage.put_file("y", Path(sys.argv[2]))
    print((most() - before) // (1 if sys.platform == "darwin" else 1024) < 120, flush=True)"""

    with start(SCRIPT.format(work=work), tiny, path) as process:
        assert process.stdout is not None
        assert process.stdout.read().splitlines()[-1] == "True"


def start(script: str, tiny: TinyStore, *arguments: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, str(tiny.port), *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
    )
