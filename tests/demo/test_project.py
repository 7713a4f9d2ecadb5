"""The synthetic project: the same for a seed, whole, linked, and as odd as asked."""

from __future__ import annotations

import gzip
import itertools
import json
import re
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from fw_dataset.demo import SnapshotCounts, write_benchmark_snapshot, write_snapshot
from fw_dataset.demo.oddities import ODDITIES
from fw_dataset.demo.snapshot_file import TABLES
from tests.demo.snapshot_reading import records, texts

Project = tuple[Path, SnapshotCounts]


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Project:
    path = tmp_path_factory.mktemp("odd") / "snapshot.db"
    return path, write_snapshot(path)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Project:
    path = tmp_path_factory.mktemp("plain") / "snapshot.db"
    return path, write_snapshot(path, odd_values=False)


@pytest.fixture(scope="module")
def benchmark_snapshot(tmp_path_factory: pytest.TempPathFactory) -> Project:
    path = tmp_path_factory.mktemp("benchmark") / "snapshot.db"
    return path, write_benchmark_snapshot(path, 3000)


def test_one_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.db.gz", "b.db.gz"):
        write_snapshot(tmp_path / name, subjects=3)
    write_snapshot(tmp_path / "a.db", subjects=3)
    packed = (tmp_path / "a.db.gz").read_bytes()
    assert packed == (tmp_path / "b.db.gz").read_bytes()
    assert gzip.decompress(packed) == (tmp_path / "a.db").read_bytes()


def test_another_seed_gives_another_project(tmp_path: Path) -> None:
    write_snapshot(tmp_path / "a.db", subjects=3, seed=1)
    write_snapshot(tmp_path / "b.db", subjects=3, seed=2)
    first, second = ({i for i, _ in texts(tmp_path / name, "file")} for name in ("a.db", "b.db"))
    assert not first & second


def test_more_subjects_leave_the_first_ones_as_they_were(tmp_path: Path) -> None:
    write_snapshot(tmp_path / "few.db", subjects=2, odd_values=False)
    write_snapshot(tmp_path / "many.db", subjects=5, odd_values=False)
    few, many = (texts(tmp_path / name, "file") for name in ("few.db", "many.db"))
    assert many[: len(few)] == few
    assert len(many) > len(few)


def test_a_snapshot_replaces_an_older_one_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "snapshot.db.gz"
    write_snapshot(path, subjects=2)
    counts = write_snapshot(path, subjects=1)
    assert [entry.name for entry in path.parent.iterdir()] == ["snapshot.db.gz"]
    assert len(texts(path, "subject")) == counts.subject == 1


def test_nothing_appears_when_writing_fails(tmp_path: Path) -> None:
    target = tmp_path / "snapshot.db"
    target.mkdir()
    with pytest.raises(OSError, match=re.escape(target.name)):
        write_snapshot(target, subjects=1)
    assert list(tmp_path.iterdir()) == [target]
    assert list(target.iterdir()) == []


@pytest.mark.parametrize("count", [0, -1])
def test_a_project_without_subjects_is_refused(tmp_path: Path, count: int) -> None:
    with pytest.raises(ValueError, match=str(count)):
        write_snapshot(tmp_path / "a.db", subjects=count)
    with pytest.raises(ValueError, match=str(count)):
        write_benchmark_snapshot(tmp_path / "a.db", count)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("project", ["odd", "plain", "benchmark_snapshot"])
def test_counts_are_those_of_the_file(project: str, request: pytest.FixtureRequest) -> None:
    path, counts = request.getfixturevalue(project)
    size = 0
    for table in TABLES:
        rows = texts(path, table)
        assert len(rows) == getattr(counts, table)
        size += sum(len(text.encode()) for _, text in rows)
    assert counts.json_bytes == size
    assert counts.records == sum(getattr(counts, table) for table in TABLES)


@pytest.mark.parametrize("project", ["odd", "plain", "benchmark_snapshot"])
def test_every_record_has_its_place(project: str, request: pytest.FixtureRequest) -> None:
    path, _ = request.getfixturevalue(project)
    parent_tables = ("project", "subject", "session", "acquisition", "analysis")
    known = {table: {identifier for identifier, _ in records(path, table)} for table in TABLES}
    for table in TABLES:
        for identifier, record in records(path, table):
            assert identifier == record["uuid" if table == "file" else "_id"]
            for level in parent_tables:
                parent = record["parents"].get(level)
                assert parent is None or parent in known[level]
    for _, file in records(path, "file"):
        reference = file["parent_ref"]
        assert reference["id"] in known[reference["type"]]
        assert file["parents"][reference["type"]] == reference["id"]


@pytest.mark.parametrize("project", ["odd", "plain", "benchmark_snapshot"])
def test_parents_agree_with_one_another(project: str, request: pytest.FixtureRequest) -> None:
    path, _ = request.getfixturevalue(project)
    levels = ("acquisition", "analysis")
    above = {i: record["parents"] for table in levels for i, record in records(path, table)}
    seen = 0
    for _, file in records(path, "file"):
        own = file["parents"]
        for level in levels:
            if own.get(level) is not None:
                assert above[own[level]].items() <= own.items()
                seen += 1
    assert seen > 2000


def test_versions_of_a_file_are_numbered_and_replaced_in_order(plain: Project) -> None:
    versions: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for _, record in records(plain[0], "file"):
        versions[record["_id"]["file_id"]].append(record)
    for history in versions.values():
        assert [r["_id"]["version"] for r in history] == list(range(1, len(history) + 1))
        assert len({record["uuid"] for record in history}) == len(history)
        assert len({record["name"] for record in history}) == 1
        for older, newer in itertools.pairwise(history):
            assert older["replaced"] == newer["created"]
        assert history[-1].get("replaced") is None
    assert set(Counter(map(len, versions.values()))) == {1, 2, 3}


def test_records_are_plain_when_oddities_are_not_wanted(plain: Project) -> None:
    path, counts = plain
    assert counts.odd == 0
    for _, file in records(path, "file"):
        assert isinstance(file["size"], int)
        assert 0 <= file["size"] < 2**63
        assert datetime.fromisoformat(file["modified"]) >= datetime.fromisoformat(file["created"])
    for table in TABLES:
        for _, text in texts(path, table):
            assert json.loads(text, parse_constant=pytest.fail, object_pairs_hook=_without_twins)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({key.lower() for key, _ in pairs}) == len(pairs)
    return dict(pairs)


@pytest.mark.parametrize("table", sorted(ODDITIES))
def test_every_oddity_of_a_table_occurs(odd: Project, plain: Project, table: str) -> None:
    pairs = zip(texts(odd[0], table), texts(plain[0], table), strict=True)
    changed = [strange for strange, common in pairs if strange != common]
    assert len(changed) >= len(ODDITIES[table])
    assert {identifier for identifier, _ in changed} <= {i for i, _ in texts(plain[0], table)}


@pytest.mark.parametrize(
    ("table", "sign"),
    [
        ("file", r'"size": "12 MB"'),
        ("file", r'"size": 9223372036854775813'),
        ("file", r'"nan": NaN, "infinity": -Infinity'),
        ("file", r'"big": 1208925819614629174706176'),
        ("file", r'"twice": 1, "twice": 2'),
        ("file", r'"echotime": "2\.22"'),
        ("file", r'"Private\.Block\.01": \{"a\.b": 1, "a": \{"b": 2\}\}'),
        ("file", r'"a\\u0000b", "nul\\u0000key"'),
        ("file", r'"modified": "yesterday"'),
        ("subject", r'"lastname": "Jos\\ud800"'),
        ("subject", r'"date_of_birth": "1950-02-30"'),
        ("subject", r'"info": null'),
        ("session", r'"operator": "first", "operator": "second@example.org"'),
        ("session", r'"weight": "72,5 kg"'),
        ("acquisition", r"broken \\udc00 text"),
        ("acquisition", r'"label": "2 - T1w\\u0000_MPRAGE"'),
        ("analysis", r'"job": \{"id"'),
    ],
)
def test_odd_values_are_there_and_only_when_asked(
    odd: Project, plain: Project, table: str, sign: str
) -> None:
    assert any(re.search(sign, text) for _, text in texts(odd[0], table))
    assert not any(re.search(sign, text) for _, text in texts(plain[0], table))


def test_people_belong_to_nobody_real(odd: Project) -> None:
    for table in TABLES:
        for _, text in texts(odd[0], table):
            for address in re.findall(r"[\w.]+@[\w.]+", text):
                assert address.endswith("@example.org")


def test_a_benchmark_has_the_shape_it_promises(benchmark_snapshot: Project) -> None:
    path, counts = benchmark_snapshot
    assert counts.file == 3000
    assert counts.odd == 0
    headers = [
        record["info"]["header"]["dicom"]
        for _, record in records(path, "file")
        if "dicom" in record["info"].get("header", {})
    ]
    assert 0.26 < len(headers) / counts.file < 0.30
    assert all(80 <= len(header) <= 92 for header in headers)
    bytes_per_file = sum(len(text) for _, text in texts(path, "file")) / counts.file
    assert 2400 < bytes_per_file < 2700


def test_benchmark_records_stand_in_random_order(benchmark_snapshot: Project) -> None:
    path, _ = benchmark_snapshot
    sessions = [record["parents"]["session"] for _, record in records(path, "file")]
    neighbours = sum(left == right for left, right in itertools.pairwise(sessions))
    assert neighbours < len(sessions) / 50
    assert sessions != sorted(sessions)


@pytest.mark.parametrize("files", [1, 29, 30, 1001])
def test_a_benchmark_has_exactly_the_files_asked_for(tmp_path: Path, files: int) -> None:
    counts = write_benchmark_snapshot(tmp_path / "a.db", files)
    identifiers = [identifier for identifier, _ in records(tmp_path / "a.db", "file")]
    assert counts.file == len(set(identifiers)) == files
