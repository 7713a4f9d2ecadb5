"""The notebooks run, and what they are shipped with is what they show."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.docs.site import KEY
from tests.examples.notebooks import NOTEBOOKS, executed, shown, words

pytestmark = pytest.mark.skipif(
    not NOTEBOOKS[0].exists(), reason="the notebooks are not shipped with the tests"
)

RENEW = "run: PYTHONPATH=src python -m tests.examples.notebooks"
# A path of a machine, an address of one, a port.
_OF_A_MACHINE = re.compile(r"(?<![\w:/.])/(?:\w|\.)|[A-Z]:\\|127\.0\.0\.1|localhost|:\d{4,5}\b")


def read(notebook: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(notebook.read_text("utf-8"))
    return found


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_shows_what_it_is_shipped_with(notebook: Path, tmp_path: Path) -> None:
    fresh = executed(notebook, tmp_path)

    shipped = [words(text) for text in shown(read(notebook))]
    assert shipped == [words(text) for text in shown(fresh)], RENEW
    assert_nothing_of_a_machine(fresh)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_shipped_as_it_was_executed(notebook: Path) -> None:
    shipped = read(notebook)
    code = [cell for cell in shipped["cells"] if cell["cell_type"] == "code"]

    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert set(shipped["metadata"]) == {"kernelspec", "language_info"}
    assert all(cell["metadata"] == {} for cell in shipped["cells"])
    assert sum(bool(text) for text in shown(shipped)) > 5
    assert_nothing_of_a_machine(shipped)


def assert_nothing_of_a_machine(notebook: dict[str, Any]) -> None:
    outputs = [one for cell in notebook["cells"] for one in cell.get("outputs", ())]
    assert {one["output_type"] for one in outputs} <= {"stream", "execute_result", "display_data"}
    assert all(one.get("name") != "stderr" for one in outputs)
    for text in [json.dumps(outputs), *shown(notebook)]:
        assert KEY not in text
        assert tempfile.gettempdir() not in text
    for text in shown(notebook):
        assert _OF_A_MACHINE.search(text) is None, text


def test_what_is_of_a_machine_is_found() -> None:
    for text in ("/tmp/x", "at /home/me", "C:\\data", "http://127.0.0.1/x", "a:12345", "'/data'"):
        assert _OF_A_MACHINE.search(text), text
    for text in ("fw://lab/study", "a/b", "2024-06-01 12:00:00", "text/plain", "s3://b/p"):
        assert _OF_A_MACHINE.search(text) is None, text
