"""The command ``fw-dataset``."""

from __future__ import annotations

import sys
from typing import NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """Run the command line and leave with its exit code: 0, 1 (failed) or 2 (wrong usage)."""
    from fw_dataset.cli.entry import run

    sys.exit(run(sys.argv[1:]))
