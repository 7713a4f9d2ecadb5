"""Keys: relative, and never out of the root."""

from __future__ import annotations

from fw_dataset.errors import InvalidNameError

__all__ = ["check_key"]


def check_key(key: str) -> str:
    """Return ``key`` if it is one.

    Raises:
        InvalidNameError: it is absolute, has an empty, ``.`` or ``..`` part, or a NUL.
    """
    parts = key.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\x00" in key:
        raise InvalidNameError(f"key {key!r}: it would not stay below the storage's root")
    return key
