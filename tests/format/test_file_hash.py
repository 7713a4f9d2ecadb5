"""The hashes of files in the spellings that records have."""

from __future__ import annotations

import hashlib

import pytest

from fw_dataset.format.file_hash import has_hash, known_hash

DATA = b"id,n\na,1\n"


@pytest.mark.parametrize(
    ("text", "algorithm"),
    [
        ("v0-sha384-" + "0a" * 48, "sha384"),
        ("V0-SHA384-" + "0A" * 48, "sha384"),
        ("sha256:" + "0" * 64, "sha256"),
        ("md5-" + "0" * 32, "md5"),
        (" " + "0" * 32 + "\n", "md5"),
        ("0" * 40, "sha1"),
        ("0" * 64, "sha256"),
        ("0" * 96, "sha384"),
        ("0" * 128, "sha512"),
    ],
)
def test_known_forms(text: str, algorithm: str) -> None:
    found = known_hash(text)
    assert found is not None
    assert found[0] == algorithm


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "0",
        "x" * 64,
        "v0-sha384-" + "0" * 95,
        "v0-crc32-00000000",
        "crc32c=AAAAAA==",
        "0" * 56,
        "٣" * 64,
        "sha256-",
    ],
)
def test_others_say_nothing(text: str | None) -> None:
    assert known_hash(text) is None
    assert has_hash([DATA], len(DATA), text) is None


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"])
def test_of_a_content_in_pieces(algorithm: str) -> None:
    digits = hashlib.new(algorithm, DATA).hexdigest()
    text = f"v0-{algorithm}-{digits}"
    assert has_hash([DATA[:3], b"", DATA[3:]], len(DATA), text) is True
    assert has_hash([DATA[:3]], 3, text) is False


def test_as_git_has_it() -> None:
    digits = hashlib.sha1(b"blob 9\0" + DATA).hexdigest()
    assert has_hash([DATA], len(DATA), digits) is True
    assert has_hash([DATA], len(DATA) + 1, digits) is False
