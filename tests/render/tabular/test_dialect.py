"""By which delimiter and quote the cells of a text are told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from fw_dataset.render.tabular.dialect import Dialect, DialectFinder


def found(sample: str, name: str, tmp_path: Path) -> tuple[str, str]:
    with DialectFinder(tmp_path) as dialects:
        dialect = dialects.find(sample, name)
    assert list(tmp_path.iterdir()) == []
    assert isinstance(dialect, Dialect)
    return dialect.delimiter, dialect.quote


@pytest.mark.parametrize(
    ("sample", "name", "delimiter"),
    [
        ("a,b\n1,2\n", "x.csv", ","),
        ("a;b\n1,5;2,5\n", "x.csv", ";"),
        ("a|b\n1|2\n", "x.txt", "|"),
        ("a\tb\n1\t2\n", "x.csv", "\t"),
        ("a\tb, c; d\n1\t2\n", "x.tsv", "\t"),
        ("a\tb, c; d\n1\t2\n", "x.TAB.gz", "\t"),
        ("a,b\n1,2\n", "x.tsv", ","),
        ("a\n1,2\n", "x.csv", ","),
        ("a\n1,2\n", "x.tsv", "\t"),
        ("", "x.csv", ","),
        ("\n\r\na;b\n", "x.csv", ";"),
        ('"a,b"\n1\n', "x.csv", ","),
        ('"a,b,c";"d"\n1;2\n', "x.csv", ";"),
        ('"a\nb,c|d";e\n1;2\n', "x.csv", ";"),
        ('"a ""x,y""";e\n1;2\n', "x.csv", ";"),
        ('5" a;b\n1;2"\n', "x.csv", ";"),
        # More than one is in the header: the rows tell.
        ("a;b,c\n1;2,5\n3;4,5\n5;6,5\n", "x.csv", ","),
        ("a;b (x, y);c\n1;2;5\n3;4;5\n5;6;5\n", "x.csv", ";"),
        ("a|b (x;y)|c\n1|2|5\n3|4|5\n", "x.csv", "|"),
        ("a,b;c\n", "x.csv", ","),
    ],
)
def test_delimiters(sample: str, name: str, delimiter: str, tmp_path: Path) -> None:
    assert found(sample, name, tmp_path) == (delimiter, '"')


@pytest.mark.parametrize(
    ("sample", "quote"),
    [
        ("a,b\n'x,y',2\n'z,w',3\n", "'"),
        ("'a','b'\n'x','2'\n", "'"),
        ("a,b\nit's,2\n5',3\n", '"'),
        ("a,b\n'tis,2\nx,3\n", '"'),
        ("a,b\n'x,y',\"2\"\n", '"'),
    ],
)
def test_quotes(sample: str, quote: str, tmp_path: Path) -> None:
    assert found(sample, "x.csv", tmp_path) == (",", quote)


def test_a_folder_with_an_odd_name(tmp_path: Path) -> None:
    folder = tmp_path / "a[bc]*d?"
    folder.mkdir()
    assert found("a;b (x, y);c\n1;2;5\n3;4;5\n5;6;5\n", "x.csv", folder) == (";", '"')
