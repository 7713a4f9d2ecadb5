"""``profile``: what it says to people, to programs and in the browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from fw_dataset import Dataset
from fw_dataset.cli.profile_text import bars, summary
from fw_dataset.format.profile import (
    ColumnProfile,
    Counted,
    Histogram,
    TableProfile,
)
from fw_dataset.render.profile_page import column_figures
from tests.cli.commands import assert_one_line_error, files_below, fw_dataset
from tests.support.datasets import write_old_version

HOSTILE = "<script>alert('x')</script>&\"\x00\n"
SCANS = pa.table(
    {
        "id": ["a", "b", "c", "d"],
        "site": ["MEA", "MEA", "", HOSTILE],
        "dose": [1.5, 2.5, float("nan"), None],
        "slices": [1, 2, 2, 40],
        "kept": [True, False, True, None],
        HOSTILE: ["x", "x", None, None],
    }
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset with two tables, one of them without rows."""
    place = tmp_path_factory.mktemp("profiles") / "dataset"
    none = pa.table({"x": pa.array([], pa.int64())})
    write_old_version(place, "v1", {"scans": SCANS, "none": none})
    return place


def test_a_table_is_a_line_for_each_column(place: Path) -> None:
    run = fw_dataset("profile", place, "scans")

    assert run.returncode == 0
    lines = {line.split()[0]: line for line in run.text.splitlines()[2:]}
    assert run.text.splitlines()[0].split() == [
        *("column", "type", "nulls", "distinct", "spread", "values")
    ]
    assert "MEA ×2" in lines["site"]
    assert '"" ×1' in lines["site"]
    assert "25 %" in lines["dose"]
    assert "1.5 – 2.5, median 1.5, mean 2, NaN ×1" in lines["dose"]
    assert "1 – 40, median 2, mean 11.25" in lines["slices"]
    assert "true ×2, false ×1" in lines["kept"]
    assert "\x00" not in run.text
    assert run.stderr == "4 rows, 6 columns\n"


def test_all_tables_follow_one_another(place: Path) -> None:
    run = fw_dataset("profile", place)

    assert run.text.startswith("none: 0 rows, 1 column\n")
    assert "\n\nscans: 4 rows, 6 columns\n" in run.text
    assert run.stderr == ""


def test_json_is_the_profile_as_it_would_be_stored(place: Path) -> None:
    before = files_below(place)
    one = fw_dataset("profile", place, "scans", "--json")
    both = fw_dataset("profile", place, "--json")

    found = Dataset.open(place).profile()
    assert json.loads(one.stdout) == found["scans"].to_dict()
    assert json.loads(both.stdout) == [found[name].to_dict() for name in ("none", "scans")]
    assert files_below(place) == before


def test_no_values_tells_none(place: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    runs = [
        fw_dataset("profile", place, "--no-values", *more)
        for more in ((), ("--json",), ("--html", page))
    ]

    assert [run.returncode for run in runs] == [0, 0, 0]
    for text in (runs[0].text, runs[1].text, page.read_text("utf-8")):
        assert "MEA" not in text
        assert "site" in text
    assert "nothing in it of what stands in rows" in page.read_text("utf-8")
    assert "spread" not in runs[0].text


@pytest.mark.parametrize("name", ["nope", "../v1", ""])
def test_a_table_that_is_not_there(place: Path, name: str) -> None:
    assert_one_line_error(fw_dataset("profile", place, name), 1, f"has no table {name!r}", "scans")


def test_wrong_usage(place: Path, tmp_path: Path) -> None:
    both = fw_dataset("profile", place, "--json", "--html", tmp_path / "x.html")
    assert_one_line_error(both, 2, "--html and --json")
    nowhere = fw_dataset("profile", place, "--html", tmp_path / "none" / "x.html")
    assert_one_line_error(nowhere, 1, "does not exist")


class Page(HTMLParser):
    """A page, taken apart, with its tags checked for being closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "rect"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag != "rect":
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_page_is_whole_in_itself(place: Path, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("of yesterday")
    run = fw_dataset("profile", place, "--html", path)

    assert (run.returncode, run.text) == (0, f"{path}\n")
    assert files_below(tmp_path) == {"page.html"}
    text = path.read_text("utf-8")
    page = Page(text)
    assert page.open == []
    names = {name for name, _ in page.tags}
    assert names.isdisjoint({"script", "link", "img", "iframe", "object", "base", "form"})
    attributes = [(key, value) for _, found in page.tags for key, value in found.items()]
    assert not [key for key, _ in attributes if key.startswith("on") or key in ("style", "src")]
    links = [value or "" for key, value in attributes if key in ("href", "xlink:href")]
    anchors = {found.get("id") for _, found in page.tags}
    assert links
    assert all(link.startswith("#") and link[1:] in anchors for link in links)
    assert "url(" not in text
    assert "\x00" not in text


def test_page_allows_only_its_own_style(place: Path, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    fw_dataset("profile", place, "--html", path)
    text = path.read_text("utf-8")

    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = [
        found["content"]
        for found in Page(text).all("meta")
        if found.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'"
    assert "prefers-color-scheme: dark" in style


def test_page_ends_its_charts_with_the_extremes() -> None:
    whole = Histogram(edges=(20, 30, 40), counts=(3, 4), below=0, above=0)
    column = ColumnProfile(
        name="age", type="BIGINT", kind="number", min=23, max=31, histogram=whole, nulls=0
    )
    far = column.model_copy(update={"max": 999, "histogram": whole.model_copy(update={"above": 1})})

    assert "<span>23</span><span>31</span>" in column_figures(column)
    # One that is far off is not in the chart, which ends before it.
    assert "<span>23</span><span>40</span>" in column_figures(far)


def test_page_shows_values_as_texts(place: Path, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    fw_dataset("profile", place, "scans", "--html", path)
    page = Page(path.read_text("utf-8"))

    spelled = HOSTILE.replace("\x00", "\\x00").replace("\n", "\\n")
    assert spelled in page.texts  # the column's name
    assert any(spelled in text for text in page.texts)


def test_page_can_be_read_out(place: Path, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    fw_dataset("profile", place, "--html", path)
    text = path.read_text("utf-8")
    page = Page(text)

    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == 1
    assert len(page.all("h2")) == 2
    assert len(page.all("caption")) == len(page.all("table"))
    for found in page.all("svg"):
        assert (found.get("role") == "img" and found["aria-label"]) or found["aria-hidden"]
    assert all(found.get("aria-label") for found in page.all("summary"))
    # On a narrow screen the style makes tables something else; the roles stay.
    roles: list[Any] = [found.get("role") for name, found in page.tags if name == "table"]
    assert roles.count("table") == 2


def test_bars_are_blank_only_where_nothing_is() -> None:
    def drawn(*counts: int) -> str:
        edges = tuple(range(len(counts) + 1))
        return bars(Histogram(edges=edges, counts=counts, below=0, above=0))

    assert drawn(0, 1, 500, 1000) == " ▂▅█"
    assert drawn(5) == "█"
    assert drawn(0, 0) == ""
    assert bars(None) == ""


def test_summaries() -> None:
    def column(**figures: Any) -> ColumnProfile:
        return ColumnProfile(name="a", type="T", nulls=0, **figures)

    keys = tuple(Counted(value=f"k{n}", count=9) for n in range(7))
    assert summary(column(kind="json", keys=keys, keys_left_out=3)).endswith("k4, 5 more")
    top = tuple(Counted(value=f"v{n}", count=2) for n in range(7))
    assert summary(column(kind="text", top=top, distinct=1_007)).endswith("v4 ×2, 1,002 more")
    moment = "2024-06-01T12:00:00.123456Z"
    assert summary(column(kind="instant", min=moment, max=moment)) == "2024-06-01 12:00:00"
    assert summary(column(kind="text", examples=("x" * 99,))) == f"such as {'x' * 30}…"
    assert summary(column(kind="other")) == ""


def stored(place: Path, profile: TableProfile) -> None:
    path = place / "versions" / "v1" / "profiles" / f"{profile.table}.profile.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(profile.to_json())


def test_stored_profiles_are_shown_as_they_are(tmp_path: Path) -> None:
    table = pa.table({"a": [1, 2]})
    write_old_version(tmp_path, "v1", {"one": table, "two": table})
    stored(tmp_path, TableProfile(table="one", rows=99))
    before = files_below(tmp_path)

    found = Dataset.open(tmp_path).profile()

    assert (found["one"].rows, found["two"].rows) == (99, 2)
    assert files_below(tmp_path) == before


@pytest.mark.parametrize("content", [b"", b'{"format": 2}', b"\xff"])
def test_a_stored_profile_that_cannot_be_read_is_made_anew(tmp_path: Path, content: bytes) -> None:
    write_old_version(tmp_path, "v1", {"one": pa.table({"a": [1, 2]})})
    stored(tmp_path, TableProfile(table="one", rows=99))
    path = tmp_path / "versions" / "v1" / "profiles" / "one.profile.json"
    path.write_bytes(content)

    assert Dataset.open(tmp_path).profile("one")["one"].rows == 2
    assert path.read_bytes() == content


def test_a_damaged_data_file_is_told_in_one_line(tmp_path: Path) -> None:
    write_old_version(tmp_path, "v1", {"one": pa.table({"a": list(range(50_000))})})
    (path,) = tmp_path.rglob("*.parquet")
    with open(path, "r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 20_000)

    assert_one_line_error(fw_dataset("profile", tmp_path), 1, "table 'one'", "cannot be read")
