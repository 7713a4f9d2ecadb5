"""How the cells of a text are told apart: by which delimiter, and by which quote."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import duckdb

__all__ = ["Dialect", "DialectFinder"]

_DELIMITERS = ",;\t|"
_GLOB = re.compile(r"([*?\[])")
_LINE_END = re.compile(r"[\r\n]")
_IN_SINGLE = re.compile(r"(?:^|[,;\t|\r\n])'")
_IN_DOUBLE = re.compile(r'(?:^|(?<=[,;\t|\r\n]))"[^"]*(?:""[^"]*)*(?:"|$)')


@dataclass(frozen=True)
class Dialect:
    """How the cells are told apart.

    Attributes:
        delimiter: what stands between two cells.
        quote: what a cell stands in where it holds delimiters or line ends; doubled it stands for
            itself.
    """

    delimiter: str
    quote: str = '"'


class DialectFinder:
    """Finds out how the cells of texts are told apart.

    Args:
        work: a folder for a file that lives for a moment.
    """

    def __init__(self, work: Path) -> None:
        self._work = work
        self._connection: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> DialectFinder:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._connection is not None:
            self._connection.close()

    def find(self, sample: str, name: str) -> Dialect:
        """The dialect of a text.

        A delimiter must stand in the header; where only one does, it is that. In ``.tsv`` and
        ``.tab`` a tab comes first. All else is DuckDB's to say, who looks at the rows.

        Args:
            sample: the first lines, each of them whole but the last.
            name: the file's name.
        """
        tabs_first = name.lower().removesuffix(".gz").endswith((".tsv", ".tab"))
        expected = "\t" if tabs_first else ","
        header = _header(sample)
        found = [delimiter for delimiter in _DELIMITERS if delimiter in header]
        sure = found[0] if len(found) == 1 else None
        if not found or (tabs_first and expected in found):
            sure = expected
        in_single = _in_single_quotes(sample)
        if sure is not None and not in_single:
            return Dialect(sure)
        sniffed = self._sniff(sample) or Dialect(expected)
        if sure is None:
            best = (sniffed.delimiter, expected, *found)
            sure = next(delimiter for delimiter in best if delimiter in found)
        return Dialect(sure, "'" if in_single and sniffed.quote == "'" else '"')

    def _sniff(self, sample: str) -> Dialect | None:
        """What DuckDB takes the sample for, or None."""
        whole = sample[: sample.rfind("\n") + 1] or sample  # the last line may be cut
        path = self._work / "sample.csv"
        path.write_bytes(whole.encode())
        try:
            found = self._ask(path)
        except duckdb.Error:
            return None
        finally:
            path.unlink()
        return None if found is None else Dialect(str(found[0]), str(found[1]))

    def _ask(self, path: Path) -> tuple[object, ...] | None:
        if self._connection is None:
            self._connection = duckdb.connect(config={"threads": 1})
        sniffing = "select Delimiter, Quote from sniff_csv(?, strict_mode = false)"
        # As a pattern that matches nothing else, whatever the folder is called.
        return self._connection.execute(sniffing, [_GLOB.sub(r"[\1]", str(path))]).fetchone()


def _header(sample: str) -> str:
    """The first line that is not empty, without what stands in quotes."""
    start = sample.lstrip("\r\n")
    first = _LINE_END.split(start, maxsplit=1)[0]
    # Only quotes may have it go on behind a line end.
    return first if '"' not in first else _LINE_END.split(_IN_DOUBLE.sub('"', start), maxsplit=1)[0]


def _in_single_quotes(sample: str) -> bool:
    """Whether cells may stand in single quotes."""
    return "'" in sample and '"' not in sample and _IN_SINGLE.search(sample) is not None
