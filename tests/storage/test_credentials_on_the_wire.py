"""What reaches a server: the credentials that were given, and none from the environment beside."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote

import obstore
import pytest

from fw_dataset.errors import CredentialsError, MissingExtraError
from fw_dataset.storage.credentials import StoreConfig, config_from_url
from tests.support.cloud_environment import clear_cloud_environment

KEYS = {"access_key_id": "GIVEN", "secret_access_key": "se/cr+et=="}
AZURE_KEY = base64.b64encode(b"k" * 64).decode()
SAS = "sv=2030-01-01&sp=rl&sig=a%2Bb%2Fc%3D"
# What people have in their environment and forget.
OTHERS = {
    "AWS_ACCESS_KEY_ID": "FORGOTTEN",
    "AWS_SECRET_ACCESS_KEY": "FORGOTTEN",
    "AWS_SESSION_TOKEN": "FORGOTTEN",
    "AWS_SKIP_SIGNATURE": "true",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
    "AZURE_STORAGE_TOKEN": "FORGOTTEN",
    "AZURE_STORAGE_ACCOUNT_NAME": "forgotten",
    "AZURE_STORAGE_ACCOUNT_KEY": base64.b64encode(b"FORGOTTEN").decode(),
    "AZURE_STORAGE_SAS_TOKEN": "sv=1&sig=FORGOTTEN",
    "AZURE_SKIP_SIGNATURE": "true",
    "GOOGLE_BEARER_TOKEN": "FORGOTTEN",
    "GOOGLE_BASE_URL": "http://127.0.0.1:9",
}


class Requests(list[tuple[str, str, dict[str, str]]]):
    """The requests that a server was sent: method, path, headers by their lower-case names."""

    address: str


@pytest.fixture
def requests() -> Iterator[Requests]:
    seen = Requests()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen.append((self.command, self.path, headers))
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = do_HEAD  # noqa: N815 - http.server asks for these names

        def log_message(self, format: str, *args: object) -> None:
            """Keep standard error clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    seen.address = f"http://127.0.0.1:{server.server_address[1]}"
    yield seen
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clear_cloud_environment(monkeypatch, tmp_path)


def ask(config: StoreConfig) -> None:
    """Ask for an object, once."""
    none = timedelta(0)
    backoff = {"init_backoff": none, "max_backoff": none, "base": 2}
    store: Any = config.open(
        client_options={"timeout": "20s"},
        retry_config={"max_retries": 0, "backoff": backoff, "retry_timeout": timedelta(seconds=9)},
    )
    with pytest.raises((FileNotFoundError, obstore.exceptions.BaseError)):
        obstore.head(store, "key")


@pytest.mark.parametrize("others", [False, True])
@pytest.mark.parametrize(
    ("credentials", "expected"),
    [
        (KEYS, {"authorization": "GIVEN/", "x-amz-security-token": ""}),
        ({**KEYS, "token": "t+/="}, {"authorization": "GIVEN/", "x-amz-security-token": "t+/="}),
        ({**KEYS, "region": "eu-west-9"}, {"authorization": "/eu-west-9/s3/"}),
        ({**KEYS, "requester_pays": True}, {"x-amz-request-payer": "requester"}),
        ({"anonymous": True}, {"authorization": "", "x-amz-security-token": ""}),
    ],
)
def test_s3(
    credentials: dict[str, Any],
    expected: dict[str, str],
    others: bool,
    requests: Requests,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in OTHERS.items() if others else ():
        monkeypatch.setenv(name, value)

    ask(config_from_url("s3://bkt/a%20b", {**credentials, "endpoint": requests.address}))

    [(method, path, headers)] = requests
    assert (method, path) == ("HEAD", "/bkt/a%20b/key")
    for name, part in expected.items():
        found = headers.get(name, "")
        assert part in found if part else not found
    assert "FORGOTTEN" not in str(headers)


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_s3_environment(variable: str, requests: Requests, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, requests.address)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "FROM-ENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "eu-west-3")

    ask(config_from_url("s3://bkt"))

    assert "FROM-ENV/" in requests[0][2]["authorization"]
    assert "/eu-west-3/" in requests[0][2]["authorization"]


@pytest.mark.skipif(find_spec("boto3") is None, reason="boto3 is not installed")
@pytest.mark.parametrize("how", ["given", "AWS_PROFILE", "default"])
def test_s3_profile(
    how: str, requests: Requests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "default" if how == "default" else "lab"
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text(
        f"[{name}]\naws_access_key_id = FROM-FILE\naws_secret_access_key = secret\n"
        "aws_session_token = token\nregion = eu-west-4\n[empty]\nregion = eu-west-5\n"
    )
    given = {"profile": "lab"} if how == "given" else {}
    if how == "AWS_PROFILE":
        monkeypatch.setenv("AWS_PROFILE", "lab")

    config = config_from_url("s3://bkt", {**given, "endpoint": requests.address})
    ask(config)

    assert "FROM-FILE/" in requests[0][2]["authorization"]
    assert "/eu-west-4/" in requests[0][2]["authorization"]
    assert requests[0][2]["x-amz-security-token"] == "token"
    assert repr(name) in config.tried
    for other in ("empty", "nosuch"):
        with pytest.raises(CredentialsError, match=f"profile '{other}' cannot be used"):
            config_from_url("s3://bkt", {"profile": other})


@pytest.mark.skipif(find_spec("boto3") is not None, reason="boto3 is installed")
def test_s3_profile_without_boto3() -> None:
    with pytest.raises(MissingExtraError, match="boto3"):
        config_from_url("s3://bkt", {"profile": "lab"})


@pytest.mark.parametrize("others", [False, True])
@pytest.mark.parametrize(
    ("credentials", "method", "path", "authorization"),
    [
        ({"account_key": AZURE_KEY}, "HEAD", "/acc/box/a/key", "SharedKey acc:"),
        ({"sas_token": SAS}, "HEAD", f"/acc/box/a/key?{SAS}", ""),
        ({"bearer_token": "TOK"}, "HEAD", "/acc/box/a/key", "Bearer TOK"),
        ({"anonymous": True}, "HEAD", "/acc/box/a/key", ""),
        (
            {"tenant_id": "T", "client_id": "C", "client_secret": "S"},
            "POST",
            "/T/oauth2/v2.0/token",
            "",
        ),
        (
            {"managed_identity": True, "object_id": "O"},
            "GET",
            "/msi?api-version=2019-08-01&resource=https%3A%2F%2Fstorage.azure.com&object_id=O",
            "",
        ),
    ],
)
def test_azure(
    credentials: dict[str, Any],
    method: str,
    path: str,
    authorization: str,
    others: bool,
    requests: Requests,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in OTHERS.items() if others else ():
        monkeypatch.setenv(name, value)
    more = {"endpoint": f"{requests.address}/acc", "authority_host": requests.address}
    if "managed_identity" in credentials:
        more["msi_endpoint"] = f"{requests.address}/msi"

    ask(config_from_url("az://box@acc/a", {**credentials, **more}))

    assert requests[0][:2] == (method, path)
    assert requests[0][2].get("authorization", "").startswith(authorization)
    assert bool(requests[0][2].get("authorization")) == bool(authorization)


@pytest.mark.parametrize("others", [False, True])
@pytest.mark.parametrize(
    ("credentials", "authorization"),
    [
        ({"anonymous": True}, ""),
        ({"bearer_token": "TOK"}, "Bearer TOK"),
        ({"application_credentials": "emulator"}, ""),
    ],
)
def test_gcs(
    credentials: dict[str, Any],
    authorization: str,
    others: bool,
    requests: Requests,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in OTHERS.items() if others else ():
        monkeypatch.setenv(name, value)
    if "application_credentials" in credentials:
        monkeypatch.delenv("GOOGLE_BEARER_TOKEN", raising=False)  # it is refused beside one
        account = {"gcs_base_url": requests.address, "disable_oauth": True}
        credentials = {"application_credentials": json.dumps(account)}
    else:
        credentials = {**credentials, "endpoint": requests.address}

    ask(config_from_url("gs://bkt/a", credentials))

    assert (requests[0][0], unquote(requests[0][1])) == ("HEAD", "/bkt/a/key")
    assert requests[0][2].get("authorization", "") == authorization


def test_nothing_is_asked_before_there_is_work(
    requests: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", requests.address)
    config_from_url("s3://bkt").open()
    config_from_url("s3://bkt", {"endpoint": requests.address}).open()
    config_from_url("az://box@acc", {"msi_endpoint": requests.address}).open()

    assert requests == []
