"""A small study, a server that shows it, and a Chromium in front."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fw_dataset import render_snapshot
from fw_dataset.demo.project import write_snapshot
from tests.serve.pages.browser import Browser, Tab, find_chromium
from tests.serve.pages.serving import TOKEN, Server, add_profiles


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of twelve people, with profiles."""
    folder = tmp_path_factory.mktemp("study")
    write_snapshot(folder / "snapshot.db.gz", subjects=12)
    dataset = render_snapshot(folder / "snapshot.db.gz", folder / "brains")
    add_profiles(dataset, folder / "brains")
    return folder / "brains"


@pytest.fixture(scope="session")
def server(study: Path) -> Iterator[Server]:
    """A server that asks for no token."""
    with Server(study) as running:
        yield running


@pytest.fixture(scope="session")
def guarded(study: Path) -> Iterator[Server]:
    """A server of two datasets that asks for a token."""
    with Server(study, study, tokens=TOKEN) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A Chromium, if this machine has one."""
    program = find_chromium()
    if program is None:
        pytest.skip("there is no Chromium here, so the pages are not tried in one")
    running = Browser(program)
    yield running
    running.close()


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    """A tab of its own; whatever a test does in it, no script fails and no rule is broken."""
    opened = browser.new_tab()
    yield opened
    complaints = opened.complaints
    opened.close()
    assert complaints == []
