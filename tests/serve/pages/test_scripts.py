"""The bundles that are shipped are those of the sources, small, and need nothing from elsewhere."""

from __future__ import annotations

import gzip
import hashlib
import re
from importlib.resources import files
from pathlib import Path

import pytest

FRONTEND = Path(__file__).parents[3] / "frontend"
BUNDLES = {"editor.js": "editor", "app.js": "page"}


def shipped(name: str) -> str:
    return files("fw_dataset.serve").joinpath(f"static/{name}").read_text("utf-8")


def fingerprint(folder: str) -> str:
    """As frontend/build.mjs takes it."""
    sources = sorted((FRONTEND / folder).glob("*.js"))
    hashed = hashlib.sha256()
    for path in (FRONTEND / "package.json", *sources):
        hashed.update(f"{path.relative_to(FRONTEND).as_posix()}\n".encode() + path.read_bytes())
    return hashed.hexdigest()[:32]


@pytest.mark.skipif(not FRONTEND.is_dir(), reason="the sources of the scripts are not here")
@pytest.mark.parametrize(("name", "folder"), BUNDLES.items())
def test_a_bundle_is_made_of_the_sources_that_are_here(name: str, folder: str) -> None:
    made_of = f"made of frontend/{folder} {fingerprint(folder)}"
    assert made_of in shipped(name)[:200], "run `make scripts`"


@pytest.mark.parametrize(("name", "most"), [("editor.js", 135_000), ("app.js", 12_000)])
def test_scripts_are_small(name: str, most: int) -> None:
    assert len(gzip.compress(shipped(name).encode(), 9)) < most


def test_the_licences_of_what_is_bundled_stand_in_it() -> None:
    head = shipped("editor.js").partition("*/")[0]
    for package in ("@codemirror/view", "@lezer/lr", "style-mod", "crelt", "w3c-keyname"):
        assert re.search(rf"^{package} \d+\.\d+\.\d+ \(MIT\)$", head, re.MULTILINE)
    assert head.count("Permission is hereby granted") >= 2


@pytest.mark.parametrize("name", [*BUNDLES, "style.css", "icon.svg"])
def test_nothing_is_fetched_from_elsewhere(name: str) -> None:
    # Names of XML's vocabularies look like addresses, but nobody asks there.
    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"'`)]*", shipped(name)))
    vocabularies = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml"}
    assert {one for one in addresses if one.startswith(("http", "//"))} <= vocabularies
    assert "@import" not in shipped(name)
