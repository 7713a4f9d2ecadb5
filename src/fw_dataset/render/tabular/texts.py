"""From the bytes of a text to the text: which encoding it has, and its characters in pieces."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from fw_dataset.errors import TabularFileError

__all__ = ["EncodedText", "OpenBytes", "examine"]

OpenBytes = Callable[[], BinaryIO]
"""Gives the bytes from their beginning."""

_PIECE = 1 << 20
_BOMS = (
    # Longer ones first: that of UTF-32 begins as that of UTF-16.
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Those that tables are saved in. Short texts look the same in many of them, and the first counts.
_LEGACY = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257"),
    *("iso8859_2", "gb18030", "cp932", "euc_jp", "big5", "cp949", "koi8_r", "mac_roman", "cp850"),
)
# How much of what is not ASCII is looked at, in bytes.
_SAMPLE = 1 << 15
_LONGEST_LINE = 1 << 12


@dataclass(frozen=True)
class EncodedText:
    """A text that was looked through from end to end.

    Attributes:
        open: gives its bytes.
        encoding: Python's name of its encoding, in which all of it decodes.
        size: its bytes.
    """

    open: OpenBytes
    encoding: str
    size: int

    def pieces(self) -> Iterator[str]:
        """The text in pieces, none of them empty, without a byte order mark."""
        decoder = codecs.getincrementaldecoder(self.encoding)()
        with self.open() as file:
            while data := file.read(_PIECE):
                if piece := decoder.decode(data):
                    yield piece
        if piece := decoder.decode(b"", final=True):
            yield piece


def examine(open_bytes: OpenBytes) -> EncodedText:
    """Read a text from end to end to find its encoding.

    Raises:
        TabularFileError: it is in no encoding that is known.
    """
    with open_bytes() as file:
        start = file.read(_SAMPLE)
    encoding = next((name for bom, name in _BOMS if start.startswith(bom)), None)
    encoding = encoding or _without_bom(start)
    size = _decodes(open_bytes, encoding)
    if size is not None:
        return EncodedText(open_bytes, encoding, size)
    for candidate in _detected(open_bytes) if encoding == "utf-8" else ():
        size = _decodes(open_bytes, candidate)
        if size is not None:
            return EncodedText(open_bytes, candidate, size)
    raise TabularFileError("its bytes are no text in an encoding that is known")


def _without_bom(start: bytes) -> str:
    """UTF-16 where every second byte is zero, as in Latin letters and digits; else UTF-8."""
    pairs = len(start) // 2
    even, odd = start[0 : 2 * pairs : 2].count(0), start[1 : 2 * pairs : 2].count(0)
    if max(even, odd) <= pairs * 0.6 or min(even, odd) > pairs * 0.1:
        return "utf-8"
    return "utf-16-le" if odd > even else "utf-16-be"


def _decodes(open_bytes: OpenBytes, encoding: str) -> int | None:
    """The size of what decodes from end to end, None for what does not."""
    decoder = codecs.getincrementaldecoder(encoding)()
    size = 0
    with open_bytes() as file:
        try:
            while data := file.read(_PIECE):
                size += len(data)
                decoder.decode(data)
            decoder.decode(b"", final=True)
        except UnicodeError:
            return None
    return size


def _detected(open_bytes: OpenBytes) -> list[str]:
    """The encodings that what is not ASCII looks like, the likeliest first."""
    # It is loaded only where a text needs it.
    from charset_normalizer import from_bytes  # noqa: PLC0415

    matches = list(from_bytes(_odd_lines(open_bytes), cp_isolation=list(_LEGACY)))
    ranked = [
        (match.chaos, -match.coherence, _LEGACY.index(name), name)
        for match in matches
        for name in match.could_be_from_charset
        if name in _LEGACY
    ]
    return [name for *_, name in sorted(ranked)]


def _odd_lines(open_bytes: OpenBytes) -> bytes:
    """Some lines that are not ASCII, from wherever they stand."""
    found: list[bytes] = []
    room = _SAMPLE
    with open_bytes() as file:
        while room > 0 and (line := file.readline(_LONGEST_LINE)):
            if not line.isascii():
                found.append(line)
                room -= len(line)
    return b"".join(found)
