"""API keys: every form that people have, and none of them ever shown."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_dataset.errors import ApiKeyError
from fw_dataset.flywheel import ApiKey, find_api_key
from tests.support.flywheel_sites import KEY

LOGIN = ".config/flywheel/user.json"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a login, and an environment of nobody."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("FW_HOSTNAME", "FW_WS_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def parts(key: ApiKey) -> tuple[str, str, int | None, str]:
    return key.scheme, key.host, key.port, key.secret


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (f"site.flywheel.io:{KEY}", "https://site.flywheel.io"),
        (f"  site.flywheel.io:{KEY}\n", "https://site.flywheel.io"),
        (f"Site.Flywheel.IO:{KEY}", "https://site.flywheel.io"),
        (f"site.flywheel.io:8443:{KEY}", "https://site.flywheel.io:8443"),
        (f"https://site.flywheel.io:{KEY}", "https://site.flywheel.io"),
        (f"HTTPS://site.flywheel.io:8443:{KEY}", "https://site.flywheel.io:8443"),
        (f"http://127.0.0.1:8080:{KEY}", "http://127.0.0.1:8080"),
        (f"http://localhost:{KEY}", "http://localhost"),
        (f"127.0.0.1:8080:__force_insecure:{KEY}", "http://127.0.0.1:8080"),
        (f"site.test:__force_insecure:{KEY}", "http://site.test"),
        (f"scitran-user site.flywheel.io:{KEY}", "https://site.flywheel.io"),
        (f"Bearer site.flywheel.io:443:{KEY}", "https://site.flywheel.io:443"),
        (f"scitran-user https://site.flywheel.io:{KEY}", "https://site.flywheel.io"),
        (f"[::1]:8080:{KEY}", "https://[::1]:8080"),
        (f"my-site_1.org:{KEY}", "https://my-site_1.org"),
    ],
)
def test_forms(text: str, url: str) -> None:
    key = ApiKey.parse(text)
    assert (key.url, key.secret) == (url, KEY)
    assert find_api_key(text) == key


def test_a_secret_of_digits() -> None:
    assert parts(ApiKey.parse("site.org:12345")) == ("https", "site.org", None, "12345")
    assert parts(ApiKey.parse("site.org:443:12345")) == ("https", "site.org", 443, "12345")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "hush",
        ":hush",
        "hush:",
        "site.org:",
        "site.org:443:",
        "site.org::hush",
        "site.org:0:hush",
        "site.org:65536:hush",
        "site.org:99999:hush",
        "site.org:123456:hush",
        "site.org:__force_insecure",
        "site.org:hush hush",
        "site.org:hush/hush",
        "https://site.org/hush",
        "https://site.org/api:hush",
        "ftp://site.org:hush",
        "user@site.org:hush",
        "-site.org:hush",
        "site.org:hush\nhush",
        "basic site.org:hush",
        "site.org:hush:hush",
        f"site.org:{KEY}:{KEY}",
    ],
)
def test_what_is_refused_is_not_repeated(text: str) -> None:
    for read in (ApiKey.parse, find_api_key):
        with pytest.raises(ApiKeyError) as caught:
            read(text)
        shown = "".join(traceback.format_exception(caught.value))
        assert "hush" not in str(caught.value)
        assert text.strip() == "" or text not in shown
        assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("thing", [None, 5, b"site.org:hush", ["hush"]])
def test_what_is_no_text(thing: object) -> None:
    with pytest.raises(ApiKeyError) as caught:
        ApiKey.parse(thing)  # type: ignore[arg-type]
    assert "hush" not in str(caught.value)


# --------------------------------------------------------------------------------- where they are


@pytest.mark.parametrize(
    ("host", "key", "url"),
    [
        ("site.org", KEY, "https://site.org"),
        ("site.org/", KEY, "https://site.org"),
        ("https://site.org", KEY, "https://site.org"),
        ("http://127.0.0.1:8080/", KEY, "http://127.0.0.1:8080"),
        (" site.org:8443 ", f" {KEY} ", "https://site.org:8443"),
        ("", f"other.org:{KEY}", "https://other.org"),
        ("site.org", f"other.org:{KEY}", "https://other.org"),
    ],
)
def test_of_the_workspace(
    monkeypatch: pytest.MonkeyPatch, home: Path, host: str, key: str, url: str
) -> None:
    write_login(home, "wrong.org:hush")
    monkeypatch.setenv("FW_HOSTNAME", host)
    monkeypatch.setenv("FW_WS_API_KEY", key)
    found = find_api_key()
    assert (found.url, found.secret) == (url, KEY)
    assert find_api_key(f"given.org:{KEY}").host == "given.org"


def test_of_the_workspace_without_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FW_WS_API_KEY", KEY)
    with pytest.raises(ApiKeyError, match="FW_HOSTNAME") as caught:
        find_api_key()
    assert KEY not in str(caught.value)
    monkeypatch.setenv("FW_HOSTNAME", "site.org")
    assert find_api_key("other").url == "https://site.org"


def write_login(home: Path, key: object) -> Path:
    file = home / LOGIN
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"key": key, "root": False}))
    return file


def test_of_the_login(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_login(home, f"site.org:8443:{KEY}")
    found = find_api_key()
    assert (found.url, found.secret) == ("https://site.org:8443", KEY)
    monkeypatch.setenv("FW_WS_API_KEY", "  ")
    assert find_api_key() == found
    elsewhere = write_login(tmp_path / "other", f"other.org:{KEY}")
    assert find_api_key(login_file=elsewhere).host == "other.org"


def test_no_login() -> None:
    with pytest.raises(ApiKeyError, match=r"there is no API key: .*FW_WS_API_KEY.*log in"):
        find_api_key()


@pytest.mark.parametrize(
    "content",
    [
        b"hush",
        b'{"key": "site.org:hush',
        b'{"key": "\xffhush"}',
        b'["site.org:hush"]',
        b'"site.org:hush"',
        b'{"other": "hush"}',
        b'{"key": null, "x": "hush"}',
        b'{"key": {"hush": 1}}',
        b'{"key": "hush"}',
        b'{"key": "site.org:hush hush"}',
        b"[" * 100_000 + b"hush",
        b"",
    ],
)
def test_logins_that_hold_none(home: Path, content: bytes) -> None:
    file = write_login(home, "")
    file.write_bytes(content)
    with pytest.raises(ApiKeyError) as caught:
        find_api_key()
    shown = "".join(traceback.format_exception(caught.value))
    assert "hush" not in shown
    assert "\n" not in str(caught.value)


def test_a_login_that_cannot_be_read(home: Path) -> None:
    (home / LOGIN).mkdir(parents=True)
    with pytest.raises(ApiKeyError, match=r"user\.json: .*directory.*log in"):
        find_api_key()


# ----------------------------------------------------------------------------------------- secrecy


def test_it_is_not_shown() -> None:
    key = ApiKey.parse(f"site.org:{KEY}")
    for shown in (repr(key), str(key), f"{key}", repr([key]), key.url):
        assert KEY not in shown
        assert "site.org" in shown
    assert copy.deepcopy(key) == key
    with pytest.raises(dataclasses.FrozenInstanceError):
        key.secret = "x"  # type: ignore[misc]


def test_it_is_in_no_pickle() -> None:
    try:
        pickled = pickle.dumps(ApiKey.parse(f"site.org:{KEY}"))
    except TypeError as error:
        pickled = str(error).encode()
    assert KEY.encode() not in pickled


hosts = st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z0-9]{1,5}){0,3}\Z")
secrets = st.text("abcXYZ0189_-+=.~", min_size=12, max_size=60)


@given(
    hosts, st.none() | st.integers(1, 65535), secrets, st.sampled_from(["", "http://", "https://"])
)
def test_any_key(host: str, port: int | None, secret: str, scheme: str) -> None:
    text = f"{scheme}{host}:{port}:{secret}" if port else f"{scheme}{host}:{secret}"
    key = ApiKey.parse(text)
    assert (key.host, key.port, key.secret) == (host, port, secret)
    assert key.scheme == (scheme or "https://")[:-3]
    assert secret not in repr(key) + str(key) + key.url


@given(st.text(max_size=80))
def test_any_text(text: str) -> None:
    said = ""
    try:
        key = ApiKey.parse(text)
    except ApiKeyError as error:
        said = str(error)
    else:
        assert key.secret in text
        assert key.host in text.lower()
        said = repr(key) if len(key.secret) >= 12 else ""
    assert len(text) < 12 or text not in said
