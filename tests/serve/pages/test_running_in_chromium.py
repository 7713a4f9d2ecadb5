"""The query page while queries run, are replaced and left: in Chromium."""

from __future__ import annotations

from tests.serve.pages.browser import Browser, Tab
from tests.serve.pages.serving import Server
from tests.serve.pages.test_in_chromium import (
    EDITOR,
    ENDLESS,
    IS_THERE,
    TYPES,
    WRITTEN,
    column,
    query,
    write,
)
from tests.serve.test_limits import SLOW_ROWS

RUNNING = "fetch('/metrics').then((a) => a.text()).then((t) => /running[^\\n]* {}\\n/.test(t))"


def test_a_query_ends_with_the_tab_that_asked_it(browser: Browser, server: Server) -> None:
    watching, asking = browser.new_tab(), browser.new_tab()
    watching.open(f"{server.url}/query")
    asking.open(query(server, SLOW_ROWS))
    asking.wait(IS_THERE)
    watching.wait(RUNNING.format(1))
    asking.close()
    watching.wait(RUNNING.format(0))
    watching.close()


def test_an_old_result_is_marked_while_another_query_runs(tab: Tab, server: Server) -> None:
    tab.open(query(server, TYPES))
    tab.wait(IS_THERE)
    assert tab.evaluate("document.querySelector('#stale').hidden")
    write(tab, ENDLESS)
    tab.press("Enter", ctrl=True)
    tab.wait("!document.querySelector('#stale').hidden")
    assert "the query before" in tab.text("#result")
    assert column(tab, 1)[0] == "dicom"
    tab.click("#cancel")
    tab.wait("document.querySelector('#result').hidden")


def test_a_click_on_a_table_throws_nothing_away(tab: Tab, server: Server) -> None:
    tab.open(f"{server.url}/query")
    tab.wait(f"{EDITOR}?.querySelector('.cm-content')")
    tab.click("[data-table=subjects]")
    tab.wait(IS_THERE)
    assert tab.evaluate(WRITTEN) == "FROM subjects\nLIMIT 100"
    tab.click("[data-table=files]")  # nothing was written since
    tab.wait("[...document.querySelectorAll('.grid th')].some((e) => /^size/.test(e.innerText))")
    assert tab.evaluate(WRITTEN).startswith("FROM files")
    write(tab, "SELECT count(*) FROM")
    # The editor scrolls to what was written, in its own time; a click meanwhile would miss.
    tab.wait("new Promise((done) => setTimeout(() => done(true), 300))")
    tab.click("[data-table=sessions]")
    tab.wait(f"{WRITTEN} === 'SELECT count(*) FROM sessions'")
    tab.press("Enter", ctrl=True)
    tab.wait("document.querySelector('.grid th')?.innerText.startsWith('count')")


def test_coloured_text_is_replaced_and_completion_closed_by_running(
    tab: Tab, server: Server
) -> None:
    tab.open(query(server, TYPES))
    tab.wait(IS_THERE)
    tab.evaluate(f"{EDITOR}.querySelector('.cm-content').focus()")
    tab.press("a", ctrl=True)
    tab.type("SELECT 1 AS si")  # the first key replaces all; the fixture hears complaints
    tab.press("a", ctrl=True)
    tab.type('"')
    assert tab.evaluate(WRITTEN) == '"SELECT 1 AS si"'
    write(tab, "")
    tab.type("SELECT si")
    tab.wait(f"{EDITOR}.querySelector('.cm-tooltip-autocomplete')")
    tab.press("Enter", ctrl=True)
    tab.wait("document.querySelector('#problem p')")
    assert tab.evaluate(f"{EDITOR}.querySelector('.cm-tooltip-autocomplete') === null")


def test_a_chart_says_what_it_leaves_out_and_writes_years_as_such(tab: Tab, server: Server) -> None:
    values = "(2019, 7), (2020, NULL), (2021, 9), (2022, 4)"
    tab.open(query(server, f"SELECT * FROM (VALUES {values}) AS t(year, n)", "chart"))
    tab.wait("document.querySelector('.plot svg')")
    assert "1 of 4 rows is not drawn: year or n has no value (null) there." in tab.text("#chart")
    texts = tab.evaluate("[...document.querySelectorAll('.plot text')].map((e) => e.textContent)")
    assert {"2019", "2022"} <= set(texts)
    assert not [text for text in texts if "2,0" in text or "2020.5" in text]
