"""The hash that the platform's record of a file holds, in the spellings that are known."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

__all__ = ["has_hash", "known_hash"]

# As in `v0-sha384-…`; without the name of the algorithm, the length tells it.
_NAMED = re.compile(r"(?:v\d+-)?(md5|sha1|sha224|sha256|sha384|sha512)[-:]([0-9a-f]+)")
_PLAIN = re.compile(r"[0-9a-f]+")
_BY_LENGTH = {32: "md5", 40: "sha1", 64: "sha256", 96: "sha384", 128: "sha512"}


def known_hash(text: str | None) -> tuple[str, str] | None:
    """The algorithm and the hexadecimal digits of a hash, or None where it is of no known form."""
    if not text:
        return None
    text = text.strip().lower()
    named = _NAMED.fullmatch(text)
    if named is not None:
        algorithm, digits = named[1], named[2]
        whole = len(digits) == 2 * hashlib.new(algorithm, usedforsecurity=False).digest_size
        return (algorithm, digits) if whole else None
    algorithm = _BY_LENGTH.get(len(text), "")
    return (algorithm, text) if algorithm and _PLAIN.fullmatch(text) else None


def has_hash(content: Iterable[bytes], size: int, text: str | None) -> bool | None:
    """Whether a content has a hash, or None where the hash is of no known form.

    Of 40 digits it is SHA-1 of the content alone, or of what Git puts before it.

    Args:
        content: the bytes, piece by piece.
        size: how many there are.
        text: the hash as the record spells it.
    """
    known = known_hash(text)
    if known is None:
        return None
    algorithm, digits = known
    digests = [hashlib.new(algorithm, usedforsecurity=False)]
    if algorithm == "sha1":
        digests.append(hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False))
    for piece in content:
        for digest in digests:
            digest.update(piece)
    return digits in [digest.hexdigest() for digest in digests]
