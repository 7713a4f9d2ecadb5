"""Credentials in every form in which people have them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from fw_dataset.errors import CredentialsError
from fw_dataset.storage.credentials import StoreConfig, config_from_url
from tests.support.cloud_environment import clear_cloud_environment
from tests.support.given_credentials import ACCOUNT, AZURE, AZURE_KEY, KEYS, SAS


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clear_cloud_environment(monkeypatch, tmp_path)


def subset(config: StoreConfig, names: Mapping[str, Any]) -> dict[str, Any]:
    return {name: config.options.get(name) for name in names}


# --------------------------------------------------------------------------------- S3


@pytest.mark.parametrize(
    "credentials",
    [
        KEYS,
        {"key": "AKID", "secret": "se/cr+et=="},
        {"aws_access_key_id": "AKID", "aws_secret_access_key": "se/cr+et=="},
        {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": " se/cr+et==\n"},
        {**KEYS, "session_token": None, "region": ""},
        {"url": "s3://other?access_key_id=AKID&secret_access_key=se%2Fcr%2Bet%3D%3D"},
        {"url": "s3://other/x?access_key_id=AKID&secret_access_key=se/cr+et=="},
        "s3://other?access_key_id=AKID&secret_access_key=se/cr+et==",
        json.dumps(KEYS),
    ],
)
def test_s3_keys(credentials: Mapping[str, Any] | str) -> None:
    config = config_from_url("s3://bkt/a", credentials)

    assert subset(config, KEYS) == KEYS
    assert config.options["region"] == "us-east-1"
    assert config.tried == "the given keys"
    config.open()


@pytest.mark.parametrize(
    ("credentials", "expected"),
    [
        ({**KEYS, "token": "tok+/="}, {"session_token": "tok+/="}),
        (
            {**KEYS, "client_kwargs": {"endpoint_url": "http://minio:9000/"}},
            {"endpoint": "http://minio:9000", "client_options": {"allow_http": True}},
        ),
        (
            {**KEYS, "endpoint": "https://minio"},
            {"endpoint": "https://minio", "client_options": {}},
        ),
        ({**KEYS, "region_name": "eu-west-1"}, {"region": "eu-west-1"}),
        ({**KEYS, "requester_pays": "true"}, {"request_payer": True}),
        ({**KEYS, "sse_kms_key_id": "id"}, {"sse_kms_key_id": "id"}),
        ({"anon": True}, {"skip_signature": True}),
        ({"anonymous": "true"}, {"skip_signature": True}),
    ],
)
def test_s3_options(credentials: dict[str, Any], expected: dict[str, Any]) -> None:
    config = config_from_url("s3://bkt", credentials)

    assert subset(config, expected) == expected
    if "sse_kms_key_id" not in credentials:
        config.open()


def test_s3_web_identity(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("jwt")
    role = {"role_arn": "arn:aws:iam::1:role/x", "web_identity_token_file": str(token)}

    config = config_from_url("s3://bkt", role)

    assert subset(config, role) == role
    config.open()
    token.unlink()
    with pytest.raises(CredentialsError, match="web_identity_token_file is not a file"):
        config_from_url("s3://bkt", role)


def test_s3_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "instance metadata" in config_from_url("s3://bkt").tried
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    with pytest.raises(CredentialsError, match="without AWS_SECRET_ACCESS_KEY"):
        config_from_url("s3://bkt")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-2")
    config = config_from_url("s3://bkt", {"connector_creds": "true"})

    assert config.tried == "the AWS_* variables"
    assert config.options["region"] == "eu-west-2"
    assert "instance metadata" not in config_from_url("s3://bkt").tried


# --------------------------------------------------------------------------------- GCS


@pytest.mark.parametrize("form", ["dict", "json", "base64", "urlsafe", "path", "itself", "token"])
@pytest.mark.parametrize("way", ["name", "url", "text"])
def test_gcs_service_account(form: str, way: str, tmp_path: Path) -> None:
    text = json.dumps({**ACCOUNT, "note": "ÿ??>>"}, ensure_ascii=False)
    (tmp_path / "key.json").write_text(text, encoding="utf-8")
    forms: dict[str, Any] = {
        "dict": json.loads(text),
        "json": text,
        "base64": base64.b64encode(text.encode()).decode(),
        "urlsafe": base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
        "path": "~/key.json",
        "itself": json.loads(text),
        "token": text,
    }
    value = forms[form]
    credentials: Any = {"token" if form == "token" else "application_credentials": value}
    if way != "name":
        written = value if isinstance(value, str) else text
        credentials = written
        if way == "url":
            credentials = f"gs://other?application_credentials={quote(written, '')}"
    elif form == "itself":
        credentials = value

    config = config_from_url("gs://bkt/a", credentials)

    assert json.loads(config.options["service_account_key"]) == json.loads(text)
    assert config.options["client_options"] == {"allow_http": True}
    assert config.tried == "the given service account"
    config.open()


def test_gcs_other_forms(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    user = tmp_path / "user.json"
    parts = {"client_id": "i", "client_secret": "s", "refresh_token": "r"}
    user.write_text(json.dumps({"type": "authorized_user", **parts}))
    assert config_from_url("gs://b").tried.startswith("none given")
    for credentials, expected in (
        ({"anonymous": True}, {"skip_signature": True}),
        ({"token": "anon"}, {"skip_signature": True}),
        ({"bearer_token": "tok"}, {"bearer_token": "tok"}),
        ({"credentials": str(user)}, {"application_credentials": str(user)}),
        ({"anon": True, "endpoint": "http://h:1/"}, {"base_url": "http://h:1"}),
    ):
        config = config_from_url("gs://b", credentials)
        assert subset(config, expected) == expected
        config.open()
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(user))
    config = config_from_url("gs://b", {"token": "google_default"})
    assert config.options["application_credentials"] == str(user)
    assert "GOOGLE_APPLICATION_CREDENTIALS" in config.tried
    user.unlink()
    with pytest.raises(CredentialsError, match="GOOGLE_APPLICATION_CREDENTIALS is neither"):
        config_from_url("gs://b")


# --------------------------------------------------------------------------------- Azure


@pytest.mark.parametrize(
    ("credentials", "expected"),
    [
        ({"account_key": AZURE_KEY}, {"account_key": AZURE_KEY, "credential_type": "access_key"}),
        ({"access_key": AZURE_KEY}, {"account_key": AZURE_KEY}),
        ({"AZURE_STORAGE_ACCOUNT_KEY": AZURE_KEY}, {"account_key": AZURE_KEY}),
        ({"sas_token": f"?{SAS}"}, {"sas_key": SAS, "credential_type": "sas_token"}),
        (f"{AZURE}?{SAS}", {"sas_key": SAS}),
        (f"{AZURE}?sas_token={quote(SAS, '')}", {"sas_key": SAS}),
        ({"token": "tok"}, {"token": "tok", "credential_type": "bearer_token"}),
        (
            {"tenant_id": "t", "client_id": "c", "client_secret": "s~/+="},
            {"client_secret": "s~/+=", "credential_type": "client_secret"},
        ),
        (
            {"managed_identity": True, "client_id": "c"},
            {"client_id": "c", "credential_type": "managed_identity"},
        ),
        ({"azure_cli": True}, {"use_azure_cli": True}),
        ({"anon": True}, {"skip_signature": True}),
        (
            f"AccountName=acc;AccountKey={AZURE_KEY};EndpointSuffix=core.windows.net",
            {"account_key": AZURE_KEY, "endpoint": None},
        ),
        (
            {"connection_string": f"BlobEndpoint=https://acc.x.y/;SharedAccessSignature={SAS}"},
            {"sas_key": SAS, "endpoint": "https://acc.x.y"},
        ),
        (
            {"account_key": AZURE_KEY, "endpoint": "http://127.0.0.1:9/acc"},
            {"endpoint": "http://127.0.0.1:9/acc", "client_options": {"allow_http": True}},
        ),
    ],
)
def test_azure(credentials: Mapping[str, Any] | str, expected: dict[str, Any]) -> None:
    config = config_from_url(AZURE, credentials)

    assert subset(config, expected) == expected
    assert config.options["account_name"] == "acc"
    config.open()


def test_azure_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "managed identity" in config_from_url(AZURE).tried
    token = tmp_path / "token"
    token.write_text("jwt")
    parts = {"tenant_id": "t", "client_id": "c", "federated_token_file": str(token)}
    config = config_from_url(AZURE, parts)
    assert config.options["credential_type"] == "workload_identity"
    config.open()
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", f"AccountName=acc;AccountKey={AZURE_KEY}")
    config = config_from_url("az://box/a")
    assert config.options["account_key"] == AZURE_KEY
    assert config.tried == "the variable AZURE_STORAGE_CONNECTION_STRING"
    assert config_from_url("az://box", {"account": "acc", "sas": SAS}).options["sas_key"] == SAS
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", AZURE_KEY)
    assert config_from_url(AZURE).tried == "the variable AZURE_STORAGE_ACCOUNT_KEY"
