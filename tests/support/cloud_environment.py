"""An environment without the credentials of whoever runs the tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

__all__ = ["clear_cloud_environment"]

_DEAD = "127.0.0.1:9"


def clear_cloud_environment(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Take away all credentials, and point every metadata service at a port nobody listens on.

    Args:
        monkeypatch: undoes it.
        home: the home directory from then on, in which files of credentials are looked for.
    """
    for name in list(os.environ):
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_", "GCE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"http://{_DEAD}")
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", f"http://{_DEAD}")
    monkeypatch.setenv("GCE_METADATA_HOST", _DEAD)
