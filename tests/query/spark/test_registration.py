"""A version as a database of a cluster: what is in it, what it costs, what is never touched."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fw_dataset import Dataset, render_snapshot
from fw_dataset.errors import (
    ClusterError,
    InvalidArgumentError,
    InvalidNameError,
    TableNotFoundError,
    UnsupportedLocationError,
    VersionNotFoundError,
)
from tests.support.datasets import small_snapshot, write_old_version
from tests.support.derivable import TABLES, add_all, write_files, write_study
from tests.support.emulators import Emulators
from tests.support.reading import CountingStorage
from tests.support.spark import columns_of, same_rows, table_of
from tests.support.spark.servers import start_sail
from tests.support.store_places import StorePlace

VIEWS = ("full_table", "sessions_summary")


def rendered(folder: Path, subjects: int = 2, **choices: Any) -> Dataset:
    snapshot = small_snapshot(folder.parent, f"{folder.name}-in", subjects=subjects)
    return render_snapshot(snapshot, folder, **choices)


def old(folder: Path, **tables: pa.Table) -> Dataset:
    write_old_version(folder, "v1", tables)
    return Dataset.open(folder)


def data_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.parquet"))


def answer(session: Any, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in session.sql(sql).collect()]


def tables_in(session: Any, database: str) -> set[str]:
    return {table.name for table in session.catalog.listTables(database)}


# ------------------------------------------------------------------------------- what is there


def test_all_tables_and_views_are_as_in_duckdb(session: Any, tmp_path: Path) -> None:
    snapshot = write_study(tmp_path / "in")
    dataset = render_snapshot(snapshot, tmp_path / "study")
    add_all(tmp_path / "study", write_files(tmp_path / "files"))

    found = dataset.register_spark(session, check=True)

    assert (found.name, found.left_out) == ("study", {})
    assert TABLES.keys() <= found.tables.keys()
    assert found.views == VIEWS
    assert tables_in(session, "study") == {*found.tables.values(), *VIEWS}
    connection = dataset.connect()
    for table in (*found.tables, *found.views):
        ours = table_of(connection, f'SELECT * FROM "{table}"')
        theirs = table_of(session, f"SELECT * FROM study.{table}")
        assert columns_of(theirs) == columns_of(ours), table
        assert same_rows(theirs, ours), table
    assert answer(session, "SELECT DISTINCT `parents.group` FROM study.files") == [("lab",)]


def test_comments_tell_what_columns_mean(session: Any, tmp_path: Path) -> None:
    dataset = rendered(tmp_path / "study")

    dataset.register_spark(session)

    said = {one.name: one.description for one in session.catalog.listColumns("study.subjects")}
    properties = dataset.tables["subjects"].data_model.properties
    assert said == {name: prop["description"] for name, prop in properties.items()}
    (table,) = (t for t in session.catalog.listTables("study") if t.name == "subjects")
    assert table.description.startswith(dataset.tables["subjects"].description)
    assert f"version {dataset.version}]" in table.description


def test_descriptions_are_told_as_they_are(session: Any, tmp_path: Path) -> None:
    strange = 'it\'s \\ a `b` "c"\nnext; -- ${env:HOME} ${spark.app.name} é'
    schema = {
        "id": "t",
        "description": strange,
        "properties": {"a": {"type": "string", "description": strange}},
    }
    write_old_version(tmp_path, "v1", {"t": pa.table({"a": ["x"]})}, schemas={"t": schema})

    Dataset.open(tmp_path).register_spark(session, database="odd")

    (column,) = session.catalog.listColumns("odd.t")
    (table,) = session.catalog.listTables("odd")
    told = strange.replace("\n", " ")
    assert column.description == told
    assert table.description.startswith(told)


def test_only_some_tables(session: Any, tmp_path: Path) -> None:
    dataset = rendered(tmp_path / "study")

    found = dataset.register_spark(session, tables=["files", "sessions"])

    assert list(found.tables) == ["files", "sessions"]
    assert tables_in(session, "study") == {"files", "sessions", *VIEWS}
    assert answer(session, "SELECT subject_label, files FROM study.sessions_summary") == [
        (None, 1),
        (None, 1),
    ]
    with pytest.raises(TableNotFoundError):
        dataset.register_spark(session, tables=["nothing"])
    with pytest.raises(InvalidArgumentError):
        dataset.register_spark(session, tables=[])


def test_empty_tables_are_there(session: Any, tmp_path: Path) -> None:
    empty = {"properties": {"a.b": {"type": "integer"}, "c": {"type": "string"}}, "id": "none"}
    write_old_version(
        tmp_path,
        "v1",
        {"none": pa.table({"a.b": [1]}), "few": pa.table({"x": pa.array([], pa.int64())})},
        schemas={"none": empty},
    )
    shutil.rmtree(tmp_path / "versions" / "v1" / "tables" / "none")

    found = Dataset.open(tmp_path).register_spark(session, database="empty", check=True)

    assert set(found.tables) == {"none", "few"}
    nothing = table_of(session, "SELECT * FROM empty.none")
    assert (columns_of(nothing), nothing.num_rows) == ({"a.b": "int64", "c": "string"}, 0)
    assert answer(session, "SELECT count(*) FROM empty.few") == [(0,)]


# ----------------------------------------------------------------------------- what it is read from


def test_no_footer_is_read(session: Any, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    rendered(folder)
    storage = CountingStorage()
    for path in folder.rglob("*"):
        if path.is_file():
            # Whoever opens this file here is told that it is none.
            content = b"poison" if path.suffix == ".parquet" else path.read_bytes()
            storage.put(path.relative_to(folder).as_posix(), content)

    Dataset(storage).register_spark(session, places={"memory://": f"file://{folder}"}, check=True)

    assert storage.parts == []
    assert answer(session, "SELECT count(*) FROM study.files") == [(2,)]


def test_of_older_releases_the_footers_are_read(session: Any, tmp_path: Path) -> None:
    # What their schemas say of the columns is not to be relied on.
    schema = {"id": "t", "properties": {"a": {"type": "string"}, "gone": {"type": "string"}}}
    write_old_version(tmp_path, "v1", {"t": pa.table({"a": [1]})}, schemas={"t": schema})

    Dataset.open(tmp_path).register_spark(session, database="older")

    assert columns_of(table_of(session, "SELECT * FROM older.t")) == {"a": "int64"}


def test_only_the_files_of_the_version_are_read(session: Any, tmp_path: Path) -> None:
    dataset = rendered(tmp_path / "study")
    dataset.hide_tables("analyses")
    folder = next((tmp_path / "study").glob("versions/*/tables/files"))
    (own,) = data_files(folder)
    shutil.copyfile(own, folder / "of-another-writer.parquet")
    (folder / f"{own.name}.partial").write_bytes(b"half")
    (folder / ".fw-dataset-partial-1").write_bytes(b"half")
    (folder / "subject=3").mkdir()
    shutil.copyfile(own, folder / "subject=3" / "x.parquet")

    found = dataset.register_spark(session, check=True)

    assert "analyses" not in found.tables
    assert answer(session, "SELECT count(*), count(DISTINCT id) FROM study.files") == [(2, 2)]


@pytest.mark.parametrize("number", [3, 120])
def test_tables_of_several_files(session: Any, tmp_path: Path, number: int) -> None:
    dataset = old(tmp_path, t=pa.table({"a": [0]}))
    folder = tmp_path / "versions" / "v1" / "tables" / "t"
    for n in range(1, number):
        pq.write_table(pa.table({"a": [n]}), folder / f"{n:064x}.parquet")

    dataset.register_spark(session, database="several", check=True)

    found = answer(session, "SELECT count(DISTINCT a), sum(a) FROM several.t")
    assert found == [(number, number * (number - 1) // 2)]


@pytest.mark.parametrize("name", ["a b", "é ü", "50%41", "x[1]{2}*?", "a#b", "it's", "back\\slash"])
def test_folders_of_any_name(session: Any, tmp_path: Path, name: str) -> None:
    dataset = rendered(tmp_path / name)

    dataset.register_spark(session, database="strange", check=True)

    assert answer(session, "SELECT count(*) FROM strange.subjects") == [(2,)]


def test_a_cluster_that_sees_nothing_is_told_when_it_counts(session: Any, tmp_path: Path) -> None:
    dataset = rendered(tmp_path / "study")

    with pytest.raises(ClusterError, match=r"has 0 rows in Spark, and 2 in .*places=") as raised:
        dataset.register_spark(
            session, places={str(tmp_path): "file:///nowhere", "/": "file:///never"}, check=True
        )

    assert "\n" not in str(raised.value)
    with pytest.raises(InvalidArgumentError, match="no URL"):
        dataset.register_spark(session, places={str(tmp_path): "/mnt"})


def test_what_only_this_process_has_is_refused(session: Any, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    rendered(folder)
    storage = CountingStorage()
    for path in folder.rglob("*.json"):
        storage.put(path.relative_to(folder).as_posix(), path.read_bytes())

    with pytest.raises(UnsupportedLocationError, match="places="):
        Dataset(storage).register_spark(session)

    assert [one.name for one in session.catalog.listDatabases()] == ["default"]


_buckets = count()


def test_a_bucket_is_read_with_the_clusters_own_credentials(
    emulators: Emulators, tmp_path: Path
) -> None:
    from tests.query.spark.conftest import opened

    emulator = emulators.get("s3")
    bucket = f"spark{next(_buckets)}"
    emulator.make_bucket(bucket)
    place = StorePlace(emulator, bucket, "a study/50% [x]")
    snapshot = small_snapshot(tmp_path, subjects=2)
    dataset = render_snapshot(snapshot, place.url, credentials=place.credentials)
    own = {
        "AWS_ACCESS_KEY_ID": place.credentials["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": place.credentials["secret_access_key"],
        "AWS_REGION": place.credentials["region"],
        "AWS_ENDPOINT": place.credentials["endpoint"],
        "AWS_ALLOW_HTTP": "true",
    }
    server = start_sail(own)
    try:
        session = opened(f"sc://127.0.0.1:{server.port}")
        said = _Refusing(session, lambda _: False)
        for places in (None, {"s3://": "s3://"}):
            dataset.register_spark(said, places=places, check=True)
            assert answer(session, "SELECT count(*) FROM study.files") == [(2,)]
        session.stop()
    finally:
        server.stop()
    assert len(said.said) > 20
    for secret in ("access_key_id", "secret_access_key"):
        assert not [sql for sql in said.said if place.credentials[secret] in sql]


# --------------------------------------------------------------------------- again, and of others


def test_registering_again_replaces(session: Any, tmp_path: Path) -> None:
    dataset = rendered(tmp_path / "study", 2, version="v1", created="2024-01-01T00:00:00Z")
    dataset.register_spark(session)
    session.sql("CREATE VIEW study.mine AS SELECT id FROM study.subjects")
    later = rendered(tmp_path / "study", 3, version="v2", created="2024-02-01T00:00:00Z")
    later.hide_tables("analyses")

    found = dataset.register_spark(session, check=True)

    assert (found.name, found.version) == ("study", "v2")
    assert "analyses" not in tables_in(session, "study")
    # What somebody else made in the database stays.
    assert answer(session, "SELECT count(*) FROM study.mine") == [(3,)]
    assert len(data_files(tmp_path / "study")) == 12


def test_a_version_that_is_named_has_a_database_of_its_own(session: Any, tmp_path: Path) -> None:
    rendered(tmp_path / "study", 2, version="v1", label="Freeze 1", created="2024-01-01T00:00:00Z")
    dataset = rendered(tmp_path / "study", 3, version="v2", created="2024-02-01T00:00:00Z")

    names = [
        dataset.register_spark(session, version=version).name for version in ("latest", "Freeze 1")
    ]

    assert names == ["study", "study__freeze_1"]
    counted = [answer(session, f"SELECT count(*) FROM {name}.subjects") for name in names]
    assert counted == [[(3,)], [(2,)]]
    with pytest.raises(VersionNotFoundError):
        dataset.register_spark(session, version="v3")


def test_two_datasets_of_one_name_do_not_meet(session: Any, tmp_path: Path) -> None:
    one, other = rendered(tmp_path / "a", 2), rendered(tmp_path / "b", 3)
    session.sql("CREATE DATABASE study COMMENT 'of somebody'")

    names = [dataset.register_spark(session).name for dataset in (one, other, one, other)]

    assert names == ["study_2", "study_3", "study_2", "study_3"]
    with pytest.raises(InvalidNameError, match="is that of"):
        other.register_spark(session, database="study_2")
    assert answer(session, "SELECT count(*) FROM study_2.subjects") == [(2,)]


def test_tables_of_others_are_never_replaced(session: Any, tmp_path: Path) -> None:
    one, other = rendered(tmp_path / "a", 2), rendered(tmp_path / "b", 3)
    session.sql("CREATE DATABASE lab")
    session.sql("CREATE VIEW lab.files AS SELECT 1 AS mine")

    with pytest.raises(InvalidNameError, match="'files'"):
        one.register_spark(session, database="lab")
    assert tables_in(session, "lab") == {"files"}
    one.register_spark(session, database="LAB", tables=["subjects"])
    with pytest.raises(InvalidNameError, match="'subjects'"):
        other.register_spark(session, database="lab", tables=["subjects"])

    assert answer(session, "SELECT * FROM lab.files") == [(1,)]
    assert answer(session, "SELECT count(*) FROM lab.subjects") == [(2,)]


@pytest.mark.parametrize("name", ["", "a b", "a.b", "1a", "é", "a`b", "x" * 129])
def test_names_that_no_database_has(session: Any, tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidNameError, match="database"):
        rendered(tmp_path / "study").register_spark(session, database=name)


# -------------------------------------------------------------------------------- odd names


def test_columns_of_any_name(session: Any, tmp_path: Path) -> None:
    names = [
        "a.b",
        "a`b",
        "a'b",
        'a"b',
        "a b",
        "é",
        "日本",
        "SELECT",
        "a\\b",
        "a;b--",
        "a,b(c)",
        "{x}",
    ]
    table = pa.table({name: [f"value of {name}"] for name in names})
    wide = pa.table({f"column.{number}": [number] for number in range(1_000)})

    found = old(tmp_path, odd=table, wide=wide).register_spark(session, database="odd")

    assert found.left_out == {}
    assert table_of(session, "SELECT * FROM odd.odd").to_pylist() == table.to_pylist()
    assert table_of(session, "SELECT * FROM odd.wide").to_pylist() == wide.to_pylist()


def test_columns_that_spark_cannot_have_are_told(session: Any, tmp_path: Path) -> None:
    table = pa.table(
        {
            "a": ["lower"],
            "A": ["upper"],
            "${env:HOME}": ["secret"],
            "nanoseconds": pa.array([1], pa.timestamp("ns")),
            "nothing": pa.nulls(1),
            "kept": [1],
        }
    )

    found = old(tmp_path, t=table, only=pa.table({"n": pa.nulls(1)})).register_spark(
        session, database="odd"
    )

    reasons = found.left_out["t"]
    assert set(reasons) == {"a", "A", "${env:HOME}", "nanoseconds", "nothing"}
    assert "'A'" in reasons["a"]
    assert "timestamp[ns]" in reasons["nanoseconds"]
    assert table_of(session, "SELECT * FROM odd.t").to_pylist() == [{"kept": 1}]
    assert (set(found.tables), set(found.left_out)) == ({"t"}, {"t", "only"})


def test_tables_of_any_name(session: Any, tmp_path: Path) -> None:
    tables = {name: pa.table({"a": [name]}) for name in ("Über-sicht", "full-table", "full table")}

    found = old(tmp_path, **tables).register_spark(session, database="odd")

    assert found.tables == {
        "Über-sicht": "uber_sicht",
        "full table": "full_table_2",
        "full-table": "full_table_3",
    }
    for name, own in found.tables.items():
        assert answer(session, f"SELECT a FROM odd.{own}") == [(name,)]


# ----------------------------------------------------------------------------------- what fails


def test_what_is_no_session_is_told(tmp_path: Path) -> None:
    dataset = rendered(tmp_path / "study")
    for thing in (None, "sc://host", duckdb.connect()):
        with pytest.raises(InvalidArgumentError, match=r"SparkSession.*fw-dataset\[spark\]"):
            dataset.register_spark(thing)  # type: ignore[arg-type]


class _Refusing:
    """A session that passes some statements on, and refuses the next."""

    def __init__(self, session: Any, refuses: Callable[[str], bool]) -> None:
        self.catalog, self._session, self._refuses = session.catalog, session, refuses
        self.said: list[str] = []

    def sql(self, sql: str) -> Any:
        self.said.append(sql)
        if self._refuses(sql):
            raise RuntimeError("[NO_WAY] You may not.\nJVM stacktrace: …")
        return self._session.sql(sql)


def refused(session: Any, dataset: Dataset, refuses: Callable[[str], bool]) -> Sequence[str]:
    refusing = _Refusing(session, refuses)
    with pytest.raises(ClusterError, match=r"\[NO_WAY\] You may not\.; ") as raised:
        dataset.register_spark(refusing)
    assert "JVM" not in str(raised.value)
    return refusing.said


def test_spark_that_refuses_is_told_and_the_next_call_ends_it(session: Any, tmp_path: Path) -> None:
    dataset = rendered(tmp_path / "study")

    assert len(refused(session, dataset, lambda sql: "CREATE DATABASE" in sql)) == 1
    refused(session, dataset, lambda sql: "study.sessions (" in sql)
    refused(session, dataset, lambda sql: "VIEW" in sql)

    assert dataset.register_spark(session, check=True).views == VIEWS
