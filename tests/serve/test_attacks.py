"""Strangers' SQL: after all of it no file is touched and everybody gets the same answers."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.serve.attacks import BOMBS, QUICK_BOMBS, REFUSED, Places
from tests.serve.conftest import Study
from tests.serve.server import Server, running

SECRET = "the-secret-of-this-machine"
CONTROL = (
    "SELECT id, lower(name) AS name, count(*) OVER () AS files FROM files ORDER BY id",
    "SELECT ga4gh_type(label, 'string') AS label FROM subjects ORDER BY ALL",
    "SELECT table_schema, table_name FROM information_schema.tables ORDER BY ALL",
)
MEMORY = 300 << 20
SECONDS = 1


@pytest.fixture(scope="module")
def target(study: Study) -> Iterator[Server]:
    """A server of its own, with tight limits."""
    limits = ("--max-seconds", str(SECONDS), "--max-memory", "300", "--max-queries", "2")
    with running(study.path, *limits) as server:
        yield server


@pytest.fixture(scope="module")
def places(study: Study) -> Places:
    folder = study.path.parent
    secret = folder / "secret.csv"
    secret.write_text(f"a\n{SECRET}\n")
    (data,) = study.files("files")
    (hidden,) = study.files("analyses")
    return Places(secret, folder / "out", data.parent / "new.parquet", data, hidden)


def tree(*folders: Path) -> dict[str, str]:
    """All files below some folders, by their content."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_no_attack_gets_through(target: Server, study: Study, places: Places) -> None:
    before = tree(study.path.parent)
    answers = [target.rows(sql) for sql in CONTROL]
    assert all(answers)

    let_in = []
    for attack in REFUSED:
        answer = target.search(places.fill(attack))
        if answer.status != 400 or SECRET.encode() in answer.body:
            let_in.append((attack, answer.status, answer.body[:300]))
        if attack == places.fill(attack):  # else it is the attack that names a place
            assert study.path.name.encode() not in answer.body, attack

    assert len(REFUSED) > 150
    assert let_in == []
    assert tree(study.path.parent) == before
    assert [target.rows(sql) for sql in CONTROL] == answers


@pytest.mark.parametrize(
    "bombs",
    [pytest.param(QUICK_BOMBS, id="some"), pytest.param(BOMBS, id="more", marks=pytest.mark.slow)],
)
def test_no_bomb_does_harm(target: Server, study: Study, bombs: Sequence[str]) -> None:
    before = tree(study.path.parent)
    answers = [target.rows(sql) for sql in CONTROL]

    for bomb in bombs:
        began = time.monotonic()
        answer = target.search(bomb)
        assert answer.status in (200, 400, 500), (bomb[:80], answer.body[:300])
        assert time.monotonic() - began < SECONDS + 8, bomb[:80]
        processes = len(target.children())
        assert processes <= 2
        # Beside what a query may use: the libraries of the server and of each process.
        assert target.memory() < MEMORY + (processes + 1) * (200 << 20) + (384 << 20), bomb[:80]

    assert tree(study.path.parent) == before
    assert [target.rows(sql) for sql in CONTROL] == answers


@pytest.mark.parametrize(
    "path",
    [
        "/table/../../../etc/passwd/info",
        "/table/..%2F..%2Fetc%2Fpasswd/info",
        "/table/%2e%2e/info",
        "/table/files'; DROP VIEW files; --/data".replace(" ", "%20"),
        "/table/files%00/info",
        "/table/analyses/info",
        "/table/analyses/data",
        "/table/analyses/files/0.parquet",
        "/table/files/files/..%2F..%2F0.parquet",
        "/table/files/files/99.parquet",
        "/table/files/files/-1.parquet",
        "/table/files/files/%2Fetc%2Fpasswd.parquet",
        "/table/information_schema.tables/data",
        "/search/../x/y",
        "/search/x/..%2F..%2Fy",
        "/search/x/AAAA",
        "/table/files/data?from=AAAA",
        "/table/files/data?from=..%2F..%2Fetc",
        "/table/files/data/x/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ],
)
def test_no_address_leads_elsewhere(server: Server, path: str) -> None:
    answer = server.get(path)
    assert answer.status == 404
    assert answer.json["errors"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'"SELECT 1"',
        b'{"query": 1}',
        b'{"query": ""}',
        b'{"query": "SELECT \\u0000"}',
        b'{"query": "SELECT \'\\ud800\'"}',
        b'{"query": "SELECT ?", "parameters": "x"}',
        b'{"query": "SELECT ?", "parameters": {"a": 1}}',
        b'{"query": "SELECT ?", "parameters": [NaN]}',
        b'{"query": "SELECT ?", "parameters": []}',
        b'{"query": "SELECT ?", "parameters": [1, 2]}',
        b'{"query": "SELECT $a", "parameters": [1]}',
        b'{"query": "SELECT ?", "parameters": [1' + b"0" * 400 + b"]}",
        b'{"query": "SELECT ?", "parameters": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"query": "SELECT ?", "parameters": ["\\ud800"]}',
        b"\xff\xfe",
    ],
)
def test_odd_requests_are_refused(server: Server, content: bytes) -> None:
    assert server.ask("POST", "/search", content).status == 400


def test_a_request_that_is_too_large_is_refused(server: Server) -> None:
    answer = server.search("SELECT '" + "x" * (1 << 20) + "'")
    assert answer.status == 413
