"""From the ways people name a place to the storage that is there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from fw_dataset.errors import CredentialsError, UnsupportedLocationError
from fw_dataset.storage.base import Storage
from fw_dataset.storage.local import LocalStorage

if TYPE_CHECKING:
    from fw_dataset.storage.credentials import StoreConfig

__all__ = ["LOCAL_TYPES", "Credentials", "open_filesystem", "open_storage", "place_of_credentials"]

# As long as a person would wait; a request moves at most 8 MiB either way.
_CLIENT = {"connect_timeout": "10s", "timeout": "60s"}
_RETRIES = {"max_retries": 8, "retry_timeout": timedelta(seconds=90)}
LOCAL_TYPES = frozenset({"fs", "local", "file"})
_PLATFORM_TYPES = {"s3": "s3", "gcs": "gs", "azure": "az", "local": "fs"}
Credentials = Mapping[str, Any] | str
"""What a store asks for, by name, or a URL that holds it."""


def open_storage(
    location: str | os.PathLike[str], credentials: Credentials | None = None
) -> Storage:
    """The storage at a path or URL (``file://``, ``s3://``, ``gs://``, ``az://`` …).

    Raises:
        CredentialsError: the credentials are of no form that would do.
        UnsupportedLocationError: the URL is of a kind that cannot be opened.
    """
    text = os.fspath(location)
    if "://" not in text:
        if not text:
            raise UnsupportedLocationError("the location is empty: name a folder or a URL")
        return _local(text)
    scheme = text.partition("://")[0].lower()
    if scheme in LOCAL_TYPES:
        return _local(_local_path(text))
    if scheme == "fw":
        raise UnsupportedLocationError(
            f"{text} is a project of a Flywheel site: FWDatasetClient().get_dataset(path=…) opens"
            " its dataset, and DatasetBuilder(project_path=…) renders it"
        )
    from fw_dataset.storage.credentials import config_from_url  # noqa: PLC0415 - seldom needed

    return _open(config_from_url(text, credentials))


def open_filesystem(
    fs_type: str,
    bucket: str | os.PathLike[str],
    prefix: str | None = None,
    credentials: Credentials | None = None,
) -> Storage:
    """The storage of a type, bucket and prefix, as the 0.3 and 0.4 releases name it.

    Raises:
        CredentialsError: the credentials are of no form that would do.
        UnsupportedLocationError: the type is not known.
    """
    if fs_type in LOCAL_TYPES:
        return _local(str(PurePath(bucket) / str(prefix or "").strip("/")))
    from fw_dataset.storage.credentials import (  # noqa: PLC0415 - seldom needed
        config_from_filesystem,
    )

    return _open(config_from_filesystem(fs_type, os.fspath(bucket), prefix, credentials))


def place_of_credentials(credentials: Credentials) -> tuple[str, str, str]:
    """The place that the URL in credentials names: type (as the platform has it), bucket, prefix.

    Raises:
        CredentialsError: there is no URL in them, or they are of no form that would do.
        UnsupportedLocationError: the URL is of a kind that cannot be opened.
    """
    from fw_dataset.storage.credentials import config_from_url  # noqa: PLC0415 - seldom needed

    given = {"url": credentials} if isinstance(credentials, str) else dict(credentials)
    url = given.pop("url", None)
    if not isinstance(url, str) or "://" not in url:
        raise CredentialsError(
            "the credentials name no place: they must hold a url, as in"
            ' {"url": "s3://bucket/prefix?access_key_id=…&secret_access_key=…"}'
        )
    config = config_from_url(url, given or None)
    return _PLATFORM_TYPES[config.kind], config.bucket, config.prefix


def _open(config: StoreConfig) -> Storage:
    if config.kind == "local":
        return _local(str(PurePath(config.bucket) / config.prefix))
    from fw_dataset.storage.objects import ObjectStorage  # noqa: PLC0415 - loads obstore

    store = config.open(client_options=_CLIENT, retry_config=_RETRIES)
    return ObjectStorage(store, config.url, config.bucket, config.tried)


def _local(path: str) -> LocalStorage:
    if "\x00" in path:
        raise UnsupportedLocationError(f"path {path!r}: no path has a NUL character in it")
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        raise UnsupportedLocationError(f"path {path!r}: it is no text that a path can be") from None
    return LocalStorage(path)


def _local_path(url: str) -> str:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise UnsupportedLocationError(
            f"{parts.scheme}://{parts.hostname}: a local URL has three slashes, as in file:///data"
        )
    return unquote(parts.path)
