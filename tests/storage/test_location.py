"""The ways people name a place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fw_dataset.errors import FWDatasetError, UnsupportedLocationError
from fw_dataset.storage import LocalStorage, open_storage


def root_of(location: str | os.PathLike[str]) -> Path:
    storage = open_storage(location)
    assert isinstance(storage, LocalStorage)
    return storage.root


@pytest.mark.parametrize(
    ("location", "root"),
    [
        ("/data/study", "/data/study"),
        ("/data/study/", "/data/study"),
        ("/data//study/.", "/data/study"),
        ("/data/100%25 [x]*", "/data/100%25 [x]*"),
        ("/data/100%00", "/data/100%00"),
        (Path("/data/study"), "/data/study"),
        ("file:///data/study", "/data/study"),
        ("file:///data/study/", "/data/study"),
        ("FILE:///data/study", "/data/study"),
        ("file://localhost/data", "/data"),
        ("file:///data/100%25%20%5Bx%5D", "/data/100% [x]"),
        ("file:///data/d%C3%A9", "/data/dé"),
        ("fs:///data/study", "/data/study"),
        ("local:///data/study", "/data/study"),
    ],
)
def test_local_places(location: str | Path, root: str) -> None:
    assert root_of(location) == Path(root)


def test_a_path_as_its_own_url(tmp_path: Path) -> None:
    odd = tmp_path / "a b#c?d%20[é]"

    assert root_of(odd.as_uri()) == odd
    assert root_of(odd) == odd
    assert root_of(str(odd)) == odd


def test_relative_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)

    assert root_of("study") == tmp_path / "study"
    assert root_of(Path("study")) == tmp_path / "study"
    assert root_of(".") == tmp_path


@pytest.mark.parametrize(
    "location",
    ["", "ftp://host/x", "file://data/study", "nosuch://x", "/data\0x", "file:///data%00x"],
)
def test_other_places_are_refused(location: str) -> None:
    with pytest.raises(UnsupportedLocationError) as caught:
        open_storage(location)

    assert isinstance(caught.value, FWDatasetError)
    assert isinstance(caught.value, ValueError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "location", ["ftp://user:secret@host/x?token=secret", "file://user:secret@host/x"]
)
def test_no_password_in_the_refusal(location: str) -> None:
    with pytest.raises(UnsupportedLocationError) as caught:
        open_storage(location)

    assert "secret" not in str(caught.value)
