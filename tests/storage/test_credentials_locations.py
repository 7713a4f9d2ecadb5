"""Locations as people write them: what is understood, what is refused."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_dataset.errors import FWDatasetError, UnsupportedLocationError
from fw_dataset.storage.credentials import StoreConfig, config_from_filesystem, config_from_url
from tests.support.cloud_environment import clear_cloud_environment

KEYS = {"access_key_id": "AKID", "secret_access_key": "se/cr+et=="}
AZURE_KEY = base64.b64encode(b"k" * 63 + b"\xff").decode()
AZURE = "az://acc.blob.core.windows.net/box"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clear_cloud_environment(monkeypatch, tmp_path)


def place(config: StoreConfig) -> tuple[str, str, str]:
    return config.kind, config.bucket, config.prefix


@pytest.mark.parametrize(
    ("url", "expected", "shown"),
    [
        ("s3://bkt", ("s3", "bkt", ""), "s3://bkt"),
        ("s3://bkt/", ("s3", "bkt", ""), "s3://bkt"),
        ("S3://bkt/a/b/", ("s3", "bkt", "a/b"), "s3://bkt/a/b"),
        ("s3a://bkt/a%20b/100%25/é", ("s3", "bkt", "a b/100%/é"), "s3://bkt/a%20b/100%25/é"),
        ("s3://bkt/a%2520", ("s3", "bkt", "a%20"), "s3://bkt/a%2520"),
        ("s3://bkt/a+b%3Fc", ("s3", "bkt", "a+b?c"), "s3://bkt/a+b%3Fc"),
        ("s3://b%C3%BCcher/x", ("s3", "bücher", "x"), "s3://bücher/x"),
        ("gs://bkt/a", ("gcs", "bkt", "a"), "gs://bkt/a"),
        ("gcs://bkt/a", ("gcs", "bkt", "a"), "gs://bkt/a"),
        (f"{AZURE}/a/b", ("azure", "box", "a/b"), f"{AZURE}/a/b"),
        (AZURE, ("azure", "box", ""), AZURE),
        ("azure://box@acc/a", ("azure", "box", "a"), f"{AZURE}/a"),
        ("abfss://box@acc.dfs.core.windows.net/a", ("azure", "box", "a"), f"{AZURE}/a"),
        ("https://acc.blob.core.windows.net/box/a", ("azure", "box", "a"), f"{AZURE}/a"),
        (
            "az://acc.blob.core.chinacloudapi.cn/box",
            ("azure", "box", ""),
            "az://acc.blob.core.chinacloudapi.cn/box",
        ),
        ("file:///data/a%20b", ("local", "/data/a b", ""), "/data/a b"),
        ("fs:///data/", ("local", "/data/", ""), "/data/"),
        ("file://localhost/data", ("local", "/data", ""), "/data"),
        ("/data/100%25", ("local", "/data/100%25", ""), "/data/100%25"),
    ],
)
def test_urls(url: str, expected: tuple[str, str, str], shown: str) -> None:
    config = config_from_url(url)

    assert place(config) == expected
    assert config.url == shown
    assert place(config_from_url(shown)) == expected


@pytest.mark.parametrize("fs_type", ["azure", "az"])
def test_azure_account_from_elsewhere(fs_type: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key = {"account_key": AZURE_KEY}
    given = config_from_filesystem(fs_type, "box", "a", {"account_name": "acc", **key})
    by_url = config_from_filesystem(
        fs_type, "box", "a", {"url": f"{AZURE}/x?access_key={quote(AZURE_KEY, safe='')}"}
    )
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "acc")
    from_environment = config_from_url("az://box/a", key)

    assert given == by_url == from_environment
    assert given.url == f"{AZURE}/a"


@pytest.mark.parametrize(
    ("fs_type", "kind"),
    [("s3", "s3"), ("gcs", "gcs"), ("gs", "gcs"), ("fs", "local"), ("local", "local")],
)
def test_types(fs_type: str, kind: str) -> None:
    assert config_from_filesystem(fs_type, "/data" if kind == "local" else "bkt").kind == kind


def test_the_parts_of_a_filesystem_are_taken_as_they_are() -> None:
    config = config_from_filesystem("s3", "b%20t", "/a%20b/c?d#/", KEYS)

    assert place(config) == ("s3", "b%20t", "a%20b/c?d#")
    assert place(config_from_url(config.url)) == place(config)
    assert config_from_filesystem("fs", "/data", "a/b").bucket == "/data/a/b"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "s3://",
        "s3:///prefix",
        "s3://a/b/../c",
        "s3://a/b//c",
        "s3://a/./c",
        "s3://a/b%0Ac",
        "ftp://host/x",
        "https://bkt.s3.amazonaws.com/x",
        "az://acc.blob.core.windows.net",
        "az://acc.blob.core.windows.net/",
        "az://box@acc_ount/x",
        "az://some.host/box",
        "file://data/study",
        "file://",
        "file:///data?x=1",
        "/data\0x",
    ],
)
def test_locations_that_are_none(url: str) -> None:
    with pytest.raises(UnsupportedLocationError) as caught:
        config_from_url(url, {"account_name": "acc"} if url.startswith("az") else None)

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fs_type", "bucket", "prefix"),
    [
        ("ftp", "b", ""),
        ("s3", "", ""),
        ("s3", "a/b", ""),
        ("s3", "s3://a", ""),
        ("gs", "a", "../b"),
    ],
)
def test_filesystems_that_are_none(fs_type: str, bucket: str, prefix: str) -> None:
    with pytest.raises(UnsupportedLocationError):
        config_from_filesystem(fs_type, bucket, prefix)


TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)
VALUE = TEXT.filter(lambda text: text == text.strip() and not text.isspace())
PART = TEXT.filter(lambda part: "/" not in part and "=" not in part and part not in (".", ".."))
BUCKET = PART.filter(lambda name: not set("@:?#\\") & set(name))


@given(bucket=BUCKET, prefix=st.lists(PART, max_size=3), key=VALUE, secret=VALUE)
def test_an_s3_url_says_what_was_put_into_it(
    bucket: str, prefix: list[str], key: str, secret: str
) -> None:
    path = "/".join([bucket, *prefix])
    url = f"s3://{quote(path)}?access_key_id={quote(key, '')}&secret_access_key={quote(secret, '')}"

    config = config_from_url(url)

    assert place(config) == ("s3", bucket, "/".join(prefix))
    assert config.options["access_key_id"] == key
    assert config.options["secret_access_key"] == secret
    assert place(config_from_url(config.url)) == place(config)
    assert config_from_filesystem("s3", bucket, "/".join(prefix), {"url": url}) == config


@given(
    prefix=st.lists(PART, max_size=3),
    parts=st.fixed_dictionaries({"tenant_id": VALUE, "client_id": VALUE, "client_secret": VALUE}),
)
def test_an_azure_url_says_what_was_put_into_it(prefix: list[str], parts: dict[str, str]) -> None:
    query = "&".join(f"{name}={quote(value, '')}" for name, value in parts.items())
    config = config_from_url(f"{quote('/'.join([AZURE, *prefix]), ':/')}?{query}")

    assert place(config) == ("azure", "box", "/".join(prefix))
    assert {name: config.options[name] for name in parts} == parts
    assert place(config_from_url(config.url)) == place(config)


@given(url=st.text(max_size=60) | st.text(max_size=60).map(lambda rest: f"s3://{rest}"))
def test_any_text_is_a_location_or_refused_in_our_words(url: str) -> None:
    refused: FWDatasetError | None = None
    try:
        bucket = config_from_url(url).bucket
    except FWDatasetError as error:
        refused, bucket = error, ""

    assert bool(bucket) != bool(refused)
    assert len(str(refused).splitlines()) == 1
