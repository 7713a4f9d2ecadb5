"""The documentation holds together: its links, its generated part, the names it explains."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

import pytest

import fw_dataset
from fw_dataset import errors
from tests.docs.pages import CHECKOUT, PAGES, Page, read_page

pytestmark = pytest.mark.skipif(
    not (CHECKOUT / "docs").exists(), reason="the documentation is not shipped with the tests"
)

READ = [read_page(path) for path in PAGES]
# Where an explanation of something else may be had; nothing to install, nothing of ours.
ALLOWED_HOSTS = {"distributed.dask.org", "duckdb.org", "jcristharif.com", "jobqueue.dask.org"}


@pytest.mark.parametrize("page", READ, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Page) -> None:
    assert [target for target in page.links if not leads_somewhere(page, target)] == []


def leads_somewhere(page: Page, target: str) -> bool:
    parts = urlsplit(target)
    if parts.scheme:
        return parts.scheme == "https" and parts.netloc in ALLOWED_HOSTS
    path = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
    if not path.is_file() or CHECKOUT not in path.parents:
        return False
    return not parts.fragment or parts.fragment in read_page(path).anchors


def test_every_page_can_be_reached_from_the_index() -> None:
    index = CHECKOUT / "docs" / "index.md"
    linked = {(index.parent / urlsplit(t).path).resolve() for t in read_page(index).links}
    assert {path for path in PAGES if path != index} <= linked


def test_a_link_to_nowhere_is_found() -> None:
    page = read_page(CHECKOUT / "README.md")
    assert leads_somewhere(page, "docs/api.md#dataset")
    for target in ("docs/none.md", "docs/api.md#none", "#none", "../x.md", "https://example.org/"):
        assert not leads_somewhere(page, target)


def test_the_picture_is_small() -> None:
    picture = CHECKOUT / "docs" / "images" / "demo.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size < 200_000


def test_the_tables_of_the_definition_are_those_of_the_schemas() -> None:
    from docs.generate_definition import DEFINITION, updated

    text = DEFINITION.read_text(encoding="utf-8")
    assert text == updated(text), "run: PYTHONPATH=src python docs/generate_definition.py"


def test_the_generator_wants_its_markers() -> None:
    from docs.generate_definition import BEGIN, END, generated, updated

    assert updated(f"a\n{BEGIN}\nold\n{END}\nz\n") == f"a\n{BEGIN}\n\n{generated()}\n\n{END}\nz\n"
    for text in (f"a\n{BEGIN}\n", f"a\n{END}\n", ""):
        with pytest.raises(ValueError, match="markers"):
            updated(text)


def public_members() -> Iterator[tuple[str, str]]:
    """Each public class with its own public members, and each function with its parameters."""
    for name in fw_dataset.__all__:
        thing = getattr(fw_dataset, name)
        if inspect.isclass(thing):
            for member in vars(thing):
                if not member.startswith(("_", "model_")):
                    yield name, member
        elif inspect.isfunction(thing):
            yield from ((name, parameter) for parameter in inspect.signature(thing).parameters)


@pytest.mark.parametrize(("name", "member"), list(public_members()))
def test_every_public_member_is_explained(name: str, member: str) -> None:
    section = section_of_api(name)
    assert f"`{member}" in section or f"`{name}.{member}(" in section


def section_of_api(name: str) -> str:
    text = (CHECKOUT / "docs" / "api.md").read_text(encoding="utf-8")
    _, found, rest = text.partition(f"\n## {name}\n")
    assert found, f"docs/api.md has no section {name!r}"
    return rest.partition("\n## ")[0]


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_is_explained_with_its_bases(name: str) -> None:
    lines = section_of_api("errors").splitlines()
    line = next(line for line in lines if line.startswith(f"| `{name}` |"))
    for base in getattr(errors, name).__bases__:
        if base is not errors.FWDatasetError:
            assert f"`{base.__name__}`" in line
