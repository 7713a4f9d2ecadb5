"""What somebody types in a shell, run without one where that makes no difference."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.commands import Run, fw_dataset

__all__ = ["run_typed"]

_QUOTED = re.compile(r"'[^']*'|\"[^\"$`\\]*\"")
# What a shell would not take as it stands.
_OF_SHELLS = re.compile(r"[|&;<>()$`\\\"'*?\[\]#~{}!\n]")
# These start processes, draw, or do not end by themselves.
_APART = ("completion", "demo", "serve")


def run_typed(line: str, folder: Path, environment: Mapping[str, str]) -> Run:
    """Run a line in a folder.

    A plain call of ``fw-dataset`` runs in this process, which takes a fraction of the time.

    Args:
        line: what was typed.
        folder: the current folder.
        environment: all variables; ``PATH`` has a ``fw-dataset``.
    """
    words = _words(line.replace("\\\n", " "))
    if words[:1] != ["fw-dataset"] or any(word in _APART for word in words[1:2]):
        done = subprocess.run(
            ["bash", "-c", f"set -eo pipefail\n{line}"],
            cwd=folder,
            env=dict(environment),
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=240,
        )
        return Run(done.returncode, done.stdout, done.stderr.decode())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in os.environ.keys() - environment.keys():
            patch.delenv(name)
        for name, value in environment.items():
            if os.environ.get(name) != value:
                patch.setenv(name, value)
        return fw_dataset(*words[1:])


def _words(line: str) -> list[str]:
    """The words of a line, none where it takes a shell to tell them."""
    return [] if _OF_SHELLS.search(_QUOTED.sub("", line)) else shlex.split(line)
