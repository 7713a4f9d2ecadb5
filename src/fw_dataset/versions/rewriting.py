"""Change a document of a committed version; readers see the old or the new."""

from __future__ import annotations

from collections.abc import Callable

from fw_dataset.errors import (
    ObjectExistsError,
    StorageUnreachableError,
    VersionConflictError,
)
from fw_dataset.storage import Storage

__all__ = ["rewrite"]

_ATTEMPTS = 8


def rewrite(storage: Storage, key: str, change: Callable[[bytes], bytes]) -> bytes:
    """Replace a document by what ``change`` makes of it; what it is then is returned.

    Whoever calls is in an ``exclusive`` block. Writers of other machines are not held off by that:
    when one of them was quicker, ``change`` is asked anew about what stands there then. So it is
    when the connection broke: ``change`` leaves alone what is changed already.

    Raises:
        ObjectNotFoundError: there is no such document, or not any more.
        VersionConflictError: others keep changing it.
        StorageError: the storage refuses, or cannot be reached.
    """
    for attempt in range(_ATTEMPTS):
        old = storage.get(key)
        new = change(old)
        if new == old:
            return old
        try:
            storage.replace(key, old, new)
        except ObjectExistsError:
            continue
        except StorageUnreachableError:
            if attempt + 1 == _ATTEMPTS:
                raise
        else:
            return new
    raise VersionConflictError(
        f"{storage.url}/{key}: other writers keep changing it; try again when they are done"
    )
