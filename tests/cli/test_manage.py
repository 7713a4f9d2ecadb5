"""The keeper's commands: what they do, say and refuse."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from fw_dataset import Dataset
from fw_dataset.errors import DatasetNotFoundError
from fw_dataset.format.layout import VersionLayout
from fw_dataset.storage import LocalStorage
from fw_dataset.versions import claim
from tests.cli.commands import COMMAND, TIMEOUT, Run, environment, fw_dataset
from tests.support.datasets import copy_of, tree, write_json, write_old_version


@pytest.fixture
def own(dataset: Path, tmp_path: Path) -> Path:
    """A dataset of two versions that may be changed."""
    return copy_of(dataset, tmp_path / "own")


def versions(root: Path) -> dict[str, str]:
    with Dataset.open(root) as dataset:
        return {info["version"]: info["label"] for info in dataset.list_versions()}


def fails(run: Run, code: int, *words: str) -> None:
    assert run.returncode == code, run.stderr
    assert run.stdout == b""
    assert run.stderr.startswith("fw-dataset: error: ")
    assert run.stderr.count("\n") == 1
    for word in words:
        assert word in run.stderr


def test_relabel(own: Path) -> None:
    run = fw_dataset("relabel", own, "erste Fassung ✓", "freeze 1")
    assert (run.returncode, run.text) == (0, "version v1 (freeze 1)\n")

    run = fw_dataset("relabel", own, "latest", "now", "--json")
    assert json.loads(run.stdout)["label"] == "now"
    assert versions(own) == {"v2": "now", "v1": "freeze 1"}
    fails(fw_dataset("relabel", own, "v1", "now"), 1, "taken by version 'v2'")
    fails(fw_dataset("relabel", own, "v9", "x"), 1, "no version 'v9'")


def test_delete(own: Path) -> None:
    fails(fw_dataset("delete", own, "v2"), 1, "latest", "--latest")
    fails(fw_dataset("delete", own, "../own"), 1, "v1")
    fails(fw_dataset("delete", own), 2, "--latest")
    fails(fw_dataset("delete", own, "v1", "--latest"), 2)
    assert list(versions(own)) == ["v2", "v1"]

    run = fw_dataset("delete", own, "erste Fassung ✓")

    assert (run.returncode, run.text) == (0, "deleted version erste Fassung ✓\n")
    assert list(versions(own)) == ["v2"]
    fails(fw_dataset("delete", own, "--latest"), 1, "only one", "fw-dataset remove")


def test_delete_the_latest(own: Path) -> None:
    run = fw_dataset("delete", own, "--latest")
    assert (run.returncode, run.text) == (0, "deleted version v2\n")
    assert list(versions(own)) == ["v1"]


def test_a_claim_can_be_discarded(own: Path) -> None:
    storage, layout = LocalStorage(own), VersionLayout("v1")
    theirs = claim.take(storage, layout).replace(b'"host": "', b'"host": "not-')
    storage.put(layout.claim, theirs)
    for command in (("delete", own, "v1"), ("hide", own, "files", "--version", "v1")):
        fails(fw_dataset(*command), 1, "--discard-claim")
    fails(fw_dataset("remove", own, "--yes"), 1, "--discard-claim")

    assert fw_dataset("delete", own, "v1", "--discard-claim").returncode == 0


def test_prune(own: Path) -> None:
    before = tree(own)
    run = fw_dataset("prune", own, "--keep-last", "1")

    assert run.returncode == 0
    assert run.text.splitlines()[0].split() == ["version", "label", "created", "rows", "size"]
    assert run.text.splitlines()[2].startswith("v1 ")
    assert run.stderr == "1 version would be deleted; --delete does it\n"
    assert tree(own) == before
    kept = fw_dataset("prune", own, "--keep-since", "2024-02-01", "--keep-label", "v1", "--delete")
    assert (kept.returncode, kept.text, kept.stderr) == (0, "", "deleted 0 versions\n")

    run = fw_dataset("prune", own, "--keep-since", "2024-02-01", "--delete", "--json")

    assert [info["version"] for info in json.loads(run.stdout)] == ["v1"]
    assert run.stderr == "deleted 1 version\n"
    assert list(versions(own)) == ["v2"]


def test_prune_wants_to_be_told_what_to_keep(own: Path) -> None:
    fails(fw_dataset("prune", own), 2, "--keep-last", "--keep-since", "--keep-label")
    fails(fw_dataset("prune", own, "--keep-last", "0"), 2)
    fails(fw_dataset("prune", own, "--keep-since", "soon", "--delete"), 1, "soon", "2024-06-01")
    fails(fw_dataset("prune", own, "--keep-label", "v11", "--delete"), 1, "did you mean")
    assert list(versions(own)) == ["v2", "v1"]


def test_hide_and_unhide(own: Path) -> None:
    run = fw_dataset("hide", own)
    assert (run.returncode, run.text, run.stderr) == (0, "", "no table is hidden\n")

    run = fw_dataset("hide", own, "files", "analyses")
    assert (run.returncode, run.text, run.stderr) == (0, "analyses\nfiles\n", "")
    assert "files" not in fw_dataset("tables", own).text
    assert json.loads(fw_dataset("hide", own, "--json").stdout) == ["analyses", "files"]
    assert json.loads(fw_dataset("hide", own, "--json", "--version", "v1").stdout) == []

    run = fw_dataset("unhide", own, "files")
    assert (run.returncode, run.text) == (0, "analyses\n")
    assert "files" in fw_dataset("tables", own).text
    fails(fw_dataset("hide", own, "fils"), 1, "did you mean 'files'")
    fails(fw_dataset("unhide", own), 2)


def test_remove(own: Path) -> None:
    (own / "mine.txt").write_text("")

    run = fw_dataset("remove", own, "--yes")

    assert (run.returncode, run.text) == (0, "removed\n")
    assert run.stderr == "not of the dataset, so it stays: mine.txt\n"
    assert [path.name for path in own.iterdir()] == ["mine.txt"]
    fails(fw_dataset("remove", own, "--yes"), 1, "no dataset")


def test_remove_asks_only_a_person(own: Path) -> None:
    before = tree(own)
    fails(fw_dataset("remove", own, stdin=b"y\n"), 2, "2 versions", "--yes")
    assert tree(own) == before


def test_remove_ends_what_was_interrupted(own: Path) -> None:
    for marker in own.rglob("dataset_description.json"):
        marker.unlink()
    with pytest.raises(DatasetNotFoundError):
        Dataset.open(own)

    assert fw_dataset("remove", own, "--yes").returncode == 0
    assert list(own.iterdir()) == []


def answering(arguments: list[str | Path], answer: bytes) -> tuple[int, str]:
    """Run a command on a terminal at which somebody answers."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(LC_ALL="C.UTF-8"),
    )
    os.close(theirs)
    os.write(ours, answer)
    said, _ = process.communicate(timeout=TIMEOUT)
    os.close(ours)
    return process.returncode, said.decode()


@pytest.mark.parametrize(
    ("answer", "code", "last"),
    [(b"y\n", 0, "removed"), (b"n\n", 1, "nothing was removed"), (b"\n", 1, "nothing was removed")],
)
def test_remove_asks(own: Path, answer: bytes, code: int, last: str) -> None:
    returned, said = answering(["remove", own], answer)

    assert returned == code, said
    assert f"The dataset at {own} has 2 versions" in said
    assert said.rstrip().endswith(last)
    assert (own / "versions").exists() == (code == 1)


def old_tree(root: Path) -> Path:
    rows = {"subjects": pa.table({"id": ["a"]})}
    write_old_version(root, "v1", rows)
    folder = write_old_version(root, "v2", rows, label="new", created="2025-01-01T00:00:00Z")
    folder.rename(root / "latest")
    write_json(root / "versions/latest_version.json", {"version": "v2"})
    return root


def test_migrate(tmp_path: Path, own: Path) -> None:
    root = old_tree(tmp_path / "old")

    run = fw_dataset("migrate", root)
    assert (run.returncode, run.text, run.stderr) == (0, "version v2 (new)\n", "")
    assert versions(root) == {"v2": "new", "v1": "v1"}
    for place in (root, own):
        before = tree(place)
        run = fw_dataset("migrate", place)
        assert (run.returncode, run.text) == (0, "nothing to do: the dataset has today's tree\n")
        assert tree(place) == before
    fails(fw_dataset("migrate", tmp_path / "none"), 1, "no dataset")
    fails(fw_dataset("migrate", "fw://lab/study"), 1, "project")


def test_a_tree_that_is_to_be_migrated_says_so(tmp_path: Path) -> None:
    root = old_tree(tmp_path / "old")
    (root / "versions/v1").rename(tmp_path / "v1")
    fails(fw_dataset("tables", root), 1, "fw-dataset migrate")


@pytest.mark.parametrize(
    "arguments",
    [
        lambda place: ("relabel", place, "v1", "x"),
        lambda place: ("delete", place, "v1"),
        lambda place: ("prune", place, "--keep-last", "1"),
        lambda place: ("hide", place),
        lambda place: ("unhide", place, "files"),
        lambda place: ("remove", place, "--yes"),
        lambda place: ("migrate", place),
    ],
)
def test_where_there_is_no_dataset(
    tmp_path: Path, arguments: Callable[[Path], tuple[str | Path, ...]]
) -> None:
    fails(fw_dataset(*arguments(tmp_path / "none")), 1, "no dataset")
    assert list(tmp_path.iterdir()) == []
