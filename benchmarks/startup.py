"""What an import and the shortest command cost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.figures import Case, Figure, seconds
from benchmarks.processes import Command, Usage, in_turns
from benchmarks.setting import Setting

__all__ = ["MOST_IMPORT", "measure_startup"]

MOST_IMPORT = 0.15
_BARE = "python"
_IMPORT = "import fw_dataset"
_STATEMENTS = {
    _BARE: "pass",
    _IMPORT: "import fw_dataset",
    "import of Dataset": "from fw_dataset import Dataset",
    "import of render_snapshot": "from fw_dataset import render_snapshot",
}


def measure_startup(setting: Setting) -> Case:
    """Whole processes that only start; the goal counts the interpreter's own start, too."""
    commands = {
        name: Command([sys.executable, "-c", statement]) for name, statement in _STATEMENTS.items()
    }
    version = _version_command()
    if version is not None:
        commands["fw-dataset --version"] = Command(version)
    usages = in_turns(commands, 2 * setting.runs, folder=setting.work)
    case = Case("Starting")
    for name, measured in usages.items():
        goal = setting.goal(MOST_IMPORT) if name == _IMPORT else None
        case.figures.append(seconds(name, "wall", [usage.wall for usage in measured], goal))
        case.figures.append(seconds(name, "CPU", [usage.cpu for usage in measured]))
        case.runs[name] = [usage.to_dict() for usage in measured]
    case.figures.append(_own(usages[_IMPORT], usages[_BARE]))
    if version is None:
        case.notes.append("`fw-dataset --version` does not run here and was left out")
    return case


def _own(imports: list[Usage], bare: list[Usage]) -> Figure:
    """The import alone; the quickest of each, for nothing makes a start quicker than it is."""
    own = min(usage.wall for usage in imports) - min(usage.wall for usage in bare)
    return Figure(f"{_IMPORT}, less the interpreter (quickest runs)", "wall", own, "s")


def _version_command() -> list[str] | None:
    script = Path(sys.executable).with_name("fw-dataset")
    for command in ([str(script)], [sys.executable, "-m", "fw_dataset"]):
        try:
            done = subprocess.run([*command, "--version"], check=False, capture_output=True)
        except OSError:
            continue
        if done.returncode == 0:
            return [*command, "--version"]
    return None
