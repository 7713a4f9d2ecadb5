"""What pruning keeps, and that it deletes the rest and nothing else."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_dataset import Dataset
from fw_dataset.errors import (
    InvalidArgumentError,
    StorageError,
    VersionConflictError,
    VersionNotFoundError,
)
from fw_dataset.format.instants import format_instant, parse_instant
from fw_dataset.format.layout import VersionLayout
from fw_dataset.storage import MemoryStorage
from fw_dataset.versions import claim
from fw_dataset.versions.catalog import Catalog, VersionInfo
from fw_dataset.versions.deletion import delete_version
from fw_dataset.versions.retention import Retention, prune
from tests.support.datasets import copy_of
from tests.support.watched_storage import content_of, failing_at, memory_of, watched
from tests.versions.three_versions import content_of_three, render_three, whole, without

EPOCH = datetime(2024, 1, 1, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return content_of_three(tmp_path_factory.mktemp("three"))


@pytest.fixture
def storage(three: dict[str, bytes]) -> MemoryStorage:
    return memory_of(three)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render_three(tmp_path_factory.mktemp("rendered"))


@pytest.fixture
def dataset(rendered: Path, tmp_path: Path) -> Dataset:
    return Dataset.open(copy_of(rendered, tmp_path / "dataset"))


def line(number: int, days: float, *, latest: bool = False) -> VersionInfo:
    return VersionInfo(
        version=f"v{number}",
        label=f"label {number}",
        created=format_instant(EPOCH + timedelta(days=days)),
        latest=latest,
        rows=1,
        bytes=1,
    )


@st.composite
def lists(draw: st.DrawFn) -> list[VersionInfo]:
    days = sorted(draw(st.lists(st.integers(0, 30), min_size=1, max_size=12)), reverse=True)
    return [line(number, day, latest=number == 0) for number, day in enumerate(days)]


@given(
    lists(),
    st.none() | st.integers(1, 14),
    st.none() | st.integers(0, 30),
    st.sets(st.integers(0, 11)),
)
def test_kept_is_what_any_rule_keeps(
    infos: list[VersionInfo], last: int | None, day: int | None, numbers: set[int]
) -> None:
    labels = frozenset(f"label {number}" for number in numbers if number < len(infos))
    since = None if day is None else EPOCH + timedelta(days=day)

    deleted = Retention(last, since, labels).unneeded(infos)

    assert infos[0] not in deleted
    for place, info in enumerate(infos):
        by_place = last is not None and place < last
        by_age = since is not None and parse_instant(info["created"]) >= since
        is_kept = place == 0 or by_place or by_age or info["label"] in labels
        assert is_kept == (info not in deleted)
    assert deleted == [info for info in infos if info in deleted], "newest first"


RULES: list[tuple[dict[str, Any], list[str]]] = [
    ({"keep_last": 1}, ["v2", "v1"]),
    ({"keep_last": 2}, ["v1"]),
    ({"keep_last": 9}, []),
    ({"keep_since": "2024-01-02"}, ["v1"]),
    ({"keep_since": date(2024, 1, 3)}, ["v2", "v1"]),
    ({"keep_since": datetime(2024, 1, 2, 0, 0, 1)}, ["v2", "v1"]),  # noqa: DTZ001 - UTC is meant
    ({"keep_since": "2024-01-02T01:00:00+01:00"}, ["v1"]),
    ({"keep_since": "2030-01-01"}, ["v2", "v1"]),
    ({"keep_labels": ["first"]}, ["v2"]),
    ({"keep_labels": ["v1"]}, ["v2"]),
    ({"keep_labels": ["latest"]}, ["v2", "v1"]),
    ({"keep_last": 2, "keep_labels": ("first",)}, []),
]


@pytest.mark.parametrize(("rules", "gone"), RULES)
def test_rules(dataset: Dataset, rules: dict[str, Any], gone: list[str]) -> None:
    before = dataset.list_versions()

    would = dataset.prune(**rules)
    assert dataset.list_versions() == before
    done = dataset.prune(**rules, dry_run=False)

    assert [info["version"] for info in would] == gone
    assert done == would
    assert dataset.list_versions() == [info for info in before if info not in done]
    assert dataset.prune(**rules, dry_run=False) == [] or "keep_labels" in rules


@pytest.mark.parametrize(
    ("rules", "error", "message"),
    [
        ({}, InvalidArgumentError, "nothing says what to keep"),
        ({"keep_labels": []}, InvalidArgumentError, "nothing says"),
        ({"keep_last": 0}, InvalidArgumentError, "from 1 on"),
        ({"keep_last": -1}, InvalidArgumentError, "from 1 on"),
        ({"keep_last": "2"}, InvalidArgumentError, "keep_last is '2'"),
        ({"keep_last": True}, InvalidArgumentError, "keep_last is True"),
        ({"keep_since": "yesterday"}, InvalidArgumentError, "yesterday"),
        ({"keep_since": "2024-02-30"}, InvalidArgumentError, "2024-02-30"),
        ({"keep_since": "9999999999"}, InvalidArgumentError, "keep_since"),
        ({"keep_labels": "first"}, InvalidArgumentError, "list"),
        ({"keep_labels": ["frist"]}, VersionNotFoundError, "did you mean 'first'"),
    ],
)
def test_rules_that_cannot_be(
    dataset: Dataset, rules: dict[str, Any], error: type[Exception], message: str
) -> None:
    before = dataset.list_versions()
    with pytest.raises(error, match=message):
        dataset.prune(**rules, dry_run=False)
    assert dataset.list_versions() == before


def test_what_failed_midway_is_told(storage: MemoryStorage, three: dict[str, bytes]) -> None:
    mine = claim.take(storage, VersionLayout("v2"))

    with pytest.raises(VersionConflictError, match=r"'v2'.*being written.*deleted until then: v1"):
        prune(Catalog(storage), Retention(last=1), dry_run=False)

    claim.release(storage, VersionLayout("v2"), mine)
    assert content_of(storage) == without(three, "v1")


def test_interrupted_at_each_call(three: dict[str, bytes]) -> None:
    outcomes = set()
    for step in range(1, 200):
        storage = memory_of(three)
        broken = failing_at(storage, step, done=step % 2 == 0)
        try:
            done = prune(Catalog(broken), Retention(last=1), dry_run=False)
        except StorageError as error:
            outcomes.add((tuple(whole(storage)), str(error).partition("until then: ")[2]))
        else:
            assert [info["version"] for info in done] == ["v2", "v1"]
            assert content_of(storage) == without(three, "v1", "v2")
            if broken.calls < step:  # type: ignore[attr-defined]
                break
    versions = ("v1", "v2", "v3")
    # Before anything is begun, nothing is told of it. What is gone may have left files behind.
    assert outcomes == {
        (versions, ""),
        (versions, "nothing"),
        (versions[1:], "nothing"),
        (versions[1:], "v1"),
        (versions[2:], "v1"),
    }


def test_one_that_somebody_else_deletes_is_no_failure(three: dict[str, bytes]) -> None:
    steps = set()
    for step in range(1, 40):
        storage = memory_of(three)

        def happen(number: int, _: str, step: int = step, at: MemoryStorage = storage) -> None:
            # Not in the middle of what nobody else can be in.
            if number == step and not at._writing.locked() and "v2" in whole(at):
                with suppress(VersionConflictError):
                    delete_version(Catalog(at), "v2")
                    steps.add(step)

        try:
            done = prune(Catalog(watched(storage, happen)), Retention(last=1), dry_run=False)
        except VersionNotFoundError:
            continue
        gone = ["v1"] if step in steps else ["v2", "v1"]
        assert [info["version"] for info in done] == gone, step
        assert content_of(storage) == without(three, "v1", "v2")


def test_the_version_at_hand(dataset: Dataset) -> None:
    dataset.connect("v1")
    dataset.prune(keep_last=1)
    assert dataset.execute("select count(*) from subjects").fetchall() == [(1,)]

    dataset.prune(keep_last=1, dry_run=False)

    with pytest.raises(VersionNotFoundError, match="deleted"):
        dataset.execute("select count(*) from subjects")
    dataset.connect()
    assert dataset.execute("select count(*) from subjects").fetchall() == [(3,)]
