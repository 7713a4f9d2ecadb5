"""Text tables: aligned by what a terminal shows, and never wider than it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fw_dataset.cli.table import Column, display_width, lay_out, visible

# Letters, wide ones, marks that take no room, and what could steer a terminal.
TEXTS = st.text("ab 9é張🧠\u0301\u200d\n\t\x1b\x7f\u202e", max_size=30)


@st.composite
def tables(draw: st.DrawFn) -> list[Column]:
    rows = draw(st.integers(0, 4))
    cells = st.lists(TEXTS, min_size=rows, max_size=rows)
    count = draw(st.integers(1, 6))
    return [Column(draw(TEXTS), draw(cells), draw(st.booleans())) for _ in range(count)]


@given(tables(), st.integers(4, 120))
def test_lines_never_exceed_the_width(columns: list[Column], width: int) -> None:
    layout = lay_out(columns, width)

    assert len(layout.lines) == 2 + len(columns[0].cells)
    assert all(display_width(line) <= width for line in layout.lines)
    assert 1 <= layout.shown <= len(columns)


@given(tables())
def test_nothing_is_cut_without_a_width(columns: list[Column]) -> None:
    layout = lay_out(columns)

    assert layout.shown == len(columns)
    for row, line in enumerate(layout.lines[2:]):
        for column in columns:
            assert visible(column.cells[row]).strip() in line


@given(TEXTS)
def test_visible_text_is_one_line_that_steers_nothing(text: str) -> None:
    assert not set(visible(text)) & set("\n\t\x1b\x7f\u202e")
    assert visible(visible(text)) == visible(text)


def test_wide_characters_take_two_columns() -> None:
    assert display_width("ab") == 2
    assert display_width("張偉") == 4
    assert display_width("e\u0301") == 1
    assert display_width("🧠") == 2


def test_numbers_are_never_cut() -> None:
    columns = [
        Column("text", ["a long text that may well be cut"]),
        Column("a number with a long name", ["12345678901234567890"], right=True, firm=True),
    ]

    lines = lay_out(columns, 31).lines

    assert lines == [
        "text       a number with a lon…",
        "─────────  ────────────────────",
        "a long t…  12345678901234567890",
    ]


def test_columns_without_room_leave_a_mark() -> None:
    columns = [Column(name, ["some text"]) for name in "abcde"]

    layout = lay_out(columns, 24)

    assert layout.shown == 2
    assert layout.lines == [
        "a          b          …",
        "─────────  ─────────  ─",
        "some text  some text  …",
    ]


def test_wrapped_cells_take_several_lines() -> None:
    columns = [
        Column("name", ["first", "second"], firm=True),
        Column("meaning", ["some words that do not fit a line", "few"], wrapped=True),
    ]

    assert lay_out(columns, 34).lines == [
        "name    meaning",
        "──────  ──────────────────────────",
        "first   some words that do not fit",
        "        a line",
        "second  few",
    ]
