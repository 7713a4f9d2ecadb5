"""Runs what a page shows, as a reader would: in one folder, from top to bottom."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import sys
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fw_dataset
from fw_dataset import Dataset
from tests.docs.pages import Block, Page
from tests.support.typed import run_typed

# What a reader types that is not ours to run here.
FOREIGN_COMMANDS = ("make", "pip")
CUT = "…"
DATASET = "my-dataset"
FAILURE = "fw-dataset: error:"

# What a print gives stands in a comment behind it or below it.
_SHOWN = re.compile(r"\bprint\(.*\)(?:  |\n *)# (.+)$", re.MULTILINE)


class Reader:
    """Runs the blocks of one page in order, in a folder that must be the current one."""

    def __init__(self, page: Page, folder: Path) -> None:
        self._page, self._folder = page, folder
        self._names: dict[str, Any] = {"__name__": "__main__"}
        self._environment = {**os.environ, **_with_command(folder / ".bin")}

    def run(self) -> int:
        """Run all blocks that can be run; how many these were."""
        ran = 0
        for block in self._page.blocks:
            runner = self._runner(block.language)
            if runner is not None and all(find_spec(package) for package in block.needs):
                runner(block)
                ran += 1
        return ran

    def _runner(self, language: str) -> Callable[[Block], None] | None:
        runners = {
            "python": self._python,
            "sql": self._sql,
            "sh": self._shell,
            "console": self._console,
        }
        if language not in {*runners, "json", "text"}:
            raise ValueError(f"{self._page.name}: blocks of {language!r} are not known here")
        return runners.get(language)

    def _python(self, block: Block) -> None:
        # Empty lines in front: a traceback then names the line of the page.
        code = compile("\n" * (block.line - 1) + block.text, self._page.path, "exec")
        written = io.StringIO()
        with contextlib.redirect_stdout(written), warnings.catch_warnings():
            if block.needs:
                # What other packages deprecate of one another is not ours to mend.
                warnings.simplefilter("ignore", DeprecationWarning)
            exec(code, self._names)
        shown = "\n".join([CUT, *_separated(_SHOWN.findall(block.text)), CUT])
        self._compare(block, shown, written.getvalue())

    def _sql(self, block: Block) -> None:
        with Dataset.open(self._folder / DATASET) as dataset:
            for statement in statements(block.text):
                assert dataset.execute(statement).fetchall(), self._told(block, statement)

    def _shell(self, block: Block) -> None:
        for line in commands(block.text):
            self._command(block, line)

    def _console(self, block: Block) -> None:
        for typed, shown in sessions(block.text):
            fails = FAILURE in shown
            self._compare(block, shown, self._command(block, typed, fails=fails))

    def _command(self, block: Block, line: str, *, fails: bool = False) -> str:
        word = shlex.split(line, comments=True)[0]
        if word in FOREIGN_COMMANDS:
            return ""
        assert word == "fw-dataset", self._told(block, line)
        run = run_typed(line, self._folder, self._environment)
        assert (run.returncode != 0) is fails, self._told(block, f"{line}\n{run.stderr}")
        return run.text + run.stderr

    def _compare(self, block: Block, shown: str, given: str) -> None:
        if not matches(shown, given):
            raise AssertionError(self._told(block, f"shown:\n{shown}\ngiven:\n{given}"))

    def _told(self, block: Block, what: str) -> str:
        return f"{self._page.name}, line {block.line}: {what}"


def statements(text: str) -> list[str]:
    """The statements of a block of SQL; a semicolon ends a line where it ends a statement."""
    return [part.strip() for part in re.split(r";$", text, flags=re.MULTILINE) if part.strip()]


def commands(text: str) -> list[str]:
    """The commands of a block, a line each where no backslash joins it to the next."""
    lines = text.replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def sessions(text: str) -> list[tuple[str, str]]:
    """The commands of a block, each with the output that it shows."""
    parts = re.split(r"^\$ ", text.replace("\\\n", " "), flags=re.MULTILINE)
    if parts[0]:
        raise ValueError("a console block begins with a command")
    pairs = (part.partition("\n") for part in parts[1:])
    return [(typed, shown) for typed, _, shown in pairs]


def matches(shown: str, given: str) -> bool:
    """Whether the output shown is the one given, but for what was cut.

    A line that is only an ellipsis stands for any number of lines, one within a line for any
    characters. Output that shows nothing, or ends with such a line, may go on.
    """
    lines = shown.splitlines() or [CUT]
    pattern = ""
    for line in lines:
        if line == CUT:
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*".join(re.escape(part.rstrip()) for part in line.split(CUT)) + r"[ ]*\n"
    whole = given if given.endswith("\n") else given + "\n"
    return re.fullmatch(pattern, whole) is not None


def _separated(lines: list[str]) -> list[str]:
    return [part for line in lines for part in (line, CUT)]


def _with_command(folder: Path) -> dict[str, str]:
    """Variables of the environment by which ``fw-dataset`` is the package under test."""
    folder.mkdir(exist_ok=True)
    command = folder / "fw-dataset"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m fw_dataset "$@"\n')
    command.chmod(0o755)
    return {
        "PATH": os.pathsep.join([str(folder), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": str(Path(fw_dataset.__file__).parents[1]),
        "PYTHONIOENCODING": "utf-8",
    }
