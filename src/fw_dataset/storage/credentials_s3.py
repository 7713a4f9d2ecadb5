"""S3 credentials: from what people give to what obstore's S3Store takes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as ConfigError
from datetime import datetime, timedelta, timezone
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fw_dataset.errors import CredentialsError, MissingExtraError
from fw_dataset.storage.credential_fields import Fields

__all__ = ["s3_options"]

_FORMS = (
    "S3 takes access_key_id with secret_access_key (and session_token), profile,"
    " role_arn with web_identity_token_file, anonymous=true, or none: the AWS_* variables;"
    " and with each region, endpoint, requester_pays"
)
_SPELLINGS = {
    "access_key_id": ("key", "access_key"),
    "secret_access_key": ("secret", "secret_key"),
    "session_token": ("token",),
    "endpoint": ("endpoint_url", "endpoint_override", "endpoint_url_s3"),
    "region": ("region_name", "default_region"),
    "profile": ("profile_name",),
    "anonymous": ("anon", "skip_signature"),
    "requester_pays": ("request_payer",),
    "role_arn": (),
    "web_identity_token_file": (),
    "role_session_name": (),
    "virtual_hosted_style_request": (),
    "server_side_encryption": (),
    "sse_kms_key_id": (),
    "connector_creds": (),
}
_PASSED_ON = ("role_session_name", "server_side_encryption", "sse_kms_key_id")
_FLAGS = {"requester_pays": "request_payer", "virtual_hosted_style_request": None}
# What a section of AWS's own files has when there are credentials in it.
_PROFILE_KEYS = {
    "aws_access_key_id",
    "credential_process",
    "credential_source",
    "login_session",
    "role_arn",
    "sso_session",
    "sso_start_url",
}


def s3_options(given: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Keyword arguments for S3Store, and where the credentials come from, in words.

    Raises:
        CredentialsError: they are of no form that would do.
        MissingExtraError: a profile is asked for and boto3 is not installed.
    """
    fields = Fields(given, _SPELLINGS, prefixes=("aws_",), store="S3", forms=_FORMS)
    options, tried = _identity(fields)
    options |= {name: fields.text(name) for name in _PASSED_ON if name in fields}
    for name, theirs in _FLAGS.items():
        if name in fields:
            options[theirs or name] = fields.flag(name)
    options["client_options"] = {}
    _set_endpoint(fields, options)
    region = fields.text("region") or options.get("region") or _env("AWS_REGION")
    options["region"] = region or _env("AWS_DEFAULT_REGION") or "us-east-1"
    return options, tried


def _identity(fields: Fields) -> tuple[dict[str, Any], str]:
    keys = fields.together("access_key_id", "secret_access_key")
    role = fields.together("role_arn", "web_identity_token_file")
    anonymous = fields.flag("anonymous")
    fields.flag("connector_creds")  # the site's own: what the environment gives
    if "session_token" in fields and keys is None:
        raise fields.error("session_token is given without access_key_id and secret_access_key")
    form = fields.one_of(
        {
            "access_key_id": keys is not None,
            "profile": "profile" in fields,
            "role_arn": role is not None,
            "anonymous": anonymous,
        }
    )
    if form == "anonymous":
        return {"skip_signature": True}, "none: anonymous requests"
    if keys is not None:
        return _keys(keys, fields.text("session_token")), "the given keys"
    if form == "profile":
        name = fields.text("profile") or ""
        return _profile(name), f"profile {name!r}"
    if role is not None:
        return _web_identity(fields, role), "the given web identity"
    return _from_environment(fields)


def _keys(keys: dict[str, str], token: str | None) -> dict[str, Any]:
    if token is None and (_env("AWS_SESSION_TOKEN") or _env("AWS_TOKEN")):
        # obstore would send the environment's token along with keys that it does not belong to.
        return {"credential_provider": _Keys(keys), "skip_signature": False}
    extra = {} if token is None else {"session_token": token}
    return {**keys, **extra, "skip_signature": False}


def _web_identity(fields: Fields, role: dict[str, str]) -> dict[str, Any]:
    path = Path(role["web_identity_token_file"])
    if not path.is_file():
        raise fields.error("web_identity_token_file is not a file that is there")
    if _env("AWS_ACCESS_KEY_ID"):
        raise fields.error("AWS_ACCESS_KEY_ID in the environment would be used instead: unset it")
    return {**role, "skip_signature": False}


def _from_environment(fields: Fields) -> tuple[dict[str, Any], str]:
    key, secret = _env("AWS_ACCESS_KEY_ID"), _env("AWS_SECRET_ACCESS_KEY")
    if bool(key) != bool(secret):
        there, missing = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")[:: 1 if key else -1]
        raise fields.error(f"{there} is in the environment without {missing}")
    if key:
        return {}, "the AWS_* variables"
    named = _env("AWS_PROFILE") or _env("AWS_DEFAULT_PROFILE")
    if named:
        return _profile(named), f"profile {named!r}, which AWS_PROFILE names"
    if _env("AWS_WEB_IDENTITY_TOKEN_FILE") or _env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
        return {}, "the AWS_* variables"
    if _env("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        return {}, "the AWS_* variables"
    if not _has_default_profile():
        return {}, "none given: AWS_* variables, then instance metadata"
    if find_spec("boto3") is None:
        return {}, "none given: AWS_* variables, then instance metadata; no profile without boto3"
    return _profile("default"), "profile 'default'"


def _has_default_profile() -> bool:
    for variable, usual in (
        ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
        ("AWS_CONFIG_FILE", "~/.aws/config"),
    ):
        parser = ConfigParser(interpolation=None, strict=False)
        try:
            parser.read(os.path.expanduser(_env(variable) or usual), encoding="utf-8")
        except (ConfigError, OSError, UnicodeDecodeError):
            continue
        if parser.has_section("default") and _PROFILE_KEYS & set(parser["default"]):
            return True
    return False


def _profile(name: str) -> dict[str, Any]:
    try:  # optional, slow to load, and without types
        boto3, botocore = import_module("boto3"), import_module("botocore.session")
        refusals = import_module("botocore.exceptions").BotoCoreError
    except ImportError:
        raise MissingExtraError(
            f"profile {name!r}: AWS profiles need boto3; install it (pip install boto3),"
            " or give access_key_id and secret_access_key"
        ) from None
    try:
        session = botocore.Session(profile=name)
        # A profile was asked for: nothing else may stand in for it.
        resolver = session.get_component("credential_provider")
        for other in ("env", "container-role", "iam-role"):
            resolver.remove(other)
        found = session.get_credentials()
        region = boto3.Session(botocore_session=session).region_name
    except refusals as error:
        reason = type(error).__name__
    else:
        reason = "no credentials in it"
        if found is not None:
            options = {"credential_provider": _Profile(found), "skip_signature": False}
            return {**options, "region": region} if region else options
    raise CredentialsError(f"S3 credentials: profile {name!r} cannot be used ({reason}); {_FORMS}")


class _Keys:
    """Keys that stay the same, in the form in which obstore asks for them."""

    def __init__(self, keys: dict[str, str]) -> None:
        self._keys = keys

    def __call__(self) -> dict[str, Any]:
        return {**self._keys, "token": None, "expires_at": None}


class _Profile:
    """A profile's credentials, in the form in which obstore asks for them."""

    def __init__(self, credentials: Any) -> None:
        self._credentials = credentials

    def __call__(self) -> dict[str, Any]:
        frozen = self._credentials.get_frozen_credentials()
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            # boto3 renews them ahead of their end; asking it often costs nothing.
            "expires_at": datetime.now(timezone.utc) + timedelta(minutes=10),
        }


def _set_endpoint(fields: Fields, options: dict[str, Any]) -> None:
    given = fields.text("endpoint")
    usual = _env("AWS_ENDPOINT_URL_S3") or _env("AWS_ENDPOINT_URL") or _env("AWS_ENDPOINT")
    endpoint = given or usual
    if endpoint is None:
        return
    if not endpoint.lower().startswith(("http://", "https://")):
        raise fields.error("endpoint must begin with https:// or http://")
    if "@" in endpoint:
        raise fields.error("endpoint must have no user name or password in it")
    options["endpoint"] = endpoint.rstrip("/")
    if _env("AWS_ENDPOINT_URL_S3"):
        # That variable would win over what was given.
        options["aws_endpoint_url_s3"] = options["endpoint"]
    if endpoint.lower().startswith("http://"):
        options["client_options"]["allow_http"] = True


def _env(name: str) -> str | None:
    return os.environ.get(name) or None
