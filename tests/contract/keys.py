"""Keys of all sorts: those that are hard to store, and those that are none."""

from __future__ import annotations

import unicodedata

from fw_dataset.storage import Storage

__all__ = ["NAMES", "TRICKS", "keys_of"]

NAMES = [
    "plain.parquet",
    "with space",
    "ünïcödé",
    unicodedata.normalize("NFD", "é"),
    "日本/テーブル.parquet",
    "😀",
    "100%",
    "%2e%2e",
    "a%2Fb",
    "[brackets]*?{x}",
    "back\\slash",
    'quote\'s "double"',
    "a+b&c=d#e;f",
    "site=3/x",
    ".hidden",
    "...",
    "-dash",
    "~",
    "$HOME",
    "x" * 200,
    "/".join("deep" for _ in range(20)),
]
TRICKS = [
    "",
    "/",
    "/etc/x",
    "..",
    "../x",
    "a/../b",
    "a/..",
    ".",
    "./a",
    "a/.",
    "a//b",
    "a/",
    "a\0b",
]


def keys_of(storage: Storage, prefix: str = "") -> list[str]:
    """The keys below a folder, sorted."""
    return sorted(item.key for item in storage.list(prefix))
