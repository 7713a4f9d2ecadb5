"""What one may use, and what becomes of who uses more."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import duckdb
import pytest

from tests.serve.conftest import Study
from tests.serve.server import Answer, Server, running

SLOW = "SELECT count(*) AS n FROM range(100000000000)"
_ADD = "lambda x: x + i" if int(duckdb.__version__.partition(".")[0]) >= 2 else "x -> x + i"
SLOW_ROWS = f"SELECT i, list_sum(list_transform(range(2000), {_ADD})) AS n FROM range(4000000) t(i)"
"""It gives rows at once, and more of them for a long time."""


@pytest.fixture(scope="module")
def small(study: Study) -> Iterator[Server]:
    """Little is let through here."""
    options = {
        "--max-queries": 1,
        "--max-waiting": 1,
        "--max-seconds": 2,
        "--max-memory": 200,
        "--max-rows": 5000,
        "--max-bytes": 2,
        "--keep": 2,
    }
    arguments = [str(part) for option in options.items() for part in option]
    with running(study.path, *arguments) as server:
        yield server


def until(condition: object, seconds: float = 20) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.05)


def idle(server: Server) -> bool:
    return server.metric("queries_running") + server.metric("queries_waiting") == 0


def test_a_result_has_so_many_rows(small: Server) -> None:
    assert len(small.rows("SELECT * FROM range(5000)")) == 5000
    answer = small.search("SELECT * FROM range(5001)")
    while answer.status == 200:
        answer = small.get(answer.json["pagination"]["next_page_url"])
    assert "more than 5,000 rows" in answer.error


@pytest.mark.parametrize("form", ["csv", "ndjson", "arrow", "parquet"])
def test_a_result_has_so_many_bytes(small: Server, form: str) -> None:
    sql = "SELECT md5(range::VARCHAR) || md5((range + 1)::VARCHAR) AS x FROM range(4500) a"
    sql = sql.replace("AS x", "|| repeat(md5(range::VARCHAR), 30) AS x")
    assert small.search(sql.replace("4500", "1000"), path=f"?format={form}").status == 200
    try:
        answer = small.search(sql.replace("30", "3000"), path=f"?format={form}")
    except OSError:
        return  # broken off on the way
    assert answer.status in (200, 400)
    assert len(answer.body) < 3 << 20


def test_a_query_runs_so_long(small: Server) -> None:
    began = time.monotonic()
    answer = small.search(SLOW)
    assert "2 seconds, which is the limit" in answer.error
    assert time.monotonic() - began < 8
    assert small.rows("SELECT 1 AS a") == [{"a": 1}]


def test_a_query_that_is_awaited_is_not_forgotten(study: Study) -> None:
    with running(study.path, "--keep", "1", "--max-seconds", "4") as server:
        answer = server.search(SLOW)
    assert "4 seconds, which is the limit" in answer.error


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT string_agg(range || repeat('x', 1000)) AS x FROM range(1000000)",
        "SELECT length(repeat('x', 3000000000)) AS x",
    ],
)
def test_a_query_uses_so_much_memory(small: Server, sql: str) -> None:
    answer = small.search(sql)
    assert answer.status in (400, 500)
    assert "memory" in answer.error
    assert small.rows("SELECT 1 AS a") == [{"a": 1}]


def test_so_many_run_and_wait_and_the_next_comes_back(small: Server) -> None:
    until(lambda: idle(small))
    answers: list[Answer] = []
    threads = [
        threading.Thread(target=lambda: answers.append(small.search(SLOW))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = sorted(answer.status for answer in answers)
    assert statuses == [400, 400, 429, 429]
    for answer in answers:
        if answer.status == 429:
            assert int(answer.headers["retry-after"]) >= 1
            assert answer.error
    assert small.rows("SELECT 1 AS a") == [{"a": 1}]


def test_who_leaves_ends_the_query(server: Server) -> None:
    until(lambda: idle(server))
    connection = server.connect()
    body = f'{{"query": "{SLOW}"}}'
    connection.request("POST", "/search", body, {"Content-Type": "application/json"})
    until(lambda: server.metric("queries_running") == 1)
    connection.close()
    until(lambda: idle(server), 5)


def test_who_leaves_a_download_ends_it(server: Server) -> None:
    until(lambda: idle(server))
    kept = server.metric("results_kept_bytes")  # of other tests
    connection = server.connect()
    sql = "SELECT a.range AS x FROM range(3000000) a, range(100)"
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/search?format=ndjson", f'{{"query": "{sql}"}}', headers)
    assert connection.getresponse().read(100)
    connection.close()
    until(lambda: idle(server), 15)
    until(lambda: server.metric("results_kept_bytes") <= kept, 5)


def test_a_query_that_runs_is_cancelled(server: Server) -> None:
    sql = "SELECT a.range AS x FROM range(4000000) a"
    first = server.search(sql)
    assert first.status == 200
    query = first.headers["x-query-id"]
    assert query in first.json["pagination"]["next_page_url"]
    assert server.ask("DELETE", f"/search/{query}").status == 204
    assert server.ask("DELETE", f"/search/{query}").status == 404
    assert server.get(first.json["pagination"]["next_page_url"]).status == 404
    until(lambda: idle(server), 5)


def test_a_long_query_is_answered_with_empty_pages_first(study: Study) -> None:
    with running(study.path, "--max-seconds", "10", "--hold", "0.5") as server:
        urls = []
        answer = server.search("SELECT count(*) AS n FROM range(2500000000)")
        while answer.status == 200 and "pagination" in answer.json and not answer.json["data"]:
            urls.append(answer.json["pagination"]["next_page_url"])
            answer = server.get(urls[-1])
        assert len(urls) == len(set(urls))
        assert urls or answer.json["data"]


def test_a_result_is_kept_for_a_while(small: Server) -> None:
    url = small.search("SELECT * FROM range(3000)").json["pagination"]["next_page_url"]
    for _ in range(3):  # what is asked for stays
        time.sleep(1)
        assert small.get(url).status == 200
    until(lambda: small.metric("results_kept_bytes") == 0)
    assert small.get(url).status == 404
