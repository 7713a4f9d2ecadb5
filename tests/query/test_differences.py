"""What differs between two versions: exactly that, however the rows stand in the files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fw_dataset import Dataset, render_snapshot
from fw_dataset.errors import (
    DatasetFormatError,
    InvalidArgumentError,
    StorageFullError,
    TableNotFoundError,
    VersionNotFoundError,
)
from fw_dataset.query import differences
from fw_dataset.query.differences import Difference
from tests.support.datasets import (
    PRIMARY,
    Study,
    small_snapshot,
    small_study,
    untouched,
    write_json,
    write_old_version,
)
from tests.support.emulators import Emulators
from tests.support.shared_data import STUDIES, shared
from tests.support.snapshots import write_snapshot
from tests.support.store_places import StorePlace

NOTHING = {"added": 0, "removed": 0, "changed": 0, "columns": {}}
Rows = Sequence[Mapping[str, Any]]


def two_versions(root: Path, old: pa.Table, new: pa.Table, table: str = "things") -> Dataset:
    """A dataset with one table, as it was and as it is."""
    write_old_version(root, "v1", {table: old})
    write_old_version(root, "v2", {table: new}, created="2024-02-01T00:00:00.000+00:00")
    return Dataset.open(root)


def of_table(root: Path, old: pa.Table, new: pa.Table, table: str = "things") -> dict[str, Any]:
    with two_versions(root, old, new, table).diff("v1", "v2") as difference:
        found: dict[str, Any] = difference.to_dict()["tables"][table]
        return found


def split(root: Path, version: str, rows: pa.Table, size: int, table: str = "things") -> None:
    """Have the rows of a version in several files, in the order of their names."""
    folder = root / "versions" / version / "tables" / table
    for path in folder.iterdir():
        path.unlink()
    for start in range(0, rows.num_rows, size):
        pq.write_table(rows.slice(start, size), folder / f"part-{start:09}.parquet")


def rendered(root: Path, version: str, study: Study, day: int) -> None:
    snapshot = write_snapshot(root.parent / f"{version}.db.gz", study)
    render_snapshot(snapshot, root, version=version, created=f"2024-01-{day:02}T00:00:00Z")


def records(study: Study, table: str) -> list[dict[str, Any]]:
    """The records of a table, to be changed in place."""
    return [record for _, record in study[table] if isinstance(record, dict)]


# ---------------------------------------------------------------------------------- known edits


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of two versions that differ in a few known things."""
    root = tmp_path_factory.mktemp("edited") / "dataset"
    rendered(root, "before", small_study(subjects=10, files=3), 1)
    study = small_study(subjects=10, files=3)
    subjects, files = records(study, "subject"), records(study, "file")
    for subject in subjects[:7]:
        subject["label"] += " (renamed)"
    subjects[2]["info"] = {"number": 2, "new": True}
    files[0]["tags"] = ["raw", "checked"]
    newer = {**files[1], "uuid": "ffffffff-0000-4000-8000-000000000000"}
    newer["_id"] = {**newer["_id"], "version": 2}
    study["file"].append((newer["uuid"], newer))
    del study["file"][4:6]
    rendered(root, "after", study, 2)
    return root


def test_known_edits_are_what_is_said(edited: Path) -> None:
    with Dataset.open(edited).diff("before", "after") as difference:
        found = difference.to_dict()

    assert found == {
        "old": "before",
        "new": "after",
        "tables": {
            **dict.fromkeys(PRIMARY, NOTHING),
            "subjects": {**NOTHING, "changed": 7, "columns": {"label": 7, "info": 1}},
            "files": {"added": 1, "removed": 2, "changed": 1, "columns": {"tags": 1}},
        },
        "tables_added": {},
        "tables_removed": {},
    }
    assert not difference.is_equal
    assert difference.tables["sessions"].is_equal
    assert difference.tables["files"].key == ("file_id", "version")
    assert difference.tables["subjects"].key == ("id",)


def test_rows_say_it_in_full(edited: Path) -> None:
    with Dataset.open(edited).diff("before", "after") as difference:
        subjects = difference.rows("subjects")
        assert subjects.columns == ["change", "id", "column", "old", "new"]
        rows = subjects.order("id, 3").fetchall()
        files = {row[0]: row for row in difference.rows("files").fetchall()}
        sessions = difference.rows("sessions").fetchall()
        schemas = difference.connection.sql(
            "select count(*) from changes.subjects c join new.subjects n using (id)"
            " join old.subjects o using (id) where c.\"column\" = 'label'"
            " and c.old = o.label and c.new = n.label"
        ).fetchall()

    assert len(rows) == 8
    assert {row[0] for row in rows} == {"changed"}
    assert [row[2:] for row in rows[:2]] == [
        ("label", "subject-0", "subject-0 (renamed)"),
        ("label", "subject-1", "subject-1 (renamed)"),
    ]
    assert ("info", '{"number": 2}', '{"number": 2, "new": true}') in [row[2:] for row in rows]
    assert files["changed"][3:] == ("tags", '["raw","a b"]', '["raw","checked"]')
    assert (files["added"][2], files["added"][3], files["added"][4]) == (2, None, None)
    assert json.loads(files["added"][5])["id"] == "ffffffff-0000-4000-8000-000000000000"
    assert (files["removed"][3], files["removed"][5]) == (None, None)
    assert json.loads(files["removed"][4])["version"] == 1
    assert sessions == []
    assert schemas == [(7,)]


def test_the_other_way_round(edited: Path) -> None:
    with Dataset.open(edited).diff("latest", "before") as difference:
        found = difference.to_dict()["tables"]

    assert found["files"] == {"added": 2, "removed": 1, "changed": 1, "columns": {"tags": 1}}
    assert found["subjects"]["changed"] == 7


def test_a_version_equals_itself_and_a_second_render(tmp_path: Path) -> None:
    root = tmp_path / "dataset"
    for day, version in enumerate(("v1", "v2"), 1):
        rendered(root, version, small_study(subjects=3), day)
    dataset = Dataset.open(root)

    for new in ("v1", "v2"):
        with dataset.diff("v1", new) as difference:
            assert difference.is_equal
            assert set(difference.tables) == set(PRIMARY)
            assert difference.rows("files").fetchall() == []


def test_files_of_equal_hashes_are_not_opened(tmp_path: Path) -> None:
    root = tmp_path / "dataset"
    for day, version in enumerate(("v1", "v2"), 1):
        rendered(root, version, small_study(subjects=3), day)
    for path in root.rglob("*.parquet"):
        path.write_bytes(b"nobody looks")

    with Dataset.open(root).diff("v1", "v2") as difference:
        assert difference.is_equal
        with pytest.raises(DatasetFormatError, match="subjects"):
            difference.rows("subjects")


@pytest.mark.parametrize("study", STUDIES)
def test_an_edit_of_a_real_study(study: str, tmp_path: Path) -> None:
    snapshot = shared("data", study, "snapshot.db.gz")
    render_snapshot(snapshot, tmp_path / "d", version="v1", created="2024-01-01T00:00:00Z")
    keep = {"subjects": ["label"], "sessions": [], "acquisitions": [], "analyses": [], "files": []}
    render_snapshot(
        snapshot,
        tmp_path / "d",
        version="v2",
        created="2024-01-02T00:00:00Z",
        control_columns=keep,
    )
    dataset = Dataset.open(tmp_path / "d")

    with dataset.diff("v1", "v2") as difference:
        for name, table in difference.tables.items():
            assert (table.added, table.removed, table.changed) == (0, 0, 0), name
            if name != "projects":
                assert "created" in table.columns_removed, name
        assert difference.to_dict()["tables"]["subjects"]["columns_removed"]["age"] == "BIGINT"


# ---------------------------------------------------------------------------- tables and columns


def test_tables_that_one_version_lacks(tmp_path: Path) -> None:
    rows = pa.table({"id": ["a", "b"], "n": [1, 2]})
    write_old_version(tmp_path, "v1", {"both": rows, "former": rows, "no key": rows.select(["n"])})
    write_old_version(
        tmp_path, "v2", {"both": rows, "qc": rows.slice(1)}, created="2025-01-01T00:00:00Z"
    )

    with Dataset.open(tmp_path).diff("v1", "v2") as difference:
        found = difference.to_dict()
        added = difference.rows("qc").fetchall()
        removed = difference.rows("former").order("id").fetchall()
        keyless = difference.rows("no key").columns
        views = difference.connection.sql(
            "select schema_name || '.' || view_name from duckdb_views() where not internal"
        ).fetchall()

    assert found["tables"] == {"both": NOTHING}
    assert found["tables_added"] == {"qc": 1}
    assert found["tables_removed"] == {"former": 2, "no key": 2}
    assert added == [("added", "b", None, None, '{"id":"b","n":2}')]
    assert removed[0] == ("removed", "a", None, '{"id":"a","n":1}', None)
    assert keyless == ["change", "column", "old", "new"]
    assert not difference.is_equal
    assert {"changes.both", "old.both", "new.both", "new.qc"} <= {name for (name,) in views}
    assert "new.former" not in {name for (name,) in views}


def test_columns_added_removed_and_retyped(tmp_path: Path) -> None:
    old = pa.table({"id": ["a", "b", "c"], "n": ["1", "x", None], "gone": [1, 2, 3]})
    new = pa.table({"id": ["a", "b", "c"], "n": [1, 2, None], "come": [["q"], [], None]})

    assert of_table(tmp_path, old, new) == {
        **NOTHING,
        "changed": 1,
        "columns": {"n": 1},
        "columns_added": {"come": "VARCHAR[]"},
        "columns_removed": {"gone": "BIGINT"},
        "columns_retyped": {"n": ["VARCHAR", "BIGINT"]},
    }


BIG = 2**53 + 1
DAY = date(2024, 5, 6)
MIDNIGHT = datetime(2024, 5, 6, tzinfo=timezone.utc)
NOON = MIDNIGHT.replace(hour=12)


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        (pa.array([1]), pa.array([1.0]), True),
        (pa.array([1]), pa.array([1.5]), False),
        (pa.array([BIG]), pa.array([float(BIG)]), False),
        (pa.array([BIG - 1]), pa.array([float(BIG)]), True),
        (pa.array([1]), pa.array([1e300]), False),
        (pa.array([1]), pa.array([float("nan")]), False),
        (pa.array([1], pa.int32()), pa.array([1]), True),
        (pa.array([2**64 - 1], pa.uint64()), pa.array([-1]), False),
        (pa.array([0.5], pa.float32()), pa.array([0.5]), True),
        (pa.array(["00072"]), pa.array([72]), False),
        (pa.array(["72"]), pa.array([72]), True),
        (pa.array(["true"]), pa.array([True]), True),
        (pa.array(["2024-05-06T12:00:00.000+00:00"]), pa.array([NOON], pa.timestamp("us")), True),
        (pa.array(["2024-05-06T14:00:00+02:00"]), pa.array([NOON], pa.timestamp("us")), True),
        (pa.array(["2024-05-06T14:00:00Z"]), pa.array([NOON], pa.timestamp("us")), False),
        (pa.array(["soon"]), pa.array([None], pa.timestamp("us")), False),
        (pa.array([""]), pa.array([None], pa.timestamp("us")), False),
        (pa.array([NOON], pa.timestamp("us", "UTC")), pa.array([NOON], pa.timestamp("us")), True),
        (pa.array([NOON], pa.timestamp("ns")), pa.array([NOON], pa.timestamp("us")), True),
        (pa.array(["2024-05-06"]), pa.array([DAY]), True),
        (pa.array([MIDNIGHT], pa.timestamp("us")), pa.array([DAY]), True),
        (pa.array([NOON], pa.timestamp("us")), pa.array([DAY]), False),
        (pa.array(['["a","b"]']), pa.array([["a", "b"]]), True),
        (pa.array(["[a, b]"]), pa.array([["a", "b"]]), False),
        (pa.array([None], pa.string()), pa.array([None], pa.int64()), True),
        (pa.array([None], pa.string()), pa.array([0]), False),
        (pa.array([1], pa.int64()), pa.array([None], pa.float64()), False),
    ],
)
def test_values_of_two_types(tmp_path: Path, old: pa.Array, new: pa.Array, same: bool) -> None:
    ids = pa.array(["a"])
    before, after = (pa.table({"id": ids, "x": values}) for values in (old, new))

    found = of_table(tmp_path, before, after)

    assert found["changed"] == (0 if same else 1)
    assert "x" in found["columns_retyped"]


def test_values_of_one_type(tmp_path: Path) -> None:
    nan, zero = float("nan"), 0.0
    old = {"t": ["", None, "a"], "f": [nan, zero, 1.0], "l": [["a"], [], None]}
    new = {"t": [None, None, "A"], "f": [nan, -zero, 2.0], "l": [["a"], None, None]}
    ids = {"id": ["1", "2", "3"]}

    found = of_table(tmp_path, pa.table({**ids, **old}), pa.table({**ids, **new}))

    assert (found["changed"], found["columns"]) == (3, {"t": 2, "f": 1, "l": 1})


SPELLINGS = [
    ('{"a": 1, "b": [true, null]}', '{"b":[true,null],"a":1.0}', True),
    ('"\\u00e9"', '"é"', True),
    ("1e2", "100", True),
    ("[NaN, Infinity]", "[NaN,Infinity]", True),
    ('{"a": {"b": 9007199254740993}}', '{"a":{"b":9007199254740993}}', True),
    ("9007199254740993", "9007199254740993.0", True),
    ("9007199254740993", "9007199254740992.0", False),
    ("0.1", "0.1000000000000000055511151231257827", False),
    ('{"a": true}', '{"a": 1}', False),
    ("[0]", "[false]", False),
    ('["NaN"]', "[NaN]", False),
    ("[NaN]", "[Infinity]", False),
    ("[1, 2]", "[2, 1]", False),
    ('{"a": null}', "{}", False),
    ('{"a": 1', '{"a":1', False),
    ("[" * 100_000, "[ " * 100_000, False),
    ("1" * 5000, " " + "1" * 5000, False),
    (None, "null", False),
    ("", " ", False),
]


@pytest.mark.parametrize(("old", "new", "same"), SPELLINGS, ids=range(len(SPELLINGS)))
def test_json_is_compared_as_values(tmp_path: Path, old: str | None, new: str, same: bool) -> None:
    info = {"type": ["string", "null"], "contentMediaType": "application/json"}
    columns = {"id": {"type": "string"}, "info": info, "text": {"type": "string"}}
    schemas = {"things": {"id": "things", "properties": columns}}
    for version, value in (("v1", old), ("v2", new)):
        rows = pa.table({"id": ["a"], "info": pa.array([value], pa.string()), "text": ["x"]})
        write_old_version(tmp_path, version, {"things": rows}, schemas=schemas)

    with Dataset.open(tmp_path).diff("v1", "v2") as difference:
        assert dict(difference.tables["things"].columns) == ({} if same else {"info": 1})
        assert len(difference.rows("things").fetchall()) == (0 if same else 1)


def test_records_that_were_only_spelled_anew_are_equal(tmp_path: Path) -> None:
    """Only what is a value of JSON may be spelled in another way, and only there."""
    root = tmp_path / "d"
    study = small_study(subjects=4, files=3)
    rendered(root, "v1", study, 1)
    respelled: Study = {
        table: [(key, json.dumps(record, indent=1, sort_keys=True)) for key, record in rows]
        for table, rows in study.items()
    }
    label = json.loads(str(respelled["subject"][0][1])) | {"label": "other"}
    respelled["subject"][0] = (respelled["subject"][0][0], label)
    rendered(root, "v2", respelled, 2)

    with (
        pytest.MonkeyPatch.context() as patch,
        Dataset.open(root) as dataset,
    ):
        patch.setattr("fw_dataset.query.table_comparison._BYTES_AT_ONCE", 0)
        patch.setattr("fw_dataset.query.table_comparison._LEAST_ROWS", 5)
        with dataset.diff("v1", "v2") as difference:
            tables = difference.to_dict()["tables"]
    assert tables.pop("subjects") == {**NOTHING, "changed": 1, "columns": {"label": 1}}
    assert list(tables.values()) == [NOTHING] * 5


def test_text_that_is_no_json_column_is_compared_to_the_letter(tmp_path: Path) -> None:
    old, new = (pa.table({"id": ["a"], "x": [text]}) for text in ('{"a": 1}', '{"a":1}'))

    assert of_table(tmp_path, old, new)["columns"] == {"x": 1}


@pytest.mark.parametrize("type_", [pa.string(), pa.int64()])
def test_a_key_may_be_retyped(tmp_path: Path, type_: pa.DataType) -> None:
    old = pa.table({"id": pa.array([1, 2, 3]), "x": [1, 1, 1]})
    new = pa.table({"id": pa.array([2, 3, 4]).cast(type_), "x": [1, 2, 1]})

    found = of_table(tmp_path, old, new)

    assert (found["added"], found["removed"], found["changed"]) == (1, 1, 1)


def test_names_that_sql_would_take_for_its_own(tmp_path: Path) -> None:
    names = ["place", "old", "o.x", 'qu"ote', "it's", "change", "filename", "x0", "k0", "d0", "ü"]
    odd = {name: [f"{name} 1", f"{name} 2"] for name in names}
    old = pa.table({"id": ["a", "b"], **odd})
    new = pa.table({"id": ["a", "b"], **{k: [v[0], v[1] + "!"] for k, v in odd.items()}})

    with two_versions(tmp_path, old, new, 'ta"ble').diff("v1", "v2") as difference:
        table = difference.tables['ta"ble']
        rows = difference.rows('ta"ble').fetchall()

    assert table.columns == dict.fromkeys(names, 1)
    assert sorted(row[2] for row in rows) == sorted(names)
    assert {row[4] for row in rows} == {f"{name} 2!" for name in names}


@pytest.mark.parametrize("name", ["file_row_number", "fw_dataset.file", "File_Row_Number"])
def test_columns_called_like_those_of_the_reader(tmp_path: Path, name: str) -> None:
    old = pa.table({"id": ["a", "b", "c"], name: [7, 8, 9]})
    new = pa.table({"id": ["b", "c", "d"], name: [8, 0, 9]})
    dataset = two_versions(tmp_path, old, new)
    split(tmp_path, "v2", new, 2)

    with dataset.diff("v1", "v2") as difference:
        found = difference.tables["things"]
        assert (found.added, found.removed, found.columns) == (1, 1, {name: 1})
        rows = difference.rows("things").order("change").fetchall()
    assert rows[1][1:] == ("c", name, "9", "0")


def test_very_many_columns(tmp_path: Path) -> None:
    old = pa.table({"id": ["a", "b"], **{f"c{n}": [n, n] for n in range(1100)}})
    new = old.set_column(1100, "c1099", pa.array([0, 1099]))

    with two_versions(tmp_path, old, new).diff("v1", "v2") as difference:
        assert difference.tables["things"].columns == {"c1099": 1}
        assert difference.rows("things").fetchall() == [("changed", "a", "c1099", "1099", "0")]


def test_tables_without_files_or_columns(tmp_path: Path) -> None:
    folders = [
        write_old_version(tmp_path, version, {"files": pa.table({"id": ["a"]})})
        for version in ("v1", "v2")
    ]
    schemas = [{"id": {"type": "string"}}, {"id": {"type": "string"}, "n": {"type": "integer"}}]
    for folder, properties in zip(folders, schemas, strict=True):
        write_json(folder / "schemas/none.schema.json", {"id": "none", "properties": properties})
        write_json(folder / "schemas/bare.schema.json", {"id": "bare", "properties": {}})

    with Dataset.open(tmp_path).diff("v1", "v2") as difference:
        assert difference.to_dict()["tables"] == {
            "files": NOTHING,
            "none": {**NOTHING, "columns_added": {"n": "BIGINT"}},
            "bare": NOTHING,
        }
        for name in ("none", "bare"):
            assert difference.rows(name).fetchall() == []


# ------------------------------------------------------------------------------- which row is which


def test_keys_that_several_rows_have_multiply_nothing(tmp_path: Path) -> None:
    old = pa.table({"id": ["a", "b", "b", "b", None, "c"], "x": [1, 2, 2, 3, 4, 5]})
    new = pa.table({"id": ["a", "b", "b", None, None, "c"], "x": [9, 2, 4, 4, 5, 5]})

    with two_versions(tmp_path, old, new).diff("v1", "v2") as difference:
        found = difference.tables["things"]
        rows = difference.rows("things").fetchall()

    assert (found.added, found.removed, found.changed, found.columns) == (2, 2, 1, {"x": 1})
    assert found.ambiguous == (4, 4)
    assert difference.to_dict()["tables"]["things"]["ambiguous"] == [4, 4]
    assert Counter(row[0] for row in rows) == {"added": 2, "removed": 2, "changed": 1}


def test_a_key_that_only_the_new_version_has_twice(tmp_path: Path) -> None:
    old = pa.table({"id": ["a", "b"], "x": [1, 2]})
    new = pa.table({"id": ["a", "b", "b"], "x": [1, 2, 3]})

    found = of_table(tmp_path, old, new)

    assert found == {**NOTHING, "added": 1, "ambiguous": [1, 2]}


def test_doubled_rows_of_an_old_render(tmp_path: Path) -> None:
    once = pa.table({"id": ["a", "b"], "x": [1, 2]})
    twice = pa.concat_tables([once, once])

    found = of_table(tmp_path, twice, once)

    assert found == {**NOTHING, "removed": 2, "ambiguous": [4, 2]}


def test_rows_without_a_key_are_compared_as_a_whole(tmp_path: Path) -> None:
    old = pa.table({"row": [0, 1, 1, 2, None], "x": ["a", "b", "b", "c", None], "gone": [1] * 5})
    new = pa.table({"row": [0, 1, 1, 1, None], "x": ["a", "b", "b", "b", None]})

    with two_versions(tmp_path, old, new).diff("v1", "v2") as difference:
        found = difference.tables["things"]
        rows = sorted(difference.rows("things").fetchall(), key=str)

    assert (found.added, found.removed, found.changed, found.key) == (1, 1, 0, ())
    assert found.columns_removed == {"gone": "BIGINT"}
    assert rows == [
        ("added", None, None, '{"row":1,"x":"b"}'),
        ("removed", None, '{"row":2,"x":"c","gone":1}', None),
    ]


def test_several_equal_rows_are_each_a_row(tmp_path: Path) -> None:
    old, new = pa.table({"x": ["a"]}), pa.table({"x": ["a", "b", "b", "b"]})

    with two_versions(tmp_path, old, new).diff("v1", "v2") as difference:
        assert difference.tables["things"].added == 3
        assert len(difference.rows("things").fetchall()) == 3


def test_no_column_in_common(tmp_path: Path) -> None:
    found = of_table(tmp_path, pa.table({"a": [1, 2]}), pa.table({"b": [1]}))

    assert (found["added"], found["removed"]) == (1, 2)


def test_files_without_their_own_key_have_an_id(tmp_path: Path) -> None:
    old = pa.table({"id": ["a"], "file_id": ["f"], "x": [1]})
    new = pa.table({"id": ["a"], "file_id": ["g"], "x": [1]})

    assert of_table(tmp_path, old, new, "files")["columns"] == {"file_id": 1}


CELLS = st.fixed_dictionaries(
    {
        "id": st.sampled_from([*"abcdefgh", None]),
        "x": st.sampled_from([0, 1, None]),
        "y": st.sampled_from(["", "p", None]),
    }
)
SCHEMA = pa.schema({"id": pa.string(), "x": pa.int64(), "y": pa.string()})


def expected(old: Rows, new: Rows) -> dict[str, Any]:
    """The numbers, worked out the slow way."""
    counts = [Counter(row["id"] for row in rows) for rows in (old, new)]

    def own(row: Mapping[str, Any]) -> bool:
        return row["id"] is not None and max(count[row["id"]] for count in counts) == 1

    before, after = ({row["id"]: row for row in rows if own(row)} for rows in (old, new))
    both = [(before[key], after[key]) for key in before if key in after]
    columns = {c: sum(a[c] != b[c] for a, b in both) for c in ("x", "y")}
    rest = [
        Counter(str(sorted(row.items())) for row in rows if not own(row)) for rows in (old, new)
    ]
    found = {
        "added": len(after.keys() - before.keys()) + (rest[1] - rest[0]).total(),
        "removed": len(before.keys() - after.keys()) + (rest[0] - rest[1]).total(),
        "changed": sum(a != b for a, b in both),
        "columns": {name: count for name, count in columns.items() if count},
    }
    ambiguous = [count.total() for count in rest]
    return {**found, "ambiguous": ambiguous} if any(ambiguous) else found


@settings(max_examples=60)
@given(
    old=st.lists(CELLS, max_size=12),
    new=st.lists(CELLS, max_size=12),
    files=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    stretch=st.integers(1, 5),
)
def test_any_two_tables(
    tmp_path_factory: pytest.TempPathFactory,
    old: Rows,
    new: Rows,
    files: tuple[int, int],
    stretch: int,
) -> None:
    root = tmp_path_factory.mktemp("any")
    tables = [pa.Table.from_pylist(list(rows), SCHEMA) for rows in (old, new)]
    dataset = two_versions(root, *tables)
    for version, rows, size in zip(("v1", "v2"), tables, files, strict=True):
        if rows.num_rows:
            split(root, version, rows, size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fw_dataset.query.table_comparison._BYTES_AT_ONCE", 0)
        patch.setattr("fw_dataset.query.table_comparison._LEAST_ROWS", stretch)
        with dataset.diff("v1", "v2") as difference:
            found = difference.to_dict()["tables"]["things"]
            rows_of = Counter(row[0] for row in difference.rows("things").fetchall())
            cells = difference.rows("things").filter("change = 'changed'").fetchall()

    assert found == expected(old, new)
    assert (rows_of["added"], rows_of["removed"]) == (found["added"], found["removed"])
    assert Counter(cell[2] for cell in cells) == Counter(found["columns"])


def test_rows_in_another_order_are_the_same_rows(tmp_path: Path) -> None:
    ids = [f"{n:05}" for n in range(5000)]
    old = pa.table({"id": ids, "x": range(5000)})
    new = pa.table({"id": ids[::-1], "x": [*range(4999, 0, -1), -1]})
    dataset = two_versions(tmp_path, old, new)
    split(tmp_path, "v2", new, 1100)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fw_dataset.query.table_comparison._BYTES_AT_ONCE", 0)
        with dataset.diff("v1", "v2") as difference:
            assert difference.tables["things"].columns == {"x": 1}
            assert difference.rows("things").fetchall() == [("changed", "00000", "x", "0", "-1")]


# ---------------------------------------------------------------------- arguments and surroundings


def test_labels_and_chosen_tables(tmp_path: Path) -> None:
    for version, label, subjects in (("v1", "first", 2), ("v2", "second", 3)):
        snapshot = small_snapshot(tmp_path, version, subjects=subjects)
        render_snapshot(snapshot, tmp_path / "d", version=version, label=label)
    dataset = Dataset.open(tmp_path / "d")

    with dataset.diff("first", "second", tables=["subjects", "files"]) as difference:
        assert (difference.old, difference.new) == ("v1", "v2")
        assert set(difference.tables) == {"subjects", "files"}
        assert difference.tables["subjects"].added == 1
        with pytest.raises(TableNotFoundError, match="no table 'sessions' was compared"):
            difference.rows("sessions")
    with dataset.diff("v1", "v2", tables="files") as difference:
        assert set(difference.tables) == {"files"}
    assert repr(difference) == "Difference('v1', 'v2', is_equal=False)"


def test_what_is_not_there_is_named(edited: Path) -> None:
    dataset = Dataset.open(edited)

    with pytest.raises(VersionNotFoundError, match="'v9'"):
        dataset.diff("before", "v9")
    with pytest.raises(TableNotFoundError, match="did you mean 'subjects'"):
        dataset.diff("before", "after", tables=["subject"])
    with pytest.raises(InvalidArgumentError, match="names no table"):
        dataset.diff("before", "after", tables=[])


def test_a_damaged_data_file_is_named(tmp_path: Path) -> None:
    rows = pa.table({"id": ["a"], "x": [1]})
    dataset = two_versions(tmp_path, rows, rows)
    (path,) = (tmp_path / "versions/v2").rglob("*.parquet")
    path.write_bytes(b"PAR1 no more PAR1")

    with pytest.raises(DatasetFormatError, match="table 'things'") as caught:
        dataset.diff("v1", "v2")
    assert "\n" not in str(caught.value)


def test_nothing_is_written_and_nothing_stays(
    edited: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    before = untouched(edited)

    with Dataset.open(edited).diff("before", "after") as difference:
        difference.rows("files").fetchall()
        # What does not fit in memory goes there, and not into the current folder.
        temporary = difference.connection.sql(
            "select current_setting('temp_directory')"
        ).fetchall()[0][0]
        Path(temporary).mkdir(exist_ok=True)

    assert temporary.startswith(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
    assert untouched(edited) == before


def test_more_than_memory_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differences, "_MOST_MEMORY", "160MB")
    monkeypatch.setattr("fw_dataset.query.table_comparison._BYTES_AT_ONCE", 16 << 20)
    ids = [f"{n:024}" for n in range(40_000)]
    texts = [f"{n}" * 600 for n in range(40_000)]  # some 110 MB
    old = pa.table({"id": ids, "info": texts})
    new = old.set_column(1, "info", pa.array([*texts[:-1], "x"]))
    root = tmp_path / "d"
    dataset = two_versions(root, old, new)
    for version, rows in (("v1", old), ("v2", new)):
        (path,) = (root / "versions" / version).rglob("*.parquet")
        pq.write_table(rows, path, row_group_size=2000)

    with dataset.diff("v1", "v2") as difference:
        assert difference.tables["things"].columns == {"info": 1}


def test_too_little_memory_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differences, "_MOST_MEMORY", "20MB")
    old = pa.table(
        {"id": [f"{n}" for n in range(50)], "info": [f"{n}" * 500_000 for n in range(50)]}
    )
    new = old.slice(1)
    dataset = two_versions(tmp_path / "d", old, new)

    with pytest.raises(StorageFullError, match="in 20MB of memory") as caught:
        dataset.diff("v1", "v2")
    assert "\n" not in str(caught.value)


def test_memory_is_not_more_than_the_machine_gives(
    edited: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(differences, "_MOST_MEMORY", "1000TB")

    with Dataset.open(edited).diff("before", "after") as difference:
        asked = "select current_setting('memory_limit')"
        limit = difference.connection.execute(asked).fetchall()[0][0]
        with duckdb.connect() as other:
            default = other.execute(asked).fetchall()[0][0]
    assert differences._bytes(limit) <= differences._bytes(default)


def test_it_is_closed_when_nobody_holds_it(edited: Path) -> None:
    difference = Dataset.open(edited).diff("before", "after")
    close: Callable[[], object] = difference.close
    difference.close()
    close()

    with pytest.raises(Exception, match="closed"):
        difference.rows("files")


@pytest.mark.parametrize("kind", ["s3", "azure", "gcs"])
def test_versions_in_an_object_store(kind: str, edited: Path, emulators: Emulators) -> None:
    emulator = emulators.get(kind)
    bucket = f"diff-{kind}"
    emulator.make_bucket(bucket)
    place = StorePlace(emulator, bucket, "a study")
    for path in sorted(edited.rglob("*")):
        if path.is_file():
            place.storage.put(path.relative_to(edited).as_posix(), path.read_bytes())
    dataset = Dataset.open(place.url, place.credentials)

    with (
        Dataset.open(edited).diff("before", "after") as local,
        dataset.diff("before", "after") as difference,
    ):
        assert difference.to_dict() == local.to_dict()
        rows = [sorted(d.rows("files").fetchall(), key=str) for d in (difference, local)]
    assert rows[0] == rows[1]


def test_versions_in_memory_of_this_process(edited: Path) -> None:
    from fw_dataset.storage.memory import MemoryStorage

    storage = MemoryStorage()
    for path in edited.rglob("*"):
        if path.is_file():
            storage.put(path.relative_to(edited).as_posix(), path.read_bytes())

    with Dataset(storage).diff("before", "after") as difference:
        assert difference.tables["subjects"].changed == 7
        assert isinstance(difference, Difference)
