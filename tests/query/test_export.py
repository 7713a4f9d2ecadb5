"""Tables in other formats: every value there, whole or nothing, whatever is in the way."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fw_dataset import Dataset, Progress, render_snapshot
from fw_dataset.errors import (
    DatasetFormatError,
    InvalidArgumentError,
    ObjectExistsError,
    ObjectNotFoundError,
    StorageError,
    TableNotFoundError,
    UnsupportedLocationError,
    VersionNotFoundError,
)
from fw_dataset.query.export import FORMATS
from tests.support.datasets import (
    PRIMARY,
    small_snapshot,
    tree,
    untouched,
    write_json,
    write_old_version,
)
from tests.support.emulators import Emulators
from tests.support.shared_data import OLD_RELEASES, shared
from tests.support.store_places import StorePlace

COUNTS = {"projects": 1, "subjects": 3, "sessions": 3, "acquisitions": 3, "analyses": 1, "files": 6}
FOLDERS = ("parquet", "csv")
NOON = datetime(2024, 5, 6, 12, 0, 0, 500, tzinfo=timezone.utc)
ODD = pa.table(
    {
        "id": ["a", "b", "c", "d"],
        "text": ["", None, 'say "hi", or\r\nnot', "ünï\x00cödé 日本"],
        "whole": pa.array([2**63 - 1, -(2**63), None, 0]),
        "number": [float("nan"), float("inf"), None, 0.1],
        "flag": [True, False, None, True],
        "instant": pa.array([NOON, None, NOON.replace(year=1), NOON], pa.timestamp("us")),
        "zoned": pa.array([NOON, None, NOON, NOON], pa.timestamp("us", "Europe/Berlin")),
        "day": [date(2024, 5, 6), None, date(1, 1, 1), date(9999, 12, 31)],
        "list": [["a,b", 'c"'], None, [], [None]],
        "select": [{"x": 1}, None, {"x": None}, {"x": 2}],
        "huge": pa.array([2**64 - 1, None, 0, 1], pa.uint64()),
        'qu"ote': ["'", '"', "\\", "%"],
    }
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of two versions."""
    folder = tmp_path_factory.mktemp("dataset")
    for day, version, subjects in ((1, "v1", 2), (2, "v2", 3)):
        snapshot = small_snapshot(folder / "in", version, subjects=subjects, files=2)
        created = f"2024-01-0{day}T00:00:00Z"
        render_snapshot(snapshot, folder / "out", version=version, label=f"#{day}", created=created)
    return folder / "out"


@pytest.fixture
def dataset(root: Path) -> Dataset:
    return Dataset.open(root)


@pytest.fixture
def odd(tmp_path: Path) -> Dataset:
    """A dataset with one table that has a column of every kind."""
    write_old_version(tmp_path / "odd", "v1", {'od"d table': ODD})
    return Dataset.open(tmp_path / "odd")


def read_back(path: Path, form: str) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of each table of an export, as its format has them."""
    if form == "duckdb":
        with duckdb.connect(str(path), read_only=True) as connection:
            names = [name for (name,) in connection.execute("show tables").fetchall()]
            return {n: _duckdb_rows(connection, n) for n in names}
    if form == "sqlite":
        with closing(sqlite3.connect(path)) as database:
            sql = "select name from sqlite_master where type = 'table'"
            names = [name for (name,) in database.execute(sql)]
            return {n: database.execute(f'select * from "{_doubled(n)}"').fetchall() for n in names}
    if form == "csv":
        return {file.stem: _csv_rows(file)[1:] for file in path.iterdir()}
    return {
        f.stem: [tuple(r.values()) for r in pq.read_table(f).to_pylist()] for f in path.iterdir()
    }


def _duckdb_rows(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple[Any, ...]]:
    source = f'"{_doubled(table)}"'
    columns = [row[0] for row in connection.execute(f"describe {source}").fetchall()]
    # Instants with a zone would need a package that is not ours.
    chosen = ", ".join(f'"{_doubled(name)}"' for name in columns if name != "zoned")
    return connection.execute(f"select {chosen} from {source}").fetchall()


def _doubled(name: str) -> str:
    return name.replace('"', '""')


def _csv_rows(path: Path) -> list[tuple[str, ...]]:
    # Python's reader takes no NUL before 3.11.
    text = path.read_bytes().decode("utf-8").replace("\0", "␀")
    return [tuple(row) for row in csv.reader(io.StringIO(text, newline=""), strict=True)]


def target(tmp_path: Path, form: str) -> Path:
    return tmp_path / "out" / (form if form in FOLDERS else f"study.{form}")


def left_behind(folder: Path) -> list[str]:
    """Hidden files and folders: what is in the making, or was."""
    return [path.name for path in folder.rglob(".*")]


# --------------------------------------------------------------------------------- what is written


@pytest.mark.parametrize("form", FORMATS)
def test_all_rows_of_all_tables(form: str, dataset: Dataset, tmp_path: Path) -> None:
    seen: list[Progress] = []

    path = dataset.export(target(tmp_path, form), form, progress=seen.append)

    assert path == target(tmp_path, form)
    found = read_back(path, form)
    assert {name: len(rows) for name, rows in found.items()} == COUNTS
    ids = [id_ for (id_,) in dataset.execute("select id from files").fetchall()]
    assert [row[0] for row in found["files"]] == ids, "in the order of the dataset"
    assert {p.table: (p.rows, p.total_rows) for p in seen} == {
        name: (count, count) for name, count in COUNTS.items()
    }
    assert {p.stage for p in seen} == {"export"}
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("form", FORMATS)
def test_some_tables_of_another_version(form: str, dataset: Dataset, tmp_path: Path) -> None:
    path = dataset.export(target(tmp_path, form), form, ["subjects", "files"], "#1")

    assert {n: len(rows) for n, rows in read_back(path, form).items()} == {
        "subjects": 2,
        "files": 4,
    }
    assert dataset.version == "v2"
    one = dataset.export(tmp_path / "one", form, "subjects")
    assert set(read_back(one, form)) == {"subjects"}


def test_parquet_is_the_data_file_itself(dataset: Dataset, root: Path, tmp_path: Path) -> None:
    dataset.export(tmp_path / "out")

    for name in PRIMARY:
        (original,) = (root / "versions/v2/tables" / name).iterdir()
        assert (tmp_path / "out" / f"{name}.parquet").read_bytes() == original.read_bytes()


def test_several_data_files_become_one(tmp_path: Path) -> None:
    folder = write_old_version(tmp_path / "d", "v1", {"files": pa.table({"id": ["a"], "n": [1]})})
    more = pa.table({"n": [2.5], "id": ["b"], "new": [["x"]]})
    pq.write_table(more, folder / "tables/files/other.parquet")

    Dataset.open(tmp_path / "d").export(tmp_path / "out")

    rows = pq.read_table(tmp_path / "out/files.parquet").sort_by("id").to_pylist()
    assert rows == [{"id": "a", "n": 1.0, "new": None}, {"id": "b", "n": 2.5, "new": ["x"]}]


def test_parquet_of_odd_values(odd: Dataset, tmp_path: Path) -> None:
    odd.export(tmp_path / "out")

    assert pq.read_table(tmp_path / 'out/od"d table.parquet').drop(["number"]) == ODD.drop(
        ["number"]
    )


def test_csv_of_odd_values(odd: Dataset, tmp_path: Path) -> None:
    odd.export(tmp_path / "out", "csv")

    content = (tmp_path / 'out/od"d table.csv').read_bytes()
    lines = content.decode("utf-8").split("\r\n")
    assert lines[0].startswith("id,text,whole,number,")
    assert lines[1].startswith('a,"",9223372036854775807,nan,true,2024-05-06T12:00:00.000500Z,')
    assert lines[2] == 'b,,-9223372036854775808,inf,false,,,,,,,""""'
    assert lines[-1] == ""
    _, first, _, third, last = _csv_rows(tmp_path / 'out/od"d table.csv')
    assert first[6:] == (
        "2024-05-06T12:00:00.000500Z",
        "2024-05-06",
        '["a,b","c\\""]',
        '{"x":1}',
        "18446744073709551615",
        "'",
    )
    assert third[1] == 'say "hi", or\r\nnot'
    assert (third[5], third[7], third[8]) == ("0001-05-06T12:00:00.000500Z", "0001-01-01", "[]")
    assert (last[1], last[3], last[8]) == ("ünï␀cödé 日本", "0.1", "[null]")


def test_csv_of_one_column_has_a_line_for_each_row(tmp_path: Path) -> None:
    write_old_version(tmp_path / "d", "v1", {"files": pa.table({"id": ["a", None, ""]})})

    Dataset.open(tmp_path / "d").export(tmp_path / "out", "csv")

    assert (tmp_path / "out/files.csv").read_bytes() == b'id\r\na\r\n""\r\n""\r\n'


def test_sqlite_of_odd_values(odd: Dataset, tmp_path: Path) -> None:
    path = odd.export(tmp_path / "out.sqlite", "sqlite")

    rows = {row[0]: row for row in read_back(path, "sqlite")['od"d table']}
    assert rows["a"][1:] == (
        "",
        2**63 - 1,
        "NaN",
        1,
        "2024-05-06T12:00:00.000500Z",
        "2024-05-06T12:00:00.000500Z",
        "2024-05-06",
        '["a,b","c\\""]',
        '{"x":1}',
        "18446744073709551615",
        "'",
    )
    assert rows["b"][1:] == (None, -(2**63), float("inf"), 0, *[None] * 6, '"')
    assert rows["c"][2:5] == (None, None, None)
    assert rows["d"][1] == "ünï\x00cödé 日本"
    with closing(sqlite3.connect(path)) as database:
        kinds = [row[2] for row in database.execute("pragma table_info('od\"d table')")]
        (check,) = database.execute("pragma integrity_check").fetchone()
    assert kinds == ["TEXT", "TEXT", "INTEGER", "REAL", "INTEGER", *["TEXT"] * 7]
    assert check == "ok"


def test_sqlite_takes_many_rows_in_batches(tmp_path: Path) -> None:
    rows = pa.table({"id": [str(n) for n in range(5000)], "n": range(5000)})
    write_old_version(tmp_path / "d", "v1", {"files": rows})
    seen: list[Progress] = []

    Dataset.open(tmp_path / "d").export(tmp_path / "x.sqlite", "sqlite", progress=seen.append)

    assert read_back(tmp_path / "x.sqlite", "sqlite")["files"] == [(str(n), n) for n in range(5000)]
    assert [p.rows for p in seen] == [2000, 4000, 5000, 5000]


def test_sqlite_says_what_it_cannot_hold(tmp_path: Path) -> None:
    many = pa.table({f"c{n}": [n] for n in range(2100)})
    write_old_version(tmp_path / "d", "v1", {"wide": many, "sqlite_x": pa.table({"a": [1]})})
    dataset = Dataset.open(tmp_path / "d")

    for name, words in (("wide", "too many columns"), ("sqlite_x", "reserved")):
        with pytest.raises(StorageError, match=f"SQLite cannot hold table '{name}': .*{words}"):
            dataset.export(tmp_path / "x.sqlite", "sqlite", [name])
    assert not (tmp_path / "x.sqlite").exists()


def test_duckdb_keeps_types_and_meanings(dataset: Dataset, odd: Dataset, tmp_path: Path) -> None:
    dataset.export(tmp_path / "study.duckdb", "duckdb")
    odd.export(tmp_path / "odd.duckdb", "duckdb")

    with duckdb.connect(str(tmp_path / "study.duckdb"), read_only=True) as connection:
        described = "select column_name, column_type from (describe subjects)"
        types = connection.execute(described).fetchall()
        comments = dict(
            connection.execute("select table_name, comment from duckdb_tables()").fetchall()
        )
        column = connection.execute(
            "select comment from duckdb_columns() where table_name = 'subjects'"
            " and column_name = 'age'"
        ).fetchall()
    assert types == dataset.execute(described).fetchall()
    assert comments == {name: table.description for name, table in dataset.tables.items()}
    properties = dataset.tables["subjects"].data_model.properties
    assert column == [(properties["age"]["description"],)]
    with duckdb.connect(str(tmp_path / "odd.duckdb"), read_only=True) as connection:
        wide = connection.execute('select * exclude (number, zoned) from "od""d table"').fetchall()
    assert wide == odd.execute('select * exclude (number, zoned) from "od""d table"').fetchall()


@pytest.mark.parametrize("form", FORMATS)
def test_tables_without_files_or_columns(form: str, tmp_path: Path) -> None:
    folder = write_old_version(tmp_path / "d", "v1", {"files": pa.table({"id": ["a"]})})
    properties = {"id": {"type": "string"}, "n": {"type": "integer"}}
    write_json(folder / "schemas/none.schema.json", {"id": "none", "properties": properties})
    write_json(folder / "schemas/bare.schema.json", {"id": "bare", "properties": {}})
    dataset = Dataset.open(tmp_path / "d")

    path = dataset.export(target(tmp_path, form), form)

    assert {name: len(rows) for name, rows in read_back(path, form).items()} == {
        "files": 1,
        "none": 0,
    }
    with pytest.raises(DatasetFormatError, match=r"'bare'.* neither columns nor data files"):
        dataset.export(tmp_path / "other", form, ["bare"])


@pytest.mark.parametrize("release", OLD_RELEASES)
@pytest.mark.parametrize("form", FORMATS)
def test_datasets_of_older_releases(form: str, release: str, tmp_path: Path) -> None:
    root = next(shared("data", "old_format", release, "datasets").glob("*/*/*"))
    dataset = Dataset.open(root)

    path = dataset.export(target(tmp_path, form), form)

    counts = {name: len(rows) for name, rows in read_back(path, form).items()}
    assert counts == dataset.row_counts()


@pytest.mark.parametrize("kind", ["s3", "azure", "gcs"])
def test_from_an_object_store(kind: str, root: Path, emulators: Emulators, tmp_path: Path) -> None:
    emulator, bucket = emulators.get(kind), f"export-{kind}"
    emulator.make_bucket(bucket)
    place = StorePlace(emulator, bucket, "a study")
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        place.storage.put(path.relative_to(root).as_posix(), path.read_bytes())
    distant, local = Dataset.open(place.url, place.credentials), Dataset.open(root)

    for form in FORMATS:
        here, there = tmp_path / "here" / form, tmp_path / "there" / form
        local.export(here, form)
        distant.export(there, form)
        assert read_back(there, form) == read_back(here, form)
    assert list(distant.download(tmp_path / "there"))[-1].startswith("Saved")


def test_from_memory(root: Path, tmp_path: Path) -> None:
    from fw_dataset.storage.memory import MemoryStorage

    storage = MemoryStorage()
    for path in root.rglob("*"):
        if path.is_file():
            storage.put(path.relative_to(root).as_posix(), path.read_bytes())

    path = Dataset(storage).export(tmp_path / "out", "csv")

    assert {name: len(rows) for name, rows in read_back(path, "csv").items()} == COUNTS


# ------------------------------------------------------------------------------- whole or nothing


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_there_stays_unless_forced(form: str, dataset: Dataset, tmp_path: Path) -> None:
    path = dataset.export(target(tmp_path, form), form, ["subjects"])
    before = tree(tmp_path)

    with pytest.raises(FileExistsError, match=r"exists already; force=True, or --force, replaces"):
        dataset.export(path, form)
    assert tree(tmp_path) == before
    dataset.export(path, form, ["files"], force=True)

    assert set(read_back(path, form)) == {"files"}
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("form", FOLDERS)
def test_folders_of_others_are_not_replaced(form: str, dataset: Dataset, tmp_path: Path) -> None:
    path = dataset.export(tmp_path / "out", form, ["subjects"])
    (path / "thesis.txt").write_text("years of work")
    (path / f"folder.{form}").mkdir()
    before = tree(tmp_path)

    for _ in range(2):
        with pytest.raises(ObjectExistsError, match=r"it holds '.*', which no export wrote"):
            dataset.export(path, form, force=True)
        assert tree(tmp_path) == before
        (path / "thesis.txt").unlink(missing_ok=True)
        before = tree(tmp_path)


def test_an_empty_folder_is_filled(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()

    dataset.export(tmp_path / "out", "csv", ["subjects"])

    assert [path.name for path in (tmp_path / "out").iterdir()] == ["subjects.csv"]


def test_files_and_folders_are_not_taken_for_each_other(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()

    with pytest.raises(ObjectExistsError, match="it is a file; name a folder"):
        dataset.export(tmp_path / "file", "csv", force=True)
    with pytest.raises(StorageError, match="it is a folder; name a file"):
        dataset.export(tmp_path / "folder", "sqlite", force=True)
    with pytest.raises(StorageError, match="a file is in the way"):
        dataset.export(tmp_path / "file/deeper", "csv")
    assert (tmp_path / "file").read_text() == "mine"


class Stop(Exception):  # noqa: N818 - it is no error of ours
    pass


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("form", FORMATS)
def test_an_interrupted_export_leaves_all_as_it_was(
    form: str, force: bool, dataset: Dataset, tmp_path: Path
) -> None:
    path = target(tmp_path, form)
    if force:
        dataset.export(path, form, ["subjects"])
    before = tree(tmp_path)

    def stop(progress: Progress) -> None:
        if progress.table == "sessions":
            raise Stop

    with pytest.raises(Stop):
        dataset.export(path, form, force=force, progress=stop)
    assert tree(tmp_path) == before


_EXPORT = """
import os, signal, sys
from fw_dataset import Dataset
def kill(progress):
    if progress.table == "sessions":
        os.kill(os.getpid(), signal.SIGKILL)
Dataset.open(sys.argv[1]).export(sys.argv[2], sys.argv[3], force=True, progress=kill)
"""


@pytest.mark.parametrize("form", FORMATS)
def test_the_next_export_clears_up_after_one_that_was_killed(
    form: str, root: Path, tmp_path: Path
) -> None:
    dataset, path = Dataset.open(root), target(tmp_path, form)
    dataset.export(path, form, ["subjects"])
    before = tree(path) if path.is_dir() else path.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", _EXPORT, str(root), str(path), form], check=False, timeout=60
    )

    assert done.returncode == -signal.SIGKILL
    assert (tree(path) if path.is_dir() else path.read_bytes()) == before
    assert left_behind(tmp_path) != []
    dataset.export(path, form, ["files"], force=True)
    assert set(read_back(path, form)) == {"files"}
    assert left_behind(tmp_path) == []


def test_a_folder_that_was_being_replaced_comes_back(dataset: Dataset, tmp_path: Path) -> None:
    dataset.export(tmp_path / "out", "csv", ["subjects"])
    former = tmp_path / ".out.former"
    (tmp_path / "out").rename(former)  # as a process that was killed in that moment leaves it

    with pytest.raises(ObjectExistsError, match="exists already"):
        dataset.export(tmp_path / "out", "csv")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["subjects.csv"]
    former.mkdir()  # and one that was killed a moment later
    dataset.export(tmp_path / "out", "csv", force=True)
    assert not former.exists()


def test_a_damaged_data_file_is_not_exported(tmp_path: Path) -> None:
    snapshot = small_snapshot(tmp_path / "in")
    dataset = render_snapshot(snapshot, tmp_path / "d")
    (path,) = (tmp_path / "d").rglob("tables/files/*.parquet")
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)

    with pytest.raises(DatasetFormatError, match="not the file that the manifest names"):
        dataset.export(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    path.unlink()
    for form in FORMATS:
        with pytest.raises((DatasetFormatError, ObjectNotFoundError)) as caught:
            dataset.export(tmp_path / "out", form)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", FORMATS)
def test_a_full_disk_is_named(form: str, tmp_path: Path) -> None:
    """A limit to the size of files stands for the disk's end."""
    rows = pa.table({"id": [os.urandom(400).hex() for _ in range(5000)]})
    write_old_version(tmp_path / "d", "v1", {"files": rows})
    code = (
        "import resource, sys\n"
        "from fw_dataset import Dataset, errors\n"
        "dataset = Dataset.open(sys.argv[1])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
        "try:\n    dataset.export(sys.argv[2], sys.argv[3])\n"
        "except errors.FWDatasetError as error:\n    print(type(error).__name__, error)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "d"), str(tmp_path / "out"), form],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert done.stdout.startswith("Storage"), done.stdout
    assert ".fw-dataset-work" not in done.stdout
    assert not (tmp_path / "out").exists()
    assert left_behind(tmp_path) == []


def test_wrong_arguments(dataset: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for wrong, error, words in (
        ({"format": "xlsx"}, InvalidArgumentError, "one of parquet, csv, duckdb, sqlite"),
        ({"tables": []}, InvalidArgumentError, "names no table"),
        ({"tables": ["subject"]}, TableNotFoundError, "did you mean 'subjects'"),
        ({"version": "v9"}, VersionNotFoundError, "'v9'"),
        ({"dest": "s3://bucket/x"}, UnsupportedLocationError, "is no path"),
        ({"dest": ""}, UnsupportedLocationError, "is no path"),
    ):
        arguments: Any = {"dest": out, **wrong}
        with pytest.raises(error, match=words):
            dataset.export(**arguments)
    assert not out.exists()


def test_a_place_below_the_home_folder(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    assert dataset.export("~/a/b", "csv", ["subjects"]) == tmp_path / "a/b"
    assert dataset.export("c", "csv", ["subjects"]) == tmp_path / "c"


# -------------------------------------------------------------------------------------- download


def test_download_says_what_it_does_and_is_whole(dataset: Dataset, tmp_path: Path) -> None:
    told = list(dataset.download(tmp_path / "new"))

    assert told == [
        *(f"Created table {n}" for n in sorted(COUNTS)),
        f"Saved {tmp_path}/new/dataset.db",
    ]
    found = read_back(tmp_path / "new/dataset.db", "duckdb")
    assert {name: len(rows) for name, rows in found.items()} == COUNTS
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["dataset.db"]


def test_download_takes_the_version_at_hand(dataset: Dataset, tmp_path: Path) -> None:
    dataset.connect("v1")

    list(dataset.download(tmp_path))

    assert len(read_back(tmp_path / "dataset.db", "duckdb")["subjects"]) == 2


def test_download_of_any_table_name(odd: Dataset, tmp_path: Path) -> None:
    told = list(odd.download(str(tmp_path / "new")))
    assert told[0] == 'Created table od"d table'
    assert len(read_back(tmp_path / "new/dataset.db", "duckdb")['od"d table']) == 4


def test_a_download_begins_when_it_is_iterated(dataset: Dataset, tmp_path: Path) -> None:
    began = dataset.download(tmp_path / "new")

    assert isinstance(began, Iterator)
    assert not (tmp_path / "new").exists()
    del began


def test_an_abandoned_download_leaves_nothing(dataset: Dataset, tmp_path: Path) -> None:
    began = dataset.download(tmp_path / "new")
    next(began)
    assert not (tmp_path / "new/dataset.db").exists()
    del began

    assert not (tmp_path / "new").exists()


def test_a_download_replaces_only_when_forced(dataset: Dataset, tmp_path: Path) -> None:
    list(dataset.download(tmp_path))
    before = untouched(tmp_path)
    dataset.connect("v1")

    with pytest.raises(FileExistsError, match=r"dataset\.db: exists already; force=True"):
        next(dataset.download(tmp_path))
    assert untouched(tmp_path) == before
    abandoned = dataset.download(tmp_path, force=True)
    next(abandoned)
    del abandoned
    assert len(read_back(tmp_path / "dataset.db", "duckdb")["subjects"]) == 3
    list(dataset.download(tmp_path, force=True))
    assert len(read_back(tmp_path / "dataset.db", "duckdb")["subjects"]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["dataset.db"]


def test_a_database_in_use_is_not_replaced(dataset: Dataset, tmp_path: Path) -> None:
    list(dataset.download(tmp_path))
    with duckdb.connect(str(tmp_path / "dataset.db")) as connection:
        connection.execute("create table mine (a integer)")
        with pytest.raises(ObjectExistsError, match=r"dataset\.db is in use, or was not closed"):
            list(dataset.download(tmp_path, force=True))
        connection.execute("insert into mine values (1)")

    assert read_back(tmp_path / "dataset.db", "duckdb")["mine"] == [(1,)]


def test_one_of_two_downloads_at_once_wins(dataset: Dataset, tmp_path: Path) -> None:
    first, second = dataset.download(tmp_path), dataset.download(tmp_path)
    next(first)
    next(second)
    list(first)

    with pytest.raises(ObjectExistsError):
        list(second)
    assert [path.name for path in tmp_path.iterdir()] == ["dataset.db"]


def test_what_a_json_column_holds_is_the_same_everywhere(dataset: Dataset, tmp_path: Path) -> None:
    list(dataset.download(tmp_path))
    dataset.export(tmp_path / "x.sqlite", "sqlite")
    dataset.export(tmp_path / "csv", "csv")

    with duckdb.connect(str(tmp_path / "dataset.db"), read_only=True) as connection:
        duck = [text for (text,) in connection.execute("select info from files").fetchall()]
    with closing(sqlite3.connect(tmp_path / "x.sqlite")) as database:
        lite = [text for (text,) in database.execute("select info from files")]
    heading, *rows = _csv_rows(tmp_path / "csv/files.csv")
    assert duck == lite == [row[heading.index("info")] for row in rows]
    assert json.loads(lite[0]) == {"header": {"dicom": {"EchoTime": 0.5}}}


def test_ctrl_c_ends_an_export_at_once(tmp_path: Path) -> None:
    rows = pa.table({"id": [str(n) for n in range(1_000_000)]})
    write_old_version(tmp_path / "d", "v1", {"files": rows})
    code = (
        "import sys\nfrom fw_dataset import Dataset\n"
        "def told(progress): print(progress.rows, flush=True)\n"
        "Dataset.open(sys.argv[1]).export(sys.argv[2], 'sqlite', progress=told)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "d"), str(tmp_path / "out.sqlite")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    process.stdout.readline()
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)

    assert process.returncode not in (0, None)
    assert time.monotonic() - began < 20
    assert not (tmp_path / "out.sqlite").exists()
    assert left_behind(tmp_path) == []
