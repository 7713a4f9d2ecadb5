"""The errors of object stores in our words. Theirs hold addresses, headers and bodies: no word of
them is passed on but what is known to be harmless."""

from __future__ import annotations

import re

from obstore.exceptions import (
    AlreadyExistsError,
    InvalidPathError,
    NotSupportedError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.exceptions import BaseError as StoreError

from fw_dataset.errors import (
    BucketNotFoundError,
    CredentialsError,
    ObjectExistsError,
    ObjectNotFoundError,
    StorageDeniedError,
    StorageError,
    StorageFullError,
    StorageTimeoutError,
    StorageUnreachableError,
)

__all__ = ["FOREIGN", "storage_error"]

FOREIGN = (StoreError, FileNotFoundError, OSError, TimeoutError)
"""What calls of an object store raise, but for mistakes in the calls themselves."""

_STATUS = re.compile(r"status code: (\d{3})|status: (\d{3}),")
_CODE = re.compile(r"<Code>(\w{1,60})</Code>")
_KIND = re.compile(r"kind: (\w+)")
_NO_BUCKET = {"NoSuchBucket", "ContainerNotFound", "ContainerBeingDeleted", "AccountNotFound"}
_FULL = {"QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "EntityTooLarge"}
_BAD_KEYS = {
    "AuthenticationFailed",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidAuthenticationInfo",
    "InvalidToken",
    "SignatureDoesNotMatch",
}
_HTTP_DENIED = {401, 403}
_HTTP_BUSY = {408, 429, 500, 502, 503, 504}
_CREDENTIALS = ("credential", "instance metadata", "169.254", "oauth", "token request", "sts ")


def storage_error(error: BaseException, place: str, bucket: str, tried: str = "") -> StorageError:
    """What went wrong.

    Args:
        error: what the store raised.
        place: the bucket and key, for people.
        bucket: the bucket alone.
        tried: where the credentials came from, for people.
    """
    text = str(error)
    codes = set(_CODE.findall(text))
    if codes & _NO_BUCKET:
        return BucketNotFoundError(f"{bucket}: there is no such bucket; it must be made beforehand")
    if codes & _FULL:
        return StorageFullError(f"{place}: the store has no room for it ({(codes & _FULL).pop()})")
    if isinstance(error, (PermissionDeniedError, UnauthenticatedError)) or codes & _BAD_KEYS:
        return _denied(place, codes, tried)
    if isinstance(error, FileNotFoundError):
        return ObjectNotFoundError(f"{place}: there is no such object")
    if isinstance(error, (AlreadyExistsError, PreconditionError)):
        return ObjectExistsError(f"{place}: exists already")
    if isinstance(error, InvalidPathError):
        return StorageError(f"{place}: this store cannot hold a key of that spelling")
    if isinstance(error, NotSupportedError):
        return StorageError(f"{place}: this store does not support what was asked of it")
    return _by_status(text, place, bucket, codes, tried)


def _denied(place: str, codes: set[str], tried: str) -> StorageDeniedError:
    code = f" ({sorted(codes)[0]})" if codes else ""
    how = f"; credentials: {tried}" if tried else ""
    return StorageDeniedError(f"{place}: the store refuses access{code}{how}")


def _by_status(text: str, place: str, bucket: str, codes: set[str], tried: str) -> StorageError:
    found = [int(a or b) for a, b in _STATUS.findall(text)]
    status = found[0] if found else None
    code = f", {sorted(codes)[0]}" if codes else ""
    if status in _HTTP_DENIED:
        return _denied(place, codes, tried)
    if status == 404:
        return BucketNotFoundError(f"{bucket}: there is no such bucket; it must be made beforehand")
    kinds = set(_KIND.findall(text))
    if status in _HTTP_BUSY:
        return StorageUnreachableError(
            f"{place}: the store failed again and again (HTTP {status}{code}); try again later"
        )
    if status is not None:
        return StorageError(f"{place}: the store answers HTTP {status}{code}")
    if "Timeout" in kinds or "timed out" in text:
        return StorageTimeoutError(f"{place}: the store did not answer in time; try again later")
    lowered = text.lower()
    if any(word in lowered for word in _CREDENTIALS):
        how = f" (tried: {tried})" if tried else ""
        return CredentialsError(f"{bucket}: no credentials could be had{how}")
    if kinds or "HTTP error" in text or "error sending request" in text:
        how = "it cannot be reached" if "Connect" in kinds else "the connection broke"
        return StorageUnreachableError(f"{place}: {how}, also when tried again")
    return StorageError(f"{place}: the store failed; its answer cannot be shown here")
