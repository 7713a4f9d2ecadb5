"""The pages as they come over HTTP, without a browser."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest

from fw_dataset import Dataset, render_snapshot
from fw_dataset.demo.project import write_snapshot
from tests.serve.pages.serving import TOKEN, Server


def test_pages_say_what_there_is(server: Server) -> None:
    assert "Ageing Brains" in server.ask("/").text
    dataset = server.ask("/datasets/brains").text
    assert "One row for each session: a visit of a subject." in dataset
    assert 'href="/datasets/brains/tables/sessions"' in dataset
    assert "full_table" in dataset


def test_a_table_shows_its_profile(server: Server) -> None:
    page = server.ask("/datasets/brains/tables/sessions").text
    assert 'href="/datasets/brains/tables/sessions/rows?column=label&amp;value=baseline"' in page
    assert 'aria-label="Histogram of weight' in page
    assert "about </span>30" in page
    plain = server.ask("/datasets/brains/tables/files").text
    assert "Histogram" not in plain
    assert "varchar[]" in plain


def test_pages_may_do_nothing_but_what_is_theirs(server: Server) -> None:
    answer = server.ask("/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for path in ("/", "/query", "/datasets/brains/tables/sessions", "/datasets/brains/tree"):
        page = server.ask(path).text
        assert "style=" not in page
        assert "onclick" not in page
        assert "<script>" not in page
        assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize(
    "path",
    [
        "/datasets/none",
        "/datasets/brains/tables/none",
        "/datasets/brains/tables/none/rows",
        "/datasets/brains/tree/none/1",
        "/datasets/brains/tree/subjects/none",
        "/datasets/brains/tree/projects/none",
        "/datasets/%3Cscript%3E",
        "/no/such/page",
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(server: Server, path: str) -> None:
    answer = server.ask(path)
    assert answer.status == 404
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "All datasets" in answer.text
    assert "<script" not in answer.text


def test_programs_get_their_errors_as_json(server: Server) -> None:
    answer = server.ask("/no/such/page", accept="application/json")
    assert answer.status == 404
    assert answer.json["errors"][0]["title"] == "no such address"


@pytest.mark.parametrize(
    "choice",
    [
        "page=0",
        "page=-1",
        "page=x",
        "page=999999999999",
        "page=%D9%A1",
        "sort=none&order=desc",
        "column=label",
        "column=label&value=%27%20OR%201%3D1",
        "column=created&value=not+a+time",
        "columns=all",
    ],
)
def test_odd_choices_of_rows_are_no_errors(server: Server, choice: str) -> None:
    answer = server.ask(f"/datasets/brains/tables/sessions/rows?{choice}")
    assert answer.status == 200


def test_rows_are_not_chosen_by_a_column_that_is_not_there(server: Server) -> None:
    answer = server.ask("/datasets/brains/tables/sessions/rows?column=%3Cb%3E&value=1")
    assert answer.status == 400
    assert "has no column &lt;b&gt;" in answer.text


def test_rows_begin_with_what_people_know_and_name_the_subject(server: Server) -> None:
    page = server.ask("/datasets/brains/tables/sessions/rows").text
    heads = [re.sub("<[^>]*>", "", head) for head in re.findall("<th.*?</th>", page, re.S)]
    assert heads[:2] == ["label", "subject"]
    assert re.search(r'<td><a href="/datasets/brains/tree/subjects/\w+">[^<]+</a></td>', page)
    assert re.search(r"\d\d:\d\d UTC</td>|\d\d:\d\d:\d\d UTC</td>", page)
    every = server.ask("/datasets/brains/tables/sessions/rows?columns=all").text
    heads = [re.sub("<[^>]*>", "", head) for head in re.findall("<th.*?</th>", every, re.S)]
    assert set(heads[-5:]) >= {"id", "parents.group", "parents.project", "parents.subject"}


def test_beyond_the_last_row_one_is_led_back(server: Server) -> None:
    page = server.ask("/datasets/brains/tables/sessions/rows?page=99999&sort=label").text
    assert "There are not so many rows." in page
    assert 'href="/datasets/brains/tables/sessions/rows?sort=label">To the first page' in page
    assert 'class="pager"' not in page
    assert '<li><a href="/datasets/brains/tables/sessions">sessions</a></li>' in page


def test_odd_values_of_records_stay_what_they_are(server: Server, study: Path) -> None:
    odd = Dataset.open(study).execute("SELECT id, label FROM subjects WHERE label LIKE '%\"%'")
    [(key, label)] = odd.fetchall()
    assert "\n" in label or "“" in label or '"' in label
    page = server.ask(f"/datasets/brains/tree/subjects/{key}").text
    assert "&quot;" in page


def test_files_of_the_pages_are_asked_for_anew_and_come_once(server: Server) -> None:
    first = server.ask("/static/style.css")
    assert first.headers["Content-Type"] == "text/css; charset=utf-8"
    again = server.ask("/static/style.css", If_None_Match=first.headers["ETag"])
    assert (again.status, again.body) == (304, b"")
    assert server.ask("/static/none.js").status == 404
    assert server.ask("/static/..%2F__init__.py").status == 404


def test_names_for_completion(server: Server) -> None:
    tables = {tuple(one["path"]): one for one in server.ask("/query/names").json["tables"]}
    columns = {one["name"]: one for one in tables[("files",)]["columns"]}
    assert columns["size"]["type"] == "BIGINT"
    assert columns["info"]["type"] == "json"
    assert "description" in columns["parents.session"]


# -------------------------------------------------------------------------------- signing in


def form(**fields: str) -> dict[str, str]:
    return {"body": urlencode(fields), "content_type": "application/x-www-form-urlencoded"}


def test_pages_lead_to_the_form_and_programs_do_not(guarded: Server) -> None:
    answer = guarded.ask("/datasets/brains/tables/files/rows?page=2")
    assert answer.status == 303
    target = "/login?next=/datasets/brains/tables/files/rows%3Fpage%3D2"
    assert answer.headers["Location"] == target
    assert guarded.ask("/tables", accept="application/json").status == 401
    assert guarded.ask("/query/names", accept="*/*").status == 401
    for path in ("/login", "/static/style.css", "/static/icon.svg"):
        assert guarded.ask(path).status == 200


def test_a_wrong_token_is_told_and_not_repeated(guarded: Server) -> None:
    answer = guarded.ask("/login", "POST", **form(token="not-the-token-at-all", next="/"))
    assert answer.status == 401
    assert "not the right one" in answer.text
    assert "not-the-token-at-all" not in answer.text
    assert "Set-Cookie" not in answer.headers


def test_the_cookie_is_a_session_and_not_the_token(guarded: Server) -> None:
    answer = guarded.ask("/login", "POST", **form(token=TOKEN, next="/query"))
    assert (answer.status, answer.headers["Location"]) == (303, "/query")
    cookie = answer.headers["Set-Cookie"]
    assert TOKEN not in cookie
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    session = cookie.partition(";")[0]
    assert guarded.ask("/", cookie=session).status == 200
    body = '{"query": "SELECT 1 AS one"}'
    asked = guarded.ask("/search", "POST", body, content_type="application/json", cookie=session)
    assert asked.status == 200
    assert guarded.ask("/logout", "POST", cookie=session).status == 303
    assert guarded.ask("/", cookie=session).status == 303


@pytest.mark.parametrize(
    "target",
    [
        "https://elsewhere.example",
        "//elsewhere.example/",
        "/\\elsewhere.example",
        "javascript:alert(1)",
        "elsewhere",
        "http://[",
        "/\nx",
        "",
    ],
)
def test_nobody_is_led_elsewhere(guarded: Server, target: str) -> None:
    answer = guarded.ask("/login", "POST", **form(token=TOKEN, next=target))
    assert (answer.status, answer.headers["Location"]) == (303, "/")


def test_where_no_token_is_needed_there_is_no_form(server: Server) -> None:
    answer = server.ask("/login?next=/query")
    assert (answer.status, answer.headers["Location"]) == (303, "/query")
    assert "Sign out" not in server.ask("/", cookie="fw-dataset-session=x").text


def test_a_page_of_another_site_signs_nobody_in(guarded: Server) -> None:
    given = form(token=TOKEN, next="/")
    answer = guarded.ask("/login", "POST", **given, origin="https://elsewhere.example")
    assert answer.status == 403
    assert "Set-Cookie" not in answer.headers


def test_an_endless_form_is_no_token(guarded: Server) -> None:
    answer = guarded.ask("/login", "POST", **form(token=TOKEN, next="/" + "x" * 100_000))
    assert answer.status == 401


def test_several_datasets_are_schemas(guarded: Server) -> None:
    session = guarded.ask("/login", "POST", **form(token=TOKEN)).headers["Set-Cookie"]
    cookie = session.partition(";")[0]
    home = guarded.ask("/", cookie=cookie).text
    assert 'href="/datasets/brains"' in home
    assert 'href="/datasets/brains_2"' in home
    page = guarded.ask("/datasets/brains_2/tables/sessions", cookie=cookie).text
    assert "<code>brains_2.sessions</code>" in page
    rows = guarded.ask("/datasets/brains_2/tables/sessions/rows?sort=label", cookie=cookie)
    assert "baseline" in rows.text
    assert "Sign out" in rows.text


def test_behind_a_proxy_addresses_have_its_path(study: Path) -> None:
    options = ("--public-url", "https://data.example.org/brains/")
    with Server(study, tokens=TOKEN, options=options) as asked:
        answer = asked.ask("/login", "POST", **form(token=TOKEN, next="/elsewhere"))
        assert answer.headers["Location"] == "/brains/"
        assert {"Secure", "Path=/brains/"} <= set(answer.headers["Set-Cookie"].split("; "))
        assert answer.headers["Set-Cookie"].startswith("__Secure-")
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
        page = asked.ask("/datasets/brains", cookie=cookie).text
        assert 'href="/brains/static/style.css"' in page
        assert 'data-search="/brains/search"' in asked.ask("/query", cookie=cookie).text
        assert asked.ask("/query").headers["Location"] == "/brains/login?next=/brains/query"


def test_versions_stand_side_by_side(tmp_path: Path) -> None:
    for number, people in enumerate((3, 4), 1):
        write_snapshot(tmp_path / "snapshot.db", subjects=people)
        render_snapshot(tmp_path / "snapshot.db", tmp_path / "kept", label=f"Freeze {number}")
    with Server(tmp_path / "kept", options=("--all-versions",)) as asked:
        page = asked.ask("/datasets/kept").text
        listed = re.findall(r'href="(/datasets/[^"/]*)"', page.partition("<h2>Versions")[2])
        assert listed == ["/datasets/kept", "/datasets/kept_at_freeze_1"]
        assert "<dd>Freeze 2 (latest)</dd>" in page
        rows = asked.ask("/datasets/kept_at_freeze_1/tables/subjects/rows").text
        assert "of 3" in rows
        assert "<code>kept_at_freeze_1.subjects</code>" in rows
