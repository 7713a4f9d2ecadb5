"""Records as they come out: all of them, grouped, in an order that insertion does not change."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fw_dataset.snapshot import Record, open_snapshot
from tests.support.snapshots import Data, of_records, write_database

ORDER = ("subject", "session", "acquisition", "analysis")


def read(path: Path, table: str = "file", order: Sequence[str] = ORDER) -> list[Record]:
    with open_snapshot(path, path.parent, keep=False) as snapshot:
        return list(snapshot.records(table, order))


def rows_of(path: Path, rows: list[tuple[object, Data]], schema: str = "") -> list[Record]:
    """What is read of a table with these rows, in the database's own order."""
    write_database(path, {"file": rows}, schema=schema)
    return read(path)


def place(record: Record) -> tuple[str, ...]:
    parents = json.loads(record.data or b"{}").get("parents") or {}
    return tuple(parents.get(level) or "" for level in ORDER)


def test_records_are_their_bytes(tmp_path: Path) -> None:
    records = rows_of(tmp_path / "s.db", [("a", b'{"x" : 1.50}'), ("b", b"\xff\x00"), ("c", b"")])

    assert dict(records) == {"a": b'{"x" : 1.50}', "b": b"\xff\x00", "c": b""}


def test_records_of_other_types(tmp_path: Path) -> None:
    rows: list[tuple[object, Data]] = [("null", None), ("text", '{"é": "\\ud800"}'), ("empty", "")]
    write_database(tmp_path / "s.db", {"file": rows})
    with closing(sqlite3.connect(tmp_path / "s.db")) as connection, connection:
        connection.execute("insert into file values ('integer', 5), ('real', 1.5)")

    assert dict(read(tmp_path / "s.db")) == {
        "null": None,
        "text": '{"é": "\\ud800"}'.encode(),
        "empty": b"",
        "integer": b"5",
        "real": b"1.5",
    }


def test_text_that_is_not_utf8_is_left_to_its_reader(tmp_path: Path) -> None:
    write_database(tmp_path / "s.db", {"file": [("a", {"x": 1})]})
    with closing(sqlite3.connect(tmp_path / "s.db")) as connection, connection:
        connection.execute("insert into file values ('b', cast(x'7b22ff227d' as text))")

    assert dict(read(tmp_path / "s.db"))["b"] == b'{"\xff"}'


def test_text_of_a_utf16_database_is_utf8(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "s.db")) as connection:
        connection.execute("pragma encoding = 'UTF-16'")
        connection.execute("create table other (id)")
    rows: list[tuple[object, Data]] = [
        ("é", '{"é": 1, "parents": {"subject": "s2"}}'),
        ("f", b'{"parents": {"subject": "s1"}}'),
    ]

    records = rows_of(tmp_path / "s.db", rows)

    assert records == [
        Record("f", b'{"parents": {"subject": "s1"}}'),
        Record("é", '{"é": 1, "parents": {"subject": "s2"}}'.encode()),
    ]


@pytest.mark.parametrize(
    ("key", "text"),
    [(1, "1"), (1.5, "1.5"), (b"bytes", "bytes"), (b"\xff", "\ufffd"), ("é\n'", "é\n'"), ("", "")],
)
def test_ids_are_texts(key: object, text: str, tmp_path: Path) -> None:
    records = rows_of(tmp_path / "s.db", [(key, b"{}")], schema="(id, data)")

    assert records == [Record(text, b"{}")]


def test_rows_without_an_id_and_rows_of_one_id_are_kept(tmp_path: Path) -> None:
    rows: list[tuple[object, Data]] = [(None, b"{}"), (None, b"[]"), ("a", b"1"), ("a", b"2")]

    records = rows_of(tmp_path / "s.db", rows, schema="(id, data)")

    assert sorted(data or b"" for _, data in records) == [b"1", b"2", b"[]", b"{}"]


@pytest.mark.parametrize(
    "schema",
    [
        "(id TEXT PRIMARY KEY, data BLOB) WITHOUT ROWID",
        "(id TEXT PRIMARY KEY, data JSON)",
        "(data BLOB, other INTEGER, id VARCHAR)",
        "(id INTEGER PRIMARY KEY, data BLOB)",
        '(id TEXT, data BLOB, "group" TEXT)',
    ],
)
def test_tables_of_other_makes(schema: str, tmp_path: Path) -> None:
    rows: list[tuple[object, Data]] = [(n, {"n": n}) for n in range(30)]
    write_database(tmp_path / "s.db", {"file": rows, "project": [(1, {})]}, schema=schema)

    records = read(tmp_path / "s.db")

    assert {record.id: json.loads(record.data or b"") for record in records} == {
        str(n): {"n": n} for n in range(30)
    }


def test_rows_of_a_subject_and_a_session_stand_together(tmp_path: Path) -> None:
    noise = random.Random(1)
    made: list[dict[str, Any]] = []
    for n in range(1000):
        subject = noise.choice(["s1", "s2", "s3", "é", None])
        session = noise.choice(["a", "b", None])
        made.append({"_id": f"{n:04}", "parents": {"subject": subject, "session": session}})

    records = rows_of(tmp_path / "s.db", of_records(*made))

    places = [(*place(record), record.id) for record in records]
    assert len(places) == 1000
    assert places == sorted(places)


ODD_RECORDS = {
    "NaN": b'{"info": {"a": NaN}, "parents": {"subject": "s1"}}',
    "surrogate": b'{"label": "\\ud800", "parents": {"subject": "s1"}}',
    "raw control character": b'{"label": "\t\x01", "parents": {"subject": "s1"}}',
    "huge number": b'{"x": 1e999, "parents": {"subject": "s1"}}',
    "other parents": b'{"parents": {"group": {}, "subject": "s1", "session": null}}',
    "session that is no text": b'{"parents": {"subject": "s1", "session": 5}}',
    "parents twice": b'{"parents": {"subject": "s9"}, "parents": {"subject": "s1"}}',
}


@pytest.mark.parametrize("odd", ODD_RECORDS.values(), ids=ODD_RECORDS)
def test_odd_records_stand_with_their_subject(odd: bytes, tmp_path: Path) -> None:
    rows: list[tuple[object, Data]] = [("k", odd)]
    for key, subject in (("a", "s0"), ("b", "s1"), ("z", "s1"), ("d", "s2")):
        rows.append((key, {"parents": {"subject": subject}}))

    keys = [record.id for record in rows_of(tmp_path / "s.db", rows)]

    assert keys.index("a") < keys.index("k") < keys.index("d")
    assert sorted(keys) == ["a", "b", "d", "k", "z"]


@pytest.mark.parametrize(
    "unreadable",
    [b"{", b"", None, b"[]", b"null", b"\xff", b'{"parents": 5}', b'{"parents": []}', b"[" * 10**5],
)
def test_records_without_a_place_come_first(unreadable: bytes | None, tmp_path: Path) -> None:
    rows: list[tuple[object, Data]] = [("a", {"parents": {"subject": "s"}}), ("b", unreadable)]

    assert [record.id for record in rows_of(tmp_path / "s.db", rows)] == ["b", "a"]


parents = st.fixed_dictionaries(
    {}, optional={level: st.sampled_from(["a", "b", None, 5, "\0", "é"]) for level in ORDER}
)
odd_records: st.SearchStrategy[Data] = st.one_of(
    st.fixed_dictionaries({"parents": st.one_of(parents, st.none(), st.just([]))}),
    st.sampled_from(list(ODD_RECORDS.values())),
    st.sampled_from([b"{", b"\xff", None]),
)


@settings(max_examples=30)
@given(
    rows=st.lists(odd_records, max_size=12),
    order=st.lists(st.sampled_from(ORDER), unique=True),
    noise=st.randoms(use_true_random=False),
)
def test_insertion_does_not_change_the_order(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[Data],
    order: list[str],
    noise: random.Random,
) -> None:
    folder = tmp_path_factory.mktemp("order")
    keyed = [(f"k{n}", data) for n, data in enumerate(rows)]
    shuffled = noise.sample(keyed, len(keyed))

    first = read(write_database(folder / "first.db", {"file": keyed}), "file", order)
    again = read(write_database(folder / "again.db", {"file": shuffled}), "file", order)

    assert first == again
    assert sorted(record.id for record in first) == sorted(key for key, _ in keyed)


def test_without_an_order_records_come_by_id(tmp_path: Path) -> None:
    keys = ["b", "a", "C", "é", "aa", ""]
    write_database(tmp_path / "s.db", {"subject": [(key, b"{}") for key in keys]})

    assert [record.id for record in read(tmp_path / "s.db", "subject", ())] == sorted(keys)


def test_records_of_ten_megabytes(tmp_path: Path) -> None:
    large = {"info": {"text": "x" * 10_000_000}}
    rows = of_records({"_id": "a"}, {"_id": "b", **large}, {"_id": "c", **large})

    records = rows_of(tmp_path / "s.db", rows)

    assert [len(record.data or b"") > 10_000_000 for record in records] == [False, True, True]


def test_tables_can_be_read_one_after_the_other_and_again(tmp_path: Path) -> None:
    files = of_records({"_id": "f1"}, {"_id": "f2"})
    write_database(tmp_path / "s.db", {"file": files, "subject": of_records({"_id": "s"})})

    with open_snapshot(tmp_path / "s.db", tmp_path, keep=False) as snapshot:
        for _ in range(2):
            assert [record.id for record in snapshot.records("file", ORDER)] == ["f1", "f2"]
            assert [record.id for record in snapshot.records("subject")] == ["s"]
            assert list(snapshot.records("analysis", ORDER)) == []
        assert snapshot.count("file") == 2


def test_nothing_is_written_beside_the_file(tmp_path: Path) -> None:
    path = write_database(tmp_path / "s.db", {"file": of_records({"_id": "f"})})
    content = path.read_bytes()

    with open_snapshot(path, tmp_path, keep=False) as snapshot:
        for _ in snapshot.records("file", ORDER):
            assert list(tmp_path.iterdir()) == [path]

    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == content
