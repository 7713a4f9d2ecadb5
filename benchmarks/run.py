"""Measure how fast the installed ``fw_dataset`` is: ``python benchmarks/run.py --help``."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # The checkout instead of this folder, so that the modules beside are `benchmarks.…`.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    from benchmarks.command import main

    sys.exit(main())
