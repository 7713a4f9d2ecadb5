"""Data beside the checkout: real studies, datasets of older releases, the format's text."""

from __future__ import annotations

from pathlib import Path

import pytest

_SHARED = Path(__file__).parents[3] / "shared"

STUDIES = ("ds000117", "pheno004")
OLD_RELEASES = ("0.3.3", "0.4.3")


def shared(*parts: str) -> Path:
    """Return the path of shared data; the test is skipped where it is not there."""
    path = _SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs ../shared/{'/'.join(parts)}, which is not here")
    return path
