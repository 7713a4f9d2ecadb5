"""The how-to guide of the command line: all that it types runs, and shows what it says."""

from __future__ import annotations

import difflib
import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import environment

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "command-line.md"


def typed() -> list[tuple[str, str]]:
    """What the guide types, each with what it shows."""
    blocks = re.findall(r"```console\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    found = []
    for block in blocks:
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            # A backslash at its end continues a line.
            command, shown = re.split(r"(?<!\\)\n", part, maxsplit=1)
            found.append((command, shown))
    return found


@pytest.mark.skipif(not GUIDE.exists(), reason="the guide is not shipped with the tests")
def test_guide_shows_what_happens(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "fw-dataset"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fw_dataset "$@"\n')
    program.chmod(0o755)
    env = environment(PATH=f"{program.parent}:{environment()['PATH']}", LC_ALL="C.UTF-8")
    same = doctest.OutputChecker().check_output
    commands = typed()

    assert len(commands) > 10
    for command, shown in commands:
        done = subprocess.run(
            ["bash", "-c", command],
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=tmp_path,
            env=env,
            timeout=240,
        )
        lines = difflib.ndiff(shown.splitlines(), done.stdout.splitlines())
        # "..." stands for times, sizes and places.
        flags = doctest.ELLIPSIS | doctest.DONT_ACCEPT_BLANKLINE
        assert same(shown, done.stdout, flags), "\n".join((command, *lines))
