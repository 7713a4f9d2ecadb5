"""Whatever a table holds and however it is written as text, all of it is found again."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterator
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

from hypothesis import example, given
from hypothesis import strategies as st

from fw_dataset.errors import TabularFileError
from fw_dataset.render.tabular import records
from fw_dataset.render.tabular.dialect import Dialect
from fw_dataset.render.tabular.records import RowReader
from fw_dataset.render.tabular.tokens import Tokeniser
from tests.support.tabular import Folder, derive

Rows: TypeAlias = "list[list[str]]"

ODD = st.sampled_from(",;\t|'\"\n\r#\\ aé0\u2028")
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXTS = st.text(st.one_of(ODD, CHARACTERS), max_size=8)
KINDS = (
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(repr),
    st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str),
    st.sampled_from(["true", "false"]),
    st.sampled_from(["True", "FALSE", "0", "1"]),
    st.dates().map(date.isoformat),
    st.datetimes(timezones=st.just(timezone.utc)).map(datetime.isoformat),
    st.sampled_from(["", "n/a", "00072", "+5", "1_000", "1e3", " 5", "NA", "-0", "1.50"]),
    TEXTS,
)
MISSING = st.sampled_from(["", "n/a"])
COLUMNS = st.sampled_from([kind | MISSING for kind in KINDS] + [st.one_of(*KINDS)])
CELLS = st.one_of(*KINDS)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], Rows]:
    """A header and rows, some of them ragged; many columns are of one kind."""
    header = draw(st.lists(TEXTS, min_size=1, max_size=5))
    kinds = [draw(COLUMNS) for _ in header]
    rows: Rows = draw(st.lists(st.tuples(*kinds).map(list), max_size=8))
    for row in rows:
        change = draw(st.sampled_from([0, 0, 0, 0, 1, 2, -1]))
        row.extend(draw(st.lists(CELLS, min_size=max(change, 0), max_size=max(change, 0))))
        if change < 0 and len(row) > 1:
            del row[change:]
    return header, rows


def written(
    header: list[str], rows: Rows, *, delimiter: str, quote: str, line_end: str, all_quoted: bool
) -> str:
    """A table as text; its header is always in quotes, so that only delimiters are outside."""
    text = io.StringIO(newline="")
    options: Any = {"delimiter": delimiter, "quotechar": quote, "lineterminator": line_end}
    csv.writer(text, quoting=csv.QUOTE_ALL, **options).writerow(header)
    options["quoting"] = csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL
    csv.writer(text, **options).writerows(rows)
    return text.getvalue()


def means(value: Any, cell: str) -> bool:
    """Whether a value says all that the cell says."""
    if isinstance(value, bool):
        return str(value).lower() == cell.lower()
    if isinstance(value, float):
        return Decimal(repr(value)) == Decimal(cell)
    if isinstance(value, datetime):
        return datetime.fromisoformat(cell) == value.replace(tzinfo=timezone.utc)
    if isinstance(value, date):
        return value.isoformat() == cell
    return str(value) == cell


def assert_found_again(row: dict[str, Any], cells: list[str], names: list[str]) -> None:
    extra = json.loads(row["extra"] or "{}")
    for name, cell in zip(names, cells, strict=False):
        if row[name] is not None:
            assert means(row[name], cell)
        else:
            assert extra.pop(name, "") == cell
    for name in names[len(cells) :]:
        assert row[name] is None
    beyond = [cell or None for cell in cells[len(names) :]]
    assert extra.pop("surplus_cells", None) == (beyond if any(beyond) else None)
    assert extra == {}


@given(
    tables(),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
def test_every_cell_is_found_again(
    table: tuple[list[str], Rows], delimiter: str, line_end: str, all_quoted: bool, encoding: str
) -> None:
    header, rows = table
    if len(header) == 1:
        delimiter = ","  # nothing tells which it is
    text = written(
        header,
        rows,
        delimiter=delimiter,
        quote='"',
        line_end=line_end,
        all_quoted=all_quoted,
    )
    with tempfile.TemporaryDirectory() as name:
        files = Folder(Path(name) / "files")
        files.add("table.csv", text.encode(encoding))
        derived = derive(files, Path(name) / "v")

        assert derived.entry("table.csv")["rows"] == len(rows)
        model = derived.tables.models["table"]
        names = [name for name, prop in model.properties.items() if "path" in prop]
        assert [model.properties[name]["path"][0] for name in names] == header
        assert len({name.casefold() for name in model.properties}) == len(model.properties)
        found = derived.cells("table")
        assert len(found) == len(rows)
        for row, cells in zip(found, rows, strict=True):
            assert_found_again(row, cells, names)


@given(st.text(st.sampled_from('ab",\r\n\0\ufeff'), max_size=60), st.integers(1, 20))
@example("a,b\n\ufeffa,b\n", 20)  # as where files with byte order marks were put together
def test_any_text_in_any_way(text: str, size: int) -> None:
    """Each of the three ways to read cells gives what the plainest one does, errors included."""

    def read(*, block: int) -> tuple[list[str | None], list[list[str | None]]] | str:
        pieces = (text[start : start + size] for start in range(0, len(text), size))
        try:
            reader = RowReader(pieces, Dialect(","), block=block)
            rows = [
                list(row)
                for part in reader.blocks()
                for row in zip(*(column.to_pylist() for column in part.columns), strict=True)
            ]
        except TabularFileError as error:
            return str(error)
        return reader.header, rows

    def plainly() -> tuple[list[str | None], list[list[str | None]]] | str:
        try:
            found = list(Tokeniser(Dialect(",")).records(text, final=True))
        except TabularFileError as error:
            return str(error)
        while found and found[0].is_blank:
            del found[0]
        header = found[0].cells if found else []
        width = len(header)
        rows = [
            [*one.cells, *[None] * width][:width]
            for one in found[1:]
            if width == 1 or not one.is_blank
        ]
        return header, rows

    expected = plainly()
    assert read(block=1) == expected
    assert read(block=1000) == expected


@given(
    tables(),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(['"', "'"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.integers(1, 20),
    st.booleans(),
)
def test_in_blocks_of_any_size(
    table: tuple[list[str], Rows],
    delimiter: str,
    quote: str,
    line_end: str,
    size: int,
    all_quoted: bool,
) -> None:
    header, rows = table
    text = written(
        header,
        rows,
        delimiter=delimiter,
        quote=quote,
        line_end=line_end,
        all_quoted=all_quoted,
    )

    def pieces() -> Iterator[str]:
        for start in range(0, len(text), size):
            yield text[start : start + size]

    width = len(header)
    for block in (1, size, records._BLOCK):
        reader = RowReader(pieces(), Dialect(delimiter, quote), block=block)
        blocks = list(reader.blocks())

        assert reader.header == [cell or None for cell in header]
        found = [
            list(row)
            for part in blocks
            for row in zip(*(column.to_pylist() for column in part.columns), strict=True)
        ]
        assert found == [
            [cell or None for cell in row[:width]] + [None] * (width - len(row)) for row in rows
        ]
        assert sum(part.padded for part in blocks) == sum(len(row) < width for row in rows)
        assert sum(part.longer for part in blocks) == sum(len(row) > width for row in rows)
