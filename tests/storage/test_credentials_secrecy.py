"""Nothing secret is in what is printed, logged, copied or pickled of a configuration."""

from __future__ import annotations

import base64
import copy
import dataclasses
import json
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from fw_dataset.errors import CredentialsError
from fw_dataset.storage.credentials import StoreConfig, config_from_filesystem, config_from_url
from tests.support.cloud_environment import clear_cloud_environment

WORD = "hush"
KEY = base64.b64encode(b"hush" * 12).decode()  # the word, encoded, is found below, too
SAS = "sv=2030-01-01&sp=rl&sig=hush%2Bhush%3D"
PEM = "-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----\n"
ACCOUNT = {"client_email": "hush@x", "private_key": PEM, "private_key_id": "hush"}
EMULATOR = {**ACCOUNT, "disable_oauth": True, "gcs_base_url": "http://127.0.0.1:9"}
PRINCIPAL = {"tenant_id": "hush-t", "client_id": "hush-c", "client_secret": "hush-s"}
AZURE = "az://acc.blob.core.windows.net/box/a"
FORMS: dict[str, tuple[str, Any]] = {
    "s3 keys": ("s3://b/a", {"key": "hush-k", "secret": "hush-s", "token": "hush-t"}),
    "s3 location": ("s3://b/a?access_key_id=hush-k&secret_access_key=hush%2Fs", None),
    "s3 url": ("s3://b/a", {"url": "s3://b?access_key_id=hush-k&secret_access_key=hush%2Fs"}),
    "s3 json": ("s3://b/a", json.dumps({"key": "hush-k", "secret": "hush-s"})),
    "gcs dict": ("gs://b/a", EMULATOR),
    "gcs json": ("gs://b/a", {"application_credentials": json.dumps(EMULATOR)}),
    "gcs base64": ("gs://b/a", base64.b64encode(json.dumps(EMULATOR).encode()).decode()),
    "gcs url": ("gs://b/a", f"gs://b?application_credentials={quote(json.dumps(EMULATOR))}"),
    "gcs broken key": ("gs://b/a", ACCOUNT),
    "gcs token": ("gs://b/a", {"bearer_token": "hush"}),
    "azure key": (AZURE, {"account_key": KEY}),
    "azure sas": (AZURE, {"sas_token": SAS}),
    "azure signed": (f"{AZURE}?{SAS}", None),
    "azure principal": (AZURE, PRINCIPAL),
    "azure bearer": (AZURE, {"token": "hush"}),
    "azure string": (AZURE, f"AccountName=acc;AccountKey={KEY}"),
}


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clear_cloud_environment(monkeypatch, tmp_path)


def assert_hidden(text: str) -> None:
    assert not [word for word in (WORD, KEY[:5]) if word in text]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("token_beside", [False, True])
def test_of_a_configuration(form: str, token_beside: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if token_beside:
        monkeypatch.setenv("AWS_SESSION_TOKEN", WORD)
    config = config_from_url(*FORMS[form])

    assert WORD in show_all(config.options) or KEY in show_all(config.options)
    parts: list[Callable[[], object]] = [
        lambda: config,
        lambda: config.options,
        lambda: config.url,
        lambda: config.tried,
        lambda: vars(config),
        lambda: dataclasses.asdict(config),
        lambda: dataclasses.astuple(config),
        lambda: dataclasses.replace(config, prefix="other"),
        lambda: copy.deepcopy(config),
        lambda: copy.copy(config.options),
        lambda: [str(config), f"{config}", f"{config.options}"],
    ]
    for part in parts:
        assert_hidden(repr(part()))


@pytest.mark.parametrize("form", FORMS)
def test_of_a_pickle(form: str) -> None:
    config = config_from_url(*FORMS[form])

    for thing in (config, config.options):
        with pytest.raises(TypeError, match="cannot be pickled") as caught:
            pickle.dumps(thing)
        assert_hidden(str(caught.value))
    with pytest.raises(TypeError) as caught:
        json.dumps(vars(config))
    assert_hidden(str(caught.value))


def test_of_what_the_store_refuses() -> None:
    """A key that is no key is only found out when the store is made."""
    config = config_from_url(*FORMS["gcs broken key"])

    with pytest.raises(CredentialsError, match="does not take these credentials") as caught:
        config.open()

    shown = "".join(traceback.TracebackException.from_exception(caught.value).format())
    assert_hidden(shown)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("form", FORMS)
def test_of_settings_that_no_store_takes(form: str) -> None:
    config = config_from_url(*FORMS[form])

    with pytest.raises(CredentialsError) as caught:
        config.open(nonsense="x")

    assert_hidden(str(caught.value))
    assert caught.value.__context__ is None


@pytest.mark.parametrize("form", FORMS)
def test_of_an_error_about_another_option(form: str) -> None:
    """With something wrong beside them, what is right is not shown, either."""
    url, credentials = FORMS[form]
    if credentials in (EMULATOR, ACCOUNT):
        credentials = {"application_credentials": credentials, "nonsense": "hush"}
    elif isinstance(credentials, dict):
        credentials = {**credentials, "nonsense": "hush", "endpoint": "hush"}
    else:
        credentials = {"url": credentials or url, "nonsense": "hush"}

    with pytest.raises(CredentialsError) as caught:
        config_from_filesystem(url.partition("://")[0], "box", "a", credentials)

    assert_hidden(str(caught.value))


def show_all(options: Any) -> str:
    """All of the options, as only a test may see them."""
    keys = [vars(v) for v in options.values() if hasattr(v, "__dict__")]
    return repr([*options.items(), *keys])


def test_configurations_compare_and_hash() -> None:
    one, same, other = (config_from_url("s3://b", {"key": k, "secret": "s"}) for k in "aab")

    assert one == same != other
    assert len({one, same}) == 1
    assert isinstance(one, StoreConfig)
