"""The notebooks of ``examples``: the sites that they ask, and their execution.

``python -m tests.examples.notebooks`` executes them and keeps what they show.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fw_dataset
from fw_dataset import DatasetBuilder
from tests.docs.site import KEY, documented_site, environment_of, write_study
from tests.flywheel_server import FlywheelServer

__all__ = ["CHECKOUT", "NOTEBOOKS", "executed", "shown", "words"]

CHECKOUT = Path(__file__).parents[2]
CREATION = CHECKOUT / "examples" / "quickstart_dataset_creation.ipynb"
MANAGEMENT = CHECKOUT / "examples" / "quickstart_dataset_management.ipynb"
NOTEBOOKS = (CREATION, MANAGEMENT)

_EARLIER, _LATER = "2024-03-01T12:00:00.000+00:00", "2024-06-01T12:00:00.000+00:00"
# Releases of DuckDB draw their tables differently.
_DRAWN = re.compile(r"[─│┌┐└┘├┤┬┴┼\s]+")


def executed(notebook: Path, folder: Path) -> dict[str, Any]:
    """The notebook, executed anew in a folder, with a site to ask."""
    target = folder / notebook.name
    work = folder / "work"
    work.mkdir()
    with _site_for(notebook, folder, work) as server:
        run = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("execute.py")), notebook, target],
            check=False,
            cwd=work,
            env=_environment(server, folder),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=240,
        )
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(target.read_text("utf-8"))
    return found


def shown(notebook: dict[str, Any]) -> list[str]:
    """What each cell of code shows, as text."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return ["".join(map(_text, cell["outputs"])) for cell in cells]


def words(text: str) -> list[str]:
    """A text without the lines that are drawn in it."""
    return _DRAWN.sub(" ", text).split()


def _text(output: dict[str, Any]) -> str:
    text = output["text"] if "text" in output else output["data"]["text/plain"]
    return text if isinstance(text, str) else "".join(text)


@contextmanager
def _site_for(notebook: Path, folder: Path, work: Path) -> Iterator[FlywheelServer]:
    later = write_study(folder / "later.db.gz")
    if notebook == CREATION:
        with documented_site({_EARLIER: later}) as server:
            yield server
        return
    earlier = write_study(folder / "earlier.db.gz", subjects=32)
    with documented_site({_EARLIER: earlier}) as server:
        _render(server, work, "Data freeze 1")
        (study,) = [one for one in server.site.projects.values() if one.label == "study"]
        study.add_snapshot(created=_LATER, data=later)
        _render(server, work, "Data freeze 2")
        yield server


def _render(server: FlywheelServer, work: Path, label: str) -> None:
    path, key = "fw://lab/study", server.api_key(KEY)
    with DatasetBuilder(key, project_path=path, root_path=work / "data") as builder:
        builder.render_dataset(version_label=label)


def _environment(server: FlywheelServer, folder: Path) -> dict[str, str]:
    """A user's environment who has no settings of notebooks."""
    homes = ("HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    return {
        **os.environ,
        **environment_of(server),
        **dict.fromkeys(homes, str(folder / "home")),
        "PYTHONPATH": str(Path(fw_dataset.__file__).parents[1]),
        "PYTHONWARNINGS": "",
    }


def main() -> None:
    """Execute all notebooks, and keep what they show."""
    for notebook in NOTEBOOKS:
        with tempfile.TemporaryDirectory() as folder:
            executed(notebook, Path(folder))
            text = (Path(folder) / notebook.name).read_text("utf-8")
        notebook.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
