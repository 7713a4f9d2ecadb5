"""Identifiers and instants of the synthetic project, all derived from its seed.

Nothing here reads the clock or the operating system's randomness, so that one seed always
gives the same bytes. Every draw has a key of its own: a record can be made without making
the records before it, in any order and in constant memory.
"""

from __future__ import annotations

import hashlib
import random
from datetime import datetime, timedelta, timezone
from typing import Any

Record = dict[str, Any]
"""One document of the platform's database, as JSON."""

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
DICOM_ROOT = "1.2.826.0.1.3680043.8.498"
"""A root that anybody may use for DICOM identifiers that stand for nothing real."""


def random_for(seed: int, *key: object) -> random.Random:
    """Return the random numbers of one record: the same for the same seed and key."""
    return random.Random(f"{seed}/{'/'.join(map(str, key))}")


def digest(seed: int, *key: object, size: int) -> bytes:
    """Return `size` bytes (at most 64) that depend on the seed and the key alone."""
    text = f"{seed}/{'/'.join(map(str, key))}"
    return hashlib.blake2b(text.encode(), digest_size=size).digest()


def object_id(seed: int, made: datetime, *key: object) -> str:
    """Return 24 hex digits in the manner of the database: seconds since 1970, then a tail."""
    seconds = int((made - EPOCH).total_seconds())
    return f"{seconds:08x}{digest(seed, *key, size=8).hex()}"


def short_id(seed: int, *key: object) -> str:
    """Return 24 hex digits without an instant in them (gears, providers, roles)."""
    return digest(seed, *key, size=12).hex()


def uuid_text(seed: int, *key: object) -> str:
    """Return an identifier in the form of a version 4 UUID."""
    raw = bytearray(digest(seed, *key, size=16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def dicom_uid(seed: int, *key: object) -> str:
    """Return a DICOM unique identifier (at most 64 characters)."""
    return f"{DICOM_ROOT}.{int.from_bytes(digest(seed, *key, size=12), 'big')}"


def instant(moment: datetime) -> str:
    """Return the moment in UTC with milliseconds, as the database exports it."""
    text = moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{moment.microsecond // 1000:03d}+00:00"


def local_instant(moment: datetime, offset_minutes: int) -> str:
    """Return the moment with its offset from UTC kept, as scanners' clocks report it.

    An offset of nought is written `Z`: both spellings occur in exports.
    """
    if offset_minutes == 0:
        return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    zone = timezone(timedelta(minutes=offset_minutes))
    return moment.astimezone(zone).isoformat(timespec="milliseconds")
