"""Azure credentials: from what people give to what obstore's AzureStore takes."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fw_dataset.storage.credential_fields import Fields

__all__ = ["azure_options"]

_FORMS = (
    "Azure takes account_name with one of account_key, sas_token, bearer_token,"
    " tenant_id with client_id and client_secret (or federated_token_file), managed_identity=true,"
    " azure_cli=true, anonymous=true; or connection_string; or none: the AZURE_* variables,"
    " then managed identity"
)
_SPELLINGS = {
    "account_name": ("account",),
    "account_key": ("access_key", "master_key", "key"),
    "sas_token": ("sas_key", "sas"),
    "bearer_token": ("token",),
    "tenant_id": ("authority_id",),
    "client_id": (),
    "client_secret": (),
    "federated_token_file": (),
    "connection_string": (),
    "managed_identity": ("use_managed_identity",),
    "object_id": (),
    "msi_resource_id": (),
    "msi_endpoint": ("identity_endpoint",),
    "azure_cli": ("use_azure_cli",),
    "anonymous": ("anon", "skip_signature"),
    "endpoint": ("endpoint_url", "account_url", "account_host"),
    "authority_host": (),
    "connector_creds": (),
}
_ACCOUNT = re.compile(r"[a-z0-9-]{1,63}\Z")
_IDENTITY = ("client_id", "object_id", "msi_resource_id", "msi_endpoint")
# Variables by which the environment says who one is; the first is what is looked for elsewhere.
_VARIABLES = (
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_MASTER_KEY",
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_TOKEN",
    "AZURE_STORAGE_CLIENT_SECRET",
    "AZURE_CLIENT_SECRET",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_USE_AZURE_CLI",
    "AZURE_SKIP_SIGNATURE",
)


def azure_options(
    given: Mapping[str, Any], account: str | None = None, host: str | None = None
) -> tuple[dict[str, Any], str]:
    """Keyword arguments for AzureStore, and where the credentials come from, in words.

    Args:
        given: what the user wrote.
        account: the account that the URL names.
        host: the host that the URL names, if it is not one of Azure's public cloud.

    Raises:
        CredentialsError: they are of no form that would do.
    """
    fields = _fields(given)
    if "connection_string" in fields:
        fields = _unfolded(fields, given)
    elif not _who(fields) and not any(map(_env, _VARIABLES)):
        from_environment = _env("AZURE_STORAGE_CONNECTION_STRING")
        if from_environment:
            fields = _unfolded(fields, {**given, "connection_string": from_environment})
            options, _ = _complete(fields, account, host)
            return options, "the variable AZURE_STORAGE_CONNECTION_STRING"
    return _complete(fields, account, host)


def _complete(fields: Fields, account: str | None, host: str | None) -> tuple[dict[str, Any], str]:
    options, tried = _identity(fields)
    options["account_name"] = _account(fields, account)
    options["client_options"] = {}
    if "authority_host" in fields:
        options["authority_host"] = _address(fields, "authority_host")
    endpoint = _address(fields, "endpoint") or (f"https://{host}" if host else None)
    if endpoint:
        options["endpoint"] = endpoint
    usual = endpoint or _env("AZURE_STORAGE_ENDPOINT") or _env("AZURE_ENDPOINT")
    if usual and usual.lower().startswith("http://"):
        options["client_options"]["allow_http"] = True
    return options, tried


def _fields(given: Mapping[str, Any]) -> Fields:
    prefixes = ("azure_storage_", "azure_")
    return Fields(given, _SPELLINGS, prefixes=prefixes, store="Azure", forms=_FORMS)


def _account(fields: Fields, account: str | None) -> str:
    named = fields.text("account_name")
    if named and account and named != account:
        raise fields.error("account_name and the account in the URL are not the same")
    found = named or account or _env("AZURE_STORAGE_ACCOUNT_NAME")
    if not found:
        raise fields.error("account_name is missing, and AZURE_STORAGE_ACCOUNT_NAME is not set")
    if not _ACCOUNT.match(found):
        raise fields.error("account_name has characters that no account's name has")
    return found


def _who(fields: Fields) -> dict[str, bool]:
    """The forms that are given."""
    principal = "client_secret" in fields or "federated_token_file" in fields
    forms = {
        "account_key": "account_key" in fields,
        "sas_token": "sas_token" in fields,
        "bearer_token": "bearer_token" in fields,
        "client_secret": "client_secret" in fields,
        "federated_token_file": "federated_token_file" in fields,
        "managed_identity": fields.flag("managed_identity"),
        "azure_cli": fields.flag("azure_cli"),
        "anonymous": fields.flag("anonymous"),
        # Alone it is half of a service principal, and one_of or together say so.
        "tenant_id": "tenant_id" in fields and not principal,
    }
    return {name: True for name, there in forms.items() if there}


def _identity(fields: Fields) -> tuple[dict[str, Any], str]:
    fields.flag("connector_creds")  # the site's own: what the environment gives
    form = fields.one_of(_who(fields))
    if form is None:
        if "client_id" in fields:
            raise fields.error("client_id is given without tenant_id and client_secret")
        named = [name for name in _VARIABLES if _env(name)]
        if named:
            return {}, f"the variable {named[0]}"
        return {}, "none given: AZURE_* variables, then managed identity"
    if form == "anonymous":
        return {"skip_signature": True}, "none: anonymous requests"
    # Without credential_type others from the environment could be used instead.
    kind, options = _FORM[form](fields)
    words = f"the given {form.replace('_', ' ')}"
    return {**options, "credential_type": kind, "skip_signature": False}, words


def _key(fields: Fields) -> tuple[str, dict[str, Any]]:
    key = fields.text("account_key") or ""
    try:
        base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        pass
    else:
        return "access_key", {"account_key": key}
    raise fields.error("account_key is not base64, as Azure's keys are")


def _sas(fields: Fields) -> tuple[str, dict[str, Any]]:
    token = (fields.text("sas_token") or "").lstrip("?")
    names = {part.partition("=")[0] for part in token.split("&")}
    if "sig" not in names:
        raise fields.error("sas_token has no signature in it (sig=…)")
    return "sas_token", {"sas_key": token}


def _bearer(fields: Fields) -> tuple[str, dict[str, Any]]:
    return "bearer_token", {"token": fields.text("bearer_token")}


def _principal(fields: Fields) -> tuple[str, dict[str, Any]]:
    parts = fields.together("tenant_id", "client_id", "client_secret")
    return "client_secret", parts or {}


def _federated(fields: Fields) -> tuple[str, dict[str, Any]]:
    parts = fields.together("tenant_id", "client_id", "federated_token_file") or {}
    if not Path(parts["federated_token_file"]).is_file():
        raise fields.error("federated_token_file is not a file that is there")
    return "workload_identity", parts


def _managed(fields: Fields) -> tuple[str, dict[str, Any]]:
    return "managed_identity", {name: fields.text(name) for name in _IDENTITY if name in fields}


def _cli(_fields: Fields) -> tuple[str, dict[str, Any]]:
    return "azure_cli", {"use_azure_cli": True}


_FORM = {
    "account_key": _key,
    "sas_token": _sas,
    "bearer_token": _bearer,
    "client_secret": _principal,
    "tenant_id": _principal,
    "federated_token_file": _federated,
    "managed_identity": _managed,
    "azure_cli": _cli,
}


# ------------------------------------------------------------------------- connection strings


def _unfolded(fields: Fields, given: Mapping[str, Any]) -> Fields:
    """The fields with those of the connection string in its place."""
    text = _fields(given).text("connection_string") or ""
    others = {n: fields.value(n) for n in _SPELLINGS if n in fields and n != "connection_string"}
    parts: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, separator, value = part.partition("=")
        if not separator:
            raise fields.error("connection_string is not name=value;name=value")
        parts[name.strip().lower()] = value.strip()
    if "accountname" not in parts and "blobendpoint" not in parts:
        raise fields.error("connection_string has neither AccountName nor BlobEndpoint")
    named = {
        "account_name": parts.get("accountname") or _account_of(parts.get("blobendpoint", "")),
        "account_key": parts.get("accountkey"),
        "sas_token": parts.get("sharedaccesssignature"),
        "endpoint": parts.get("blobendpoint") or _endpoint(parts),
    }
    found = {name: value for name, value in named.items() if value}
    for name in found.keys() & others.keys():
        if others[name] != found[name]:
            raise fields.error(f"{name} and the one in connection_string are not the same")
    return _fields({**others, **found})


def _account_of(endpoint: str) -> str:
    """The account that an address of its own begins with."""
    return endpoint.partition("://")[2].partition(".")[0]


def _endpoint(parts: Mapping[str, str]) -> str | None:
    suffix = parts.get("endpointsuffix", "core.windows.net")
    scheme = parts.get("defaultendpointsprotocol", "https").lower()
    if (scheme, suffix) == ("https", "core.windows.net"):
        return None
    return f"{scheme}://{parts.get('accountname')}.blob.{suffix}"


def _address(fields: Fields, name: str) -> str | None:
    address = fields.text(name)
    if address is None:
        return None
    if "://" not in address:
        address = f"https://{address}"
    if not address.lower().startswith(("http://", "https://")) or set("@?") & set(address):
        raise fields.error(f"{name} must be an http(s) address without a password or a query")
    return address.rstrip("/")


def _env(name: str) -> str | None:
    return os.environ.get(name) or None
