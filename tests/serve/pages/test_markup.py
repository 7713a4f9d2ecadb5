"""HTML is made of values, and no value becomes HTML."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from fw_dataset.serve.pages.markup import Html, join, tag

# Without what any reader of a page changes: carriage returns and what is no character.
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\x00\r"))


class Reader(HTMLParser):
    """Notes what a page consists of."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.values: list[str | None] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.values += [value for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


@given(TEXTS, TEXTS)
def test_texts_and_attributes_come_back_as_they_were(text: str, value: str) -> None:
    reader = read(tag("p", text, title=value))
    assert (reader.tags, reader.values, reader.text) == (["p"], [value], text)


def test_hostile_texts_stay_texts() -> None:
    hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    reader = read(tag("td", hostile, [hostile, tag("b", hostile)], title=hostile, href=hostile))
    assert reader.tags == ["td", "b"]
    assert reader.text == hostile * 3


def test_names_of_attributes_are_spelled_as_html_has_them() -> None:
    made = tag("input", class_="a", aria_label="b", for_="c", hidden=True, title=None, open=False)
    assert made == '<input class="a" aria-label="b" for="c" hidden>'


def test_what_is_html_already_is_taken_as_it_is() -> None:
    inner = tag("b", "1 < 2")
    assert isinstance(inner, Html)
    assert tag("p", inner, None, 3, [" & ", [tag("br")]]) == "<p><b>1 &lt; 2</b>3 &amp; <br></p>"
    assert join("<", tag("hr")) == "&lt;<hr>"
