"""Who goes away ends their queries, and who asks much does not keep others waiting."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.serve.conftest import Study
from tests.serve.server import Answer, Server, running
from tests.serve.test_limits import SLOW, SLOW_ROWS, idle, until

ONE, OTHER = "one-token-that-is-long", "another-token-as-long"
CANCELLED = 'queries_total{state="cancelled"}'


@pytest.fixture(scope="module")
def hasty(study: Study) -> Iterator[Server]:
    """Gives empty pages soon, and waits 2 seconds for somebody to ask on."""
    options = ("--hold", "1.5", "--grace", "2", "--max-queries", "2")
    with running(study.path, *options) as server:
        yield server


@pytest.fixture(scope="module")
def shared(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Has room for two queries, and for 24 of one asker that wait."""
    tokens = tmp_path_factory.mktemp("shared") / "tokens"
    tokens.write_text(f"{ONE}\n{OTHER}\n")
    options = ("--token-file", tokens, "--max-queries", "2", "--max-waiting", "32")
    with running(study.path, *options, token=OTHER) as server:
        yield server


def ask(server: Server, token: str = "", sql: str = SLOW) -> http.client.HTTPConnection:
    """Send a query and do not wait for an answer."""
    connection = server.connect()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    connection.request("POST", "/search", json.dumps({"query": sql}), headers)
    return connection


def empty_page(server: Server) -> str:
    """Start a long query; the address of its next page."""
    until(lambda: idle(server))
    first = server.search(SLOW)
    assert first.json["data"] == []
    url: str = first.json["pagination"]["next_page_url"]
    return url


def test_who_leaves_while_the_next_page_is_awaited_ends_the_query(hasty: Server) -> None:
    url = empty_page(hasty)
    before = hasty.metric(CANCELLED)
    staying, leaving = hasty.connect(), hasty.connect()
    for connection in (staying, leaving):
        connection.request("GET", url[len(hasty.url) :])
    leaving.close()
    time.sleep(0.7)
    assert hasty.metric("queries_running") == 1  # another one waits for it
    staying.close()
    until(lambda: hasty.metric(CANCELLED) == before + 1, 1.5)  # before the grace is over
    assert idle(hasty)
    assert hasty.get(url).status == 404


def test_who_never_asks_for_the_next_page_ends_the_query(hasty: Server) -> None:
    url = empty_page(hasty)
    before = hasty.metric(CANCELLED)
    for _ in range(2):  # who asks on keeps it
        time.sleep(0.7)
        page = hasty.get(url).json
        assert page["data"] == []
        url = page["pagination"]["next_page_url"]
    assert hasty.metric("queries_running") == 1
    until(lambda: hasty.metric(CANCELLED) == before + 1, 8)
    assert idle(hasty)
    assert "was cancelled" in hasty.get(url).error


def test_who_has_rows_may_take_time_with_them(hasty: Server) -> None:
    until(lambda: idle(hasty))
    first = hasty.search(SLOW_ROWS)
    while not first.json["data"]:
        first = hasty.get(first.json["pagination"]["next_page_url"])
    time.sleep(4.5)  # more than the grace, and a look at what is left
    assert hasty.metric("queries_running") == 1
    assert hasty.get(first.json["pagination"]["next_page_url"]).status == 200
    hasty.ask("DELETE", f"/search/{first.headers['x-query-id']}")


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_who_leaves_before_a_download_begins_ends_it(hasty: Server, form: str) -> None:
    until(lambda: idle(hasty))
    connection = hasty.connect()
    headers = {"Content-Type": "application/json"}
    body = json.dumps({"query": SLOW})
    connection.request("POST", f"/search?format={form}", body, headers)
    until(lambda: hasty.metric("queries_running") == 1)
    connection.close()
    until(lambda: idle(hasty), 3)


def test_who_floods_and_leaves_holds_up_nobody(shared: Server) -> None:
    flood = [ask(shared, ONE) for _ in range(45)]
    until(lambda: shared.metric("queries_waiting") == 24)
    began = time.monotonic()
    assert shared.rows("SELECT 1 AS a") == [{"a": 1}]  # nobody has all places
    assert time.monotonic() - began < 5
    refused = [one.getresponse() for one in flood[25:]]
    assert {answer.status for answer in refused} == {429}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)
    for connection in flood:
        connection.close()
    until(lambda: idle(shared), 20)  # each of them alone would run for a minute
    assert shared.rows("SELECT 1 AS a") == [{"a": 1}]


def test_sixteen_at_once_from_one_address_are_all_answered(hasty: Server) -> None:
    until(lambda: idle(hasty))
    asked = [ask(hasty, sql=f"SELECT {number} AS a") for number in range(16)]
    for number, connection in enumerate(asked):
        answer = connection.getresponse()
        assert answer.status == 200
        assert json.load(answer)["data"] in ([{"a": number}], [])  # or it waits for a page
        connection.close()
    until(lambda: idle(hasty), 5)


def test_pages_answer_while_searches_fill_all_places(shared: Server) -> None:
    flood = [ask(shared, token) for token in (ONE, OTHER) for _ in range(5)]
    until(lambda: shared.metric("queries_running") == 2)
    for path in ("", "/tables/subjects", "/tables/subjects/rows", "/tree"):
        began = time.monotonic()
        answer = shared.get(f"/datasets/my_study{path}", Accept="text/html")
        assert answer.status == 200, path
        assert time.monotonic() - began < 5
    for connection in flood:
        connection.close()
    until(lambda: idle(shared), 5)


def test_without_tokens_askers_are_told_apart_by_their_addresses(hasty: Server) -> None:
    until(lambda: idle(hasty))
    flood = [ask(hasty) for _ in range(5)]
    until(lambda: hasty.metric("queries_waiting") == 4)
    other = replace(hasty, source=("127.0.0.2", 0))
    assert other.rows("SELECT 1 AS a") == [{"a": 1}]
    for connection in flood:
        connection.close()


def test_at_its_end_the_server_says_so_to_who_waits(study: Study, tmp_path: Path) -> None:
    with running(study.path, environment={"TMPDIR": str(tmp_path)}) as server:
        waiting = ask(server)
        until(lambda: server.metric("queries_running") == 1)
        assert server.stop() == 143
        answer = waiting.getresponse()
        said = Answer(answer.status, dict(answer.getheaders()), answer.read())
        waiting.close()
        assert (said.status, said.error) == (503, "the server ends: ask again when it is back")
