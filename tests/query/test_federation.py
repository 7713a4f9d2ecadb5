"""Several datasets, or versions, in one connection: what is in it, and what it costs."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_dataset import Dataset, connect_all, render_snapshot
from fw_dataset.errors import (
    DatasetFormatError,
    DatasetNotFoundError,
    InvalidArgumentError,
    InvalidNameError,
    ObjectNotFoundError,
    VersionNotFoundError,
)
from fw_dataset.query import distinct_names, read_failure
from fw_dataset.query.drift import Member, Union, unite
from fw_dataset.query.side_by_side import each
from tests.support.datasets import PRIMARY, small_snapshot, write_old_version
from tests.support.emulators import Emulators
from tests.support.proxy import proxy_before
from tests.support.reading import CountingStorage
from tests.support.shared_data import OLD_RELEASES, STUDIES, shared
from tests.support.store_places import StorePlace

_buckets = count()
VIEWS = {*PRIMARY, "full_table", "sessions_summary"}


def in_memory(folder: Path) -> CountingStorage:
    """A dataset that is not on a disk, with all that is asked of it counted."""
    storage = CountingStorage()
    for path in folder.rglob("*"):
        if path.is_file():
            storage.put(path.relative_to(folder).as_posix(), path.read_bytes())
    return storage


def rendered(folder: Path, subjects: int, **choices: Any) -> Dataset:
    snapshot = small_snapshot(folder.parent, f"{folder.name}-in", subjects=subjects)
    return render_snapshot(snapshot, folder, **choices)


def old(folder: Path, columns: Mapping[str, Any], table: str = "scores") -> Dataset:
    write_old_version(folder, "v1", {table: pa.table(dict(columns))})
    return Dataset.open(folder)


def answer(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return connection.execute(sql).fetchall()


def views(connection: duckdb.DuckDBPyConnection, schema: str) -> set[str]:
    sql = "SELECT view_name FROM duckdb_views() WHERE schema_name = ?"
    return {name for (name,) in connection.execute(sql, [schema]).fetchall()}


@pytest.fixture(params=["local", "memory"])
def sites(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Dataset]:
    """Two datasets: with 2 and 3 subjects."""
    found = {"siteA": rendered(tmp_path / "a", 2), "site B": rendered(tmp_path / "b", 3)}
    if request.param == "memory":
        return {name: Dataset(in_memory(Path(one.location))) for name, one in found.items()}
    return found


# ------------------------------------------------------------------------------- what is there


def test_each_is_a_schema_and_everything_is_all(sites: dict[str, Dataset]) -> None:
    connection = connect_all(sites)

    assert answer(connection, 'SELECT count(*) FROM "siteA".subjects') == [(2,)]
    assert answer(connection, 'SELECT count(*) FROM "site B".subjects') == [(3,)]
    together = (
        "SELECT dataset, dataset_version, count(*) FROM everything.{} GROUP BY ALL ORDER BY 3"
    )
    for table in ("subjects", "files", "full_table", "sessions_summary"):
        assert answer(connection, together.format(table)) == [
            ("siteA", sites["siteA"].version, 2),
            ("site B", sites["site B"].version, 3),
        ]
    for schema in ("siteA", "site B", "everything"):
        assert views(connection, schema) == VIEWS
    assert answer(connection, "FROM fw_dataset.drift") == []


def test_rows_are_those_of_each_alone(sites: dict[str, Dataset]) -> None:
    connection = connect_all(sites)

    for name, dataset in sites.items():
        alone = dataset.connect()
        for table in VIEWS:
            own = answer(alone, f"SELECT * FROM {table} ORDER BY ALL")
            assert answer(connection, f'SELECT * FROM "{name}".{table} ORDER BY ALL') == own
            of_all = (
                "SELECT * EXCLUDE (dataset, dataset_version)"
                f" FROM everything.{table} WHERE dataset = '{name}' ORDER BY ALL"
            )
            assert answer(connection, of_all) == own
            described = answer(connection, f'DESCRIBE "{name}".{table}')
            assert described == answer(alone, f"DESCRIBE {table}")


def test_the_catalog_knows_the_columns_before_they_are_used(sites: dict[str, Dataset]) -> None:
    connection = connect_all(sites)

    listed = answer(
        connection,
        "SELECT column_name, data_type FROM duckdb_columns()"
        " WHERE schema_name = 'everything' AND table_name = 'full_table' ORDER BY column_index",
    )
    described = answer(connection, "DESCRIBE everything.full_table")
    assert listed == [row[:2] for row in described]


def test_sources_are_listed(sites: dict[str, Dataset]) -> None:
    found = answer(connect_all(sites), "SELECT * FROM fw_dataset.sources ORDER BY source DESC")

    assert [row[:6] for row in found] == [
        (name, one.location, one.id, one.name, one.version, one.version_label)
        for name, one in sites.items()
    ]


def test_cursors_and_filters_see_through_the_views(sites: dict[str, Dataset]) -> None:
    connection = connect_all(sites)
    cursor = connection.cursor()
    sql = 'SELECT id FROM "siteA".subjects WHERE label = ?'

    assert len(cursor.execute(sql, ["subject-1"]).fetchall()) == 1
    plan = "\n".join(
        row[1] for row in answer(connection, f"EXPLAIN {sql.replace('?', repr('subject-1'))}")
    )
    assert "subject-1" in plan
    assert "permissions" not in plan


def test_datasets_may_be_places_and_keep_their_version(tmp_path: Path) -> None:
    rendered(tmp_path / "a", 1, version="v1", created="2024-01-01T00:00:00Z")
    rendered(tmp_path / "b", 4, version="v1", created="2024-01-01T00:00:00Z")
    second = small_snapshot(tmp_path, "second", subjects=3)
    render_snapshot(second, tmp_path / "a", version="v2", created="2024-01-02T00:00:00Z")
    at_hand = Dataset.open(tmp_path / "a")
    at_hand.connect("v1")
    sql = "SELECT dataset, count(*) FROM everything.subjects GROUP BY ALL ORDER BY ALL"

    def counted(one: Any, versions: Any = None) -> list[tuple[Any, ...]]:
        return answer(connect_all({"a": one, "b": str(tmp_path / "b")}, versions), sql)

    assert counted(tmp_path / "a") == [("a", 3), ("b", 4)]
    assert counted(at_hand) == [("a", 1), ("b", 4)]
    assert counted(at_hand, "latest") == [("a", 3), ("b", 4)]
    assert counted(tmp_path / "a", "v1") == [("a", 1), ("b", 4)]
    assert counted(tmp_path / "a", {"a": "v1"}) == [("a", 1), ("b", 4)]
    with pytest.raises(VersionNotFoundError, match="'v2'"):
        counted(tmp_path / "a", "v2")
    with pytest.raises(InvalidArgumentError, match=r"'c'.*there are: a, b"):
        counted(tmp_path / "a", {"c": "v1"})


def test_what_cannot_be_connected(tmp_path: Path) -> None:
    empty: list[Any] = [[], {}]
    for nothing in empty:
        with pytest.raises(InvalidArgumentError, match="nothing to connect"):
            connect_all(nothing)
    with pytest.raises(InvalidArgumentError, match="give a list"):
        connect_all(str(tmp_path))
    with pytest.raises(DatasetNotFoundError, match="no-such"):
        connect_all([tmp_path / "no-such", tmp_path / "no-such-either"])


# --------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    "name", ["select", "a b", 'qu"ote', "it's", "ünï 日本", "1st", "a.b", "files", "x" * 200]
)
def test_odd_names_are_quoted(tmp_path: Path, name: str) -> None:
    scores = old(tmp_path / "a", {"score": [1]})
    connection = connect_all({name: scores, "other": scores})

    quoted = '"' + name.replace('"', '""') + '"'
    assert answer(connection, f"SELECT score FROM {quoted}.scores") == [(1,)]
    marked = "SELECT count(*) FROM everything.scores WHERE dataset = ?"
    assert connection.execute(marked, [name]).fetchall() == [(1,)]


@pytest.mark.parametrize(
    "names",
    [
        ["everything"],
        ["Everything"],
        ["main"],
        ["temp"],
        ["memory"],
        ["information_schema"],
        ["pg_catalog"],
        ["fw_dataset"],
        [""],
        [" "],
        ["a\nb"],
        ["a\x00"],
        ["x" * 300],
        ["site", "Site"],
    ],
)
def test_names_that_cannot_be(tmp_path: Path, names: list[str]) -> None:
    scores = old(tmp_path / "a", {"score": [1]})

    with pytest.raises(InvalidNameError) as caught:
        connect_all(dict.fromkeys(names, scores))
    assert "\n" not in str(caught.value)


def test_names_made_of_labels(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b", "c")]
    for folder in folders:
        old(folder, {"score": [1]})

    found = answer(connect_all(folders), "SELECT source FROM fw_dataset.sources ORDER BY 1")
    assert found == [("old study",), ("old study_2",), ("old study_3",)]
    assert distinct_names(["main", "a", "A", "", "a_2", "\n", "x" * 300]) == [
        "main_2",
        "a",
        "A_2",
        "dataset",
        "a_2_2",
        "dataset_2",
        "x" * 200,
    ]


# --------------------------------------------------------------------------------------- drift


def test_schemas_that_drifted_join(tmp_path: Path) -> None:
    first = old(tmp_path / "a", {"id": ["x"], "n": [1], "when": ["soon"], "tags": [["p", "q"]]})
    second = old(tmp_path / "b", {"ID": ["y"], "n": [2.5], "tags": ["r"], "new": [True]})
    connection = connect_all({"a": first, "b": second})

    assert [row[:2] for row in answer(connection, "DESCRIBE everything.scores")] == [
        ("dataset", "VARCHAR"),
        ("dataset_version", "VARCHAR"),
        ("id", "VARCHAR"),
        ("n", "DOUBLE"),
        ("when", "VARCHAR"),
        ("tags", "VARCHAR"),
        ("new", "BOOLEAN"),
    ]
    assert answer(connection, "FROM everything.scores ORDER BY id") == [
        ("a", "v1", "x", 1.0, "soon", '["p","q"]', None),
        ("b", "v1", "y", 2.5, None, "r", True),
    ]
    assert answer(connection, "FROM fw_dataset.drift ORDER BY ALL") == [
        ("scores", "n", "BIGINT", "DOUBLE", ["a"]),
        ("scores", "n", "DOUBLE", "DOUBLE", ["b"]),
        ("scores", "new", "BOOLEAN", "BOOLEAN", ["b"]),
        ("scores", "new", None, "BOOLEAN", ["a"]),
        ("scores", "tags", "VARCHAR", "VARCHAR", ["b"]),
        ("scores", "tags", "VARCHAR[]", "VARCHAR", ["a"]),
        ("scores", "when", "VARCHAR", "VARCHAR", ["a"]),
        ("scores", "when", None, "VARCHAR", ["b"]),
    ]


def test_tables_that_only_some_have(tmp_path: Path) -> None:
    one = old(tmp_path / "a", {"score": [1]}, "scores")
    two = old(tmp_path / "b", {"score": [2]}, "Scores")
    three = old(tmp_path / "c", {"rating": [3]}, "ratings")
    connection = connect_all({"a": one, "b": two, "c": three})

    assert answer(connection, "SELECT score FROM everything.scores ORDER BY 1") == [(1,), (2,)]
    assert answer(connection, "SELECT rating FROM everything.ratings") == [(3,)]
    assert answer(connection, "FROM fw_dataset.drift ORDER BY ALL") == [
        ("ratings", None, None, None, ["a", "b"]),
        ("scores", None, None, None, ["c"]),
    ]


def test_columns_that_are_called_like_ours(tmp_path: Path) -> None:
    columns = {"Dataset": ["mine"], "dataset_2": ["too"], "dataset_version": [7]}
    connection = connect_all({"a": old(tmp_path / "a", columns)})

    assert answer(connection, "SELECT dataset, dataset_2 FROM a.scores") == [("mine", "too")]
    described = [row[0] for row in answer(connection, "DESCRIBE everything.scores")]
    assert described == [
        "dataset",
        "dataset_version",
        "Dataset_3",
        "dataset_2",
        "dataset_version_2",
    ]
    assert answer(connection, "FROM everything.scores") == [("a", "v1", "mine", "too", 7)]


@pytest.mark.parametrize(
    ("types", "joined"),
    [
        (["BIGINT", "INTEGER"], "BIGINT"),
        (["UBIGINT", "BIGINT"], "HUGEINT"),
        (["BIGINT", "DOUBLE"], "DOUBLE"),
        (["DECIMAL(18,3)", "INTEGER"], "DOUBLE"),
        (["DATE", "TIMESTAMP"], "TIMESTAMP"),
        (["TIMESTAMP WITH TIME ZONE", "TIMESTAMP"], "TIMESTAMP"),
        (["BOOLEAN", "BIGINT"], "VARCHAR"),
        (["TIMESTAMP", "VARCHAR"], "VARCHAR"),
        (["VARCHAR[]", "VARCHAR"], "VARCHAR"),
        (["STRUCT(a INTEGER)", "STRUCT(b INTEGER)"], "VARCHAR"),
        (["DATE", "BIGINT", "BOOLEAN"], "VARCHAR"),
    ],
)
def test_types_are_widened(types: list[str], joined: str) -> None:
    members = [
        Member(f"m{number}", {"dataset": "m"}, {"a": kind}, f"(SELECT CAST(NULL AS {kind}) AS a)")
        for number, kind in enumerate(types)
    ]
    union = unite(members)

    assert union.columns == {"dataset": "VARCHAR", "a": joined}
    assert described(union) == union.columns
    assert {drift.type for drift in union.drift} == set(types)


VALUES = {
    "BIGINT": "9007199254740993",
    "DOUBLE": "CAST(0.5 AS DOUBLE)",
    "VARCHAR": "'text'",
    "TIMESTAMP": "TIMESTAMP '2024-02-29 12:00:00'",
    "DATE": "DATE '2024-02-29'",
    "BOOLEAN": "true",
    "VARCHAR[]": "['a', 'b']",
}
shapes = st.dictionaries(
    st.sampled_from(["a", "A", "b", "c d", "dataset", "dataset_2", "é"]),
    st.sampled_from(sorted(VALUES)),
    min_size=1,
).filter(lambda shape: len({name.casefold() for name in shape}) == len(shape))


def described(union: Union) -> dict[str, str]:
    with duckdb.connect() as connection:
        rows = connection.execute(f"DESCRIBE {union.sql}").fetchall()
    return {name: kind for name, kind, *_ in rows}


@given(st.lists(shapes, min_size=1, max_size=5))
def test_whatever_drifted_joins(found: Sequence[Mapping[str, str]]) -> None:
    members = []
    for number, shape in enumerate(found):
        terms = ", ".join(f'{VALUES[kind]} AS "{name}"' for name, kind in shape.items())
        members.append(Member(f"m{number}", {"dataset": f"m{number}"}, shape, f"(SELECT {terms})"))
    union = unite(members)

    assert described(union) == union.columns
    with duckdb.connect() as connection:
        rows = connection.execute(union.sql).fetchall()
    assert [row[0] for row in rows] == [member.source for member in members]
    for row, shape in zip(rows, found, strict=True):
        assert sum(value is not None for value in row[1:]) == len(shape)
    told: dict[str, list[str]] = {}
    for drift in union.drift:
        told.setdefault(drift.column, []).extend(drift.sources)
    everywhere = sorted(member.source for member in members)
    assert all(sorted(sources) == everywhere for sources in told.values())
    assert bool(told) == (len({tuple(sorted(by_name(shape).items())) for shape in found}) > 1)


def by_name(shape: Mapping[str, str]) -> dict[str, str]:
    return {name.casefold(): kind for name, kind in shape.items()}


# -------------------------------------------------------------------------------- other datasets


@pytest.mark.parametrize("release", OLD_RELEASES)
@pytest.mark.parametrize("place", ["local", "memory"])
def test_datasets_of_older_releases(release: str, place: str, tmp_path: Path) -> None:
    root = next(shared("data", "old_format", release, "datasets").glob("*/*/*"))
    aged = Dataset.open(root) if place == "local" else Dataset(in_memory(root))
    connection = connect_all({"old": aged, "new": rendered(tmp_path / "new", 2)})

    for table, rows in aged.row_counts().items():
        assert answer(connection, f'SELECT count(*) FROM old."{table}"') == [(rows,)]
        sql = f"SELECT count(*) FROM everything.\"{table}\" WHERE dataset = 'old'"
        assert answer(connection, sql) == [(rows,)]
    assert answer(connection, "SELECT count(*) FROM everything.projects") == [(1,)]
    for view in ("full_table", "sessions_summary"):
        assert answer(connection, f"SELECT count(*) FROM everything.{view}") != [(2,)]
        # All columns of all rows can be read in the types that they have together.
        assert answer(connection, f"SELECT count(*) FROM (FROM everything.{view} OFFSET 1)")


def test_real_studies_together(tmp_path: Path) -> None:
    datasets = {
        study: render_snapshot(shared("data", study, "snapshot.db.gz"), tmp_path / study)
        for study in STUDIES
    }
    connection = connect_all(datasets)

    for table in PRIMARY:
        counts = {name: one.row_counts()[table] for name, one in datasets.items()}
        sql = f"SELECT dataset, count(*) FROM everything.{table} GROUP BY ALL"
        assert dict(answer(connection, sql)) == {name: n for name, n in counts.items() if n}
    whole = answer(connection, "SELECT count(*) FROM everything.full_table")
    assert whole == [(sum(one.row_counts()["files"] for one in datasets.values()),)]


def test_tables_without_files_or_columns(tmp_path: Path) -> None:
    dataset = rendered(tmp_path / "a", 2)
    schemas = Path(dataset.location) / f"versions/{dataset.version}/schemas"
    (schemas / "none.schema.json").write_text(
        '{"id": "none", "properties": {"n": {"type": "integer"}, "s": {"type": "string"}}}'
    )
    (schemas / "bare.schema.json").write_text('{"id": "bare", "properties": {}}')
    for one in (Dataset.open(tmp_path / "a"), Dataset(in_memory(tmp_path / "a"))):
        connection = connect_all({"a": one})
        assert answer(connection, "SELECT count(*), max(n), max(s) FROM everything.none") == [
            (0, None, None)
        ]
        assert views(connection, "a") == {*VIEWS, "none"}


# ------------------------------------------------------------------------------- what it touches


def test_only_what_is_named_is_opened(tmp_path: Path) -> None:
    whole = rendered(tmp_path / "s0", 2)
    datasets: dict[str, Any] = {"s0": whole}
    for number in range(1, 20):
        datasets[f"s{number}"] = copied = tmp_path / f"s{number}"
        shutil.copytree(whole.location, copied)
        for path in copied.rglob("*.parquet"):
            if number > 2 or path.parent.name != "files":
                path.write_bytes(b"\xff" * path.stat().st_size)
    connection = connect_all(datasets)
    sql = 'SELECT count(*) FROM s0.files JOIN s1.files USING ("name") JOIN s2.files USING ("name")'

    assert answer(connection, sql) == [(2,)]
    assert answer(connection, "SELECT count(*) FROM s0.full_table") == [(2,)]
    for damaged in ("s3.files", "s1.subjects", "everything.files"):
        with pytest.raises(duckdb.Error):
            answer(connection, f"FROM {damaged}")


def test_only_the_data_files_that_are_named_are_opened(tmp_path: Path) -> None:
    rendered(tmp_path / "a", 2)
    stores = {f"s{number}": in_memory(tmp_path / "a") for number in range(20)}
    datasets = {name: Dataset(store) for name, store in stores.items()}
    sql = "SELECT count(*) FROM s3.files JOIN s4.files USING (name), s17.sessions"

    for choice in (None, sql):
        for store in stores.values():
            store.rounds.clear()
        connection = connect_all(datasets, sql=choice)
        assert not any(store.parts for store in stores.values())
        assert answer(connection, sql) == [(4,)]
        opened = {name: {part[0].split("/")[-2] for part in s.parts} for name, s in stores.items()}
        assert {name: tables for name, tables in opened.items() if tables} == {
            "s3": {"files"},
            "s4": {"files"},
            "s17": {"sessions"},
        }


def test_a_connection_for_one_query(tmp_path: Path) -> None:
    own = rendered(tmp_path / "a", 2)
    places: dict[str, Any] = {"a": tmp_path / "a", "B b": own, "gone": tmp_path / "no-such"}

    def there(sql: str, datasets: Any) -> set[tuple[str, str]]:
        connection = connect_all(datasets, sql=sql)
        assert answer(connection, sql)
        listed = "SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal"
        return set(answer(connection, listed))

    assert there('FROM A.files, "B b".subjects', places) == {("a", "files"), ("B b", "subjects")}
    joined = {"subjects", "sessions", "acquisitions", "analyses", "files"}
    assert there("FROM a.full_table", places) == {("a", name) for name in (*joined, "full_table")}
    del places["gone"]
    assert there("FROM everything.files", places) == {("everything", "files")}
    assert there("FROM everything.sessions_summary, a.files", places) == {
        ("a", "files"),
        *(("everything", name) for name in (*joined, "sessions_summary")),
    }
    whole = {(schema, name) for schema in ("a", "B b", "everything") for name in VIEWS}
    for sql in ("SELECT 1", "SHOW ALL TABLES", "FROM fw_dataset.sources", "DESCRIBE a.files"):
        assert there(sql, places) == whole
    assert there("FROM study.files, study_2.subjects", [own, own]) == {
        ("study", "files"),
        ("study_2", "subjects"),
    }


def test_a_connection_for_one_query_checks_all_names(tmp_path: Path) -> None:
    own = rendered(tmp_path / "a", 2)
    with pytest.raises(InvalidNameError):
        connect_all({"a": own, "main": own}, sql="FROM a.files")
    with pytest.raises(InvalidArgumentError, match="'c'"):
        connect_all({"a": own, "b": own}, {"c": "v1"}, sql="FROM a.files")
    with pytest.raises(DatasetNotFoundError):
        connect_all({"a": own, "b": tmp_path / "no-such"}, sql="FROM b.files")
    with pytest.raises(DatasetNotFoundError):
        connect_all({"a": own, "b": tmp_path / "no-such"}, sql="FROM a.files; SHOW TABLES")
    connection = connect_all({"a": own}, sql="FROM a.none")
    with pytest.raises(duckdb.CatalogException):
        answer(connection, "FROM a.none")


def test_connecting_asks_a_store_for_nothing(tmp_path: Path) -> None:
    rendered(tmp_path / "a", 2)
    stores = [in_memory(tmp_path / "a") for _ in range(10)]
    connection = connect_all({f"s{n}": Dataset(store) for n, store in enumerate(stores)})
    assert [store.parts for store in stores] == [[]] * 10

    answer(connection, "SELECT count(*) FROM s1.files, s2.subjects, s1.subjects")

    assert [len(store.parts) for store in stores] == [0, 2, 1, *[0] * 7]
    answer(connection, "SELECT * FROM everything.files")
    answer(connection, "SELECT * FROM s1.files")
    assert [len(store.parts) for store in stores] == [1, 2, 2, *[1] * 7]


@pytest.mark.parametrize("kind", ["s3", "azure"])
def test_requests_are_for_what_was_named(emulators: Emulators, kind: str, tmp_path: Path) -> None:
    emulator = emulators.get(kind)
    bucket = f"federation{next(_buckets)}{kind}"
    emulator.make_bucket(bucket)
    content = in_memory(Path(rendered(tmp_path / "a", 2).location))
    places = [StorePlace(emulator, bucket, f"site {number}") for number in range(12)]
    for place in places:
        for key in (item.key for item in content.list()):
            place.storage.put(key, content.get(key))
    with proxy_before(emulator.port) as proxy:
        near = [place.by_way_of(proxy.port) for place in places]
        datasets = {f"s{n}": Dataset.open(p.url, p.credentials) for n, p in enumerate(near)}
        proxy.forget()
        connection = connect_all(datasets)
        assert len(proxy.requests) == 0

        proxy.latency = 0.05
        assert answer(
            connection,
            "SELECT (SELECT count(*) FROM s3.files), (SELECT count(*) FROM s4.files),"
            " (SELECT count(*) FROM s5.files)",
        ) == [(2, 2, 2)]
        assert proxy.count("GET", "manifest.json") == proxy.count("GET", "/files/") == 3
        assert len(proxy.requests) == 6
        assert proxy.depth() <= 3

        proxy.forget()
        assert answer(connection, "SELECT count(*) FROM everything.subjects") == [(24,)]
        assert proxy.count("GET", "manifest.json") == 9
        assert proxy.count("GET", "/subjects/") == 12
        assert len(proxy.requests) == 21
        assert proxy.depth() <= 3, "side by side"


def test_a_data_file_that_is_gone(tmp_path: Path) -> None:
    rendered(tmp_path / "a", 2)
    stores = {"a": in_memory(tmp_path / "a"), "b": in_memory(tmp_path / "a")}
    connection = connect_all({name: Dataset(store) for name, store in stores.items()})
    for item in list(stores["b"].list()):
        if "/tables/subjects/" in item.key:
            stores["b"].delete(item.key)

    assert answer(connection, "SELECT count(*) FROM a.subjects, b.files") == [(4,)]
    for sql in ("FROM b.subjects", "FROM everything.subjects"):
        with pytest.raises((duckdb.Error, ObjectNotFoundError)):
            answer(connection, sql)
        assert isinstance(read_failure(connection), ObjectNotFoundError)


def test_a_damaged_footer_of_an_older_release(tmp_path: Path) -> None:
    write_old_version(tmp_path, "v1", {"scores": pa.table({"score": [1]})})
    for path in tmp_path.rglob("*.parquet"):
        path.write_bytes(b"not parquet at all")

    for dataset in (Dataset.open(tmp_path), Dataset(in_memory(tmp_path))):
        with pytest.raises(DatasetFormatError) as caught:
            connect_all({"a": dataset})
        assert "\n" not in str(caught.value)


def test_a_cache_serves_several(tmp_path: Path) -> None:
    rendered(tmp_path / "a", 2)
    for expected in (1, 0):
        stores = [in_memory(tmp_path / "a") for _ in range(2)]
        datasets = {f"s{n}": Dataset(store) for n, store in enumerate(stores)}
        connection = connect_all(datasets, cache=tmp_path / "cache")
        assert answer(connection, "SELECT count(*) FROM s0.files, s1.files") == [(4,)]
        # The second has what the first has, and the cache knows it by its content.
        assert sum(len(store.parts) for store in stores) == expected


# ----------------------------------------------------------------------------------- time travel


@pytest.fixture(params=["local", "memory"])
def aged(request: pytest.FixtureRequest, tmp_path: Path) -> Dataset:
    """A dataset of three versions, with 1, 2 and 3 subjects."""
    for number in (1, 2, 3):
        snapshot = small_snapshot(tmp_path, f"s{number}", subjects=number)
        render_snapshot(
            snapshot,
            tmp_path / "out",
            version=f"v{number}",
            label=f"freeze {number}",
            created=f"2024-01-0{number}T00:00:00Z",
        )
    folder = tmp_path / "out"
    return Dataset.open(folder) if request.param == "local" else Dataset(in_memory(folder))


def test_versions_side_by_side(aged: Dataset) -> None:
    connection = aged.connect(["v1", "freeze 2", "latest"])

    for name, rows in (("v1", 1), ("freeze 2", 2), ("latest", 3)):
        assert answer(connection, f'SELECT count(*) FROM "{name}".subjects') == [(rows,)]
    sql = "SELECT dataset_version, count(*) FROM everything.subjects GROUP BY ALL ORDER BY 2"
    assert answer(connection, sql) == [("v1", 1), ("freeze 2", 2), ("latest", 3)]
    joined = "SELECT dataset_version, count(*) FROM everything.full_table GROUP BY ALL ORDER BY 2"
    assert answer(connection, joined) == [("v1", 1), ("freeze 2", 2), ("latest", 3)]
    added = 'SELECT label FROM "latest".subjects EXCEPT SELECT label FROM "freeze 2".subjects'
    assert answer(connection, added) == [("subject-2",)]
    assert answer(connection, "SELECT source, version FROM fw_dataset.sources ORDER BY 2") == [
        ("v1", "v1"),
        ("freeze 2", "v2"),
        ("latest", "v3"),
    ]
    assert aged.version == "v3"
    assert aged.execute("SELECT count(*) FROM subjects").fetchall() == [(3,)]


def test_all_versions(aged: Dataset) -> None:
    sql = "SELECT dataset_version, count(*) FROM everything.files GROUP BY ALL ORDER BY 2"

    assert answer(aged.connect("all"), sql) == [("v1", 1), ("v2", 2), ("v3", 3)]
    empty = aged.connect("all", fully_populate=False)
    assert answer(empty, "SELECT count(*) FROM v2.files") == [(0,)]
    assert answer(empty, "SELECT count(*) FROM everything.full_table") == [(0,)]


def test_one_version_is_as_ever(aged: Dataset) -> None:
    assert answer(aged.connect("v2"), "SELECT count(*) FROM subjects") == [(2,)]
    assert aged.version == "v2"
    assert answer(aged.connect(["v1"]), 'SELECT count(*) FROM "v1".subjects') == [(1,)]
    assert aged.version == "v2"


def test_versions_that_cannot_stand_side_by_side(aged: Dataset) -> None:
    with pytest.raises(VersionNotFoundError, match="'v9'"):
        aged.connect(["v1", "v9"])
    with pytest.raises(InvalidNameError, match="the same to SQL"):
        aged.connect(["v1", "v1"])
    with pytest.raises(InvalidArgumentError):
        aged.connect([])


def test_a_version_that_is_called_all(tmp_path: Path) -> None:
    dataset = rendered(tmp_path / "a", 2, version="all")

    assert answer(dataset.connect("all"), "SELECT count(*) FROM subjects") == [(2,)]


# --------------------------------------------------------------------------------- side by side


def test_each_gives_results_in_order_and_the_first_failure() -> None:
    assert each(lambda n: n * n, range(100)) == [n * n for n in range(100)]
    assert each(str, [5]) == ["5"]
    assert each(str, []) == []

    def fail(number: int) -> int:
        if number in (30, 60):
            raise ValueError(number)
        return number

    with pytest.raises(ValueError, match="30"):
        each(fail, range(100))
