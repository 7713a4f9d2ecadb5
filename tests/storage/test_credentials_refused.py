"""Credentials that would not do are refused at once, and no value of them is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fw_dataset.errors import CredentialsError, FWDatasetError
from fw_dataset.storage.credentials import config_from_url
from tests.support.cloud_environment import clear_cloud_environment
from tests.support.given_credentials import ACCOUNT, AZURE, AZURE_KEY, KEYS, SAS


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clear_cloud_environment(monkeypatch, tmp_path)


@pytest.mark.parametrize(
    ("url", "credentials", "reason"),
    [
        ("s3://b", {"access_key_id": "SECRET"}, "without secret_access_key"),
        ("s3://b", {"secret": "SECRET"}, "without access_key_id"),
        ("s3://b", {"token": "SECRET"}, "without access_key_id and secret_access_key"),
        ("s3://b", {"access_key_id": "SECRET", "secret_access_key": ""}, "without secret"),
        ("s3://b", {**KEYS, "anonymous": True}, "at once"),
        ("s3://b", {**KEYS, "profile": "SECRET"}, "at once"),
        ("s3://b", {**KEYS, "key": "SECRET"}, "given twice"),
        ("s3://b", {"acess_key_id": "SECRET"}, "did you mean 'access_key_id'"),
        ("s3://b", {"SECRET==": "x"}, "an option is not known"),
        ("s3://b", {"key": "SECRET", "secret": 3}, "must be a text, not int"),
        ("s3://b", {"key": "SECRET", "secret": "SEC\nRET"}, "line break"),
        ("s3://b", {"key": "SECRET", "secret": "  "}, "blank"),
        ("s3://b", {"anonymous": "SECRET"}, "true or false"),
        ("s3://b", {**KEYS, "endpoint": "SECRET:9000"}, "must begin with https://"),
        ("s3://b", {**KEYS, "endpoint": "http://u:SECRET@h"}, "no user name or password"),
        ("s3://b", {"role_arn": "SECRET"}, "without web_identity_token_file"),
        ("s3://b", {"url": "SECRET"}, "is no URL"),
        ("s3://b", {"url": "gs://SECRET"}, "of gcs, and the location of s3"),
        ("s3://b", {**KEYS, "url": "s3://x?access_key_id=SECRET"}, "given twice"),
        ("s3://b", "SECRET", "neither a URL nor JSON"),
        ("s3://b", "{SECRET", "begins like JSON"),
        ("s3://b?access_key_id=A&secret_access_key=AB&SECRET", None, "without a name"),
        (
            "s3://b?access_key_id=A&secret=B&9SECRET9f8e7d6c5b4=",
            None,
            "an option is not known",
        ),
        ("s3://b?access_key_id=A&access_key_id=SECRET", None, "twice"),
        ("gs://b", {"application_credentials": "{SECRET"}, "not valid JSON"),
        ("gs://b", {"application_credentials": '["SECRET"]'}, "no service account's"),
        ("gs://b", {"application_credentials": '{"x": "SECRET"}'}, "client_email is missing"),
        ("gs://b", {"application_credentials": '{"type": "SECRET"}'}, "its type is another"),
        ("gs://b", {"application_credentials": '{"type": ["SECRET"]}'}, "its type is another"),
        ("gs://b", {"application_credentials": '{"type": "external_account"}'}, "bearer_token"),
        ("gs://b", {"application_credentials": "/no/SECRET.json"}, "nor a file"),
        ("gs://b", {"application_credentials": "SECRET===="}, "nor a file"),
        ("gs://b", {"application_credentials": "SECRET" * 9999}, "nor a file"),
        ("gs://b", {"application_credentials": 3}, "a text or a dict"),
        (
            "gs://b",
            {"client_email": "SECRET", "private_key": "SECRET", "private_key_id": "SECRET"},
            "not PEM",
        ),
        ("gs://b", {"token": "SECRET", "anon": True}, "at once"),
        ("az://box", {"account_key": AZURE_KEY}, "account_name is missing"),
        (AZURE, {"account_key": "SECRET!"}, "not base64"),
        (AZURE, {"account_key": AZURE_KEY, "account_name": "other"}, "not the same"),
        (AZURE, {"url": f"az://other.blob.core.windows.net/box?{SAS}"}, "two different accounts"),
        (AZURE, {"sas_token": "SECRET"}, "no signature"),
        (AZURE, {"account_key": AZURE_KEY, "sas_token": SAS}, "at once"),
        (AZURE, {"client_secret": "SECRET", "client_id": "SECRET"}, "without tenant_id"),
        (AZURE, {"client_id": "SECRET"}, "without tenant_id"),
        (AZURE, {"tenant_id": "SECRET"}, "without client_id and client_secret"),
        (AZURE, {"connection_string": "SECRET"}, "is not name=value"),
        (AZURE, {"connection_string": "SECRET=x"}, "neither AccountName nor BlobEndpoint"),
        (AZURE, {"connection_string": f"AccountName=b;AccountKey={AZURE_KEY}"}, "not the same"),
        (AZURE, {"endpoint": "ftp://SECRET", "anon": True}, "http"),
        ("/data", {"access_key_id": "SECRET"}, "needs no credentials"),
        ("/data", {"url": "s3://SECRET"}, "of s3, and the location of local"),
    ],
)
def test_credentials_that_would_not_do(url: str, credentials: Any, reason: str) -> None:
    with pytest.raises(CredentialsError) as caught:
        config_from_url(url, credentials)

    message = str(caught.value)
    assert reason in message
    assert "SECRET" not in message
    assert "\n" not in message
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "url",
    [
        "s3://AKID:SECRET@bkt/a",
        "s3://AKID:SEC/SECRET@bkt/a?x",
        "s3://bkt/a&secret_access_key=SECRET/../b",
        "s3://bkt/a&secret_access_key=SECRET",
        "gs://user:SECRET@bkt",
        "az://box:SECRET@acc/a",
        "az://acc:SECRET@acc.blob.core.windows.net/box",
        "ftp://user:SECRET@host/x?token=SECRET",
        "file://user:SECRET@host/x",
    ],
)
def test_secrets_in_the_wrong_place_of_a_url(url: str) -> None:
    with pytest.raises(FWDatasetError) as caught:
        config_from_url(url)

    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "GOOGLE_SERVICE_ACCOUNT",
        "GOOGLE_SERVICE_ACCOUNT_PATH",
        "GOOGLE_SERVICE_ACCOUNT_KEY",
        "GOOGLE_BEARER_TOKEN",
    ],
)
def test_what_the_environment_would_mix_in(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "SECRET")

    with pytest.raises(CredentialsError, match=f"{name} in the environment") as caught:
        config_from_url("gs://b", dict(ACCOUNT))

    assert "SECRET" not in str(caught.value)
