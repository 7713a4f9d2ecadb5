"""The rows of a text as columns of texts, block by block.

Blocks in which every quote stands where quotes belong, and every row has as many cells as the
header, are parsed by Arrow; others by Python's module for CSV, as far as it can, and the rest cell
by cell. All three give the same.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.csv as pa_csv

from fw_dataset.errors import TabularFileError
from fw_dataset.render.tabular.dialect import Dialect
from fw_dataset.render.tabular.tokens import Record, Tokeniser, lines_in

__all__ = ["Block", "RowReader"]

# In characters.
_BLOCK = 1 << 20
_BLOCK_PER_COLUMN = 400
_LONGEST_RECORD = 64 << 20
_LONGEST_HEADER = 4 << 20
_STEPS_BACK = 3
_TEXT = pa.string()
_MARK = "\ufeff"


@dataclass(frozen=True)
class Block:
    """Some rows.

    Attributes:
        columns: an array of texts for each column of the header; empty cells are null.
        surplus: per row the cells beyond the header as a JSON list, or null; None where no row
            has any that are not empty.
        rows: how many rows it has.
        padded: how many of them had fewer cells than the header.
        longer: how many had more.
    """

    columns: list[pa.Array]
    surplus: pa.Array | None
    rows: int
    padded: int = 0
    longer: int = 0


class RowReader:
    """Reads the table that a text is. Its first line that is not empty is the header.

    Args:
        pieces: the text.
        dialect: how its cells are told apart.
        block: how many characters to take at once, at least.

    Attributes:
        header: the header's cells; empty where the text has no line.
    """

    def __init__(self, pieces: Iterator[str], dialect: Dialect, block: int = _BLOCK) -> None:
        self._pieces, self._dialect = pieces, dialect
        self._tokeniser = Tokeniser(dialect)
        self._text, self._final = "", False
        self._line, self._room = 1, 0
        self.header: list[str | None] = self._read_header()
        width = len(self.header)
        self._names = [str(number) for number in range(width)]
        self._types = dict.fromkeys(self._names, _TEXT)
        self._room = max(block, min(_BLOCK_PER_COLUMN * width, 16 * block))

    def blocks(self) -> Iterator[Block]:
        """The rows below the header; empty lines are none, unless there is one column only.

        Raises:
            TabularFileError: the quotes of a row are not as they must be.
        """
        while self._fill():
            block, used = self._take()
            self._drop(used)
            if block.rows:
                yield block

    # ------------------------------------------------------------------------------- the text

    def _fill(self) -> bool:
        """Have a block of text at hand; False when nothing is left."""
        parts, length = [self._text], len(self._text)
        # What was not enough for one record gets at least one more piece.
        wanted = max(self._room, length + 1)
        while length < wanted and not self._final:
            piece = next(self._pieces, None)
            if piece is None:
                self._final = True
            else:
                parts.append(piece)
                length += len(piece)
        self._text = "".join(parts)
        return bool(self._text)

    def _drop(self, used: int) -> None:
        self._line += lines_in(self._text[:used])
        self._text = self._text[used:]
        if len(self._text) > _LONGEST_RECORD:
            raise TabularFileError(
                f"line {self._line}: it does not end within {_LONGEST_RECORD:,} characters;"
                " is a quote never closed?"
            )

    def _read_header(self) -> list[str | None]:
        while self._fill():
            used = 0
            for record in self._records():
                used = record.end
                if not record.is_blank:
                    self._drop(used)
                    return record.cells
            self._drop(used)
            if len(self._text) > _LONGEST_HEADER:
                raise TabularFileError(
                    f"line {self._line}: the header does not end within {_LONGEST_HEADER:,}"
                    " characters"
                )
        return []

    def _records(self) -> Iterator[Record]:
        return self._tokeniser.records(self._text, final=self._final, line=self._line)

    # -------------------------------------------------------------------------------- the rows

    def _take(self) -> tuple[Block, int]:
        """The rows of the text at hand, and how much of it they are."""
        cut = self._sound_part()
        columns = self._parse(self._text[:cut]) if cut else None
        if columns is not None:
            return Block(columns, None, len(columns[0])), cut
        cut = cut or self._last_line_end()
        cells = self._split(self._text[:cut])
        if cells is not None:
            return self._block(cells), cut
        rows, used = [], 0
        for record in self._records():
            rows.append([] if record.is_blank else record.cells)
            used = record.end
        return self._block(rows), used

    def _sound_part(self) -> int:
        """Where the text can be cut so that its quotes all stand where they belong; 0 if not."""
        text, quote = self._text, self._dialect.quote
        cut = self._last_line_end()
        if text.find(quote, 0, cut) < 0:
            return cut
        for _ in range(_STEPS_BACK):
            if text.count(quote, 0, cut) % 2 == 0:
                return cut if self._is_sound(text[:cut]) else 0
            # Within a cell: before the quote that opens it there is a line end, if all is well.
            cut = _line_end(text, text.rfind(quote, 0, cut))
        return 0

    def _last_line_end(self) -> int:
        return len(self._text) if self._final else _line_end(self._text, len(self._text))

    def _is_sound(self, text: str) -> bool:
        """Whether every quote opens or ends a cell, or is doubled within one."""
        ends = {self._dialect.delimiter, "\n", "\r"}
        parts = text.split(self._dialect.quote)
        # Every second part is within quotes; an empty one between two is within a doubled quote.
        between = set(parts[2:-1:2]) - {""}
        return (
            all(part[0] in ends and part[-1] in ends for part in between)
            and (not parts[0] or parts[0][-1] in ends)
            and (not parts[-1] or parts[-1][0] in ends)
        )

    def _parse(self, text: str) -> list[pa.Array] | None:
        """The columns of rows that all have as many cells as the header, or None."""
        if text.startswith(_MARK):
            return None  # Arrow would leave it out
        data = text.encode()
        try:
            table = pa_csv.read_csv(
                pa.BufferReader(data),
                read_options=pa_csv.ReadOptions(
                    use_threads=False, block_size=len(data) + 1, column_names=self._names
                ),
                parse_options=pa_csv.ParseOptions(
                    delimiter=self._dialect.delimiter,
                    quote_char=self._dialect.quote,
                    newlines_in_values=True,
                    ignore_empty_lines=len(self._names) > 1,
                ),
                convert_options=pa_csv.ConvertOptions(
                    check_utf8=False,
                    column_types=self._types,
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
        except pa.ArrowInvalid:
            return None
        return [_one_array(column) for column in table.columns]

    def _split(self, text: str) -> list[list[str]] | None:
        """The cells of rows of any length, or None where the text ends within a cell.

        None also where Python leaves something out: a NUL, a very long cell.
        """
        try:
            return list(
                csv.reader(
                    io.StringIO(text, newline=""),
                    delimiter=self._dialect.delimiter,
                    quotechar=self._dialect.quote,
                    strict=True,
                )
            )
        except csv.Error:
            return None

    def _block(self, rows: Sequence[Sequence[str | None]]) -> Block:
        """Rows of any length as columns of the header's number."""
        width = len(self.header)
        if width > 1:
            rows = [row for row in rows if row]
        lengths = [max(len(row), 1) for row in rows]
        surplus = [
            _as_list(row[width:]) if length > width and any(row[width:]) else None
            for row, length in zip(rows, lengths, strict=True)
        ]
        return Block(
            columns=[
                pa.array([row[place] or None if place < len(row) else None for row in rows], _TEXT)
                for place in range(width)
            ],
            surplus=pa.array(surplus, _TEXT) if any(surplus) else None,
            rows=len(rows),
            padded=sum(length < width for length in lengths),
            longer=sum(length > width for length in lengths),
        )


def _as_list(cells: Sequence[str | None]) -> str:
    cells = [cell or None for cell in cells]
    return json.dumps(cells, ensure_ascii=False, separators=(",", ":"))


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return column.combine_chunks() if column.num_chunks else pa.array([], _TEXT)


def _line_end(text: str, stop: int) -> int:
    """The place behind the last line end before ``stop`` that is surely a whole one, or 0."""
    cut = text.rfind("\n", 0, stop) + 1
    # A carriage return that ends the text may be the first half of a line end.
    return cut or text.rfind("\r", 0, min(stop, len(text) - 1)) + 1
