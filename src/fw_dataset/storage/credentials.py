"""From the URLs and credentials that people have to what opens an object store."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote, unquote

from fw_dataset.errors import CredentialsError, UnsupportedLocationError
from fw_dataset.storage.credential_fields import parse_query
from fw_dataset.storage.credentials_azure import azure_options
from fw_dataset.storage.credentials_gcs import gcs_options
from fw_dataset.storage.credentials_s3 import s3_options
from fw_dataset.storage.store_config import Kind, StoreConfig

__all__ = ["StoreConfig", "config_from_filesystem", "config_from_url"]

_KINDS: Mapping[str, Kind] = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "az": "azure",
    "azure": "azure",
    "abfs": "azure",
    "abfss": "azure",
    "fs": "local",
    "file": "local",
    "local": "local",
}
_CHOICES = "use a path, file://, s3://, gs:// or az://"
_TYPES = "use 's3', 'gcs' (or 'gs'), 'azure' (or 'az'), 'fs' (or 'local', 'file')"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,20}\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PUBLIC_AZURE = re.compile(r"([a-z0-9-]+)\.(?:blob|dfs)\.core\.windows\.net\Z")
_AZURE_HOST = re.compile(r"([a-z0-9-]+)\.(blob|dfs)\.([a-z0-9.-]+\.[a-z0-9-]+)\Z")
_CREDENTIAL = re.compile(
    r"(?i)(?:access_key|access_key_id|account_key|application_credentials|client_secret|sas_token"
    r"|secret_access_key|session_token|sig)="
)
# The usual characters and all others but those with a meaning in a URL, and blanks.
_PLAIN = "/:=+@!$&'()*,;~[]{}"


@dataclass(frozen=True, repr=False)
class _Place:
    """What a URL says, its query still as it is written."""

    kind: Kind
    bucket: str
    prefix: str
    query: str
    account: str | None = None
    host: str | None = None


def config_from_url(url: str, credentials: Mapping[str, Any] | str | None = None) -> StoreConfig:
    """What opens the place that a URL or path names.

    Args:
        url: a path, ``file://…``, ``s3://bucket/prefix``, ``gs://bucket/prefix`` or
            ``az://account.blob.core.windows.net/container/prefix``. Its query may hold
            credentials, each percent-encoded.
        credentials: by name; or a URL that has them in its query; or as a text, JSON of them,
            a service account in any form, or an Azure connection string.

    Raises:
        CredentialsError: the credentials are of no form that would do.
        MissingExtraError: they are an AWS profile and boto3 is not installed.
        UnsupportedLocationError: the URL is of a kind that cannot be opened.
    """
    if "://" not in url:
        return _local(url, credentials)
    place = _parsed(url)
    if place.kind == "local":
        return _local(place.bucket, credentials)
    return _config(place, credentials)


def config_from_filesystem(
    fs_type: str,
    bucket: str,
    prefix: str | None = None,
    credentials: Mapping[str, Any] | str | None = None,
) -> StoreConfig:
    """What opens a type, bucket and prefix, which are taken as they are, without escapes.

    Args:
        fs_type: ``"s3"``, ``"gcs"`` or ``"gs"``, ``"azure"`` or ``"az"``, ``"fs"``, ``"local"``
            or ``"file"``.
        bucket: the bucket, or the container, or the folder.
        prefix: the place below it.
        credentials: as of :func:`config_from_url`.

    Raises:
        CredentialsError: the credentials are of no form that would do.
        MissingExtraError: they are an AWS profile and boto3 is not installed.
        UnsupportedLocationError: the type, bucket or prefix is none.
    """
    kind = _KINDS.get(str(fs_type).lower())
    if kind is None:
        shown = f"{fs_type!r}" if _SCHEME.match(str(fs_type)) else "this"
        raise UnsupportedLocationError(f"storage type {shown} is not known: {_TYPES}")
    if kind == "local":
        below = (prefix or "").strip("/")
        return _local(os.path.join(bucket, below) if below else bucket, credentials)
    name = _bucket(bucket.rstrip("/"), _CHOICES)
    return _config(_Place(kind, name, _prefix(prefix or ""), query=""), credentials)


def _config(place: _Place, credentials: Mapping[str, Any] | str | None) -> StoreConfig:
    given, inner = _given(credentials, place.kind)
    given = _merged(given, _query(place))
    if place.kind == "s3":
        options, tried = s3_options(given)
    elif place.kind == "gcs":
        options, tried = gcs_options(given)
    else:
        account, host = _azure_place_of(place, inner)
        options, tried = azure_options(given, account, host)
    return StoreConfig(
        place.kind, place.bucket, place.prefix, _shown(place, options), options, tried
    )


def _azure_place_of(place: _Place, inner: _Place | None) -> tuple[str | None, str | None]:
    """The account, and its host if it is special, of the location or of the credentials' URL."""
    if inner is None or inner.account is None:
        return place.account, place.host
    if place.account is not None and place.account != inner.account:
        raise CredentialsError("Azure credentials: the URLs name two different accounts")
    return inner.account, place.host or inner.host


def _local(path: str, credentials: Mapping[str, Any] | str | None) -> StoreConfig:
    if not path:
        raise UnsupportedLocationError("the path is empty: name a folder, or use a URL")
    if "\x00" in path:
        raise UnsupportedLocationError(f"path {path!r}: no path has a NUL character in it")
    given, _ = _given(credentials, "local")
    if given:
        raise CredentialsError(f"{path}: a folder needs no credentials: leave them out")
    return StoreConfig("local", path, "", path, {}, "none are needed")


# --------------------------------------------------------------------------------- credentials


def _given(
    credentials: Mapping[str, Any] | str | None, kind: Kind
) -> tuple[dict[str, Any], _Place | None]:
    """Credentials by name, and the place in the URL that is among them."""
    if credentials is None:
        return {}, None
    given = credentials
    if isinstance(given, str):
        given = _from_text(given, kind)
    if not isinstance(given, Mapping):
        raise CredentialsError(
            f"credentials must be a dict or a text, not {type(credentials).__name__}"
        )
    named = dict(given)
    url = named.pop("url", None)
    if url is None or url == "":
        return named, None
    if not isinstance(url, str) or "://" not in url:
        raise CredentialsError("credentials: the url among them is no URL")
    place = _parsed(url)
    if place.kind != kind:
        raise CredentialsError(
            f"credentials: the url among them is of {place.kind}, and the location of {kind}"
        )
    return _merged(named, _query(place)), place


def _from_text(text: str, kind: Kind) -> Mapping[str, Any]:
    text = text.strip()
    if not text:
        return {}
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        return {"url": text}
    if text.startswith("{"):
        try:
            return cast("Mapping[str, Any]", json.loads(text))
        except (ValueError, RecursionError):
            pass  # its words, and its context, hold the text
        raise CredentialsError("credentials: the text begins like JSON and is none")
    if kind == "gcs":
        return {"application_credentials": text}
    if kind == "azure" and re.search(r"(?i)(?:AccountName|BlobEndpoint)=", text):
        return {"connection_string": text}
    raise CredentialsError(
        "credentials: the text is neither a URL nor JSON:"
        " give a dict, as {'url': …}, or leave them to the environment"
    )


def _query(place: _Place) -> dict[str, str]:
    names = {part.partition("=")[0] for part in place.query.split("&")}
    if place.kind == "azure" and {"sig", "sv"} <= names:
        return {"sas_token": place.query}  # a URL that is signed as a whole; stays encoded
    return parse_query(place.query)


def _merged(given: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    for name in given.keys() & others.keys():
        if given[name] != others[name]:
            raise CredentialsError("credentials: one is given twice, with different values")
    return {**given, **others}


# ---------------------------------------------------------------------------------------- URLs


def _parsed(url: str) -> _Place:
    scheme, _, rest = url.partition("://")
    kind = _KINDS.get(scheme.lower())
    rest, _, query = rest.partition("?")
    if scheme.lower() == "https" and _AZURE_HOST.match(rest.partition("/")[0].lower()):
        kind = "azure"
    if kind is None:
        shown = f"{scheme}://" if _SCHEME.match(scheme) else "this"
        raise UnsupportedLocationError(
            f"{shown} is not a kind of storage that can be opened: {_CHOICES}"
        )
    if kind == "local":
        return _local_place(rest, query)
    first, _, path = rest.partition("/")
    form = f"write {scheme}://bucket/prefix"
    if kind == "azure":
        return _azure_place(first, path, query)
    return _Place(kind, _bucket(unquote(first), form), _prefix(unquote(path)), query)


def _azure_place(first: str, path: str, query: str) -> _Place:
    form = "write az://account.blob.core.windows.net/container/prefix"
    before, at, authority = first.rpartition("@")
    authority = authority.lower() if at or "." in authority else authority
    account = host = None
    if at:
        container = before
        account, host = _azure_account(authority, form)
    elif "." in authority:
        account, host = _azure_account(authority, form)
        container, _, path = path.partition("/")
    else:
        container = authority
    bucket = _bucket(unquote(container), form)
    return _Place("azure", bucket, _prefix(unquote(path)), query, account, host)


def _azure_account(authority: str, form: str) -> tuple[str, str | None]:
    """The account, and the host where it is none of the public cloud's."""
    public = _PUBLIC_AZURE.match(authority)
    if public:
        return public[1], None
    other = _AZURE_HOST.match(authority)
    if other:
        return other[1], f"{other[1]}.blob.{other[3]}"
    if re.match(r"[a-z0-9-]+\Z", authority):
        return authority, None
    raise UnsupportedLocationError(f"the URL names no Azure account: {form}")


def _local_place(rest: str, query: str) -> _Place:
    host, slash, path = rest.partition("/")
    if host.lower() not in ("", "localhost") or not slash:
        raise UnsupportedLocationError(
            "a local URL has three slashes and no host, as in file:///data"
        )
    if query:
        raise UnsupportedLocationError("a local URL has no query: write ? in a name as %3F")
    return _Place("local", unquote(f"/{path}"), "", "")


def _bucket(name: str, form: str) -> str:
    if not name:
        raise UnsupportedLocationError(f"the location names no bucket: {form}")
    # What stands around these may be a name and password: it is not shown.
    if set("/@:?#\\") & set(name) or _CONTROL.search(name) or name in (".", ".."):
        raise UnsupportedLocationError(
            f"the bucket's name has a character that none has (/ @ : ? # \\): {form}"
        )
    return name


def _prefix(path: str) -> str:
    prefix = path.strip("/")
    if _CREDENTIAL.search(prefix):
        raise UnsupportedLocationError(
            "the prefix looks as if it held credentials: in a URL they come after a ?"
        )
    parts = prefix.split("/")
    if prefix and any(part in ("", ".", "..") for part in parts):
        raise UnsupportedLocationError(
            f"prefix {prefix!r}: no part of it can be empty, '.' or '..'"
        )
    if _CONTROL.search(prefix):
        raise UnsupportedLocationError(f"prefix {prefix!r}: it has a control character in it")
    return prefix


def _shown(place: _Place, options: Mapping[str, Any]) -> str:
    bucket = _quoted(place.bucket)
    below = f"/{_quoted(place.prefix)}" if place.prefix else ""
    if place.kind == "s3":
        return f"s3://{bucket}{below}"
    if place.kind == "gcs":
        return f"gs://{bucket}{below}"
    account, endpoint = options["account_name"], options.get("endpoint")
    if endpoint is None:
        return f"az://{account}.blob.core.windows.net/{bucket}{below}"
    host = re.match(r"https://([^/:]+)\Z", endpoint)
    if host and _AZURE_HOST.match(host[1]):
        return f"az://{host[1]}/{bucket}{below}"
    return f"az://{bucket}@{account}{below}"


def _quoted(text: str) -> str:
    """``text`` with only those characters escaped that would not survive in a URL."""
    return "".join(c if ord(c) > 0x9F and not c.isspace() else quote(c, safe=_PLAIN) for c in text)
