"""Names that a dataset holds, and those that would lead out of it."""

from __future__ import annotations

import re
from collections.abc import Callable

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_dataset.errors import InvalidNameError
from fw_dataset.format.names import (
    check_label,
    check_table_name,
    check_version_id,
    free_name,
    quote_identifier,
    quote_literal,
    table_name,
)

# Tricks with paths, with the terminal and with whoever reads the name next.
TRICKS = [
    *("", ".", "..", "../a", "a/../b", "/a", "a/", "a/b", "a\\b", "..\\a", "./a", ".hidden"),
    *("a\0b", "a\nb", "a\rb", "\x1b[2J", "a\x7f", "a\n", "\n"),
]


@pytest.mark.parametrize(
    "name", ["a", "0", "66cf6701af1c6f3855f1ee61", "v1.0_b-2", "-a", "_", "a" * 255]
)
def test_version_ids(name: str) -> None:
    assert check_version_id(name) == name


@pytest.mark.parametrize(
    "name", [*TRICKS, " ", "a b", "é", "a:b", "~", "a%2e", "latest", "a" * 256, "٣", None, 5, b"a"]
)
def test_no_version_ids(name: str) -> None:
    with pytest.raises(InvalidNameError) as raised:
        check_version_id(name)

    assert str(raised.value).startswith(f"version id {name!r}: ")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "name", ["a", "Release 2", "größer/kleiner", "..", "LATEST", "x" * 200, "版"]
)
def test_labels(name: str) -> None:
    assert check_label(name) == name


@pytest.mark.parametrize("name", ["", " ", "\t", "a\nb", "\x1b[2J", "x" * 201, "latest", None, 5])
def test_no_labels(name: str) -> None:
    with pytest.raises(InvalidNameError) as raised:
        check_label(name)

    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "name", ["files", "header_dicom", "qc_mriqc-1.0", "Größe", "a b", "a" * 200]
)
def test_table_names(name: str) -> None:
    assert check_table_name(name) == name


@pytest.mark.parametrize("name", [*TRICKS, "a" * 201])
def test_no_table_names(name: str) -> None:
    with pytest.raises(InvalidNameError) as raised:
        check_table_name(name)

    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("check", [check_version_id, check_table_name])
@given(name=st.text(max_size=10))
def test_names_that_pass_stay_one_part_of_a_path(check: Callable[[str], str], name: str) -> None:
    try:
        check(name)
    except InvalidNameError:
        return
    assert name not in ("", ".", "..")
    assert not set(name) & set("/\\\0\n\r")
    assert not name.startswith(".")


sql_texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)


@given(sql_texts)
def test_quoted_text_is_itself_in_sql(text: str) -> None:
    answer = duckdb.execute(f"select {quote_literal(text)}").fetchall()

    assert answer == [(text,)]


@given(sql_texts.filter(bool))
def test_quoted_identifier_is_itself_in_sql(name: str) -> None:
    answer = duckdb.execute(f"select 1 as {quote_identifier(name)}").description

    assert [column[0] for column in answer or ()] == [name]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("participants", "participants"),
        ("sub-01_events", "sub_01_events"),
        ("Événements", "evenements"),
        ("2nd", "t_2nd"),
        ("", "table"),
        ("…", "table"),
        ('x"; DROP TABLE files; --', "x_drop_table_files"),
        ("../../etc/passwd", "etc_passwd"),
        ("a" * 70, "a" * 60),
        ("a" * 59 + "-b", "a" * 59),
    ],
)
def test_name_of_a_derived_table(text: str, name: str) -> None:
    assert table_name(text) == name


@given(st.text())
def test_every_text_gives_a_name(text: str) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", table_name(text))


def test_free_name() -> None:
    assert free_name("a", set()) == "a"
    assert free_name("A", {"a"}) == "A_2"
    assert free_name("a", {"a", "a_2", "a_3"}) == "a_4"
