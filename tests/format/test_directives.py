"""What projects say of their dataset's place, and where it is if they say nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_dataset.errors import DirectivesError
from fw_dataset.format import layout
from fw_dataset.format.directives import Directives

DEFAULT = "datasets/site.org/lab/p1"
NAME = "fw://lab/study"


def place_in(own: str | None) -> str:
    return layout.dataset_prefix(own, DEFAULT)


# ---------------------------------------------------------------------------------------- prefixes


def test_the_default() -> None:
    assert layout.default_prefix("site.org", "lab", "p1") == DEFAULT


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (None, DEFAULT),
        ("", DEFAULT),
        ("/", DEFAULT),
        (DEFAULT, DEFAULT),
        (f"/{DEFAULT}/", DEFAULT),
        ("dataset", "dataset/site.org/lab/p1"),
        ("datasets", "datasets/site.org/lab/p1"),
        ("a/dataset", "a/dataset/site.org/lab/p1"),
        ("/a/b/datasets/", "a/b/datasets/site.org/lab/p1"),
        ("a", f"a/{DEFAULT}"),
        ("a/b/", f"a/b/{DEFAULT}"),
        ("mydatasets", f"mydatasets/{DEFAULT}"),
        ("datasets/a", f"datasets/a/{DEFAULT}"),
        ("Datasets", f"Datasets/{DEFAULT}"),
        ("datasets/site.org/lab", f"datasets/site.org/lab/{DEFAULT}"),
        (f"a/{DEFAULT}", f"a/{DEFAULT}/{DEFAULT}"),
        ("datasets/site.org/lab/p2", f"datasets/site.org/lab/p2/{DEFAULT}"),
        ("ü 100%", f"ü 100%/{DEFAULT}"),
    ],
)
def test_in_a_storage_with_a_prefix_of_its_own(own: str | None, expected: str) -> None:
    assert place_in(own) == expected


part = st.sampled_from(["a", "dataset", "datasets", "site.org", "lab", "p1", "p2", "ü b", "data"])
prefixes = st.lists(part, max_size=5).map("/".join)
ids = st.text("0123456789abcdef", min_size=24, max_size=24)


@given(prefixes, st.sampled_from(["", "/"]))
def test_rules(own: str, slash: str) -> None:
    found = place_in(f"{slash}{own}{slash}")
    assert found == place_in(own)
    assert found.startswith(own)
    assert found.endswith("site.org/lab/p1")
    assert "//" not in found
    assert not found.startswith("/")
    assert f"/{found}/".count("/datasets/datasets/") == f"/{own}/".count("/datasets/datasets/")


@given(prefixes, ids, ids, st.sampled_from(["lab", "b"]), st.sampled_from(["lab", "b"]))
def test_no_two_projects_share_a_place(own: str, one: str, two: str, lab: str, b: str) -> None:
    first = layout.dataset_prefix(own, layout.default_prefix("site.org", lab, one))
    second = layout.dataset_prefix(own, layout.default_prefix("site.org", b, two))
    assert (first == second) == ((lab, one) == (b, two))
    if first != second:
        assert not f"{first}/".startswith(f"{second}/")


# -------------------------------------------------------------------------------------- directives


WHOLE = {"type": "s3", "bucket": "b", "prefix": "a/b", "storage_id": "s1", "label": "box"}


@pytest.mark.parametrize(
    "info", [{}, {"dataset": None}, {"dataset": {}}, {"other": {"type": "s3"}}]
)
def test_nothing_is_said(info: dict[str, Any]) -> None:
    assert Directives.from_info(info, NAME) is None


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        *(("s3", "s3"), ("S3", "s3"), ("gs", "gs"), ("gcs", "gs"), ("GCS", "gs"), ("az", "az")),
        *(("azure", "az"), ("Azure", "az"), ("fs", "fs"), ("local", "fs"), ("file", "fs")),
    ],
)
def test_types_as_people_write_them(written: str, kind: str) -> None:
    found = Directives.from_info({"dataset": {**WHOLE, "type": written}}, NAME)
    assert found == Directives(kind, "b", "a/b", "s1", "box")
    assert found.to_info() == {**WHOLE, "type": kind}
    assert Directives.from_info({"dataset": found.to_info()}, NAME) == found


@pytest.mark.parametrize("missing", [None, ""])
def test_what_may_be_missing(missing: str | None) -> None:
    least = Directives("s3", "b", "")
    given = {"type": "s3", "bucket": "b"}
    rest = dict.fromkeys(("prefix", "storage_id", "label"), missing)
    for said in (given, {**given, **rest}, {**given, "note": "more", "x": [1]}):
        assert Directives.from_info({"dataset": said}, NAME) == least
    assert least.to_info() == {**given, "prefix": "", "storage_id": None, "label": None}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("s3://b/p", "no object"),
        (["s3"], "no object"),
        (5, "no object"),
        (True, "no object"),
        ({"bucket": "b"}, "no type"),
        ({"type": None, "bucket": "b"}, "no type"),
        ({"type": "", "bucket": "b"}, "no type"),
        ({"type": 3, "bucket": "b"}, "type is no text"),
        ({"type": "ftp", "bucket": "b"}, "type 'ftp' is none of s3, gs, gcs"),
        ({"type": "s3"}, "no bucket"),
        ({"type": "s3", "bucket": ""}, "no bucket"),
        ({"type": "s3", "bucket": 5}, "bucket is no text"),
        ({"type": "s3", "bucket": "b", "prefix": ["a"]}, "prefix is no text"),
        ({"type": "s3", "bucket": "b", "storage_id": 7}, "storage_id is no text"),
        ({"type": "s3", "bucket": "b", "label": {"a": 1}}, "label is no text"),
    ],
)
def test_what_names_no_place(said: Any, reason: str) -> None:
    with pytest.raises(DirectivesError, match=reason) as caught:
        Directives.from_info({"dataset": said}, NAME)
    message = str(caught.value)
    assert message.startswith(f"project {NAME}: info.dataset does not say where")
    assert '"bucket"' in message, "it shows what is right"
    assert "\n" not in message
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("kind", "bucket", "prefix", "location"),
    [
        ("s3", "b", "a/b", "s3://b/a/b"),
        ("gs", "b", "", "gs://b"),
        ("az", "c", "p", "az://c/p"),
        ("fs", "/data", "p/q", "/data/p/q"),
        ("fs", "/data/", "p", "/data/p"),
        ("fs", "/data", "", "/data"),
        ("fs", "/", "", "/"),
        ("fs", "/", "p", "/p"),
    ],
)
def test_the_location(kind: str, bucket: str, prefix: str, location: str) -> None:
    assert Directives(kind, bucket, prefix).location == location


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["s3", "fs"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*WHOLE, "x"]), json_values) | json_values)
def test_whatever_stands_there(said: Any) -> None:
    try:
        found = Directives.from_info({"dataset": said}, NAME)
    except DirectivesError:
        return
    assert found is None or found.location
    assert found is None or Directives.from_info({"dataset": found.to_info()}, NAME) == found
