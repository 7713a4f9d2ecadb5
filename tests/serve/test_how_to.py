"""What docs/how-to/serve.md shows is what the demo's dataset gives."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fw_dataset import render_snapshot
from fw_dataset.cli.serve import serve
from fw_dataset.demo import write_snapshot
from fw_dataset.serve.settings import Limits
from tests.cli.commands import fw_dataset
from tests.docs.pages import CHECKOUT, read_page
from tests.docs.sample import matches
from tests.serve.server import Server, running

HOW_TO = CHECKOUT / "docs" / "how-to" / "serve.md"

pytestmark = pytest.mark.skipif(
    not HOW_TO.exists(), reason="the documentation is not shipped with the tests"
)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("demo")
    write_snapshot(folder / "snapshot.db.gz")
    render_snapshot(folder / "snapshot.db.gz", folder / "my-dataset")
    with running(folder / "my-dataset") as server:
        yield server


def test_what_curl_is_shown_to_give_comes(demo: Server) -> None:
    examples = [block.text for block in read_page(HOW_TO).blocks if "curl -s" in block.text]
    assert len(examples) == 2
    for example in examples:
        command, _, shown = example.replace("\\\n", " ").partition("\n")
        words = shlex.split(command.removeprefix("$ "))
        (url,) = [word for word in words if word.startswith("http://127.0.0.1:8000/")]
        parts = urlsplit(url)
        asked = json.loads(words[words.index("-d") + 1])
        answer = demo.ask("POST", f"{parts.path}?{parts.query}", asked)
        assert answer.status == 200
        assert matches(shown, answer.body.decode())


def test_the_help_tells_the_defaults_that_hold() -> None:
    text = " ".join(fw_dataset("serve", "--help").text.split())
    options = [one for one in serve.params if one.name.startswith("max_") or one.name == "keep"]
    assert len(options) == 7
    assert text.count("[default: ") >= 7
    limits = Limits()
    for shown in (limits.waiting, limits.rows, limits.memory >> 20, f"{limits.kept_seconds:g}"):
        assert f"[default: {shown}" in text
    assert "as many as cores, 3 to 8" in text
