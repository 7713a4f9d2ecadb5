"""Rendering a snapshot into a dataset: once, twice, with other choices, and where it cannot be."""

from __future__ import annotations

import json
import os
import stat
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from fw_dataset import Dataset, Progress, render_snapshot
from fw_dataset.errors import (
    ControlColumnsError,
    FWDatasetError,
    InvalidArgumentError,
    InvalidNameError,
    RecordError,
    SnapshotError,
    StorageDeniedError,
    StorageError,
    VersionConflictError,
)
from tests.support.datasets import (
    CREATED,
    PRIMARY,
    PROJECT_ID,
    small_snapshot,
    small_study,
    tree,
    untouched,
)
from tests.support.jobs import whole_versions
from tests.support.privileges import as_ordinary_user
from tests.support.snapshots import write_database, write_snapshot


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    return small_snapshot(tmp_path / "in")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "out/dataset"


def description_of(root: Path, version: str) -> dict[str, Any]:
    path = root / "versions" / version / "provenance/dataset_description.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


# --------------------------------------------------------------------------------------- a version


def test_what_is_rendered(snapshot: Path, root: Path) -> None:
    dataset = render_snapshot(snapshot, root, version="v1", label="First", created=CREATED)

    assert (dataset.version, dataset.version_label) == ("v1", "First")
    assert dataset.created == datetime(2024, 5, 6, 7, 8, 9, 10_000, timezone.utc)
    assert (dataset.id, dataset.name, dataset.description) == (PROJECT_ID, "study", "")
    assert set(dataset.tables) == set(PRIMARY)
    assert whole_versions(root) == ["v1"]
    folders = ["README.md", "provenance", "schemas", "tables"]
    assert sorted(path.name for path in (root / "versions/v1").iterdir()) == folders
    assert sorted(path.name for path in root.iterdir()) == ["README.md", "versions"]


def test_without_a_version_the_snapshot_is_the_version(snapshot: Path, root: Path) -> None:
    before = datetime.now(timezone.utc)
    dataset = render_snapshot(snapshot, root)

    assert len(dataset.version) == 24
    assert set(dataset.version) <= set("0123456789abcdef")
    assert dataset.version_label == dataset.version
    assert before - timedelta(seconds=1) <= dataset.created <= datetime.now(timezone.utc)


def test_the_same_snapshot_packed_in_other_ways_is_the_same_version(tmp_path: Path) -> None:
    packed = write_snapshot(tmp_path / "a.db.gz", small_study())
    plain = write_database(tmp_path / "a.db", small_study())

    assert (
        render_snapshot(packed, tmp_path / "one").version
        == render_snapshot(plain, tmp_path / "two").version
    )


def test_two_renders_give_the_same_bytes(snapshot: Path, tmp_path: Path) -> None:
    first = render_snapshot(snapshot, tmp_path / "one", created=CREATED)
    render_snapshot(snapshot, tmp_path / "two", created=CREATED)

    one, two = tree(tmp_path / "one"), tree(tmp_path / "two")
    differing = {path for path in one.keys() | two.keys() if one.get(path) != two.get(path)}
    marker = f"versions/{first.version}/provenance/dataset_description.json"
    assert differing <= {marker}
    descriptions = [description_of(tmp_path / name, first.version) for name in ("one", "two")]
    for description in descriptions:
        del description["dataset_info"]
    assert descriptions[0] == descriptions[1]


@pytest.mark.parametrize(
    ("created", "written"),
    [
        ("2024-05-06T07:08:09Z", "2024-05-06T07:08:09.000+00:00"),
        ("2024-05-06T07:08:09.123456+02:00", "2024-05-06T05:08:09.123+00:00"),
        ("2024-05-06 07:08:09", "2024-05-06T07:08:09.000+00:00"),
        (datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone.utc), "2024-05-06T07:08:09.000+00:00"),
        (datetime(2024, 5, 6, 7, 8, 9), "2024-05-06T07:08:09.000+00:00"),  # noqa: DTZ001
        (
            datetime(2024, 5, 6, 7, tzinfo=timezone(timedelta(hours=-5))),
            "2024-05-06T12:00:00.000+00:00",
        ),
    ],
)
def test_created(snapshot: Path, root: Path, created: datetime | str, written: str) -> None:
    dataset = render_snapshot(snapshot, root, version="v1", created=created)

    assert description_of(root, "v1")["created"] == written
    assert dataset.get_version_info()["created"] == written


def test_the_rendered_version_is_at_hand_even_if_it_is_not_the_latest(
    tmp_path: Path, snapshot: Path, root: Path
) -> None:
    newest = small_snapshot(tmp_path / "in", "newest", subjects=3)
    render_snapshot(newest, root, version="v2", created="2025-01-01T00:00:00Z")
    dataset = render_snapshot(snapshot, root, version="v1", created="2024-01-01T00:00:00Z")

    assert dataset.version == "v1"
    assert dataset.latest_version_id == "v2"
    assert dataset.execute("select count(*) from subjects").fetchall() == [(2,)]
    assert render_snapshot(snapshot, root, version="v1").version == "v1"


@pytest.mark.parametrize(
    ("umask", "file", "folder"), [(0o022, 0o644, 0o755), (0o007, 0o660, 0o770)]
)
def test_modes_follow_the_umask(
    snapshot: Path, root: Path, umask: int, file: int, folder: int
) -> None:
    before = os.umask(umask)
    try:
        render_snapshot(snapshot, root)
    finally:
        os.umask(before)

    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (root, *root.rglob("*"))}
    assert {mode for path, mode in modes.items() if path.is_file()} == {file}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {folder}


def test_progress(snapshot: Path, root: Path) -> None:
    seen: list[Progress] = []
    render_snapshot(snapshot, root, progress=seen.append)

    stages = [progress.stage for progress in seen]
    assert list(dict.fromkeys(stages)) == ["decompress", "render", "publish"]
    published = [progress for progress in seen if progress.stage == "publish"]
    assert published[-1].bytes == published[-1].total_bytes
    assert [progress.bytes for progress in published] == sorted(p.bytes for p in published)
    stored = sum(path.stat().st_size for path in (root / "versions").rglob("*") if path.is_file())
    marker = next(root.rglob("dataset_description.json")).stat().st_size
    assert published[-1].total_bytes == stored - marker


def test_a_folder_for_the_work(snapshot: Path, root: Path, tmp_path: Path) -> None:
    work = tmp_path / "work/below"
    seen: list[bool] = []
    render_snapshot(snapshot, root, workdir=work, progress=lambda _: seen.append(work.exists()))

    assert all(seen)
    assert not work.parent.exists()
    assert sorted(path.name for path in root.iterdir()) == ["README.md", "versions"]


def test_the_users_readme_stays(snapshot: Path, root: Path) -> None:
    root.mkdir(parents=True)
    (root / "README.md").write_text("mine")
    render_snapshot(snapshot, root)

    assert (root / "README.md").read_text() == "mine"


# ------------------------------------------------------------------------------------------ twice


def test_the_same_again_is_recognised(snapshot: Path, root: Path) -> None:
    render_snapshot(snapshot, root, label="First", created=CREATED)
    before = untouched(root / "versions")
    stages: set[str] = set()
    again = render_snapshot(snapshot, root, progress=lambda each: stages.add(each.stage))

    assert untouched(root / "versions") == before
    assert stages == {"decompress"}, "no second rendering"
    assert again.version_label == "First"
    assert len(again.list_versions()) == 1
    assert sorted(path.name for path in root.iterdir()) == ["README.md", "versions"]


def test_a_new_label_changes_the_description_alone(snapshot: Path, root: Path) -> None:
    render_snapshot(snapshot, root, label="old", created=CREATED)
    before = tree(root)
    stats = untouched(root)
    again = render_snapshot(snapshot, root, label="new")

    changed = {path for path, digest in tree(root).items() if digest != before.get(path)}
    assert changed == {f"versions/{again.version}/provenance/dataset_description.json"}
    data = [path for path in stats if path.endswith((".parquet", ".json", ".gz"))]
    now = untouched(root)
    rewritten = [path for path in data if now[path] != stats[path]]
    assert [Path(path).name for path in rewritten] == ["dataset_description.json"]
    assert (again.version_label, again.created.year) == ("new", 2024)
    assert not again.version_exists("old")


def test_another_snapshot_under_the_same_id_is_refused(
    tmp_path: Path, snapshot: Path, root: Path
) -> None:
    render_snapshot(snapshot, root, version="v1")
    before = untouched(root / "versions")
    other = small_snapshot(tmp_path / "in", "other", subjects=3)

    with pytest.raises(VersionConflictError, match=r"'v1'.*another snapshot") as caught:
        render_snapshot(other, root, version="v1", label="new")
    assert "\n" not in str(caught.value)
    assert untouched(root / "versions") == before


@pytest.mark.parametrize(
    "choices",
    [
        {"control_columns": {"subjects": ["label"]}},
        {"on_error": "skip"},
        {"keep_source": False},
        {"control_columns": {}},
    ],
)
def test_other_choices_are_refused(snapshot: Path, root: Path, choices: dict[str, Any]) -> None:
    render_snapshot(snapshot, root, label="old")
    before = untouched(root / "versions")
    with pytest.raises(VersionConflictError, match="other choices") as caught:
        render_snapshot(snapshot, root, label="new", **choices)
    assert "\n" not in str(caught.value)
    assert untouched(root / "versions") == before

    render_snapshot(snapshot, root, version="v2", **choices)
    render_snapshot(snapshot, root, version="v2", **choices)
    assert len(Dataset.open(root).list_versions()) == 2


def test_the_order_of_columns_is_no_other_choice(snapshot: Path, root: Path) -> None:
    render_snapshot(snapshot, root, control_columns={"subjects": ["sex", "label"], "files": []})
    again = {"files": [], "subjects": ["label", "sex", "label"]}

    assert len(render_snapshot(snapshot, root, control_columns=again).list_versions()) == 1


def test_a_name_that_is_taken(tmp_path: Path, snapshot: Path, root: Path) -> None:
    render_snapshot(snapshot, root, version="v1", label="First")
    other = small_snapshot(tmp_path / "in", "other", subjects=3)
    before = tree(root)
    for version, label in (("v2", "First"), ("v2", "v1"), ("First", None), ("First", "x")):
        with pytest.raises(VersionConflictError, match="taken by version 'v1'") as caught:
            render_snapshot(other, root, version=version, label=label)
        assert "\n" not in str(caught.value)
    assert tree(root) == before

    render_snapshot(other, root, version="v2", label="Second")
    for label in ("First", "v1"):
        with pytest.raises(VersionConflictError, match="taken by version 'v1'"):
            render_snapshot(other, root, version="v2", label=label)
    assert render_snapshot(other, root, version="v2", label="v2").version_label == "v2"


# -------------------------------------------------------------------------------------- no traces


BAD_CHOICES: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"version": "latest"}, InvalidNameError),
    ({"label": "latest"}, InvalidNameError),
    ({"version": "../up"}, InvalidNameError),
    ({"version": "a/b"}, InvalidNameError),
    ({"version": ".."}, InvalidNameError),
    ({"version": ".hidden"}, InvalidNameError),
    ({"version": ""}, InvalidNameError),
    ({"version": "a" * 256}, InvalidNameError),
    ({"version": "v1\n"}, InvalidNameError),
    ({"version": "ünï"}, InvalidNameError),
    ({"label": ""}, InvalidNameError),
    ({"label": "a\nb"}, InvalidNameError),
    ({"label": "x" * 201}, InvalidNameError),
    ({"created": "yesterday"}, InvalidArgumentError),
    ({"on_error": "ignore"}, InvalidArgumentError),
    ({"control_columns": {"subjects": ["nosuch"]}}, ControlColumnsError),
    ({"control_columns": {"nosuch": []}}, ControlColumnsError),
]


@pytest.mark.parametrize(("choices", "error"), BAD_CHOICES)
def test_bad_choices(
    snapshot: Path, root: Path, choices: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        render_snapshot(snapshot, root, **choices)

    assert "\n" not in str(caught.value)
    assert not root.parent.exists()


@pytest.mark.parametrize("there", [False, True])
def test_bad_snapshots(tmp_path: Path, there: bool) -> None:
    root = tmp_path / "out/dataset"
    if there:
        root.mkdir(parents=True)
    whole = small_snapshot(tmp_path / "in").read_bytes()
    study = small_study()
    study["subject"] = [("s", b"not json")]
    bad = {
        "cut.db.gz": whole[: len(whole) // 2],
        "text.db.gz": b"not gzip at all",
        "empty.db.gz": b"",
        "record.db.gz": write_snapshot(tmp_path / "record", study).read_bytes(),
    }
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
    for name in (*bad, "nosuch.db.gz", "in"):
        with pytest.raises(SnapshotError) as caught:
            render_snapshot(tmp_path / name, root)
        assert "\n" not in str(caught.value)
        assert isinstance(caught.value, RecordError) == (name == "record.db.gz")
        assert root.parent.exists() == there
        assert not there or list(root.iterdir()) == []


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize(
    ("stage", "error"),
    [
        ("decompress", KeyboardInterrupt()),
        ("decompress", RuntimeError("mine")),
        ("render", KeyboardInterrupt()),
        ("render", OSError(32, "pipe")),
        ("publish", KeyboardInterrupt()),
        ("publish", OSError(32, "pipe")),
    ],
)
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_rendering_that_is_broken_off(
    tmp_path: Path, snapshot: Path, there: bool, stage: str, elsewhere: bool, error: BaseException
) -> None:
    root = tmp_path / "out/dataset"
    choices = {"workdir": tmp_path / "work/below"} if elsewhere else {}
    if there:
        render_snapshot(small_snapshot(tmp_path / "in", "other", subjects=3), root)
    before = tree(tmp_path)

    def break_off(progress: Progress) -> None:
        if progress.stage == stage:
            raise error

    with pytest.raises(type(error)) as caught:
        render_snapshot(snapshot, root, progress=break_off, **choices)  # type: ignore[arg-type]

    assert caught.value is error
    assert tree(tmp_path) == before


def test_a_destination_that_may_not_be_written(tmp_path: Path, snapshot: Path) -> None:
    parent = tmp_path / "parent"
    parent.mkdir(mode=0o555)
    for root in (parent, parent / "below/it"):
        with as_ordinary_user(), pytest.raises(StorageDeniedError, match="parent") as caught:
            render_snapshot(snapshot, root)
        assert "\n" not in str(caught.value)
        assert list(parent.iterdir()) == []


def test_a_destination_that_may_be_written_in_part(tmp_path: Path, snapshot: Path) -> None:
    root = tmp_path / "out"
    render_snapshot(small_snapshot(tmp_path / "in", "other", subjects=3), root)
    before = tree(root)
    (root / "versions").chmod(0o555)
    with as_ordinary_user(), pytest.raises(StorageDeniedError, match="out/versions"):
        render_snapshot(snapshot, root)

    assert tree(root) == before
    (root / "versions").chmod(0o755)


def test_a_file_in_the_way(tmp_path: Path, snapshot: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/versions").write_text("mine")
    (tmp_path / "more/versions").mkdir(parents=True)
    (tmp_path / "more/versions/v1").write_text("mine")
    before = tree(tmp_path)
    for name in ("file", "file/below", "out", "more", "x" * 300):
        with pytest.raises(StorageError) as caught:
            render_snapshot(snapshot, tmp_path / name, version="v1")
        assert "\n" not in str(caught.value)
        assert name.split("/")[0] in str(caught.value)
        assert tree(tmp_path) == before


def test_places_that_cannot_be_written_yet(snapshot: Path, tmp_path: Path) -> None:
    for destination in ("s3://bucket/prefix", "", "file://host/x", "a\0b"):
        with pytest.raises(FWDatasetError):
            render_snapshot(snapshot, destination)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize("spelling", ["relative", "url", "slash", "symlink", "text"])
def test_spellings_of_the_destination(
    tmp_path: Path, snapshot: Path, spelling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "real dir").mkdir()
    (tmp_path / "link").symlink_to("real dir")
    root = tmp_path / "real dir/ds"
    destination = {
        "relative": "real dir/ds",
        "url": root.as_uri(),
        "slash": f"{root}/",
        "symlink": "link/ds",
        "text": str(root),
    }[spelling]
    dataset = render_snapshot(os.path.relpath(snapshot), destination)
    monkeypatch.chdir("/")

    assert dataset.execute("select count(*) from subjects").fetchall() == [(2,)]
    assert Dataset.open(root).version == dataset.version
