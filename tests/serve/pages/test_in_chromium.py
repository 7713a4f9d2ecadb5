"""The pages as people use them, in Chromium: with a mouse, by keyboard, and without scripts."""

from __future__ import annotations

import ast
import csv
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest

from fw_dataset import Dataset
from tests.serve.pages.accessibility import faults
from tests.serve.pages.browser import Browser, Tab
from tests.serve.pages.serving import TOKEN, Server

TYPES = "SELECT type, count(*) AS files\nFROM files\nGROUP BY type\nORDER BY files DESC, type"
ENDLESS = "SELECT count(*) FROM range(1000000) a, range(1000000) b, range(1000000) c"
IS_THERE = "!document.querySelector('#result').hidden"
EDITOR = "document.querySelector('#editor').shadowRoot"
WRITTEN = f"[...{EDITOR}.querySelectorAll('.cm-line')].map((line) => line.textContent).join('\\n')"


def query(server: Server, sql: str, view: str = "") -> str:
    return f"{server.url}/query#sql={quote(sql, safe='')}" + (f"&view={view}" if view else "")


def column(tab: Tab, number: int, selector: str = ".grid") -> list[str]:
    cells = f"{selector} tbody tr > :nth-child({number})"
    found: list[str] = tab.evaluate(
        f"[...document.querySelectorAll({json.dumps(cells)})].map((cell) => cell.innerText)"
    )
    return found


def status(tab: Tab) -> str:
    return tab.text("#status")


def write(tab: Tab, sql: str) -> None:
    tab.evaluate(f"{EDITOR}.querySelector('.cm-content').focus()")
    tab.press("a", ctrl=True)
    tab.insert(sql)


def sign_in(tab: Tab, token: str) -> None:
    """Give a token to the form, which has the focus from the start."""
    tab.wait("document.activeElement.id === 'token' && !document.activeElement.value")
    tab.insert(token)
    tab.press("Enter")


# -------------------------------------------------------------------------------- browsing


@pytest.mark.parametrize("scripts", [False, True])
def test_the_tree_is_walked_down_and_up(tab: Tab, server: Server, scripts: bool) -> None:
    tab.scripts(allowed=scripts)
    tab.open(f"{server.url}/")
    headings: list[str] = []
    for link in (".card h2 a", ".actions .strong", *[".tree tbody a"] * 4):
        tab.click(link)
        tab.wait(
            f"document.readyState === 'complete' && !{json.dumps(headings)}.includes("
            "document.querySelector('h1')?.innerText)"
        )
        headings.append(tab.text("h1"))
    assert headings[1] == "Subjects"
    assert headings[3] == "baseline"
    assert tab.text(".kind") == "File"
    trail = tab.evaluate("[...document.querySelectorAll('.trail li')].map((e) => e.innerText)")
    assert trail[2:] == headings[1:]
    assert "bytes" in tab.text(".values-of")
    tab.click(".trail li:nth-child(4) a")
    tab.wait("document.querySelector('.kind')?.innerText === 'Subject'")
    assert tab.text("h1") == headings[2]


def test_rows_are_sorted_turned_over_and_chosen(tab: Tab, server: Server, study: Path) -> None:
    sizes = "SELECT CAST(size AS VARCHAR) FROM files ORDER BY size DESC NULLS LAST LIMIT 60"
    wanted = [row[0] for row in Dataset.open(study).execute(sizes).fetchall()]
    tab.open(f"{server.url}/datasets/brains/tables/files/rows")
    head = (
        "[...document.querySelectorAll('.grid thead th')].findIndex((e) => e.innerText === 'size')"
    )
    place = int(tab.evaluate(head)) + 1
    for _ in range(2):
        tab.follow(f".grid thead th:nth-child({place}) a")
    assert tab.evaluate("document.querySelector('[aria-sort]').ariaSort") == "descending"
    assert column(tab, place) == wanted[:50]
    tab.follow(".pager a[rel=next]")
    assert column(tab, place)[:10] == wanted[50:]
    tab.open(f"{server.url}/datasets/brains/tables/sessions")
    tab.follow(".top a")
    assert "Only rows where label is" in tab.text(".notice")
    assert set(column(tab, 1)) == {"baseline"}
    tab.follow(".grid tbody a")
    assert tab.text("h1") == "baseline"


# --------------------------------------------------------------------------------- queries


def test_a_query_is_written_with_completion_and_run_by_keyboard(tab: Tab, server: Server) -> None:
    tab.open(f"{server.url}/query")
    tab.wait(f"{EDITOR}?.querySelector('.cm-content')")
    tab.evaluate(f"{EDITOR}.querySelector('.cm-content').focus()")
    tab.wait("performance.getEntriesByName(new URL('query/names', location)).length")
    tab.insert("SELECT s. FROM sessions s ORDER BY 1 LIMIT 3")
    for _ in range(len(" FROM sessions s ORDER BY 1 LIMIT 3")):
        tab.press("ArrowLeft")
    tab.type("parents.subj")
    chosen = f"{EDITOR}.querySelector('li[aria-selected=true]')?.innerText"
    tab.wait(f"({chosen} ?? '').startsWith('parents.subject')")
    # At first it takes no key, lest one is lost that was meant for the text.
    tab.wait("new Promise((done) => setTimeout(() => done(true), 120))")
    tab.press("Enter")
    tab.wait(f"{WRITTEN}.startsWith('SELECT s.\"parents.subject\" FROM')")
    tab.press("Enter", ctrl=True)
    tab.wait(IS_THERE)
    assert len(column(tab, 1)) == 3
    assert "3 rows in" in status(tab)
    assert tab.address.endswith("#sql=" + quote(str(tab.evaluate(WRITTEN)), safe="*"))


def test_a_link_reproduces_a_query_and_back_leads_to_the_one_before(
    tab: Tab, server: Server
) -> None:
    tab.open(query(server, TYPES))
    tab.wait(IS_THERE)
    assert tab.evaluate(WRITTEN) == TYPES
    types = column(tab, 1)
    assert types[0] == "dicom"
    write(tab, "SELECT 1 + 1 AS two -- a+b")
    tab.click("#run")
    tab.wait("document.querySelector('.grid th')?.innerText.startsWith('two')")
    tab.evaluate("history.back()")
    tab.wait("document.querySelector('.grid th')?.innerText.startsWith('type')")
    assert (column(tab, 1), tab.evaluate(WRITTEN)) == (types, TYPES)
    tab.evaluate("history.forward()")
    tab.wait("document.querySelector('.grid th')?.innerText.startsWith('two')")
    assert tab.evaluate(WRITTEN) == "SELECT 1 + 1 AS two -- a+b"


def test_results_are_turned_over_beyond_the_first_page_of_the_service(
    tab: Tab, server: Server
) -> None:
    tab.open(query(server, "SELECT i FROM range(1234) AS t(i) ORDER BY i"))
    tab.wait(IS_THERE)
    assert "more than 1,000 rows" in status(tab)
    for first in range(50, 1250, 50):
        tab.evaluate("document.querySelector('.pager button:last-of-type').click()")
        tab.wait(f"document.querySelector('.grid tbody td').innerText === '{first}'")
    assert column(tab, 1) == [str(number) for number in range(1200, 1234)]
    assert tab.evaluate("document.querySelector('.pager button:last-of-type').disabled")
    assert status(tab) == "Rows 1,201 – 1,234 of 1,234"


def test_an_error_is_told_and_shown_where_it_is(tab: Tab, server: Server) -> None:
    tab.open(query(server, "SELECT type,\n  sum(sise) AS bytes\nFROM files GROUP BY type"))
    tab.wait("document.querySelector('#problem p')")
    assert 'Referenced column "sise" not found' in tab.text("#problem")
    assert tab.evaluate(f"{EDITOR}.querySelector('.cm-fault').textContent") == "sise"
    assert faults(tab) == []
    assert tab.text("#problem button") == "Go to line 2, column 7"
    tab.click("#problem button")
    tab.insert("size")
    tab.press("Enter", ctrl=True)
    tab.wait(IS_THERE)
    assert tab.text("#problem") == ""
    assert tab.evaluate(f"{EDITOR}.querySelector('.cm-fault') === null")


def test_a_query_is_cancelled_and_the_next_one_runs(tab: Tab, server: Server) -> None:
    tab.open(query(server, ENDLESS))
    tab.wait("!document.querySelector('#cancel').hidden")
    tab.click("#cancel")
    tab.wait("document.querySelector('#status').innerText === 'Cancelled.'")
    write(tab, TYPES)
    tab.press("Enter", ctrl=True)
    tab.wait(IS_THERE)
    # Nobody waits for the first one, so the server has let go of it.
    tab.wait("fetch('/metrics').then((a) => a.text()).then((t) => /running[^\\n]* 0\\n/.test(t))")


def test_hostile_values_stay_texts(tab: Tab, server: Server) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    tab.open(query(server, f"SELECT '{hostile}' AS \"<b>a</b>\", 2 AS n", "chart"))
    tab.wait("document.querySelector('.plot svg')")
    assert tab.evaluate("document.querySelectorAll('#result img, #result b').length") == 0
    assert hostile in tab.evaluate("document.querySelector('#table').textContent")


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (TYPES, "Bar chart of files by type: dicom "),
        (
            "SELECT timestamp, weight FROM sessions WHERE timestamp > '2000-01-01'",
            "Line chart of weight over timestamp, ",
        ),
        ("SELECT age / 31557600.0 AS years, weight FROM sessions", "Scatter plot of weight over "),
        (
            "SELECT timestamp, weight, label FROM sessions WHERE timestamp > '2000-01-01'",
            "Line chart of weight over timestamp by label, ",
        ),
        (
            "SELECT * FROM (VALUES ('a', 2020, 7), ('a', 2021, 9), ('b', 2020, 8))"
            " AS t(scanner, year, n)",
            "Line chart of n over year by scanner, ",
        ),
        (
            "SELECT * FROM (VALUES (1, 70), (2, 90)) AS t(version, files)",
            "Bar chart of files by version: 1 70, 2 90",
        ),
    ],
)
def test_a_chart_fits_what_there_is(tab: Tab, server: Server, sql: str, said: str) -> None:
    tab.open(query(server, sql))
    tab.wait(IS_THERE)
    tab.click("[data-view=chart]")
    tab.wait("document.querySelector('.plot svg')")
    label = tab.evaluate("document.querySelector('.plot svg').getAttribute('aria-label')")
    assert label.startswith(said)
    assert tab.address.endswith("&view=chart")
    assert faults(tab) == []


def test_a_result_without_numbers_has_no_chart(tab: Tab, server: Server) -> None:
    tab.open(query(server, "SELECT label FROM subjects", "chart"))
    tab.wait("document.querySelector('#chart .notice')")
    assert "nothing to draw" in tab.text("#chart")


# ------------------------------------------------------------------------------ taking away


def test_results_are_downloaded(tab: Tab, server: Server, tmp_path: Path) -> None:
    tab.keep_downloads(tmp_path)
    tab.open(query(server, TYPES))
    tab.wait(IS_THERE)
    shown = list(zip(column(tab, 1), column(tab, 2), strict=True))
    for kind in ("csv", "parquet"):
        tab.click(f"[data-download={kind}]")
        tab.wait(f"document.querySelector('#status').innerText.startsWith('result.{kind}')")
        tab.arrived(tmp_path / f"result.{kind}")
    text = (tmp_path / "result.csv").read_text("utf-8")
    read = [tuple(row) for row in csv.reader(text.splitlines())]
    assert read[0] == ("type", "files")
    assert [(kind or "null", files) for kind, files in read[1:]] == shown
    assert pq.read_table(tmp_path / "result.parquet").column_names == ["type", "files"]


def test_a_query_is_copied_as_a_program(tab: Tab, server: Server) -> None:
    sql = "SELECT 'it''s \"so\" \\n' AS said,\n  1 AS one"
    tab.open(query(server, sql))
    tab.wait(IS_THERE)
    tab.evaluate(
        "Object.defineProperty(navigator, 'clipboard',"
        " {value: {writeText: async (text) => { window.copied = text }}})"
    )

    def copied(language: str, said: str) -> str:
        tab.click(f"[data-copy={language}]")
        tab.wait(f"document.querySelector('#status').innerText === 'Copied as {said}.'")
        return str(tab.evaluate("window.copied"))

    program = ast.parse(copied("python", "Python"))
    [given] = [
        node.value
        for node in program.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "query"
    ]
    assert ast.literal_eval(given) == sql
    assert json.dumps(sql) in copied("r", "R")
    command = copied("curl", "curl")
    if shutil.which("curl"):
        run = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
        assert list(csv.reader(run.stdout.splitlines())) == [
            ["said", "one"],
            ['it\'s "so" \\n', "1"],
        ]


# ------------------------------------------------------------------------ for everybody


def paths(tab: Tab, server: Server) -> Iterator[str]:
    """A page of each kind."""
    yield from ("/", "/datasets/brains", "/datasets/brains/tables/sessions", "/no/such/page")
    yield "/datasets/brains/tables/full_table"
    yield "/datasets/brains/tables/sessions/rows?sort=weight&columns=all"
    path = "/datasets/brains/tree"
    for _ in range(5):
        yield path
        tab.open(server.url + path)
        path = tab.evaluate("document.querySelector('.tree tbody a')?.getAttribute('href') ?? '/'")
    yield f"/query#sql={quote(TYPES)}"
    yield f"/query#sql={quote(TYPES)}&view=chart"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_pages_can_be_read_by_all(tab: Tab, server: Server, scheme: str, width: int) -> None:
    tab.colours(scheme)
    tab.size(width, 800)
    found: dict[str, list[str]] = {}
    for number, path in enumerate(paths(tab, server)):
        tab.open(server.url + path)
        if path.startswith("/query"):
            tab.wait(IS_THERE)
        found[path] = faults(tab)
        keep(tab, f"{number:02}-{scheme}-{width}")
    assert {path: wrong for path, wrong in found.items() if wrong} == {}
    light = tab.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (light == "rgb(251, 250, 248)") == (scheme == "light")


def keep(tab: Tab, name: str) -> None:
    """Keep a picture, where FW_DATASET_TEST_PICTURES names a folder for them."""
    folder = os.environ.get("FW_DATASET_TEST_PICTURES")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        tab.screenshot(Path(folder) / f"{name}.png")


def test_the_checks_find_what_is_wrong(tab: Tab, server: Server) -> None:
    tab.open(f"{server.url}/")
    tab.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend',"
        ' \'<h4>too deep</h4><a href="/"></a><p class="faint">faint</p>'
        "<table><tr><th>no scope</th></tr></table>'); "
        "document.querySelector('.faint').style.color = '#aaa'; 1"
    )
    found = " ".join(faults(tab))
    for wrong in ("h4 after h2", "link without a name", "contrast 2.2", "no scope"):
        assert wrong in found


def test_the_keyboard_reaches_all_and_is_caught_nowhere(tab: Tab, server: Server) -> None:
    tab.open(query(server, TYPES))
    tab.wait(IS_THERE)
    tab.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    tab.press("Enter")
    tab.wait("document.activeElement.id === 'content'")
    reached = []
    for _ in range(20):
        tab.press("Tab")
        reached.append(
            tab.evaluate(
                "(() => { const e = document.activeElement;"
                " return e.id || e.className || e.innerText })()"
            )
        )
    for wanted in ("editor", "run", "scroll"):
        assert wanted in reached
    assert reached.index("editor") < reached.index("run") < reached.index("scroll")
    shown = tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert shown != "none"


def test_people_sign_in_and_out(tab: Tab, guarded: Server) -> None:
    tab.open(f"{guarded.url}/query#sql={quote('SELECT 42 AS answer')}")
    tab.wait("document.querySelector('#token')")
    assert faults(tab) == []
    sign_in(tab, "this-is-not-the-right-token")
    tab.wait("document.querySelector('[role=alert]')")
    sign_in(tab, TOKEN)
    tab.wait("document.querySelector('#result') && " + IS_THERE)
    assert tab.address == f"{guarded.url}/query#sql={quote('SELECT 42 AS answer')}"
    assert tab.evaluate("document.cookie + JSON.stringify({...sessionStorage})") == "{}"
    assert column(tab, 1) == ["42"]
    tab.click("header form button")
    tab.wait("document.querySelector('#token')")
    tab.open(f"{guarded.url}/")
    tab.wait("document.querySelector('#token')")


def test_servers_at_other_ports_keep_their_sessions(
    tab: Tab, guarded: Server, server: Server, study: Path
) -> None:
    with Server(study, tokens=TOKEN) as another:
        for one in (guarded, another):
            tab.open(f"{one.url}/login")
            sign_in(tab, TOKEN)
            tab.wait("document.querySelector('h1')?.innerText === 'Datasets'")
        tab.open(f"{guarded.url}/")
        assert "Sign out" in tab.text("header")
        tab.open(f"{server.url}/")
        assert "Sign out" not in tab.text("header")


def test_a_session_that_ended_takes_no_query_along(browser: Browser, guarded: Server) -> None:
    tab = browser.new_tab()
    tab.open(f"{guarded.url}/login?next=/query")
    sign_in(tab, TOKEN)
    tab.wait("document.querySelector('#editor')?.shadowRoot")
    write(tab, "SELECT 7 AS kept")
    tab.call("Network.clearBrowserCookies")
    tab.press("Enter", ctrl=True)
    tab.wait("document.querySelector('#token')")
    sign_in(tab, TOKEN)
    tab.wait("document.querySelector('#result') && " + IS_THERE)
    assert column(tab, 1) == ["7"]
    tab.close()
