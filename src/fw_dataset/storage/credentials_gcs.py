"""Google Cloud Storage credentials: from what people give to what obstore's GCSStore takes."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fw_dataset.storage.credential_fields import Fields

__all__ = ["gcs_options"]

_FORMS = (
    "Google Cloud Storage takes application_credentials (a service account's key as JSON, as"
    " base64 of it, or the path of its file), bearer_token, anonymous=true, or none: the"
    " application default, then the machine's own account"
)
_SPELLINGS = {
    "application_credentials": (
        "service_account",
        "service_account_file",
        "service_account_json",
        "service_account_key",
        "service_account_path",
        "credentials",
        "keyfile",
        "token",
    ),
    "bearer_token": ("access_token",),
    "anonymous": ("anon", "skip_signature"),
    "endpoint": ("base_url", "endpoint_url"),
    "project": ("project_id",),
    "connector_creds": (),
}
_ACCOUNT_FILES = ("GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_PATH")
_ACCOUNT_KEY = "GOOGLE_SERVICE_ACCOUNT_KEY"
_BEARER = "GOOGLE_BEARER_TOKEN"
_DEFAULT = "GOOGLE_APPLICATION_CREDENTIALS"
_ACCOUNT_PARTS = ("client_email", "private_key", "private_key_id")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}\Z")


def gcs_options(given: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Keyword arguments for GCSStore, and where the credentials come from, in words.

    Raises:
        CredentialsError: they are of no form that would do.
    """
    fields = Fields(
        _as_account(given),
        _SPELLINGS,
        prefixes=("google_",),
        store="Google Cloud Storage",
        forms=_FORMS,
    )
    options, tried = _identity(fields)
    options["client_options"] = {}
    endpoint = fields.text("endpoint") or options.pop("base_url", None) or _env("GOOGLE_BASE_URL")
    if endpoint:
        if not endpoint.lower().startswith(("http://", "https://")) or "@" in endpoint:
            raise fields.error("endpoint must be an http(s) address without a password")
        options["base_url"] = endpoint.rstrip("/")
        if endpoint.lower().startswith("http://"):
            options["client_options"]["allow_http"] = True
    return options, tried


def _as_account(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """A service account's own JSON, given in place of named credentials, under its name."""
    if "private_key" in given or "client_email" in given or "client_secret" in given:
        return {"application_credentials": dict(given)}
    return given


def _identity(fields: Fields) -> tuple[dict[str, Any], str]:
    account: Any = fields.value("application_credentials")
    anonymous = fields.flag("anonymous") or account == "anon"
    fields.flag("connector_creds")  # the site's own: what the environment gives
    if account in ("anon", "cloud", "google_default"):
        account = None  # gcsfs's words
    form = fields.one_of(
        {
            "application_credentials": account is not None,
            "bearer_token": "bearer_token" in fields,
            "anonymous": anonymous,
        }
    )
    if form is None:
        return _from_environment(fields)
    _refuse_environment(fields, (*_ACCOUNT_FILES, _ACCOUNT_KEY))
    if form == "anonymous":
        return {"skip_signature": True}, "none: anonymous requests"
    if form == "bearer_token":
        # Expired, it is refused by the store: nothing renews it.
        return {"bearer_token": fields.text("bearer_token"), "skip_signature": False}, (
            "the given bearer token"
        )
    _refuse_environment(fields, (_BEARER,))
    return {**_account(fields, account), "skip_signature": False}, "the given service account"


def _refuse_environment(fields: Fields, names: tuple[str, ...]) -> None:
    """What obstore would mix with what is given, and there is no option to stop it."""
    for name in names:
        if _env(name):
            raise fields.error(f"{name} in the environment would be mixed in: unset it")


def _from_environment(fields: Fields) -> tuple[dict[str, Any], str]:
    variables = (_BEARER, *_ACCOUNT_FILES, _ACCOUNT_KEY, _DEFAULT)
    named = [name for name in variables if _env(name)]
    path = _env(_DEFAULT)
    # obstore takes the others before this one.
    if path is not None and named == [_DEFAULT]:
        return _account(fields, path, source=_DEFAULT), f"the file that {_DEFAULT} names"
    if named:
        return {}, f"the variable {named[0]}"
    return {}, "none given: the application default, then the machine's own account"


# -------------------------------------------------------------------------- service accounts


def _account(fields: Fields, given: Any, source: str = "application_credentials") -> dict[str, Any]:
    path: Path | None = None
    if isinstance(given, os.PathLike):
        given = os.fspath(given)
    if isinstance(given, Mapping):
        content: Any = dict(given)
    elif isinstance(given, str):
        content, path = _read(fields, given.strip(), source)
    else:
        raise fields.error(f"{source} must be a text or a dict, not {type(given).__name__}")
    if not isinstance(content, dict):
        raise fields.error(f"{source} is JSON, but no service account's")
    kind = str(content.get("type", "service_account"))
    if kind not in _TYPES:
        raise fields.error(f"{source} is not a service account's: its type is another")
    return _TYPES[kind](fields, content, path, source)


def _service_account(
    fields: Fields, content: dict[str, Any], _path: Path | None, source: str
) -> dict[str, Any]:
    if content.get("disable_oauth") is True:
        content = {**dict.fromkeys(_ACCOUNT_PARTS, ""), **content}  # an emulator's
    missing = [part for part in _ACCOUNT_PARTS if not isinstance(content.get(part), str)]
    if content.get("disable_oauth") is not True:
        missing += [part for part in _ACCOUNT_PARTS if content.get(part) == ""]
        if not missing and "PRIVATE KEY-----" not in content["private_key"]:
            raise fields.error(f"the private_key in {source} is not PEM")
    if missing:
        raise fields.error(f"{source} is no service account's JSON: {missing[0]} is missing")
    options = {"service_account_key": json.dumps(content)}
    base = content.get("gcs_base_url")
    return {**options, "base_url": base} if isinstance(base, str) else options


def _authorized_user(
    fields: Fields, content: dict[str, Any], path: Path | None, source: str
) -> dict[str, Any]:
    for part in ("client_id", "client_secret", "refresh_token"):
        if not isinstance(content.get(part), str):
            raise fields.error(f"{source} is no user's credentials: {part} is missing")
    if path is None:
        raise fields.error(f"{source} is a user's, not a service account's: give its file's path")
    return {"application_credentials": str(path)}


def _external(
    fields: Fields, _content: dict[str, Any], _path: Path | None, source: str
) -> dict[str, Any]:
    raise fields.error(
        f"{source} is of a workload identity federation, which is not supported:"
        " get an access token with it and give that as bearer_token"
    )


_TYPES = {
    "service_account": _service_account,
    "authorized_user": _authorized_user,
    "external_account": _external,
}


def _read(fields: Fields, text: str, source: str) -> tuple[Any, Path | None]:
    """The JSON in a text that is JSON, base64 of it or a path; and the path."""
    if text.startswith(("{", "[", '"')):
        return _json(fields, text, source), None
    decoded = _from_base64(text)
    if decoded is not None:
        return _json(fields, decoded, source), None
    if "\x00" in text:
        raise fields.error(f"{source} has a NUL character in it")
    path = Path(text).expanduser().absolute()
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        # The text may be a broken secret: it is not shown.
        raise fields.error(
            f"{source} is neither JSON, nor base64 of it, nor a file that can be read"
            f" ({type(error).__name__})"
        ) from None
    return _json(fields, content, source), path


def _from_base64(text: str) -> str | None:
    """The JSON object that a text is base64 of, or None."""
    compact = re.sub(r"\s+", "", text)
    if not _BASE64.match(compact):
        return None
    compact = compact.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        decoded = base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
        found = decoded.decode("utf-8").strip()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return found if found.startswith("{") else None


def _json(fields: Fields, text: str, source: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass  # its words, and its context, hold the text
    raise fields.error(f"{source} is not valid JSON")


def _env(name: str) -> str | None:
    return os.environ.get(name) or None
