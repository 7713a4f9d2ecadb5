"""Derived tables: with a rendering, or for a version that stands already; whole or not at all."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fw_dataset import Dataset, Progress, add_derived, render_snapshot
from fw_dataset.derivation.choice import by_default
from fw_dataset.errors import (
    DatasetFormatError,
    InvalidArgumentError,
    StorageError,
    VersionConflictError,
    VersionNotFoundError,
)
from fw_dataset.storage import LocalStorage, MemoryStorage
from tests.support.datasets import CREATED, copy_of, tree, untouched, write_old_version
from tests.support.derivable import (
    ALL,
    TABLES,
    add_all,
    render_all,
    scores_id,
    write_files,
    write_study,
)
from tests.support.filled_storages import Failing, copied_to, new_storage
from tests.support.mergeable import rows_seen
from tests.support.processes import run, run_killed, run_together, steps_of

PRIMARY = {"projects", "subjects", "sessions", "acquisitions", "analyses", "files"}


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("derivable"))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("tabular"))


@pytest.fixture(scope="module")
def plain(snapshot: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset without derived tables."""
    root = tmp_path_factory.mktemp("plain") / "out"
    render_snapshot(snapshot, root, created=CREATED)
    return root


def tables_of(root: Path) -> dict[str, str]:
    """The data files and schemas of a dataset's one version, with their hashes."""
    return {
        path.partition("/")[2].partition("/")[2]: digest
        for path, digest in tree(root).items()
        if ("/tables/" in path or "/schemas/" in path) and digest != "folder"
    }


# ------------------------------------------------------------------------------- what is there


def test_tables_of_a_rendering_and_of_an_addition_are_the_same(
    snapshot: Path, files: Path, plain: Path, tmp_path: Path
) -> None:
    whole, later = tmp_path / "whole", copy_of(plain, tmp_path / "later")
    render_all(snapshot, whole, tabular_files=files)
    dataset = Dataset.open(later)
    added = add_derived(dataset, **ALL, tabular_files=files)

    assert {name: dataset.row_counts()[name] for name in added} == TABLES
    assert Dataset.open(whole).row_counts() == dataset.row_counts()
    assert tables_of(whole) == tables_of(later)
    assert dataset.tables.keys() == PRIMARY | TABLES.keys(), "the handle sees them"
    for root in (whole, later):
        found = Dataset.open(root)
        assert found.verify(deep=True).problems == ()
        assert found.report()["tables"].keys() == PRIMARY | TABLES.keys()
        told = found.report()["tabular_files"]
        assert {(one["name"], one["rows"]) for one in told} == {
            ("scores.csv", 2),
            ("scores.csv", 3),
            ("visits.tsv.gz", 2),
        }


def test_what_the_tables_hold(snapshot: Path, files: Path, tmp_path: Path) -> None:
    render_all(snapshot, tmp_path / "out", tabular_files=files)
    con = Dataset.open(tmp_path / "out").connect()

    def ask(sql: str) -> list[Any]:
        return con.execute(sql).fetchall()

    assert ask('SELECT "EchoTime", "SliceThickness", "private.x" FROM header_dicom') == [
        (0.5, 0.0, [1, 2]),
        (0.5, 1.0, [1, 2]),
        (0.5, 2.0, [1, 2]),
    ]
    assert ask("SELECT state, count(*) FROM qc WHERE latest GROUP BY ALL ORDER BY ALL") == [
        ("FAIL", 2),
        ("PASS", 4),
    ]
    assert ask('SELECT id, score, extra FROM scores ORDER BY "parents.file", row') == [
        ("00072", 1.5, None),
        ("00073", None, '{"score":"n/a"}'),
        ("1", 2.0, None),
        ("2", 3.0, None),
        ("3", 4.0, None),
    ]
    assert ask(
        "SELECT u.label, d.age FROM info_subjects_demographics d JOIN subjects u ON u.id ="
        ' d."parents.subject" ORDER BY ALL'
    ) == [("subject-0", 30), ("subject-1", 31)]


def test_rendering_again_adds_what_is_missing(
    snapshot: Path, files: Path, plain: Path, tmp_path: Path
) -> None:
    root = copy_of(plain, tmp_path / "out")
    seen: list[Progress] = []
    dataset = render_snapshot(snapshot, root, headers=True, progress=seen.append)
    assert dataset.row_counts().keys() - PRIMARY == {"header_dicom"}
    assert "render" not in {one.stage for one in seen if one.table in PRIMARY}

    before = untouched(root)
    assert render_snapshot(snapshot, root).row_counts() == dataset.row_counts()
    assert render_snapshot(snapshot, root, headers=True).row_counts() == dataset.row_counts()
    assert untouched(root / "versions") == {
        path: state for path, state in before.items() if "/versions" in path
    }

    render_snapshot(snapshot, root, **ALL, tabular_files=files)
    assert Dataset.open(root).row_counts().items() >= TABLES.items()
    assert Dataset.open(root).verify(deep=True).problems == ()


def test_additions_one_by_one(files: Path, plain: Path, tmp_path: Path) -> None:
    root = copy_of(plain, tmp_path / "out")
    dataset = Dataset.open(root)
    assert add_derived(dataset, headers=True) == ["header_dicom"]
    assert add_derived(dataset, headers=True, qc=True) == ["qc", "qc_mriqc"]
    assert add_derived(dataset, headers=True, qc=True) == []
    for key in ALL["custom_info"]:
        assert len(add_derived(dataset, custom_info=[key])) == 1
    assert add_derived(dataset, custom_info=ALL["custom_info"]) == []
    assert set(add_derived(dataset, tabular_files=str(files))) == {"scores", "visits"}
    assert dataset.row_counts().items() >= TABLES.items()
    assert dataset.verify(deep=True).problems == ()
    assert dataset.report()["tables"].keys() == PRIMARY | TABLES.keys()


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("first", ["subjects.*", "subjects.demographics"])
def test_keys_of_which_some_have_a_table(
    first: str, hidden: bool, plain: Path, tmp_path: Path
) -> None:
    dataset = Dataset.open(copy_of(plain, tmp_path / "out"))
    both = {"info_subjects_demographics", "info_subjects_number"}
    found = set(add_derived(dataset, custom_info=[first]))
    if hidden:
        dataset.hide_tables(["info_subjects_demographics"])
    found |= set(add_derived(dataset, custom_info=["subjects.demographics", "subjects.*"]))
    assert found == both
    assert dataset.report()["tables"].keys() - PRIMARY == both
    assert add_derived(dataset, custom_info=["subjects.*"]) == []
    assert dataset.verify(deep=True).problems == ()


def test_what_no_record_has_makes_no_table_and_is_told(plain: Path, tmp_path: Path) -> None:
    dataset = Dataset.open(copy_of(plain, tmp_path / "out"))
    assert add_derived(dataset, custom_info=["sessions.nothing"]) == []
    assert "no record of sessions has info.nothing" in str(dataset.report())
    assert dataset.verify(deep=True).problems == ()


@pytest.mark.parametrize("kind", ["memory", "s3"])
def test_elsewhere(
    kind: str, files: Path, plain: Path, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    storage = copied_to(new_storage(kind, tmp_path, request), plain)
    dataset = Dataset(storage)
    add_derived(dataset, **ALL, tabular_files=files, workdir=tmp_path)
    assert rows_seen(storage).items() >= TABLES.items()
    assert dataset.verify(deep=True).problems == ()
    assert list(tmp_path.iterdir()) == []


# -------------------------------------------------------------------------------------- profiles


def stored_profiles(dataset: Dataset, root: Path) -> set[str]:
    folder = root / "versions" / dataset.version / "profiles"
    return {path.name.removesuffix(".profile.json") for path in folder.glob("*.profile.json")}


@pytest.mark.parametrize("values", [True, False])
def test_profiles_with_the_rendering_and_later(
    snapshot: Path, plain: Path, tmp_path: Path, values: bool
) -> None:
    asked: dict[str, Any] = {"headers": True, "profiles": True, "profile_values": values}
    whole, later = tmp_path / "whole", copy_of(plain, tmp_path / "later")
    rendered = render_snapshot(snapshot, whole, created=CREATED, **asked)
    added = Dataset.open(later)
    assert add_derived(added, **asked) == ["header_dicom"]

    for dataset, root in ((rendered, whole), (added, later)):
        assert stored_profiles(dataset, root) == {*PRIMARY, "header_dicom"}
        assert dataset.verify(deep=True).problems == ()
        found = dataset.profile("subjects", values=values)["subjects"]
        assert found == Dataset.open(plain).profile("subjects", values=values)["subjects"]
    assert profiles_of(whole) == profiles_of(later)
    text = b"".join(path.read_bytes() for path in whole.rglob("*.profile.json")).decode()
    assert ("subject-0" in text) is values


def profiles_of(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in root.rglob("*.profile.json")}


def test_profiles_of_tables_that_come_later(plain: Path, tmp_path: Path) -> None:
    root = copy_of(plain, tmp_path / "out")
    dataset = Dataset.open(root)
    assert add_derived(dataset, profiles=True) == []
    assert stored_profiles(dataset, root) == PRIMARY
    before = untouched(root / "versions")
    add_derived(dataset, profiles=True)
    assert untouched(root / "versions") == before, "they are there"

    add_derived(dataset, headers=True)
    assert stored_profiles(dataset, root) == PRIMARY
    add_derived(dataset, profiles=True)
    assert stored_profiles(dataset, root) == {*PRIMARY, "header_dicom"}
    add_derived(dataset, qc=True, profiles=True)
    assert stored_profiles(dataset, root) == {*PRIMARY, "header_dicom", "qc", "qc_mriqc"}
    assert dataset.verify(deep=True).problems == ()


def test_profiles_of_tables_that_were_merged(plain: Path, tmp_path: Path) -> None:
    root = copy_of(plain, tmp_path / "out")
    dataset, other = Dataset.open(root), Dataset.open(copy_of(plain, tmp_path / "other"))
    add_derived(dataset, profiles=True)
    add_derived(other, headers=True)
    dataset.merge(other, tables=["header_dicom"])
    add_derived(dataset, profiles=True)
    assert stored_profiles(dataset, root) == {*PRIMARY, "header_dicom"}
    assert dataset.verify(deep=True).problems == ()


def test_values_are_taken_out_of_profiles(plain: Path, tmp_path: Path) -> None:
    root = copy_of(plain, tmp_path / "out")
    dataset = Dataset.open(root)
    add_derived(dataset, profiles=True)
    assert any(b"subject-0" in data for data in profiles_of(root).values())
    add_derived(dataset, profiles=True, profile_values=False)
    assert not any(b"subject-0" in data for data in profiles_of(root).values())
    assert dataset.verify(deep=True).problems == ()


def test_values_are_taken_out_of_profiles_of_hidden_tables(plain: Path, tmp_path: Path) -> None:
    root = copy_of(plain, tmp_path / "out")
    dataset = Dataset.open(root)
    add_derived(dataset, profiles=True)
    dataset.hide_tables(["subjects"])
    add_derived(dataset, profiles=True, profile_values=False)
    assert not any(b"subject-0" in data for data in profiles_of(root).values())
    assert dataset.verify(deep=True).problems == ()
    dataset.unhide_tables(["subjects"])
    profile = dataset.profile("subjects")["subjects"]
    assert (profile.rows, profile.values) == (3, False)


# ----------------------------------------------------------------------------- it is interrupted


def check_whole(root: Path) -> None:
    """Readers have the primary tables, and of the others all rows or no table."""
    seen = rows_seen(LocalStorage(root))
    assert seen.keys() >= PRIMARY
    for name in seen.keys() - PRIMARY:
        assert seen[name] == TABLES[name]


def check_kills(plain: Path, files: Path, folder: Path, stride: int) -> None:
    undisturbed = copy_of(plain, folder / "undisturbed")
    count = steps_of(partial(add_all, undisturbed, files))
    expected = tree(undisturbed)
    killed = 0
    for step in range(1, count + stride, stride):
        root = copy_of(plain, folder / f"out-{step}")
        killed += run_killed(partial(add_all, root, files), step).killed
        check_whole(root)
        assert run(partial(add_all, root, files)).error is None
        assert tree(root) == expected, step
    assert killed > count // stride // 2


def test_killed_now_and_then(plain: Path, files: Path, tmp_path: Path) -> None:
    check_kills(plain, files, tmp_path, 61)


@pytest.mark.slow
def test_killed_at_each_step(plain: Path, files: Path, tmp_path: Path) -> None:
    check_kills(plain, files, tmp_path, 1)


def test_a_storage_that_fails_at_each_call(plain: Path, files: Path) -> None:
    calls = 0
    while True:
        calls += 1
        failing: Any = Failing(copied_to(MemoryStorage(), plain), calls, StorageError("down"))
        try:
            add_derived(Dataset(failing), **ALL, tabular_files=files)
        except StorageError:
            seen = rows_seen(failing.storage)
            assert all(seen[name] == TABLES[name] for name in seen.keys() - PRIMARY)
            add_derived(Dataset(failing.storage), **ALL, tabular_files=files)
            assert rows_seen(failing.storage).items() >= TABLES.items()
        else:
            break
    assert calls > 10


def test_two_at_once(plain: Path, files: Path, tmp_path: Path) -> None:
    root = copy_of(plain, tmp_path / "out")
    outcomes = run_together([partial(add_all, root, files)] * 3)
    for outcome in outcomes:
        assert outcome.error is None or isinstance(outcome.error, VersionConflictError)
    assert any(outcome.error is None for outcome in outcomes)
    assert rows_seen(LocalStorage(root)).items() >= TABLES.items()
    assert Dataset.open(root).verify(deep=True).problems == ()


# ------------------------------------------------------------------------------ what cannot be


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "nothing is asked for"),
        ({"custom_info": "subjects.x"}, "give a list"),
        ({"custom_info": ["people.x"]}, "people"),
        ({"custom_info": ["subjects"]}, "subjects"),
        ({"custom_info": b"subjects.x"}, "give a list"),
        ({"custom_info": 5}, "give a list"),
        ({"custom_info": [["subjects", "x"]]}, "no text"),
        ({"custom_info": ["subjects.\ud800"]}, "no text"),
        ({"tabular_files": True}, "from a Flywheel site"),
        ({"tabular_files": 5}, "name a folder.* not int"),
        ({"tabular_files": b"/tmp"}, "name a folder.* not bytes"),
        ({"tabular_files": ["/tmp"]}, "name a folder.* not list"),
        ({"tabular_files": ""}, "empty"),
        ({"tabular_files": "/no/such/folder"}, "no/such/folder"),
    ],
)
def test_what_cannot_be_asked(asked: dict[str, Any], message: str, plain: Path) -> None:
    before = untouched(plain)
    with pytest.raises((InvalidArgumentError, StorageError), match=message) as caught:
        add_derived(Dataset.open(plain), **asked)
    assert "\n" not in str(caught.value)
    assert untouched(plain) == before


def test_columns_that_were_left_out(snapshot: Path, files: Path, tmp_path: Path) -> None:
    control = {"files": ["name"], "subjects": ["label"]}
    for asked in (
        {"headers": True},
        {"qc": True},
        {"custom_info": ["subjects.x"]},
        {"custom_info": ["files.x"]},
        {"tabular_files": files},
    ):
        with pytest.raises(InvalidArgumentError, match="control_columns") as caught:
            render_snapshot(snapshot, tmp_path / "out", control_columns=control, **asked)
        assert "\n" not in str(caught.value)
        assert list(tmp_path.iterdir()) == [], "before any work"
    dataset = render_snapshot(snapshot, tmp_path / "out", control_columns=control)
    with pytest.raises(InvalidArgumentError, match="control_columns"):
        add_derived(dataset, headers=True)
    assert add_derived(dataset, custom_info=["sessions.number"]) == ["info_sessions_number"]


def test_a_hidden_table(plain: Path, tmp_path: Path) -> None:
    dataset = Dataset.open(copy_of(plain, tmp_path / "out"))
    dataset.hide_tables(["files"])
    with pytest.raises(InvalidArgumentError, match="unhide"):
        add_derived(dataset, headers=True)


def test_a_dataset_of_an_older_release(tmp_path: Path) -> None:
    import pyarrow as pa

    write_old_version(tmp_path, "v1", {"files": pa.table({"id": ["a"], "info": ["{}"]})})
    with pytest.raises(VersionConflictError, match="older release"):
        add_derived(Dataset.open(tmp_path), headers=True)


@pytest.mark.parametrize("asked", [{"headers": True}, {"profiles": True}])
@pytest.mark.parametrize("damage", ["missing", "cut", "within"])
def test_a_damaged_data_file(
    asked: dict[str, Any], damage: str, plain: Path, tmp_path: Path
) -> None:
    root = copy_of(plain, tmp_path / "out")
    (path,) = root.glob("versions/*/tables/files/*.parquet")
    content = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(content[:-10])
    elif damage == "within":
        path.write_bytes(content[:50] + b"x" * 1000 + content[1050:])
    before = tree(root)
    with pytest.raises(DatasetFormatError, match="verify") as caught:
        add_derived(Dataset.open(root), **asked)
    assert "\n" not in str(caught.value)
    assert tree(root) == before


def test_a_folder_that_is_given_as_something_with_a_path(
    files: Path, plain: Path, tmp_path: Path
) -> None:
    class Somewhere:
        def __fspath__(self) -> str:
            return str(files)

    dataset = Dataset.open(copy_of(plain, tmp_path / "out"))
    assert add_derived(dataset, tabular_files=Somewhere()) == ["scores", "visits"]


def test_versions(plain: Path, tmp_path: Path) -> None:
    dataset = Dataset.open(copy_of(plain, tmp_path / "out"))
    with pytest.raises(VersionNotFoundError, match="no-such"):
        add_derived(dataset, version="no-such", headers=True)
    dataset.relabel("latest", "freeze")
    assert add_derived(dataset, version="freeze", headers=True) == ["header_dicom"]


def test_files_that_are_not_there_are_told(plain: Path, files: Path, tmp_path: Path) -> None:
    (tmp_path / "some").mkdir()
    dataset = Dataset.open(copy_of(plain, tmp_path / "out"))
    kept = copy_of(files, tmp_path / "files")
    (kept / scores_id(0) / "scores.csv").unlink()
    add_derived(dataset, tabular_files=kept)
    assert dataset.row_counts()["scores"] == 3
    (told,) = [one for one in dataset.report()["tabular_files"] if one["file_id"] == scores_id(0)]
    assert told["status"] != "read"
    assert told["reason"]


@pytest.mark.parametrize(
    ("value", "switch"),
    [("", False), ("0", False), ("False", False), ("no", False), ("1", True), (" true ", True)],
)
def test_switches_of_the_environment(
    value: str, switch: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_SWITCH", value)
    assert by_default("SOME_SWITCH", None) is switch
    assert by_default("SOME_SWITCH", not switch) is (not switch)


def test_a_switch_that_says_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_SWITCH", "maybe")
    with pytest.raises(InvalidArgumentError, match="SOME_SWITCH='maybe'"):
        by_default("SOME_SWITCH", None)
